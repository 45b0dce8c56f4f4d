"""AWS Signature Version 4, the sending side, for requests of our own commands (api.md §4)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from urllib.parse import quote, unquote, urlsplit

from router.http.sigv4 import ALGORITHM, TERMINATOR, derive

_SERVICE = "execute-api"
_SIGNED = "host;x-amz-date"


def sign(
    method: str, url: str, body: bytes, *, access_key_id: str, secret: str, region: str, now: datetime
) -> dict[str, str]:
    """The headers that sign a request without a query; `now` is aware, in UTC."""
    parts = urlsplit(url)
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    path = quote(quote(unquote(parts.path) or "/", safe="/~"), safe="/~")
    canonical = "\n".join(
        (
            method,
            path,
            "",
            f"host:{parts.netloc}",
            f"x-amz-date:{moment}",
            "",
            _SIGNED,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{moment[:8]}/{region}/{_SERVICE}/{TERMINATOR}"
    to_sign = "\n".join((ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.new(derive(secret, moment[:8], region), to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={_SIGNED}, Signature={signature}"
    return {"Host": parts.netloc, "X-Amz-Date": moment, "Authorization": credential}
