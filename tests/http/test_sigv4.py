"""The verifier against botocore, against what other signers were recorded to send, and against forgeries."""

from __future__ import annotations

import hashlib
import json
import re
import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from router.http.sigv4 import BAD_TOKEN, MISMATCH, MISSING_TOKEN, SignatureError, SignedRequest, derive, verify
from tests.http.signing import ACCESS_KEY, JSON, NOW, REGIONS, Signer, keys

RECORDED = json.loads((Path(__file__).parent / "recorded_signatures.json").read_text(encoding="utf-8"))
BODY = b'{"type":"person","groupKey":"main_group","data":{"customer_id":12345,"email":"ada@example.com"}}'


def check(request: SignedRequest, now: datetime = NOW) -> str:
    return verify(request, keys, now, REGIONS)


def post(target: str = "/v2/profiles", body: bytes = BODY, **headers: str) -> SignedRequest:
    return Signer().request("POST", target, body, JSON | {k.replace("_", "-"): v for k, v in headers.items()})


def test_published_vector():
    """contracts.md §5.5"""
    authorization = (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/execute-api/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=174d92f21ec226c660f521a96968185b4670d63cbf9e8ccdfdc985c9efe0e8ad"
    )
    headers = {
        "content-type": "application/json",
        "host": "api.datatalks.se",
        "x-amz-date": "20260102T030405Z",
        "authorization": authorization,
    }
    assert check(SignedRequest("POST", "/v2/profiles", headers, BODY)) == ACCESS_KEY


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded["id"])
def test_recorded_signer(recorded):
    now = datetime.strptime(recorded["headers"]["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    body = recorded["body"].encode()
    assert check(SignedRequest(recorded["method"], recorded["target"], recorded["headers"], body), now) == ACCESS_KEY


# ---- against botocore ------------------------------------------------------------------------------------------------

TOKENS = string.ascii_letters + string.digits + "-_.~"
ESCAPES = st.sampled_from(["%2F", "%20", "%25", "%2B", "%c3%a5", "%E2%82%AC", "%00", "%ff"])
SEGMENT = st.lists(st.text(TOKENS + "!$&'()*+,;=:@", max_size=4) | ESCAPES, max_size=4).map("".join)
PATHS = st.lists(SEGMENT | st.sampled_from(["", ".", ".."]), max_size=5).map(lambda parts: "/" + "/".join(parts))
RAW_QUERIES = st.text(TOKENS + "%!$'()*+,;:@/&=", max_size=20).map(lambda text: text.replace("%", "%C3%A5"))
PAIRS = st.lists(st.tuples(st.text(TOKENS + "åß€ +/&=", max_size=6), st.text(max_size=6)), max_size=4)
PRESIGNING = re.compile("x-amz-", re.IGNORECASE)
QUERIES = st.one_of(RAW_QUERIES, st.builds(urlencode, PAIRS)).filter(lambda query: not PRESIGNING.search(query))
VALUES = st.text(string.ascii_letters + string.digits + " ;=\"'/.-_", max_size=20).map(str.strip)
HEADERS = st.dictionaries(st.text(string.ascii_lowercase, min_size=1, max_size=6).map("x-amz-m".__add__), VALUES)


@given(PATHS, QUERIES, HEADERS, st.binary(max_size=200), st.sampled_from(["GET", "POST", "DELETE"]))
def test_whatever_botocore_signs_is_verified(path, query, headers, body, method):
    target = f"{path}?{query}" if query else path
    assert check(Signer().request(method, target, body, JSON | headers)) == ACCESS_KEY


@given(PATHS, QUERIES, HEADERS, st.binary(max_size=200), st.binary(max_size=200))
def test_whatever_botocore_signs_is_bound_to_its_body_and_its_key(path, query, headers, body, other):
    request = Signer().request("POST", f"{path}?{query}" if query else path, body, JSON | headers)
    assume(other != body)
    for forged in (replace(request, body=other), replace(request, method="PUT"), having(request, host="example.com")):
        with pytest.raises(SignatureError):
            check(forged)
    with pytest.raises(SignatureError):
        verify(request, lambda *_: derive("another", "20260102", "eu-west-1"), NOW, REGIONS)


@given(st.data())
def test_a_changed_byte_of_what_was_signed_is_refused(data):
    request = post("/v2/requests?group=b&status=completed", idempotency_key="order-5", x_amz_meta="a b")
    part = data.draw(st.sampled_from(["method", "target", "body", *request.headers]))
    whole = request.headers[part] if part in request.headers else getattr(request, part)
    at = data.draw(st.integers(0, len(whole) - 1))
    if isinstance(whole, bytes):
        other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
        changed = replace(request, body=whole[:at] + bytes([other]) + whole[at + 1 :])
    else:
        other = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda char: char != whole[at]))
        text = whole[:at] + other + whole[at + 1 :]
        changed = replace(request, headers={**request.headers, part: text})
        if part in ("method", "target"):
            changed = replace(request, **{part: text})
    with pytest.raises(SignatureError):
        check(changed)


