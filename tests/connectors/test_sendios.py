"""Sendios against its stand-in, over a real socket: what is put on the wire, and what every answer means."""

from __future__ import annotations

import json
import socket
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from connectors.base import Answer, Command, Kind, Outcome
from connectors.http import HttpWire
from connectors.sandbox import sendios as sandbox_sendios
from connectors.sandbox.sendios import CREDENTIALS
from connectors.sandbox.server import Sandbox
from connectors.sendios import Sendios, email_hash
from connectors.sendios_answers import Seen, read
from connectors.tokens import MemoryTokens

ADA = "ada@example.com"
SAMPLES = {
    name: {**sample, **({"email": ADA} if "email" in sample else {})}
    for name, sample in sandbox_sendios.SAMPLES.items()
}
MAILS = ["send_system", "send_trigger"]
KEYED = [name for name, operation in Sendios.operations.items() if operation.repeat_safe]
NEED_A_USER = [name for name, traits in Sendios.traits.items() if traits.needs_user]

Make = Callable[..., Sendios]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.clear()
    return running


@pytest.fixture
def provider(sandbox: Sandbox) -> sandbox_sendios.Sendios:
    found: sandbox_sendios.Sendios = sandbox.provider("sendios")
    return found


@pytest.fixture
def make(sandbox: Sandbox) -> Iterator[Make]:
    """A connector to the stand-in; keywords are options beside or instead of the demo account's."""
    wires = []

    def build(timeout: float = 5.0, **options: Any) -> Sendios:
        wires.append(HttpWire(timeout=timeout, allow_private=True))
        told = CREDENTIALS | {"base_url": sandbox.url_of("sendios")} | options
        loaded = Sendios.options().load({name: value for name, value in told.items() if value is not None})
        return Sendios(loaded, wires[-1], MemoryTokens())

    yield build
    for wire in wires:
        wire.close()


@pytest.fixture
def sendios(make: Make) -> Sendios:
    return make()


def command(payload: dict[str, Any], id: str = "delivery-1", attempt: int = 1, age: float = 0.0) -> Command:
    return Command(id=id, payload=payload, attempt=attempt, age=age)


def send(connector: Sendios, operation: str, payload: dict[str, Any] | None = None, **about: Any) -> Outcome:
    (outcome,) = connector.send(operation, [command(SAMPLES[operation] if payload is None else payload, **about)])
    return outcome


@pytest.fixture
def user(sendios: Sendios, sandbox: Sandbox, provider: sandbox_sendios.Sendios) -> sandbox_sendios.User:
    """Ada, created by a mail which the stand-in's list of what it received has forgotten."""
    assert send(sendios, "send_system").delivered
    sandbox.forget()
    return provider.users[55, ADA]


# ---- what is put on the wire -----------------------------------------------------------------------------------------


def test_the_header_is_the_documented_vector(sendios: Sendios) -> None:
    """contracts.md §2.1: the SHA-1 of the SDK key, in hex, is the API key of the wire."""
    token = "MTIzOjk1NzA4MTc0NmI1NDk3N2Q1MWJlZjlmYzc0ZjRkNGZkMDIzYmFiMTM="
    assert f"Basic {token}" == sandbox_sendios.AUTHORIZATION  # all that the stand-in lets in
    assert send(sendios, "check_email").delivered


def test_an_api_key_is_used_as_it_is(make: Make) -> None:
    hashed = "957081746b54977d51bef9fc74f4d4fd023bab13"
    assert send(make(sdk_key=None, api_key=hashed), "check_email").delivered


def test_an_sdk_key_given_as_api_key_is_refused(make: Make) -> None:
    outcome = send(make(sdk_key=None, api_key=CREDENTIALS["sdk_key"]), "check_email")
    assert outcome.kind is Kind.REFUSED


