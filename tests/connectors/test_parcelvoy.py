"""Parcelvoy: every row of contracts.md §4.6 against the sandbox, and the sandbox against §4.1, §4.2 and §4.8."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from connectors.base import Answer, Command, Connector, Kind, Outcome
from connectors.http import HttpWire
from connectors.parcelvoy import MAX_BODY, judge
from connectors.parcelvoy import Parcelvoy as ParcelvoyConnector
from connectors.parcelvoy_fields import Options
from connectors.sandbox.parcelvoy import PUBLIC, SAMPLES, SECRET, SUPPORT, Parcelvoy
from connectors.sandbox.parcelvoy_rules import SCHEMAS, fault
from connectors.sandbox.server import Sandbox
from connectors.tokens import MemoryTokens
from router.http import client_schemas
from tests.connectors.speaking import commands, options, speaking, wire


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(providers={"parcelvoy": Parcelvoy}) as running:
        yield running


@pytest.fixture
def line() -> Iterator[HttpWire]:
    made = wire()
    yield made
    made.close()


@pytest.fixture
def parcelvoy(sandbox: Sandbox, line: HttpWire) -> Connector:
    return speaking("parcelvoy", sandbox, line)


def kinds(outcomes: Any) -> list[Kind]:
    return [outcome.kind for outcome in outcomes]


def one(connector: Connector, operation: str, payload: Any = None, attempt: int = 1) -> Outcome:
    return connector.send(operation, commands(payload or SAMPLES[operation], attempt=attempt))[0]


# ---- what lands ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", SAMPLES)
def test_every_operation_is_taken(sandbox: Sandbox, parcelvoy: Connector, operation: str) -> None:
    assert one(parcelvoy, operation) == Outcome(Kind.DELIVERED, status=204)
    assert len(sandbox.received("parcelvoy")) == 1


def test_users_go_in_one_call_and_merge(sandbox: Sandbox, parcelvoy: Connector) -> None:
    users = [{"external_id": f"c-{n}", "data": {"n": n, "deep": {"a": n}}} for n in range(100)]
    assert set(kinds(parcelvoy.send("upsert_user", commands(*users)))) == {Kind.DELIVERED}
    one(parcelvoy, "upsert_user", {"external_id": "c-7", "email": None, "data": {"deep": {"b": 1}}})
    assert sandbox.calls("parcelvoy") == 2
    found = sandbox.provider("parcelvoy").project.find("c-7")
    assert (found["email"], found["data"]) == (None, {"n": 7, "deep": {"b": 1}})


def test_a_public_key_identifies_users_one_by_one(sandbox: Sandbox, line: HttpWire) -> None:
    public = speaking("parcelvoy", sandbox, line, api_key=PUBLIC)
    users = [{"external_id": f"c-{n}", "timezone": "europe/stockholm"} for n in range(5)]
    assert kinds(public.send("upsert_user", commands(*users))) == [Kind.DELIVERED] * 5
    assert [call["path"] for call in sandbox.received("parcelvoy")] == ["/api/client/identify"] * 5
    assert [call["body"]["external_id"] for call in sandbox.received("parcelvoy")] == [u["external_id"] for u in users]


def test_an_alias_works_once(sandbox: Sandbox, parcelvoy: Connector) -> None:
    one(parcelvoy, "upsert_user", {"anonymous_id": "a-1"})
    one(parcelvoy, "alias_user", {"anonymous_id": "a-1", "external_id": "c-1"})
    one(parcelvoy, "alias_user", {"anonymous_id": "a-1", "external_id": "c-2"})
    project = sandbox.provider("parcelvoy").project
    assert project.find("c-1")["anonymous_id"] == "a-1"
    assert project.find("c-2") is None


def test_events_carry_the_deliverys_id_unless_mapped(sandbox: Sandbox, parcelvoy: Connector) -> None:
    events = [{"external_id": "c-1", "name": "a"}, {"external_id": "c-1", "name": "b", "distinct_id": "mine"}]
    parcelvoy.send("post_event", commands(*events))
    assert [e["distinct_id"] for e in sandbox.provider("parcelvoy").project.events] == ["delivery-0", "mine"]


def test_users_are_deleted_by_query(sandbox: Sandbox, parcelvoy: Connector) -> None:
    ids = ["a&b=c", "ö/1", "c 2"]
    parcelvoy.send("upsert_user", commands(*({"external_id": each} for each in [*ids, "stays"])))
    assert (
        kinds(parcelvoy.send("delete_user", commands(*({"external_id": each} for each in ids)))) == [Kind.DELIVERED] * 3
    )
    assert [user["external_id"] for user in sandbox.provider("parcelvoy").project.users] == ["stays"]
    assert sandbox.calls("parcelvoy") == 2
    assert {"content-type", "content-length"}.isdisjoint(map(str.lower, sandbox.received("parcelvoy")[-1]["headers"]))


def test_a_query_is_kept_short_enough_for_proxies(sandbox: Sandbox, parcelvoy: Connector) -> None:
    ids = [f"{n:03}{'x' * 200}" for n in range(100)]
    assert set(kinds(parcelvoy.send("delete_user", commands(*({"external_id": each} for each in ids))))) == {
        Kind.DELIVERED
    }
    assert 1 < sandbox.calls("parcelvoy") < 10


def test_a_body_is_kept_within_a_megabyte(sandbox: Sandbox, parcelvoy: Connector) -> None:
    users = [{"external_id": f"c-{n}", "data": {"text": "å" * 150_000}} for n in range(6)]
    assert kinds(parcelvoy.send("upsert_user", commands(*users))) == [Kind.DELIVERED] * 6
    assert sandbox.calls("parcelvoy") == 2
    order = [user["external_id"] for call in sandbox.received("parcelvoy") for user in call["body"]]
    assert order == [user["external_id"] for user in users]


@pytest.mark.parametrize(("over", "kind"), [(0, Kind.DELIVERED), (1, Kind.REJECTED)])
def test_the_limit_is_inclusive(sandbox: Sandbox, parcelvoy: Connector, over: int, kind: Kind) -> None:
    empty = len('[{"external_id":"c-1","data":{"text":""}}]')
    payload = {"external_id": "c-1", "data": {"text": "x" * (MAX_BODY - empty + over)}}
    assert one(parcelvoy, "upsert_user", payload).kind is kind
    assert sandbox.calls("parcelvoy") == 1 - over


# ---- what cannot be sent ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "payload", "field"),
    [
        ("upsert_user", {"email": "ada@example.com"}, "external_id"),
        ("upsert_user", {"external_id": 5}, "external_id"),
        ("upsert_user", {"external_id": ""}, "external_id"),
        ("upsert_user", {"external_id": "x" * 256}, "external_id"),
        ("upsert_user", {"external_id": "c-1", "timezone": "GMT+2"}, "timezone"),
        ("post_event", {"external_id": "c-1"}, "name"),
        ("post_event", {"external_id": "c-1", "name": "x" * 256}, "name"),
        ("post_event", {"external_id": "c-1", "name": "a", "user": {"timezone": "Stockholm"}}, "user.timezone"),
        ("register_device", SAMPLES["register_device"] | {"app_build": 465}, "app_build"),
        ("delete_user", {"external_id": ""}, "external_id"),
    ],
)
def test_a_record_that_cannot_work_is_rejected_alone(
    sandbox: Sandbox, parcelvoy: Connector, operation: str, payload: Any, field: str
) -> None:
    bad, good = parcelvoy.send(operation, commands(payload, SAMPLES[operation]))
    assert (bad.kind, list(bad.errors), good.kind) == (Kind.REJECTED, [field], Kind.DELIVERED)
    assert sandbox.calls("parcelvoy") == 1


@pytest.mark.parametrize("zone", ["Europe/Stockholm", "europe/stockholm", "EST", "UTC", None])
def test_time_zones_that_are_fine(parcelvoy: Connector, zone: str | None) -> None:
    assert one(parcelvoy, "upsert_user", {"external_id": "c-1", "timezone": zone}).delivered


def test_a_public_key_deletes_nobody(sandbox: Sandbox, line: HttpWire) -> None:
    public = speaking("parcelvoy", sandbox, line, api_key=PUBLIC)
    assert one(public, "delete_user").kind is Kind.REFUSED
    assert sandbox.calls("parcelvoy") == 0


@pytest.mark.parametrize("key", ["", "demo", "pk_", "sk_a b"])
def test_a_key_is_known_by_its_beginning(key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Options().load({"base_url": "https://p.example.com", "api_key": key})
    assert list(caught.value.messages_dict) == ["api_key"]


# ---- every row of §4.6 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "kind", "status", "words"),
    [
        ("pk_4711-unknown", Kind.REFUSED, 404, "does not exist"),
        ("sk_4711-unknown", Kind.REFUSED, 404, "does not exist"),
        (SUPPORT, Kind.REFUSED, 403, "Minimum project role editor is required"),
    ],
)
def test_keys_that_are_refused(sandbox: Sandbox, line: HttpWire, key: str, kind: Kind, status: int, words: str) -> None:
    outcome = one(speaking("parcelvoy", sandbox, line, api_key=key), "upsert_user")
    assert (outcome.kind, outcome.status) == (kind, status)
    assert words in outcome.reason
    assert key not in repr(outcome)


@pytest.mark.parametrize(
    ("attempt", "kind", "retry_in"), [(1, Kind.RETRYABLE, 30), (2, Kind.RETRYABLE, 90), (3, Kind.REFUSED, None)]
)
def test_401_is_believed_the_third_time(
    sandbox: Sandbox, parcelvoy: Connector, attempt: int, kind: Kind, retry_in: float | None
) -> None:
    sandbox.scenario("parcelvoy", "refuse_credentials")
    outcome = one(parcelvoy, "post_event", attempt=attempt)
    assert (outcome.kind, outcome.status, outcome.retry_in) == (kind, 401, retry_in)


@pytest.mark.parametrize(("attempt", "kind"), [(1, Kind.RETRYABLE), (3, Kind.REFUSED)])
def test_after_a_401_nobody_else_is_asked_for(sandbox: Sandbox, line: HttpWire, attempt: int, kind: Kind) -> None:
    sandbox.scenario("parcelvoy", "locked_out")
    users = commands(*({"external_id": str(n)} for n in range(5)), attempt=attempt)
    outcomes = speaking("parcelvoy", sandbox, line, api_key=PUBLIC).send("upsert_user", users)
    assert kinds(outcomes) == [kind] * 5
    assert sandbox.calls("parcelvoy") == 1


@pytest.mark.parametrize(
    ("attempt", "kind", "retry_in"), [(1, Kind.RETRYABLE, 30), (2, Kind.RETRYABLE, 90), (3, Kind.REJECTED, None)]
)
def test_400_is_believed_the_third_time(
    sandbox: Sandbox, parcelvoy: Connector, attempt: int, kind: Kind, retry_in: float | None
) -> None:
    sandbox.scenario("parcelvoy", "broken")
    outcome = one(parcelvoy, "upsert_user", attempt=attempt)
    assert (outcome.kind, outcome.status, outcome.retry_in) == (kind, 400, retry_in)


def test_a_400_for_a_batch_is_split_when_it_is_believed_and_only_for_those_who_tried(
    sandbox: Sandbox, parcelvoy: Connector
) -> None:
    sandbox.scenario("parcelvoy", "broken")
    batch = [Command(str(n), {"external_id": str(n)}, attempt=3 if n == 2 else 1) for n in range(4)]
    assert kinds(parcelvoy.send("upsert_user", batch)) == [
        Kind.RETRYABLE,
        Kind.RETRYABLE,
        Kind.REJECTED,
        Kind.RETRYABLE,
    ]


def test_a_passing_400_ends_delivered(sandbox: Sandbox, parcelvoy: Connector) -> None:
    sandbox.scenario("parcelvoy", "broken", 1)
    assert one(parcelvoy, "upsert_user").kind is Kind.RETRYABLE
    assert one(parcelvoy, "upsert_user", attempt=2).delivered


def test_a_base_url_that_is_not_parcelvoy(sandbox: Sandbox, line: HttpWire) -> None:
    elsewhere = options("parcelvoy", sandbox.url_of("parcelvoy") + "/api")
    connector = ParcelvoyConnector(elsewhere, line, MemoryTokens())
    outcome = one(connector, "upsert_user")
    assert (outcome.kind, outcome.status) == (Kind.REFUSED, 404)
    assert "base_url" in outcome.reason


def test_422_is_final_for_a_record_and_splits_a_batch(sandbox: Sandbox, parcelvoy: Connector) -> None:
    sandbox.scenario("parcelvoy", "reject", 3)  # the whole, the first half, and its first
    outcomes = parcelvoy.send("upsert_user", commands(*({"external_id": str(n)} for n in range(4))))
    assert kinds(outcomes) == [Kind.REJECTED, Kind.DELIVERED, Kind.DELIVERED, Kind.DELIVERED]
    assert "`0/name` must be a string" in outcomes[0].reason
    assert [user["external_id"] for user in sandbox.provider("parcelvoy").project.users] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("operation", "mode", "details", "kind", "status"),
    [
        ("upsert_user", "error", {"status": 405}, Kind.REFUSED, 405),
        ("upsert_user", "error", {"status": 302}, Kind.REFUSED, 302),
        ("upsert_user", "error", {"status": 413}, Kind.REJECTED, 413),
        ("upsert_user", "error", {"status": 415}, Kind.REJECTED, 415),
        ("upsert_user", "error", {"status": 408}, Kind.RETRYABLE, 408),
        ("upsert_user", "error", {"status": 500}, Kind.RETRYABLE, 500),
        ("upsert_user", "error", {"status": 502}, Kind.RETRYABLE, 502),
        ("post_event", "error", {"status": 503}, Kind.RETRYABLE, 503),
        ("upsert_user", "rate_limited", {"retry_after": "7"}, Kind.LIMITED, 429),
        ("upsert_user", "down", {}, Kind.RETRYABLE, None),
        ("upsert_user", "hang", {}, Kind.RETRYABLE, None),
        ("alias_user", "hang", {}, Kind.RETRYABLE, None),
        ("register_device", "commit_then_drop", {}, Kind.RETRYABLE, None),
        ("delete_user", "commit_then_drop", {}, Kind.RETRYABLE, None),
        ("post_event", "hang", {}, Kind.UNKNOWN, None),
        ("post_event", "commit_then_drop", {}, Kind.UNKNOWN, None),
    ],
)
def test_every_other_answer(
    sandbox: Sandbox, operation: str, mode: str, details: dict[str, Any], kind: Kind, status: int | None
) -> None:
    sandbox.scenario("parcelvoy", mode, **details)
    hasty = wire(0.5)
    outcome = one(speaking("parcelvoy", sandbox, hasty), operation)
    hasty.close()
    assert (outcome.kind, outcome.status) == (kind, status)
    assert outcome.reason


def test_a_413_splits_a_batch(sandbox: Sandbox, parcelvoy: Connector) -> None:
    sandbox.scenario("parcelvoy", "error", 1, status=413)
    outcomes = parcelvoy.send("upsert_user", commands(*({"external_id": str(n)} for n in range(4))))
    assert kinds(outcomes) == [Kind.DELIVERED] * 4
    assert sandbox.calls("parcelvoy") == 3


def test_a_limit_is_passed_on(sandbox: Sandbox, parcelvoy: Connector) -> None:
    sandbox.scenario("parcelvoy", "rate_limited", retry_after="7")
    assert one(parcelvoy, "post_event").retry_after == 7


def test_after_a_lost_answer_a_user_is_there_once(sandbox: Sandbox, parcelvoy: Connector) -> None:
    sandbox.scenario("parcelvoy", "commit_then_drop", 1)
    first, second = one(parcelvoy, "upsert_user"), one(parcelvoy, "upsert_user", attempt=2)
    assert (first.kind, second.kind) == (Kind.RETRYABLE, Kind.DELIVERED)
    assert len(sandbox.provider("parcelvoy").project.users) == 1


def test_where_the_server_deduplicates_events_may_be_repeated(sandbox: Sandbox, line: HttpWire) -> None:
    connector = speaking("parcelvoy", sandbox, line, deduplicates=True)
    sandbox.scenario("parcelvoy", "commit_then_drop", 1)
    assert one(connector, "post_event").kind is Kind.RETRYABLE
    sandbox.scenario("parcelvoy", "deduplicating")
    assert one(connector, "post_event", attempt=2).delivered
    assert len(sandbox.provider("parcelvoy").project.events) == 1


MEMBERS = st.sampled_from(["status", "error", "code"])
ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(MEMBERS, inner),
)


@given(st.integers(100, 999), st.binary() | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_any_answer_has_a_meaning(status: int, body: bytes) -> None:
    assert repr(judge(Answer(status, {}, body), commands({}, {}))).encode()


# ---- the sandbox is as strict as the server --------------------------------------------------------------------------


def ask(
    sandbox: Sandbox,
    line: HttpWire,
    method: str,
    path: str,
    body: Any = None,
    key: str | None = f"Bearer {SECRET}",
    **headers: str,
) -> Answer:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | ({"Authorization": key} if key else {})
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return line.call(method, sandbox.url_of("parcelvoy") + path, headers=sent, data=data)


def told(answer: Answer) -> tuple[int, Any, Any]:
    body = answer.json()
    assert body["status"] == "error"
    return answer.status, body["error"], body.get("code")


USER = {"external_id": "c-1"}
DEVICE = SAMPLES["register_device"]


@pytest.mark.parametrize(
    ("request_line", "body", "error"),
    [
        ("POST /alias", {}, "Must have required property 'external_id'"),
        ("POST /alias", USER, "Must have required property 'anonymous_id'"),
        ("POST /alias", {"external_id": None, "anonymous_id": "a"}, "The value of `external_id` must be a string."),
        ("POST /alias", {"external_id": 5, "anonymous_id": "a"}, "The value of `external_id` must be a string."),
        ("POST /alias", [], "The value of `` must be a object."),
        ("POST /identify", {"email": 5, "x": 1}, "Must have required property 'anonymous_id'"),
        ("POST /identify", USER | {"x": 1, "email": 5}, "Must NOT have additional properties"),
        ("POST /identify", USER | {"timezone": "GMT+2"}, "The timezone value must be in the IANA format."),
        ("POST /identify", USER | {"timezone": ""}, "The timezone value must be in the IANA format."),
        ("POST /identify", USER | {"timezone": 5}, "The value of `timezone` must be a string."),
        ("POST /identify", USER | {"data": []}, "The value of `data` must be a object."),
        ("POST /identify", USER | {"locale": 1, "email": 1}, "The value of `email` must be a string."),
        ("POST /devices", {"os": 5}, "Must have required property 'anonymous_id'"),
        ("POST /devices", USER, "Must have required property 'device_id'"),
        ("POST /devices", DEVICE | {"app_build": 465}, "The value of `app_build` must be a string."),
        ("POST /devices", DEVICE | {"os_version": None}, "The value of `os_version` must be a string."),
        ("POST /events", [], "Must NOT have fewer than 1 items"),
        ("POST /events", USER, "The value of `` must be a array."),
        ("POST /events", [USER], "Must have required property 'name'"),
        ("POST /events", [{"name": "a"}], "Must have required property 'anonymous_id'"),
        ("POST /events", [USER | {"name": 1}], "The value of `0/name` must be a string."),
        (
            "POST /events",
            [USER | {"name": "a"}, USER | {"name": "a", "user": {"email": 1}}],
            "The value of `1/user/email` must be a string.",
        ),
        ("PATCH /users", [], "Must NOT have fewer than 1 items"),
        ("PATCH /users", [USER | {"email": 1}], "Must have required property 'anonymous_id'"),
        ("PATCH /users", [{"anonymous_id": "a", "email": 1}], "The value of `0/email` must be a string."),
        ("DELETE /users?user_id=", None, "Must NOT have fewer than 1 items"),
        ("DELETE /users", ["c-1"], "Must NOT have fewer than 1 items"),
    ],
)
def test_its_sentences(sandbox: Sandbox, line: HttpWire, request_line: str, body: Any, error: str) -> None:
    method, path = request_line.split()
    assert told(ask(sandbox, line, method, f"/api/client{path}", body)) == (422, error, None)
    assert sandbox.received("parcelvoy") == []


@pytest.mark.parametrize(
    ("request_line", "body"),
    [
        ("POST /identify", {"external_id": None}),
        ("POST /identify", {"external_id": "", "email": None, "timezone": None, "data": None}),
        ("POST /identify/", USER | {"timezone": "europe/STOCKHOLM"}),
        ("POST /DEVICES", DEVICE | {"token": None, "sdk_version": 5}),
        ("POST /events", [USER | {"name": "", "extra": 1, "user": {"timezone": "nowhere"}}] * 2000),
        ("PATCH /users", [USER | {"timezone": "nowhere", "extra": 1}, {"external_id": "c-2", "anonymous_id": None}]),
        ("POST /segment", [{"type": "track", "userId": None}]),
    ],
)
def test_it_takes_what_the_server_takes(sandbox: Sandbox, line: HttpWire, request_line: str, body: Any) -> None:
    method, path = request_line.split()
    answer = ask(sandbox, line, method, f"/api/client{path}", body)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize(
    ("key", "path", "status", "code"),
    [
        (None, "/users", 401, 1000),
        ("Bearer demo", "/users", 401, 1000),
        (f"bearer {SECRET}", "/users", 401, 1000),
        (f"Bearer  {SECRET}", "/users", 401, 1000),
        ("Bearer pk_unknown", "/users", 404, 6000),
        (f"Bearer {PUBLIC}", "/users", 403, 1007),
        (f"Bearer {SUPPORT}", "/users", 403, None),
    ],
)
def test_who_calls_comes_first(
    sandbox: Sandbox, line: HttpWire, key: str | None, path: str, status: int, code: int | None
) -> None:
    answer = ask(sandbox, line, "PATCH", f"/api/client{path}", [{"wrong": 1}], key=key)
    assert (told(answer)[0], told(answer)[2]) == (status, code)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/api/client/track", {}, 404),
        ("POST", "/api/client//identify", {}, 404),
        ("POST", "/api/client/identify//", {}, 404),
        ("GET", "/api/client/identify", {}, 405),
        ("HEAD", "/api/client/identify", {}, 405),
        ("OPTIONS", "/api/client/identify", {}, 200),
        ("OPTIONS", "/anywhere", {"Access_Control_Request_Method": "POST"}, 204),
    ],
)
def test_paths_and_methods_need_no_key(
    sandbox: Sandbox, line: HttpWire, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = ask(sandbox, line, method, path, key=None, **headers)
    assert answer.status == status
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert ("Allow" in answer.headers) is (status in {200, 405})


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/api/client/nowhere", b"{", {}),
        ("/api/client/identify", b"5", {}),
        ("/api/client/identify", b'"text"', {}),
        ("/api/client/identify", b'{"external_id":NaN}', {}),
        ("/api/client/identify", b"{}", {"Content_Encoding": "br"}),
        ("/api/client/identify", b"not gzip", {"Content_Encoding": "gzip"}),
        ("/api/client/identify", b'{"external_id":"' + b"x" * MAX_BODY + b'"}', {}),
        ("/api/client/identify", gzip.compress(b" " * (MAX_BODY + 1), mtime=0), {"Content_Encoding": "gzip"}),
        ("/api/client/identify", b"x" * 57_345, {"Content_Type": "text/plain"}),
    ],
)
def test_a_body_is_read_before_anything_else(
    sandbox: Sandbox, line: HttpWire, path: str, body: bytes, headers: dict[str, str]
) -> None:
    answer = ask(sandbox, line, "POST", path, body, key=None, **headers)
    assert told(answer) == (400, "An error occurred with this request.", None)
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"external_id=c-1", {"Content_Type": "application/x-www-form-urlencoded"}, 204),
        (b'{"external_id":"c-1"}', {"Content_Type": "application/vnd.api+json; charset=utf-8"}, 204),
        (gzip.compress(b'{"external_id":"c-1"}', mtime=0), {"Content_Encoding": "gzip"}, 204),
        (b'{"external_id":"c-1"}', {"Content_Type": "text/plain"}, 422),
        (b'{"external_id":"c-1"}', {"Content_Type": "application/octet-stream"}, 422),
    ],
)
def test_content_types(sandbox: Sandbox, line: HttpWire, body: bytes, headers: dict[str, str], status: int) -> None:
    assert ask(sandbox, line, "POST", "/api/client/identify", body, **headers).status == status


def test_what_landed_can_be_asked_for(sandbox: Sandbox, line: HttpWire, parcelvoy: Connector) -> None:
    one(parcelvoy, "post_event")
    assert ask(sandbox, line, "GET", "/api/client/users/c-12345").json()["external_id"] == "c-12345"
    events = ask(sandbox, line, "GET", "/api/client/users/c-12345/events").json()["results"]
    assert [event["name"] for event in events] == ["Product Purchased"]
    assert ask(sandbox, line, "GET", "/api/client/users/nobody").status == 404


VALUES: st.SearchStrategy[Any] = (
    st.none() | st.integers(-1, 1) | st.sampled_from(["", "c-1", "Europe/Stockholm"]) | st.just({}) | st.just([])
)
NAMES = st.sampled_from(sorted({name for s in ("POST /identify", "POST /devices") for name in SCHEMAS[s].members}))  # type: ignore[union-attr]
OBJECTS = st.dictionaries(NAMES | st.sampled_from(["name", "user", "extra"]), VALUES | st.dictionaries(NAMES, VALUES))
BODIES = OBJECTS | st.lists(OBJECTS | VALUES, max_size=3) | VALUES
OURS: dict[str, Any] = {
    "POST /alias": client_schemas.ALIAS,
    "POST /identify": client_schemas.IDENTIFY,
    "POST /devices": client_schemas.DEVICE,
    "POST /events": client_schemas.EVENTS,
    "PATCH /users": client_schemas.USERS,
}


@given(st.sampled_from(sorted(OURS)), BODIES)
def test_it_finds_the_faults_that_our_own_receiver_finds(name: str, body: Any) -> None:
    """Both were written from the same facts by different hands."""
    assert fault(SCHEMAS[name], body) == client_schemas.fault(OURS[name], body)
