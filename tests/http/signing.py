"""Requests signed by botocore, at any time and over any choice of headers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from router.http.sigv4 import SignedRequest, derive

ACCESS_KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGIONS = ("eu-west-1", "eu-north-1")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JSON = {"Content-Type": "application/json"}


class Signer(SigV4Auth):
    """botocore's signer with its clock and its choice of headers in our hands. unsigned: lower-case names."""

    def __init__(
        self,
        access_key: str = ACCESS_KEY,
        secret: str = SECRET,
        region: str = "eu-west-1",
        service: str = "execute-api",
        now: datetime = NOW,
        unsigned: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(Credentials(access_key, secret), service, region)
        self.now = now
        self.unsigned = unsigned

    def headers(self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] = JSON) -> dict[str, str]:
        """The headers to send, Host included, names in lower case."""
        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
        request.context["timestamp"] = self.now.strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)
        to_sign = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(to_sign, request))
        sent = {name.lower(): value for name, value in request.headers.items()}
        return {"host": url.split("/")[2], **sent}

    def headers_to_sign(self, request: AWSRequest):
        chosen = super().headers_to_sign(request)
        for name in self.unsigned:
            del chosen[name]
        return chosen

    def request(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] = JSON) -> SignedRequest:
        """What the receiver sees of a signed call to our host."""
        sent = self.headers(method, f"https://api.example.com{target}", body, headers)
        return SignedRequest(method, target, sent, body)


def keys(access_key: str, date: str, region: str) -> bytes | None:
    """The signing key of the one key pair there is."""
    return derive(SECRET, date, region) if access_key == ACCESS_KEY else None
