"""Requests as the bytes that go over the connection, signed ahead of time so that the load costs nothing but
sending."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from router.http.sigv4 import derive

REGION = "eu-west-1"
_SIGNED = "content-type;host;x-amz-date"


@dataclass(frozen=True, slots=True)
class Call:
    """A request and the records it carries."""

    wire: bytes
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for now; a signature is good for five minutes. host: with its port, as it is sent."""

    access_key_id: str
    secret: str = field(repr=False)
    host: str

    def post(self, path: str, body: bytes) -> bytes:
        """A signed POST of JSON."""
        now = datetime.now(UTC)
        stamp, day = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
        headers = f"content-type:application/json\nhost:{self.host}\nx-amz-date:{stamp}\n"
        canonical = f"POST\n{path}\n\n{headers}\n{_SIGNED}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{day}/{REGION}/execute-api/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
        signature = hmac.digest(derive(self.secret, day, REGION), to_sign.encode(), "sha256").hex()
        credential = f"Credential={self.access_key_id}/{scope}, SignedHeaders={_SIGNED}, Signature={signature}"
        return post(self.host, path, body, {"X-Amz-Date": stamp, "Authorization": f"AWS4-HMAC-SHA256 {credential}"})


def post(host: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST of JSON over a connection that is kept."""
    own = {"Host": host, "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in own.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body
