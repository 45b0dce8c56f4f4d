"""AWS Signature Version 4 in the Authorization header, for a service that is not S3 (contracts.md §5.1, §5.5)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
DATE = "%Y%m%dT%H%M%SZ"
_ALSO_SIGNED = frozenset({"content-type", "host", "idempotency-key"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Signer:
    """One access key in one region of one service."""

    access_key_id: str
    secret: str = field(repr=False)
    region: str
    service: str

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes, now: datetime) -> dict[str, str]:
        """The headers to add: X-Amz-Date and Authorization, over the host, the type, and every x-amz- header."""
        date = now.astimezone(UTC).strftime(DATE)
        known = {name.lower(): value for name, value in headers.items()} | {"host": host(url), "x-amz-date": date}
        signed = sorted(name for name in known if name in _ALSO_SIGNED or name.startswith("x-amz-"))
        signature = self.signature(date, canonical(method, url, known, signed, body))
        credential = f"{self.access_key_id}/{self.scope(date)}"
        return {
            "X-Amz-Date": date,
            "Authorization": f"{ALGORITHM} Credential={credential}, SignedHeaders={';'.join(signed)}, "
            f"Signature={signature}",
        }

    def scope(self, date: str) -> str:
        return f"{date[:8]}/{self.region}/{self.service}/aws4_request"

    def signature(self, date: str, canonical: str) -> str:
        """Of a canonical request, at a date as in X-Amz-Date."""
        to_sign = "\n".join([ALGORITHM, date, self.scope(date), hashlib.sha256(canonical.encode()).hexdigest()])
        key = f"AWS4{self.secret}".encode()
        for part in (date[:8], self.region, self.service, "aws4_request"):
            key = hmac.digest(key, part.encode(), hashlib.sha256)
        return hmac.digest(key, to_sign.encode(), hashlib.sha256).hex()


def canonical(method: str, url: str, headers: Mapping[str, str], signed: Iterable[str], body: bytes) -> str:
    """The canonical request. url: as it is sent, percent-encoded; headers: lower-case names; signed: sorted names."""
    parts = urlsplit(url)
    path = quote(re.sub("/+", "/", parts.path) or "/", safe="/~")  # encoded once more than on the wire
    pairs = sorted((quote(n, safe="~"), quote(v, safe="~")) for n, v in parse_qsl(parts.query, keep_blank_values=True))
    names = list(signed)
    return "\n".join(
        [
            method,
            path,
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(headers[name].split())}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(body).hexdigest(),
        ]
    )


def host(url: str) -> str:
    """The Host header of a request to this URL: without the port where it is the scheme's own."""
    parts = urlsplit(url)
    return parts.netloc.lower().removesuffix(f":{_DEFAULT_PORTS.get(parts.scheme)}")
