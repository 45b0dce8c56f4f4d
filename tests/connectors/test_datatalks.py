"""Data Talks: the signature against AWS's own library, every row of contracts.md §5.6, a sandbox that keeps §5.7."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from connectors.base import Answer, Connector, Kind, Outcome
from connectors.datatalks import Options, judge
from connectors.http import HttpWire
from connectors.sandbox.datatalks import SAMPLES, DataTalks
from connectors.sandbox.datatalks_access import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from connectors.sandbox.server import Sandbox
from connectors.sigv4 import Signer, canonical, host
from tests.connectors.speaking import commands, speaking, wire

UUID = "3f2a0c3e-6f0e-4a57-9a39-0e6f5d1b7c11"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(providers={"datatalks": DataTalks}) as running:
        yield running


@pytest.fixture
def line() -> Iterator[HttpWire]:
    made = wire()
    yield made
    made.close()


@pytest.fixture
def datatalks(sandbox: Sandbox, line: HttpWire) -> Connector:
    return speaking("datatalks", sandbox, line)


def one(connector: Connector, operation: str, payload: Any = None, attempt: int = 1) -> Outcome:
    return connector.send(operation, commands(payload or SAMPLES[operation], attempt=attempt))[0]


# ---- the signature ---------------------------------------------------------------------------------------------------

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EXAMPLE = Signer("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-west-1", "execute-api")
URL = "https://api.datatalks.se/v2/profiles"
BODY = b'{"type":"person","groupKey":"main_group","data":{"customer_id":12345,"email":"ada@example.com"}}'


def test_the_vector_of_the_contract() -> None:
    assert EXAMPLE.headers("POST", URL, {"Content-Type": "application/json", "Accept": "x"}, BODY, AT) == {
        "X-Amz-Date": "20260102T030405Z",
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/execute-api/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=174d92f21ec226c660f521a96968185b4670d63cbf9e8ccdfdc985c9efe0e8ad",
    }


def test_the_date_is_in_utc_wherever_it_is_taken() -> None:
    there = AT.astimezone(ZoneInfo("Asia/Tokyo"))
    assert EXAMPLE.headers("POST", URL, {}, BODY, there) == EXAMPLE.headers("POST", URL, {}, BODY, AT)


SEGMENT = st.text("abcXYZ019-._~", max_size=5) | st.sampled_from(
    ["%20", "%C3%A5", "a%2Fb", "%25", "a+b", "a=b", "$&,;:@"]
)


@given(
    st.lists(SEGMENT, max_size=3).filter(lambda parts: not {".", "..", ""} & set(parts)),
    st.dictionaries(st.text("abcåö &=%~", min_size=1, max_size=4), st.text("xyzÅ /~*", max_size=4), max_size=3),
    st.text(st.characters(codec="utf-8")),
    st.sampled_from(["https://api.datatalks.se", "http://127.0.0.1:8080", "https://[::1]:8443"]),
)
def test_awss_own_library_signs_the_same(parts: list[str], query: dict[str, str], body: str, root: str) -> None:
    encoded = f"?{urlencode(query, quote_via=quote, safe='')}" if query else ""
    url, headers = f"{root}/{'/'.join(parts)}{encoded}", {"Content-Type": "application/json", "X-Amz-Meta": " a  b "}
    credentials = Credentials(EXAMPLE.access_key_id, EXAMPLE.secret)
    theirs = AWSRequest("POST", url, headers | {"X-Amz-Date": "20260102T030405Z"}, body.encode())
    theirs.context["timestamp"] = "20260102T030405Z"
    auth = SigV4Auth(credentials, EXAMPLE.service, EXAMPLE.region)
    ours = canonical(
        "POST",
        url,
        {
            "content-type": "application/json",
            "host": host(url),
            "x-amz-date": "20260102T030405Z",
            "x-amz-meta": " a  b ",
        },
        ["content-type", "host", "x-amz-date", "x-amz-meta"],
        body.encode(),
    )
    assert ours == auth.canonical_request(theirs)
    signature = auth.signature(auth.string_to_sign(theirs, ours), theirs)
    signed = EXAMPLE.headers("POST", url, headers, body.encode(), AT)
    assert signed["Authorization"].endswith(
        f"SignedHeaders=content-type;host;x-amz-date;x-amz-meta, Signature={signature}"
    )


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://Example.com/", "example.com"),
        ("https://example.com:443/", "example.com"),
        ("http://example.com:443/", "example.com:443"),
        ("http://example.com:80/", "example.com"),
        ("https://[::1]/", "[::1]"),
        ("https://[::1:443]:443/", "[::1:443]"),
    ],
)
def test_the_host_is_named_as_in_its_header(url: str, name: str) -> None:
    assert host(url) == name


def test_a_signer_does_not_show_its_secret() -> None:
    assert EXAMPLE.secret not in repr(EXAMPLE)


# ---- what lands ------------------------------------------------------------------------------------------------------


TYPED = [name for name, sample in SAMPLES.items() if "type" in sample]


@pytest.mark.parametrize("version", ["v2", "v3"])
@pytest.mark.parametrize("operation", TYPED)
def test_every_typed_operation_is_taken(sandbox: Sandbox, line: HttpWire, operation: str, version: str) -> None:
    outcome = one(speaking("datatalks", sandbox, line, version=version), operation)
    provider: DataTalks = sandbox.provider("datatalks")
    assert (outcome.kind, outcome.status, outcome.warnings) == (Kind.DELIVERED, 200, ())
    assert outcome.provider_id in provider.entities
    assert outcome.reason.startswith("requestId ")
    received = sandbox.received("datatalks")[0]
    assert received["body"] == {"groupKey": "main_group"} | SAMPLES[operation]
    assert received["path"].startswith(f"/{version}/")


V1 = {
    "upsert_contact": ("POST", "/v1/contacts", SAMPLES["upsert_contact"]["data"]),
    "delete_contact": ("DELETE", "/v1/contacts", SAMPLES["delete_contact"]["data"]),
    "post_contact_event": ("POST", "/v1/events", SAMPLES["post_contact_event"]["data"]),
    "upsert_product": ("POST", "/v1/products", [SAMPLES["upsert_product"]["data"]]),
}


@pytest.mark.parametrize("version", ["v2", "v3"])
@pytest.mark.parametrize(("operation", "wire"), V1.items(), ids=V1)
def test_what_v1_alone_has_goes_there(
    sandbox: Sandbox, line: HttpWire, operation: str, wire: tuple[str, str, Any], version: str
) -> None:
    outcome = one(speaking("datatalks", sandbox, line, version=version), operation)
    (call,) = sandbox.received("datatalks")
    assert (outcome.kind, outcome.status) == (Kind.DELIVERED, 200)
    assert (call["method"], call["path"], call["body"]) == (*wire[:2], {"data": wire[2], "group_key": "main_group"})


def test_a_contact_is_deleted(sandbox: Sandbox, datatalks: Connector) -> None:
    kept = one(datatalks, "upsert_contact").provider_id
    assert kept in sandbox.provider("datatalks").entities
    assert one(datatalks, "delete_contact").provider_id == kept
    assert sandbox.provider("datatalks").entities == {}


def test_v1_waits_for_its_group(sandbox: Sandbox, line: HttpWire) -> None:
    outcome = one(speaking("datatalks", sandbox, line, group_key=None), "upsert_contact")
    assert (outcome.kind, sandbox.calls("datatalks")) == (Kind.REFUSED, 0)
    assert "group_key" in outcome.reason


def test_without_a_group_none_is_named(sandbox: Sandbox, line: HttpWire) -> None:
    assert one(speaking("datatalks", sandbox, line, group_key=None), "upsert_profile").delivered
    assert sandbox.received("datatalks")[0]["body"] == SAMPLES["upsert_profile"]


def test_an_entity_keeps_its_id_and_may_be_pinned(datatalks: Connector) -> None:
    sample = SAMPLES["upsert_profile"]
    first, second = one(datatalks, "upsert_profile"), one(datatalks, "upsert_profile", attempt=2)
    pinned = one(datatalks, "upsert_profile", sample | {"datatalksId": UUID})
    assert first.provider_id == second.provider_id
    assert pinned.provider_id == one(datatalks, "upsert_profile").provider_id == UUID


def test_every_attempt_is_signed_afresh(sandbox: Sandbox, datatalks: Connector) -> None:
    sandbox.scenario("datatalks", "failed", 1)
    assert [one(datatalks, "post_event", attempt=n).kind for n in (1, 2)] == [Kind.RETRYABLE, Kind.DELIVERED]


def test_after_a_lost_answer_there_is_one_entity(sandbox: Sandbox, datatalks: Connector) -> None:
    sandbox.scenario("datatalks", "commit_then_drop", 1)
    assert [one(datatalks, "post_event", attempt=n).kind for n in (1, 2)] == [Kind.RETRYABLE, Kind.DELIVERED]
    assert len(sandbox.provider("datatalks").entities) == 1


def test_a_repeat_is_known_by_its_key_and_another_payload_is_none(sandbox: Sandbox, datatalks: Connector) -> None:
    for payload in (SAMPLES["post_event"], SAMPLES["post_event"], SAMPLES["post_event"] | {"datatalksId": UUID}):
        one(datatalks, "post_event", payload)
    first, again, other = (call["headers"]["idempotency-key"] for call in sandbox.received("datatalks"))
    assert first == again != other
    assert first.startswith("delivery-0-")


# ---- every row of §5.6 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "details", "kind", "status", "words"),
    [
        ("unsuccessful", {}, Kind.REJECTED, 200, "told to be unsuccessful"),
        ("reject", {}, Kind.REJECTED, 400, "told to be reject"),
        ("refuse_credentials", {}, Kind.REFUSED, 403, "told to refuse"),
        ("rate_limited", {"retry_after": "7"}, Kind.LIMITED, 429, "slow down"),
        ("error", {"status": 413}, Kind.REJECTED, 413, "413"),
        ("failed", {}, Kind.RETRYABLE, 500, "requestId "),
        ("error", {"status": 502}, Kind.RETRYABLE, 502, "502"),
        ("gateway_timeout", {}, Kind.RETRYABLE, 504, "Endpoint request timed out"),
        ("error", {"status": 599}, Kind.RETRYABLE, 599, "599"),
        ("garbage", {}, Kind.RETRYABLE, 200, "not an answer of the Data Talks API"),
        ("error", {"status": 302}, Kind.REFUSED, 302, "base_url"),
        ("error", {"status": 404}, Kind.REFUSED, 404, "base_url"),
        ("down", {}, Kind.RETRYABLE, None, ""),
        ("hang", {}, Kind.RETRYABLE, None, "timed out"),
    ],
)
def test_every_answer(
    sandbox: Sandbox, mode: str, details: dict[str, Any], kind: Kind, status: int | None, words: str
) -> None:
    sandbox.scenario("datatalks", mode, **details)
    hasty = wire(0.5)
    outcome = one(speaking("datatalks", sandbox, hasty), "upsert_profile")
    hasty.close()
    assert (outcome.kind, outcome.status) == (kind, status)
    assert words in outcome.reason
    assert outcome.retry_after == (7 if kind is Kind.LIMITED else None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"secret_access_key": "canary"}, "does not match"),
        ({"access_key_id": "AKIAUNKNOWN"}, "token included in the request is invalid"),
        ({"region": "us-east-1"}, "us-east-1"),
        ({"version": "v3", "region": "eu-west-1"}, "eu-west-1"),
    ],
)
def test_credentials_and_region(sandbox: Sandbox, line: HttpWire, options: dict[str, str], words: str) -> None:
    outcome = one(speaking("datatalks", sandbox, line, **options), "upsert_profile")
    assert (outcome.kind, outcome.status) == (Kind.REFUSED, 403)
    assert words in outcome.reason
    assert "canary" not in repr(outcome)


def test_an_unknown_group_is_the_records_fault(sandbox: Sandbox, line: HttpWire) -> None:
    outcome = one(speaking("datatalks", sandbox, line, group_key="nobody"), "upsert_profile")
    assert (outcome.kind, outcome.status) == (Kind.REJECTED, 400)
    assert "groupKey 'nobody' is not known" in outcome.reason


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"data": {}}, "type"),
        ({"type": "person"}, "data"),
        ({"type": "person", "data": {"a": {"b": 1}}}, "data.a.value"),
        ({"type": "person", "data": {"a": [[1]]}}, "data.a.value"),
        ({"type": "person", "data": {}, "datatalksId": "x"}, "datatalksId"),
    ],
)
def test_a_record_that_cannot_work_is_not_sent(
    sandbox: Sandbox, datatalks: Connector, payload: Any, field: str
) -> None:
    outcome = one(datatalks, "upsert_profile", payload)
    assert (outcome.kind, list(outcome.errors)) == (Kind.REJECTED, [field])
    assert sandbox.calls("datatalks") == 0


@pytest.mark.parametrize(
    "options", [{}, {"access_key_id": "a"}, {"access_key_id": "a", "secret_access_key": "b", "version": "v1"}]
)
def test_options_that_cannot_work(options: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Options().load(options)


MEMBERS = st.sampled_from(["success", "messages", "message", "requestId", "datatalksId"])
ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(MEMBERS, inner),
)


@given(st.integers(100, 999), st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_any_answer_has_a_meaning(status: int, body: bytes) -> None:
    assert repr(judge(Answer(status, {}, body))).encode()


# ---- the sandbox -----------------------------------------------------------------------------------------------------


def ask(
    sandbox: Sandbox, line: HttpWire, method: str, path: str, body: Any, at: datetime | None = None, **more: Any
) -> Answer:
    """One call, signed by AWS's own library; more: `region`, `service`, or `spoil` (a header to change afterwards)."""
    url = sandbox.url_of("datatalks") + path
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    stamp = (at or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    request = AWSRequest(method, url, {"Content-Type": "application/json", "X-Amz-Date": stamp}, data)
    request.context["timestamp"] = stamp
    region = more.get("region", "eu-north-1" if path.startswith("/v3") else "eu-west-1")
    auth = SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), more.get("service", "execute-api"), region)
    canonical_request = auth.canonical_request(request)
    auth._inject_signature_to_request(request, auth.signature(auth.string_to_sign(request, canonical_request), request))
    return line.call(method, url, headers=dict(request.headers) | more.get("spoil", {}), data=more.get("sent", data))