@pytest.mark.parametrize("keys", [{}, {"api_key": "a", "sdk_key": "b"}], ids=["neither", "both"])
def test_exactly_one_key_must_be_configured(keys: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one of api_key and sdk_key"):
        Sendios.options().load({"client_id": 123, "project_id": 55, **keys})


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_the_address_may_end_in_the_version(end: str, make: Make, sandbox: Sandbox) -> None:
    assert send(make(base_url=sandbox.url_of("sendios") + end), "check_email").delivered


@pytest.mark.parametrize(("operation", "category"), [("send_system", 1), ("send_trigger", 2)])
def test_a_mail_is_documented_shape_with_the_delivery_for_correlation(
    operation: str, category: int, sendios: Sendios, sandbox: Sandbox
) -> None:
    payload = {"type_id": 7, "data": {"user": {"email": ADA, "name": "Ada"}, "order_no": "A-1"}, "meta": {"run": "x"}}
    send(sendios, operation, payload, id="01J")
    (received,) = sandbox.received("sendios")
    assert received["path"] == f"/v1/push/{operation.removeprefix('send_')}"
    assert received["body"] == {
        "type_id": 7,
        "category": category,
        "client_id": 123,
        "project_id": 55,
        "data": {"user": {"email": ADA, "name": "Ada"}, "order_no": "A-1"},
        "meta": {"run": "x", "router_message_id": "01J"},
    }


def test_a_mail_in_the_shape_of_the_php_sdk(make: Make, sandbox: Sandbox) -> None:
    settings = {"subject_id": 3, "template_id": 4}
    payload = {
        "type_id": 7,
        "data": {"user": {"email": ADA, "name": "Ada"}, "order_no": "A-1"},
        "transactional_mail_settings": settings,
    }
    assert send(make(push_shape="php_sdk"), "send_system", payload, id="01J").delivered
    (received,) = sandbox.received("sendios")
    assert received["body"] == {
        "type_id": 7,
        "project_id": 55,
        "email": ADA,
        "data": {"order_no": "A-1", "user": {"name": "Ada"}, "meta": {"router_message_id": "01J"}},
        "transactional_mail_settings": settings,
    }


def test_mail_settings_have_no_place_in_the_documented_shape(sendios: Sendios, sandbox: Sandbox) -> None:
    payload = SAMPLES["send_system"] | {"transactional_mail_settings": {"subject_id": 3}}
    outcome = send(sendios, "send_system", payload)
    assert (outcome.kind, list(outcome.errors)) == (Kind.REJECTED, ["transactional_mail_settings"])
    assert sandbox.calls("sendios") == 0


@pytest.mark.parametrize(
    ("email", "segment"),
    [
        ("test@Example.com", "dGVzdEBFeGFtcGxlLmNvbQ%3D%3D"),
        ("~~~???@example.com", "fn5%2BPz8%2FQGV4YW1wbGUuY29t"),
        (ADA, "YWRhQGV4YW1wbGUuY29t"),
    ],
)
def test_an_address_in_a_path_is_standard_base64_percent_encoded(
    email: str, segment: str, sendios: Sendios, sandbox: Sandbox
) -> None:
    """contracts.md §2.3: the vectors, by a request that the stand-in decodes and finds its user with."""
    send(sendios, "send_system", {"type_id": 7, "data": {"user": {"email": email}}})
    assert send(sendios, "set_user_fields", {"email": email, "name": "N"}).delivered
    assert sandbox.received("sendios")[-1]["path"] == f"/v1/userfields/project/55/emailhash/{segment}"


@given(st.emails())
def test_a_path_segment_decodes_to_the_address(email: str) -> None:
    segment = email_hash(email)
    assert not set(segment) & set("/+=")
    plain = segment.replace("%2F", "/").replace("%2B", "+").replace("%3D", "=")
    assert b64decode(plain, validate=True).decode() == email


def test_user_fields_go_flat_with_the_custom_ones_and_a_named_platform(
    sendios: Sendios, sandbox: Sandbox, user: sandbox_sendios.User
) -> None:
    payload = {"email": ADA, "language": "sv", "platform_id": "android", "custom_fields": {"tier": "gold", "visits": 3}}
    assert send(sendios, "set_user_fields", payload).delivered
    (received,) = sandbox.received("sendios")
    assert (received["method"], received["path"]) == ("PUT", "/v1/userfields/project/55/emailhash/YWRhQGV4YW1wbGUuY29t")
    assert received["body"] == {"language": "sv", "platform_id": 3, "tier": "gold", "visits": 3}
    assert user.custom_fields == {"tier": "gold", "visits": 3}


def test_user_fields_go_by_id_where_it_is_mapped(
    sendios: Sendios, sandbox: Sandbox, user: sandbox_sendios.User
) -> None:
    outcome = send(sendios, "set_user_fields", {"user_id": user.id, "email": ADA, "vip": 1})
    assert (outcome.kind, outcome.provider_id) == (Kind.DELIVERED, str(user.id))
    (received,) = sandbox.received("sendios")
    assert (received["path"], received["body"]) == (f"/v1/userfields/user/{user.id}", {"vip": 1})


PLATFORMS = [
    ("desktop", {}, 1),
    ("ios", {}, 4),
    ("ios", {"ios": 5}, 5),
    (3, {"android": 4}, 3),
    ("fridge", {}, "fridge"),
]


@pytest.mark.parametrize(("mapped", "configured", "sent"), PLATFORMS)
def test_a_platform_is_named_or_numbered(
    mapped: Any, configured: dict[str, int], sent: Any, make: Make, sandbox: Sandbox
) -> None:
    payload = {"type_id": 7, "data": {"user": {"email": ADA, "platform_id": mapped}}}
    send(make(platform_ids=configured), "send_system", payload)
    assert sandbox.received("sendios")[0]["body"]["data"]["user"]["platform_id"] == sent


@pytest.mark.parametrize(
    ("operation", "payload", "method", "path", "body"),
    [
        (
            *("link_client_user", SAMPLES["link_client_user"], "POST", "/v1/clientuser/create"),
            {"email": ADA, "client_user_id": "c-12345", "project_id": 55},
        ),
        ("check_email", {"email": ADA, "sanitize": True}, "POST", "/v1/email/check", {"email": ADA, "sanitize": True}),
        ("unsubscribe", {"email": ADA}, "POST", "/v1/unsub/admin/55/email/YWRhQGV4YW1wbGUuY29t", {}),
        ("unsubscribe", {"user_id": 899002}, "POST", "/v1/unsub/899002/source/8", {}),
        ("unsubscribe", {"user_id": 899002, "source": 9}, "POST", "/v1/unsub/899002/source/9", {}),
        ("resubscribe", {"user_id": 899002}, "DELETE", "/v1/unsub/899002", ""),
        ("resubscribe", {"email": ADA}, "DELETE", "/v1/unsub/899002", ""),
        (
            *("erase_user", {"email": ADA}, "POST", "/v1/user/erase"),
            {"email": ADA, "project_id": 55, "force_delete": False},
        ),
        (
            *("erase_user", {"email": ADA, "force_delete": True}, "POST", "/v1/user/erase"),
            {"email": ADA, "project_id": 55, "force_delete": True},
        ),
    ],
)
def test_the_other_operations(
    operation: str,
    payload: dict[str, Any],
    method: str,
    path: str,
    body: Any,
    sendios: Sendios,
    sandbox: Sandbox,
    user: sandbox_sendios.User,
) -> None:
    assert user.id == 899002
    assert send(sendios, operation, payload).delivered
    (received,) = sandbox.received("sendios")
    assert (received["method"], received["path"], received["body"]) == (method, path, body)


@pytest.mark.parametrize("operation", ["set_user_fields", "unsubscribe", "resubscribe"])
def test_somebody_must_be_meant(operation: str, sendios: Sendios, sandbox: Sandbox) -> None:
    outcome = send(sendios, operation, {})
    assert (outcome.kind, list(outcome.errors)) == (Kind.REJECTED, ["email"])
    assert sandbox.calls("sendios") == 0


# ---- what is done there ----------------------------------------------------------------------------------------------


def test_unsubscribing_twice_is_delivered_with_a_warning(sendios: Sendios, user: sandbox_sendios.User) -> None:
    first, second = send(sendios, "unsubscribe"), send(sendios, "unsubscribe")
    assert (first.delivered, first.warnings) == (True, ())
    assert (second.delivered, second.warnings) == (True, ("the user was unsubscribed already",))


def test_resubscribing_takes_an_unsubscription_back(sendios: Sendios, user: sandbox_sendios.User) -> None:
    send(sendios, "unsubscribe")
    assert send(sendios, "resubscribe").delivered
    assert user.unsubscribed is None


CHECKS = [
    ("ada@example.com", ()),
    ("nonsense", ("the address is not valid: invalid",)),
    ("ada@nomx.example", ("the address is not valid: mx_record",)),
    ("ada@gmial.com", ("Sendios corrects the address to another one",)),
]


@pytest.mark.parametrize(("email", "warnings"), CHECKS, ids=["valid", "invalid", "no mail server", "corrected"])
def test_checking_an_address_warns_of_what_is_wrong_with_it(
    email: str, warnings: tuple[str, ...], sendios: Sendios
) -> None:
    outcome = send(sendios, "check_email", {"email": email, "sanitize": True})
    assert (outcome.kind, outcome.warnings) == (Kind.DELIVERED, warnings)


def test_erasing_is_what_a_deletion_becomes(
    sendios: Sendios, provider: sandbox_sendios.Sendios, user: sandbox_sendios.User
) -> None:
    assert Sendios.operations["erase_user"].removes
    assert send(sendios, "erase_user").delivered
    assert provider.erasures == {user.id: False}


def test_a_forced_erasure_removes_the_user_at_once(
    sendios: Sendios, provider: sandbox_sendios.Sendios, user: sandbox_sendios.User
) -> None:
    assert send(sendios, "erase_user", {"email": ADA, "force_delete": True}).delivered
    assert user not in provider.users.values()


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
    outcome = send(make(timeout=0.5), operation)
    assert outcome.kind is (mail if operation in MAILS else keyed)
    assert ADA not in repr(outcome)


@pytest.mark.parametrize("operation", Sendios.operations)
def test_a_provider_that_hangs_up_at_once_is_tried_again_unless_it_may_have_listened(
    operation: str, sendios: Sendios, sandbox: Sandbox, provider: sandbox_sendios.Sendios
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
    payload: dict[str, Any], shape: str, make: Make, provider: sandbox_sendios.Sendios
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


# ---- the stand-in itself ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", Sendios.operations)
def test_every_sample_is_delivered(operation: str, sendios: Sendios) -> None:
    assert send(sendios, operation, sandbox_sendios.SAMPLES[operation]).delivered


@pytest.mark.parametrize(
    "segment",
    ["dGVzdEBFeGFtcGxlLmNvbQ", "fn5-Pz8_QGV4YW1wbGUuY29t", "test%40Example.com", "fn5+Pz8/QGV4YW1wbGUuY29t"],
    ids=["no padding", "url-safe", "plain", "a slash in the path"],
)
def test_the_stand_in_knows_nobody_by_another_encoding(segment: str, sendios: Sendios, sandbox: Sandbox) -> None:
    for email in ("test@Example.com", "~~~???@example.com"):
        send(sendios, "send_system", {"type_id": 7, "data": {"user": {"email": email}}})
    wire = HttpWire(allow_private=True)
    url = sandbox.url_of("sendios") + f"/v1/userfields/project/55/emailhash/{segment}"
    answer = wire.call("PUT", url, headers={"Authorization": sandbox_sendios.AUTHORIZATION}, json={"name": "N"})
    wire.close()
    assert answer.status == 404


def test_the_stand_in_keeps_one_user_for_an_address_in_any_case(
    sendios: Sendios, provider: sandbox_sendios.Sendios
) -> None:
    for email in ("Ada@example.com", ADA):
        send(sendios, "send_system", {"type_id": 7, "data": {"user": {"email": email}}})
    assert [user.sent_mails for user in provider.users.values() if user.email != sandbox_sendios.DEMO_USER] == [2]


# ---- waiting for the user (contracts.md §2.3, §6.1.6) ----------------------------------------------------------------

AGES = [0.0, 1.0, 3.0, 6.0, 12.0, 25.0, 29.9]


@pytest.mark.parametrize("operation", NEED_A_USER)
def test_a_user_who_is_being_created_is_waited_for(
    operation: str, sendios: Sendios, provider: sandbox_sendios.Sendios
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
    operation: str, sendios: Sendios, sandbox: Sandbox, provider: sandbox_sendios.Sendios
) -> None:
    sandbox.scenario("sendios", "commit_then_drop", count=1)
    assert send(sendios, operation).kind is Kind.UNKNOWN
    assert len(provider.mails) == 1


@pytest.mark.parametrize("operation", KEYED)
def test_anything_else_whose_answer_is_lost_is_repeated_to_one_effect(
    operation: str, sendios: Sendios, sandbox: Sandbox, provider: sandbox_sendios.Sendios, user: sandbox_sendios.User
) -> None:
    sandbox.scenario("sendios", "commit_then_drop", count=1)
    first = send(sendios, operation)
    after_one = repr(provider.users)
    second = send(sendios, operation, attempt=2, age=40.0)
    assert (first.kind, second.kind) == (Kind.RETRYABLE, Kind.DELIVERED)
    assert repr(provider.users) == after_one
    assert len(provider.mails) == 1  # the one that created the user