@pytest.mark.parametrize("part", ["method", "target", "body"])
def test_every_byte_that_is_dropped_is_noticed(part):
    request = post("/v2/requests?group=b&status=completed")
    whole = getattr(request, part)
    for at in range(len(whole)):
        with pytest.raises(SignatureError):
            check(replace(request, **{part: whole[:at] + whole[at + 1 :]}))


# ---- refusals --------------------------------------------------------------------------------------------------------


def without(request: SignedRequest, name: str) -> SignedRequest:
    return replace(request, headers={key: value for key, value in request.headers.items() if key != name})


def having(request: SignedRequest, **headers: str) -> SignedRequest:
    return replace(request, headers=request.headers | {k.replace("_", "-"): v for k, v in headers.items()})


def authorized(old: str, new: str) -> SignedRequest:
    request = post()
    header = request.headers["authorization"]
    assert old in header
    return having(request, authorization=header.replace(old, new))


def signed_by(target: str = "/v2/profiles", more: dict[str, str] | None = None, **how) -> SignedRequest:
    return Signer(**how).request("POST", target, BODY, JSON | (more or {}))


ONCE = "Authorization header requires Credential, SignedHeaders and Signature, each once."
UNSIGNED = "'{}' must be a 'SignedHeader' in the AWS Authorization."
DIGEST = "The provided 'x-amz-content-sha256' header does not match what was computed."
PRESIGNED = "Presigned requests are not accepted: sign the request in its Authorization header."
CREDENTIAL = "Credential must be <access key id>/<date>/<region>/<service>/aws4_request."
SIGNED_ORDER = "SignedHeaders must be lower-case, sorted and without repetition."
CLOCK = "{} is more than 5 minutes from our clock, 20260102T030405Z."
SCOPE_DATE = "Date in Credential scope does not match YYYYMMDD from X-Amz-Date."
MALFORMED_DATE = "X-Amz-Date must be one time in the form YYYYMMDDTHHMMSSZ."
HEX = "The signature must be 64 lower-case hexadecimal digits."
TWO = "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=00"

