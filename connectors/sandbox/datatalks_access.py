"""Whether AWS's gateway lets a call through to Data Talks: the whole signature, over the bytes that came (§5.7.1)."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime

from connectors.sandbox.base import Call
from connectors.sigv4 import ALGORITHM, DATE, Signer, canonical

ACCESS_KEY_ID = "AKIADEMOACCOUNT00001"
SECRET_ACCESS_KEY = "demo/Secret+Key/of/the/sandbox0000000000"  # noqa: S105 (the demo account's)
REGIONS = {"v1": "eu-west-1", "v2": "eu-west-1", "v3": "eu-north-1"}
SERVICE = "execute-api"
SKEW = 300  # seconds

MISSING = "Missing Authentication Token"
UNKNOWN = "The security token included in the request is invalid."
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
_HEADER = re.compile(
    rf"{ALGORITHM} Credential=([^/,\s]+)/(\d{{8}})/([^/,\s]+)/([^/,\s]+)/aws4_request,\s*"
    r"SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})"
)


def refusal(call: Call, version: str, now: datetime) -> str | None:
    """What a 403 says, in AWS's words; None when the call is let through."""
    header = call.headers.get("authorization")
    if not header:
        return MISSING
    found = _HEADER.fullmatch(header)
    if not found:
        return "Authorization header is not a valid AWS4-HMAC-SHA256 header."
    key, day, region, service, names, signature = found.groups()
    if key != ACCESS_KEY_ID:
        return UNKNOWN
    if (region, service) != (REGIONS[version], SERVICE):
        return f"Credential should be scoped to a valid region and service, not '{region}' and '{service}'."
    date = call.headers.get("x-amz-date", "")
    if not _timely(date, day, now):
        return f"Signature expired: {date} is not within {SKEW} seconds of {now.strftime(DATE)}, or not of {day}."
    return _mismatch(call, Signer(key, SECRET_ACCESS_KEY, region, service), date, names.split(";"), signature)


def _mismatch(call: Call, signer: Signer, date: str, signed: list[str], signature: str) -> str | None:
    must = {"host", "content-type", *(name for name in call.headers if name.startswith("x-amz-"))}
    if not must <= set(signed) <= call.headers.keys() or signed != sorted(signed):
        return f"'SignedHeaders' must be sorted, there, and have {', '.join(sorted(must))}."
    expected = signer.signature(date, canonical(call.method, call.url, call.headers, signed, call.body))
    return None if hmac.compare_digest(expected, signature) else MISMATCH


def _timely(date: str, day: str, now: datetime) -> bool:
    try:
        at = datetime.strptime(date, DATE).replace(tzinfo=UTC)
    except ValueError:
        return False
    return date.startswith(day) and abs((now - at).total_seconds()) <= SKEW
