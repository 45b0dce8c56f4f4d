"""What every answer of Sendios means, by its stand-in over a real socket: contracts.md §2.5, and waiting for users."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.base import Answer, Kind
from connectors.http import HttpWire
from connectors.sandbox import sendios as stand_in
from connectors.sandbox.server import Sandbox
from connectors.sendios import Sendios
from connectors.sendios_answers import Seen, read
from tests.connectors.sendios import ADA, MAILS, Make, connect, send

KEYED = [name for name, operation in Sendios.operations.items() if operation.repeat_safe]
NEED_A_USER = [name for name, traits in Sendios.traits.items() if traits.needs_user]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.clear()
    return running


@pytest.fixture
def provider(sandbox: Sandbox) -> stand_in.Sendios:
    found: stand_in.Sendios = sandbox.provider("sendios")
    return found


@pytest.fixture
def make(sandbox: Sandbox) -> Iterator[Make]:
    """A connector to the stand-in; keywords are its options, beside or instead of the demo account's."""
    wires: list[HttpWire] = []
    yield lambda **options: connect(options.pop("base_url", sandbox.url_of("sendios")), wires, **options)
    for wire in wires:
        wire.close()


@pytest.fixture
def sendios(make: Make) -> Sendios:
    return make()


@pytest.fixture
def user(sendios: Sendios, sandbox: Sandbox, provider: stand_in.Sendios) -> stand_in.User:
    """Ada, created by a mail which the stand-in's list of what it received has forgotten."""
    assert send(sendios, "send_system").delivered
    sandbox.forget()
    return provider.users[55, ADA]


# ---- contracts.md §2.5, row by row -----------------------------------------------------------------------------------

# A scenario of the stand-in → what a keyed operation and a mail end as. Numbers are statuses of its mode `error`.
ROWS: list[tuple[str | int, Kind, Kind]] = [
    ("ok", Kind.DELIVERED, Kind.DELIVERED),
    ("null_data", Kind.DELIVERED, Kind.DELIVERED),
    ("rejected_in_200", Kind.REJECTED, Kind.REJECTED),
    ("credentials_in_200", Kind.REFUSED, Kind.REFUSED),
    ("absent_in_200", Kind.RETRYABLE, Kind.REJECTED),
    ("wrong_path", Kind.REFUSED, Kind.REFUSED),
    ("reject", Kind.REJECTED, Kind.REJECTED),
    (400, Kind.REJECTED, Kind.REJECTED),
    (422, Kind.REJECTED, Kind.REJECTED),
    ("refuse_credentials", Kind.REFUSED, Kind.REFUSED),
    (401, Kind.REFUSED, Kind.REFUSED),
    (403, Kind.REFUSED, Kind.REFUSED),
    (302, Kind.REFUSED, Kind.REFUSED),
    ("rate_limited", Kind.LIMITED, Kind.LIMITED),
    ("bad_gateway", Kind.RETRYABLE, Kind.UNKNOWN),
    (500, Kind.RETRYABLE, Kind.UNKNOWN),
    (503, Kind.RETRYABLE, Kind.UNKNOWN),
    (408, Kind.RETRYABLE, Kind.UNKNOWN),
    ("garbage", Kind.RETRYABLE, Kind.UNKNOWN),
    ("hang", Kind.RETRYABLE, Kind.UNKNOWN),
    ("commit_then_drop", Kind.RETRYABLE, Kind.UNKNOWN),
]


@pytest.mark.parametrize(("scenario", "keyed", "mail"), ROWS, ids=[str(row[0]) for row in ROWS])
@pytest.mark.parametrize("operation", ["set_user_fields", *MAILS])
def test_every_row_of_the_error_table(
    scenario: str | int, keyed: Kind, mail: Kind, operation: str, make: Make, sandbox: Sandbox, user: Any
) -> None:
    if isinstance(scenario, int):
        sandbox.scenario("sendios", "error", status=scenario)
    else:
        sandbox.scenario("sendios", scenario)
    outcome = send(make(timeout=0.5 if scenario == "hang" else 5.0), operation)
    assert outcome.kind is (mail if operation in MAILS else keyed)
    assert ADA not in repr(outcome)


