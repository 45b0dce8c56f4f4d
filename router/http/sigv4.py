"""AWS Signature Version 4, the receiving side. Pure: a request, a clock and a key look-up in; an access key id out.

Only the `Authorization` header form is understood. Signers differ in how they write a path and a query down before they
sign (curl 7.88 neither sorts the query nor encodes the path again, the JavaScript ones read `+` as a space), so each of
the few canonical forms is tried; all of them bind the same bytes of the request. reliability.md §4.1 is the checklist.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import product
from typing import NamedTuple, NoReturn
from urllib.parse import quote, unquote, unquote_plus

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
SKEW = timedelta(minutes=5)

MISSING_TOKEN = "Missing Authentication Token"  # noqa: S105 (AWS's words)
BAD_TOKEN = "The security token included in the request is invalid."  # noqa: S105 (words, not a secret)
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method."
)

_PARTS = ("Credential", "SignedHeaders", "Signature")
_SIGNATURE = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DATE = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_SPACES = re.compile(" {2,}")
_DOTS = re.compile(r"//|/\.\.?(?:/|$)")
_SINGLE = ("host", "x-amz-date")  # always signed; a comma in one is a repeated header, which WSGI joins
_BINDING = ("x-amz-", "idempotency-key")  # what begins with one of these is signed where it is sent
_NOBODY = os.urandom(32)  # the signing key of access keys that do not exist


class SignatureError(Exception):
    """The credentials are missing or wrong. message: for the caller, gives nothing away. reason: for the log only."""

    def __init__(self, message: str, reason: str) -> None:
        self.message = message
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What was signed. target: the request target as it came. headers: by lower-case name, values stripped."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Claim(NamedTuple):
    """An `Authorization` header without its signature. listed: the signed headers' names as they stand there."""

    access_key_id: str
    date: str
    region: str
    scope: str
    listed: str
    signed: tuple[str, ...]


# Signing key for an access key id, a scope date (YYYYMMDD) and a region; None when the key does not count.
SigningKeys = Callable[[str, str, str], bytes | None]