REFUSALS = {
    "no credentials": (without(post(), "authorization"), MISSING_TOKEN),
    "empty authorization": (having(post(), authorization=""), MISSING_TOKEN),
    "bearer": (having(post(), authorization="Bearer pk_1"), MISSING_TOKEN),
    "other algorithm": (authorized("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"), MISSING_TOKEN),
    "wrong secret": (signed_by(secret="other"), MISMATCH),
    "unknown key": (signed_by(access_key="AKIDNOBODY"), MISMATCH),
    "other body": (replace(post(), body=BODY + b" "), MISMATCH),
    "other method": (replace(post(), method="DELETE"), MISMATCH),
    "other host": (having(post(), host="evil.example.com"), MISMATCH),
    "host with a port": (having(post(), host="api.example.com:8080"), MISMATCH),
    "another query": (replace(post("/v2/requests?group=a"), target="/v2/requests?group=b"), MISMATCH),
    "a query added": (replace(post(), target="/v2/profiles?dry=1"), MISMATCH),
    "other region": (signed_by(region="us-east-1"), "Credential should be scoped to a valid region."),
    "other service": (signed_by(service="s3"), "Credential should be scoped to correct service: 'execute-api'."),
    "other terminator": (
        authorized("aws4_request", "aws4_requests"),
        "Credential should be scoped with a valid terminator: 'aws4_request'.",
    ),
    "scope of another day": (authorized("/20260102/", "/20260101/"), SCOPE_DATE),
    "short scope": (authorized("/execute-api/", "/"), CREDENTIAL),
    "no key id": (authorized(ACCESS_KEY, ""), CREDENTIAL),
    "no signature": (authorized("Signature=", "Signatur="), ONCE),
    "empty signed headers": (
        authorized("content-type;host;x-amz-date", ""),
        "Authorization header requires 'SignedHeaders' parameter.",
    ),
    "two signatures": (authorized("Signature=", "Signature=00, Signature="), ONCE),
    "two authorization headers": (having(post(), authorization=f"{post().headers['authorization']},{TWO}"), ONCE),
    "upper-case signature": (
        having(post(), authorization=post().headers["authorization"][:-64] + "A" * 64),
        HEX,
    ),
    "unsorted signed headers": (authorized("content-type;host", "host;content-type"), SIGNED_ORDER),
    "repeated signed header": (authorized("content-type;host", "content-type;host;host"), SIGNED_ORDER),
    "upper-case signed header": (authorized("host", "Host"), SIGNED_ORDER),
    "signed header that is not there": (
        without(post(), "content-type"),
        "The signed header 'content-type' is not in the request.",
    ),
    "unsigned host": (signed_by(unsigned=frozenset({"host"})), UNSIGNED.format("host")),
    "unsigned date": (signed_by(unsigned=frozenset({"x-amz-date"})), UNSIGNED.format("x-amz-date")),
    "unsigned x-amz header": (having(post(), x_amz_meta="1"), UNSIGNED.format("x-amz-meta")),
    "unsigned idempotency key": (having(post(), idempotency_key="1"), UNSIGNED.format("idempotency-key")),
    "two hosts": (having(post(), host="api.example.com,evil.example.com"), "'host' must be given once."),
    "no date": (without(post(), "x-amz-date"), "Authorization header requires existence of a 'X-Amz-Date' header."),
    "two dates": (having(post(), x_amz_date="20260102T030405Z,20260102T030405Z"), MALFORMED_DATE),
    "a date in other digits": (having(post(), x_amz_date="2026010²T030405Z"), MALFORMED_DATE),
    "a 25th hour": (having(post(), x_amz_date="20260102T250405Z"), "X-Amz-Date is not a time."),
    "5 minutes and a second late": (
        signed_by(now=NOW - timedelta(seconds=301)),
        "Signature expired: " + CLOCK.format("20260102T025904Z"),
    ),
    "5 minutes and a second early": (
        signed_by(now=NOW + timedelta(seconds=301)),
        "Signature not yet current: " + CLOCK.format("20260102T030906Z"),
    ),
    "session token": (signed_by(more={"X-Amz-Security-Token": "t"}), BAD_TOKEN),
    "unsigned session token": (having(post(), x_amz_security_token="t"), BAD_TOKEN),
    "unsigned payload": (having(post(), x_amz_content_sha256="UNSIGNED-PAYLOAD"), DIGEST),
    "signed unsigned payload": (signed_by(more={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}), DIGEST),
    "streaming payload": (
        having(post(), x_amz_content_sha256="STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        DIGEST,
    ),
    "digest of another body": (having(post(), x_amz_content_sha256=hashlib.sha256(b"").hexdigest()), DIGEST),
    "presigned": (without(post("/v2/profiles?X-Amz-Signature=00"), "authorization"), PRESIGNED),
    "presigned and signed": (post("/v2/profiles?x-amz-algorithm=AWS4-HMAC-SHA256"), PRESIGNED),
    "presigned in disguise": (post("/v2/profiles?%58-Amz-Signature=00"), PRESIGNED),
}


@pytest.mark.parametrize(("request_", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusal(request_, message):
    with pytest.raises(SignatureError) as caught:
        check(request_)
    assert caught.value.message == message


@pytest.mark.parametrize("seconds", [-300, 300])
def test_five_minutes_are_fine(seconds):
    assert check(signed_by(now=NOW + timedelta(seconds=seconds))) == ACCESS_KEY


def test_the_log_can_tell_what_the_answer_does_not():
    reasons = []
    for request in (REFUSALS["unknown key"][0], REFUSALS["wrong secret"][0]):
        with pytest.raises(SignatureError) as caught:
            check(request)
        reasons.append(caught.value.reason)
    assert reasons == ["no such access key", "wrong signature"]


def test_no_digest_of_the_body_is_needed_but_the_right_one_may_be_sent_unsigned():
    request = having(post(), x_amz_content_sha256=hashlib.sha256(BODY).hexdigest())
    assert check(request) == ACCESS_KEY


def test_parameters_may_be_separated_without_a_space():
    assert check(authorized(", ", ",")) == ACCESS_KEY