@pytest.mark.parametrize("operation", Sendios.operations)
def test_a_provider_that_hangs_up_at_once_is_tried_again_unless_it_may_have_listened(
    operation: str, sendios: Sendios, sandbox: Sandbox, provider: stand_in.Sendios
) -> None:
    """Whether the request had left when the connection went is for the wire to say, and differs from time to time."""
    sandbox.scenario("sendios", "down")
    kind = send(sendios, operation).kind
    assert kind in {Kind.RETRYABLE, Kind.UNKNOWN} if operation in MAILS else kind is Kind.RETRYABLE
    assert provider.mails == []


def test_a_refusal_names_the_fields(sendios: Sendios, user: Any) -> None:
    outcome = send(sendios, "set_user_fields", {"email": ADA, "gender": "x", "language": "english"})
    assert (outcome.kind, outcome.status, set(outcome.errors)) == (Kind.REJECTED, 400, {"gender", "language"})


def test_a_custom_field_keeps_its_type(sendios: Sendios, user: Any) -> None:
    assert send(sendios, "set_user_fields", {"email": ADA, "custom_fields": {"tier": "gold"}}).delivered
    outcome = send(sendios, "set_user_fields", {"email": ADA, "custom_fields": {"tier": 1}})
    assert (outcome.kind, set(outcome.errors)) == (Kind.REJECTED, {"tier"})


@pytest.mark.parametrize(
    "payload",
    [
        {"type_id": 700, "data": {"user": {"email": ADA}}},
        {"data": {"user": {"email": ADA}}},
        {"type_id": 7, "data": {"user": {"name": "Ada"}}},
        {"type_id": 7},
    ],
    ids=["unknown type_id", "no type_id", "no address", "no data"],
)
@pytest.mark.parametrize("shape", ["documented", "php_sdk"])
def test_a_mail_that_cannot_be_sent_is_rejected(
    payload: dict[str, Any], shape: str, make: Make, provider: stand_in.Sendios
) -> None:
    assert send(make(push_shape=shape), "send_system", payload).kind is Kind.REJECTED
    assert provider.mails == []


def test_another_project_is_a_matter_of_credentials(make: Make) -> None:
    assert send(make(project_id=56), "send_system").kind is Kind.REFUSED


def test_slowing_down_says_for_how_long(sendios: Sendios, sandbox: Sandbox) -> None:
    sandbox.scenario("sendios", "rate_limited", retry_after=7)
    assert send(sendios, "send_system").retry_after == 7


def test_what_cannot_be_read_is_tried_once_more(sendios: Sendios, sandbox: Sandbox, user: Any) -> None:
    sandbox.scenario("sendios", "garbage")
    kinds = [send(sendios, "set_user_fields", attempt=attempt).kind for attempt in (1, 2)]
    assert kinds == [Kind.RETRYABLE, Kind.REFUSED]