def derive(secret: str, date: str, region: str, service: str = "execute-api") -> bytes:
    """The signing key for one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def verify(
    request: SignedRequest,
    keys: SigningKeys,
    now: datetime,
    regions: tuple[str, ...],
    service: str = "execute-api",
) -> str:
    """The access key id that signed the request; raises `SignatureError`. now: aware."""
    headers = request.headers
    path, _, query = request.target.partition("?")
    pairs = [pair.partition("=")[::2] for pair in query.split("&")] if query else []
    _refuse_presigned(pairs)
    claim, signature = parse(headers.get("authorization"), regions, service)
    stamp = _check_time(headers.get("x-amz-date", ""), claim.date, now)
    _check_headers(headers, claim.signed)
    payload = _check_payload(request)
    key = keys(claim.access_key_id, claim.date, claim.region)
    signed = "".join([f"\n{name}:{headers[name]}" for name in claim.signed])
    tail = f"{_SPACES.sub(' ', signed) if '  ' in signed else signed}\n\n{claim.listed}\n{payload}"
    for form in product(_paths(path), _queries(query, pairs)):
        canonical = f"{request.method}\n{form[0]}\n{form[1]}{tail}"
        digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
        to_sign = f"{ALGORITHM}\n{stamp}\n{claim.scope}\n{digest}".encode()
        expected = hmac.digest(key or _NOBODY, to_sign, "sha256").hex()
        if hmac.compare_digest(expected, signature) and key:
            return claim.access_key_id
    raise SignatureError(MISMATCH, "wrong signature" if key else "no such access key")


def parse(header: str | None, regions: tuple[str, ...], service: str) -> tuple[Claim, str]:
    """Take an `Authorization` header apart, its scope checked; raises `SignatureError`."""
    if not header:
        raise SignatureError(MISSING_TOKEN, "no Authorization header")
    before, mark, after = header.rpartition("Signature=")
    signature, comma, behind = after.partition(",")
    claim = _claim(f"{before}{mark}{comma}{behind}" if mark else header, regions, service)
    if not _SIGNATURE.fullmatch(signature.rstrip(" ")):
        _incomplete("The signature must be 64 lower-case hexadecimal digits.")
    return claim, signature.rstrip(" ")


@lru_cache(4096)  # a client's claim is the same all day; what changes is its signature
def _claim(header: str, regions: tuple[str, ...], service: str) -> Claim:
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        raise SignatureError(MISSING_TOKEN, "Authorization is not AWS4-HMAC-SHA256")
    found: dict[str, str] = {}
    for part in rest.split(","):
        name, _, value = part.strip(" ").partition("=")
        if name not in _PARTS or name in found:
            _incomplete("Authorization header requires Credential, SignedHeaders and Signature, each once.")
        found[name] = value
    for name in _PARTS:
        if name not in found or (not found[name] and name != "Signature"):
            _incomplete(f"Authorization header requires '{name}' parameter.")
    access_key_id, _, scope = found["Credential"].partition("/")
    date, region = _check_scope(access_key_id, scope, regions, service)
    listed = found["SignedHeaders"]
    signed = tuple(listed.split(";"))
    if list(signed) != sorted(set(signed)) or listed != listed.lower():
        _incomplete("SignedHeaders must be lower-case, sorted and without repetition.")
    for name in _SINGLE:
        if name not in signed:
            _incomplete(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")
    return Claim(access_key_id, date, region, scope, listed, signed)


def _incomplete(message: str) -> NoReturn:
    raise SignatureError(message, message)


def _check_scope(access_key_id: str, scope: str, regions: Collection[str], service: str) -> tuple[str, str]:
    parts = scope.split("/")
    if not access_key_id or len(parts) != 4:
        _incomplete("Credential must be <access key id>/<date>/<region>/<service>/aws4_request.")
    date, region, named, terminator = parts
    if region not in regions:
        raise SignatureError("Credential should be scoped to a valid region.", "region not accepted")
    if named != service:
        _incomplete(f"Credential should be scoped to correct service: '{service}'.")
    if terminator != TERMINATOR:
        _incomplete(f"Credential should be scoped with a valid terminator: '{TERMINATOR}'.")
    return date, region


def _refuse_presigned(pairs: Iterable[tuple[str, str]]) -> None:
    if any(unquote_plus(name).lower().startswith("x-amz-") for name, _ in pairs):
        _incomplete("Presigned requests are not accepted: sign the request in its Authorization header.")


def _check_time(stamp: str, date: str, now: datetime) -> str:
    """The `X-Amz-Date`, which alone counts: `Date` is rewritten on the way by some proxies."""
    if not stamp:
        _incomplete("Authorization header requires existence of a 'X-Amz-Date' header.")
    at = _moment(stamp)
    if stamp[:8] != date:
        _incomplete("Date in Credential scope does not match YYYYMMDD from X-Amz-Date.")
    if abs(at - now) > SKEW:
        what = "Signature expired" if at < now else "Signature not yet current"
        _incomplete(f"{what}: {stamp} is more than 5 minutes from our clock, {now.astimezone(UTC):%Y%m%dT%H%M%SZ}.")
    return stamp


@lru_cache(1024)
def _moment(stamp: str) -> datetime:
    if not _DATE.fullmatch(stamp):
        _incomplete("X-Amz-Date must be one time in the form YYYYMMDDTHHMMSSZ.")
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        _incomplete("X-Amz-Date is not a time.")


def _check_headers(headers: Mapping[str, str], signed: Collection[str]) -> None:
    """Everything that means something to us is signed. `Content-Type` is not among it: aws4fetch never signs it, and
    reading a signed body as the other of two types can only make it malformed."""
    if "x-amz-security-token" in headers:
        raise SignatureError(BAD_TOKEN, "session tokens are not accepted")
    for name in _SINGLE:
        if "," in headers.get(name, ""):
            _incomplete(f"'{name}' must be given once.")
    for name in signed:
        if name not in headers:
            _incomplete(f"The signed header '{name}' is not in the request.")
    for name in headers:
        # The body's own digest is part of what is signed, so this one says nothing that is not bound already;
        # aws-requests-auth sends it unsigned.
        if name.startswith(_BINDING) and name not in signed and name != "x-amz-content-sha256":
            _incomplete(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def _check_payload(request: SignedRequest) -> str:
    digest = hashlib.sha256(request.body).hexdigest()
    if not hmac.compare_digest(request.headers.get("x-amz-content-sha256", digest).encode(), digest.encode()):
        _incomplete("The provided 'x-amz-content-sha256' header does not match what was computed.")
    return digest


@lru_cache(1024)
def _paths(path: str) -> tuple[str, ...]:
    """Encoded again, as all services but S3 ask; and once, as curl does."""
    if _DOTS.search(path):
        path = _without_dots(path)
    return tuple(dict.fromkeys((quote(path, safe="/~", encoding="latin-1"), path)))


def _without_dots(path: str) -> str:
    """RFC 3986 §5.2.4 as AWS's signers have it: runs of slashes are one, and none is left behind a dot at the end."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    trailing = "/" if kept and path.endswith("/") else ""
    return f"/{'/'.join(kept)}{trailing}"


def _queries(query: str, pairs: list[tuple[str, str]]) -> Iterable[str]:
    """As AWS asks, twice (`+` is itself, `+` is a space); sorted but not encoded again (botocore); as it is (curl)."""
    if not query:
        return ("",)
    return dict.fromkeys((*(_encoded(pairs, decode) for decode in (unquote, unquote_plus, None)), query))


def _encoded(pairs: list[tuple[str, str]], decode: Callable[[str, str], str] | None) -> str:
    if decode:
        pairs = [(_encode(decode(name, "latin-1")), _encode(decode(value, "latin-1"))) for name, value in pairs]
    return "&".join([f"{name}={value}" for name, value in sorted(pairs)])


def _encode(text: str) -> str:
    return quote(text, safe="", encoding="latin-1")