PERSON: dict[str, Any] = {"customer_id": "c-1"}


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ({"customer_id": "c-1", "unmapped": {}}, [""]),
        ({"customer_id": "c-1", "email": None, "first_name": ""}, [""]),
        ({}, ["customer_id is required"]),
        ({"customer_id": None}, ["customer_id is part of the Hard-ID and cannot be null"]),
        ({"customer_id": ""}, ["customer_id is not a valid id"]),
        (PERSON | {"first_name": 5}, ["first_name is not a valid string"]),
        (PERSON | {"first_name": {"a": 1}}, ["first_name must not be nested"]),
        (PERSON | {"birth_date": ""}, ["birth_date is not a valid date"]),
        (PERSON | {"birth_date": "2021-02-29"}, ["birth_date is not a valid date"]),
        (PERSON | {"birth_date": "2021-02-28T00:00:00Z"}, ["birth_date is not a valid date"]),
        (PERSON | {"email": "mma a@gma.com"}, ["email is not a valid email"]),
        (PERSON | {"email": '"cogwheel the orange"@example.com'}, ["email is not a valid email"]),
        (PERSON | {"email": "x", "birth_date": "x"}, ["email is not a valid email", "birth_date is not a valid date"]),
    ],
)
def test_its_validation(sandbox: Sandbox, line: HttpWire, data: Any, messages: list[str]) -> None:
    answer = ask(sandbox, line, "POST", "/v2/profiles", {"type": "person", "data": data})
    body = answer.json()
    assert list(body) == ["success", "messages", "requestId", "datatalksId", "key"]
    assert (body["messages"], body["success"], answer.status) == (
        messages,
        messages == [""],
        200 if messages == [""] else 400,
    )
    assert (body["datatalksId"] is None) is (messages != [""])


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v2/profiles", {"type": "nobody", "data": PERSON}, 400),
        ("POST", "/v2/profiles", {"type": "purchase_ev", "data": PERSON}, 400),
        ("POST", "/v2/profiles", {"type": "person", "data": [PERSON]}, 400),
        ("POST", "/v2/profiles", {"type": "person"}, 400),
        ("POST", "/v2/profiles", b"{", 400),
        ("POST", "/v2/profiles", {"type": "person", "data": PERSON, "datatalksId": "x"}, 400),
        ("POST", "/v2/profiles", {"type": "person", "data": PERSON, "groupKey": "nobody"}, 400),
        ("GET", "/v2/profiles", b"", 403),
        ("POST", "/v2/nowhere", {}, 403),
        ("POST", "/v1/contacts", {"data": {"email": "a@b.se"}, "group_key": "main_group"}, 200),
        ("POST", "/v1/contacts", {"data": {"email": "a@b.se"}}, 400),
        ("POST", "/v1/contacts", {"data": {"email": None}, "group_key": "main_group"}, 400),
        ("DELETE", "/v1/contacts", {"data": {"email": "a@b.se"}, "group_key": "main_group"}, 200),
        ("DELETE", "/v1/contacts", {"data": {}, "group_key": "main_group"}, 400),
        ("POST", "/v1/products", {"data": [{"product_id": 1}], "group_key": "main_group"}, 200),
        ("POST", "/v1/products", {"data": {"product_id": 1}, "group_key": "main_group"}, 400),
        ("POST", "/v1/events", {"data": {"externalId": 1, "email": "a@b.se"}, "group_key": "main_group"}, 200),
    ],
)
def test_its_routes_and_wrappers(
    sandbox: Sandbox, line: HttpWire, method: str, path: str, body: Any, status: int
) -> None:
    assert ask(sandbox, line, method, path, body).status == status


@pytest.mark.parametrize(
    "more",
    [
        {"off": timedelta(minutes=-6)},
        {"off": timedelta(minutes=6)},
        {"region": "us-east-1"},
        {"service": "s3"},
        {"sent": b'{"type":"person","data":{"customer_id":"other"}}'},
        {"spoil": {"Content-Type": "text/plain"}},
        {"spoil": {"X-Amz-Security-Token": "unsigned"}},
        {"spoil": {"Authorization": "Bearer x"}},
        {"spoil": {"Authorization": ""}},
    ],
    ids=lambda more: next(iter(more)),
)
def test_it_verifies_the_whole_signature(sandbox: Sandbox, line: HttpWire, more: dict[str, Any]) -> None:
    given = {"at": datetime.now(UTC) + more["off"]} if "off" in more else more
    answer = ask(sandbox, line, "POST", "/v2/profiles", {"type": "person", "data": PERSON}, **given)
    assert answer.status == 403
    assert list(answer.json()) == ["message"]
    assert sandbox.received("datatalks") == []