@pytest.mark.parametrize("operation", Sendios.operations)
def test_a_request_that_never_left_is_retryable(operation: str, make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    outcome = send(make(base_url=f"http://127.0.0.1:{port}"), operation)
    assert outcome.kind is Kind.RETRYABLE


WORDS = [
    (404, "User not found", Seen.ABSENT),
    (400, "User not found for project 55 and e-mail ada@example.com", Seen.ABSENT),
    (200, "Forbidden", Seen.CREDENTIALS),
    (400, "Authorization base64 data wrong or invalid", Seen.CREDENTIALS),
    (400, "name: a forbidden word", Seen.INVALID),
    (404, "no such field", Seen.ABSENT),
    (502, "User not found", Seen.FAILED),
]


@pytest.mark.parametrize(("status", "words", "seen"), WORDS)
def test_words_decide_only_where_there_is_no_code(status: int, words: str, seen: Seen) -> None:
    body = json.dumps({"_meta": {"status": "ERROR"}, "data": {"error": words}})
    reading = read(Answer(status, {}, body.encode()))
    assert reading.seen is seen
    assert "@" not in reading.said


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (b"{}", Seen.DONE),
        (b'{"data": null}', Seen.DONE),
        (b'{"_meta": {"status": null}, "data": null}', Seen.DONE),
        (b'{"status": "Accepted"}', Seen.DONE),
        (b'{"_meta": {"status": "SUCCESS"}, "data": {"error": ""}}', Seen.DONE),
        (b'{"_meta": {"status": "SUCCESS"}, "data": {"error": "no"}}', Seen.INVALID),
        (b'{"_meta": {"status": "SUCCESS"}, "data": {"errors": {"vip": "no"}}}', Seen.INVALID),
        (b'{"_meta": {"status": "ERROR"}, "data": null}', Seen.INVALID),
        (b'{"error": "no"}', Seen.INVALID),
        (b"", Seen.UNREADABLE),
        (b"[]", Seen.UNREADABLE),
    ],
)
def test_what_counts_as_success(body: bytes, seen: Seen) -> None:
    """contracts.md §2.2 and §6.1.6: 2xx, no status but SUCCESS, and nothing else that says error."""
    assert read(Answer(200, {}, body)).seen is seen


# ---- waiting for the user (contracts.md §2.3, §6.1.6) ----------------------------------------------------------------

AGES = [0.0, 1.0, 3.0, 6.0, 12.0, 25.0, 29.9]


@pytest.mark.parametrize("operation", NEED_A_USER)
def test_a_user_who_is_being_created_is_waited_for(
    operation: str, sendios: Sendios, provider: stand_in.Sendios
) -> None:
    provider.creation_delay = 3600
    send(sendios, "send_system")
    waits = [send(sendios, operation, age=age) for age in AGES]
    assert {wait.kind for wait in waits} == {Kind.RETRYABLE}
    assert [wait.retry_in for wait in waits] == [2.0, 2.0, 2.0, 3.0, 6.0, 5.0, 2.0]
    provider.creation_delay = 0
    assert send(sendios, operation, age=12.0).delivered


@pytest.mark.parametrize("operation", sorted(set(NEED_A_USER) - {"erase_user"}))
def test_after_the_wait_the_user_does_not_exist(operation: str, sendios: Sendios) -> None:
    outcome = send(sendios, operation, attempt=9, age=30.0)
    assert outcome.kind is Kind.REJECTED
    assert "the user does not exist at Sendios" in outcome.reason


def test_erasing_nobody_is_done_after_the_wait(sendios: Sendios) -> None:
    outcome = send(sendios, "erase_user", attempt=9, age=30.0)
    assert (outcome.kind, len(outcome.warnings)) == (Kind.DELIVERED, 1)


def test_the_wait_is_an_option(make: Make) -> None:
    assert send(make(user_wait=120), "set_user_fields", age=60.0).kind is Kind.RETRYABLE
    assert send(make(user_wait=0), "set_user_fields").kind is Kind.REJECTED


# ---- committed, then dropped -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", MAILS)
def test_a_mail_whose_answer_is_lost_is_unknown_and_sent_once(
    operation: str, sendios: Sendios, sandbox: Sandbox, provider: stand_in.Sendios
) -> None:
    sandbox.scenario("sendios", "commit_then_drop", count=1)
    assert send(sendios, operation).kind is Kind.UNKNOWN
    assert len(provider.mails) == 1


@pytest.mark.parametrize("operation", KEYED)
def test_anything_else_whose_answer_is_lost_is_repeated_to_one_effect(
    operation: str, sendios: Sendios, sandbox: Sandbox, provider: stand_in.Sendios, user: stand_in.User
) -> None:
    sandbox.scenario("sendios", "commit_then_drop", count=1)
    first = send(sendios, operation)
    after_one = repr(provider.users)
    second = send(sendios, operation, attempt=2, age=40.0)
    assert (first.kind, second.kind) == (Kind.RETRYABLE, Kind.DELIVERED)
    assert repr(provider.users) == after_one
    assert len(provider.mails) == 1  # the one that created the user
