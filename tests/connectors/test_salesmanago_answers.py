"""Every row of contracts.md §1.7, by SALESmanago's stand-in over a real socket; and answers that no stand-in gives."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Answer, Kind
from connectors.http import HttpWire
from connectors.salesmanago import NO_JSON, WAS_GONE, Salesmanago
from connectors.salesmanago_answers import TRIES_OF_A_PAGE, Seen, read_v2, read_v3
from connectors.sandbox.salesmanago_account import Account
from connectors.sandbox.server import Sandbox
from tests.connectors.salesmanago import ADA, Make, commands, connect, contact, event, send

KEYED = [name for name, operation in Salesmanago.operations.items() if operation.repeat_safe]
OTHERS = [name for name in Salesmanago.operations if name not in KEYED]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.clear()
    return running


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    found: Account = sandbox.provider("salesmanago").account
    return found


@pytest.fixture
def make(sandbox: Sandbox) -> Iterator[Make]:
    wires: list[HttpWire] = []
    address = sandbox.url_of("salesmanago")
    yield lambda **options: connect(options.pop("base_url", address), wires, **options)
    for wire in wires:
        wire.close()


@pytest.fixture
def connector(make: Make) -> Salesmanago:
    return make()


# ---- the table of §1.7 -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """What is sent in which scenario, and what is to be made of the answer."""

    operation: str
    mode: str
    kind: Kind
    says: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    payload: Mapping[str, Any] | None = None
    attempt: int = 1
    retry_after: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


ROWS = {
    "v2 200, success": Row("upsert_contact", "ok", Kind.DELIVERED),
    "v2 200, success, of an event": Row("add_event", "ok", Kind.DELIVERED),
    "v2 200, success false, not authenticated": Row(
        "upsert_contact", "refuse_credentials", Kind.REFUSED, "User not authenticated"
    ),
    "v2 200, success false, not authenticated, of an event": Row(
        "add_event", "refuse_credentials", Kind.REFUSED, "User not authenticated"
    ),
    "v2 200, success false, wrong secret": Row(
        "upsert_contact", "ok", Kind.REFUSED, "User not authenticated", options={"api_secret": "another"}
    ),
    "v2 200, success false, other": Row("upsert_contact", "reject", Kind.REJECTED, "as the sandbox was told to"),
    "v2 200, success false, other, of an event": Row(
        "add_event", "reject", Kind.REJECTED, "as the sandbox was told to"
    ),
    "v2 200, success false, unknown contact of an event": Row(
        "add_event", "strict_events", Kind.REJECTED, "Contact not found", payload=event("new@example.com")
    ),
    "v2 200, success, unknown contact of an event": Row(
        "add_event", "ok", Kind.DELIVERED, payload=event("new@example.com")
    ),
    "v2 200, no JSON, deletion": Row("delete_contact", "delete_without_json", Kind.DELIVERED),
    "v2 200, no JSON": Row("upsert_contact", "garbage", Kind.RETRYABLE, "a page instead of an answer"),
    "v2 200, no JSON, few times": Row("upsert_contact", "garbage", Kind.RETRYABLE, attempt=TRIES_OF_A_PAGE - 1),
    "v2 200, no JSON, then permanent": Row("upsert_contact", "garbage", Kind.REJECTED, attempt=TRIES_OF_A_PAGE),
    "v2 200, no JSON, of an event": Row("add_event", "garbage", Kind.UNKNOWN),
    "v2 429": Row("upsert_contact", "rate_limited", Kind.LIMITED, retry_after=1.0),
    "v2 429, of an event": Row("add_event", "rate_limited", Kind.LIMITED, retry_after=1.0),
    "v2 text rate limit": Row("upsert_contact", "limited_in_words", Kind.LIMITED, "Rate limit exceeded"),
    "v3 429": Row("upsert_product", "rate_limited", Kind.LIMITED, retry_after=1.0),
    "v2 403, Cloudflare": Row("upsert_contact", "block_everybody", Kind.REFUSED, "User-Agent"),
    "v3 403, Cloudflare": Row("upsert_product", "block_everybody", Kind.REFUSED, "User-Agent"),
    "v2 404": Row("upsert_contact", "error", Kind.REFUSED, "base URL", {"status": 404}),
    "v2 301": Row("upsert_contact", "error", Kind.REFUSED, "base URL", {"status": 301}),
    "v2 302, of an event": Row("add_event", "error", Kind.REFUSED, "base URL", {"status": 302}),
    "v3 404": Row("upsert_product", "error", Kind.REFUSED, "base URL", {"status": 404}),
    "v2 400": Row("upsert_contact", "error", Kind.REJECTED, details={"status": 400}),
    "v2 401": Row("upsert_contact", "error", Kind.REJECTED, details={"status": 401}),
    "v2 403, not Cloudflare": Row("upsert_contact", "error", Kind.REJECTED, details={"status": 403}),
    "v2 422, of an event": Row("add_event", "error", Kind.REJECTED, details={"status": 422}),
    "v2 500": Row("upsert_contact", "error", Kind.RETRYABLE, details={"status": 500}),
    "v2 503": Row("upsert_contact", "error", Kind.RETRYABLE),
    "v2 503, of an event": Row("add_event", "error", Kind.UNKNOWN),
    "v3 500": Row("upsert_product", "error", Kind.RETRYABLE, details={"status": 500}),
    "v2 reset": Row("upsert_contact", "commit_then_drop", Kind.RETRYABLE),
    "v2 reset, of an event": Row("add_event", "commit_then_drop", Kind.UNKNOWN),
    "v2 timeout": Row("upsert_contact", "hang", Kind.RETRYABLE, options={"timeout": 0.3}),
    "v2 timeout, of an event": Row("add_event", "hang", Kind.UNKNOWN, options={"timeout": 0.3}),
    "v3 400, reasonCode 10": Row("upsert_product", "refuse_credentials", Kind.REFUSED, "API key is not valid"),
    "v3 400, wrong key": Row("upsert_product", "ok", Kind.REFUSED, options={"api_v3_key": "another"}),
    "v3 200, reasonCode 12 only": Row(
        "upsert_product", "ok", Kind.DELIVERED, payload={"productId": "1", "name": "A", "description": "x" * 20_000}
    ),
    "v3 400, other codes": Row("upsert_product", "reject", Kind.REJECTED, "as the sandbox was told to"),
    "v3 400, unknown catalog": Row(
        "upsert_product", "ok", Kind.REJECTED, "catalogId does not exist", options={"catalog_id": "another"}
    ),
    "v3 400, field missing": Row("upsert_product", "ok", Kind.REJECTED, "name", payload={"productId": "1"}),
    "v3 200, no JSON": Row("upsert_product", "garbage", Kind.RETRYABLE),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_an_answer_means(make: Make, sandbox: Sandbox, row: Row) -> None:
    connector = make(**row.options)
    sandbox.scenario("salesmanago", row.mode, **row.details)
    outcome = send(connector, row.operation, row.payload, row.attempt)
    assert outcome.kind is row.kind
    assert row.says in outcome.reason
    assert outcome.retry_after == row.retry_after
    assert "demo-secret" not in repr(outcome)
    assert "demo-v3-key" not in repr(outcome)


@pytest.mark.parametrize("operation", Salesmanago.operations)
def test_a_connection_that_is_refused_is_retried_by_all(make: Make, operation: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert send(make(base_url=address), operation).kind is Kind.RETRYABLE


@pytest.mark.parametrize("operation", ["upsert_contact", "upsert_product"])
def test_retry_after_may_be_a_date(connector: Salesmanago, sandbox: Sandbox, operation: str) -> None:
    sandbox.scenario("salesmanago", "rate_limited", retry_after="Wed, 21 Oct 2099 07:28:00 GMT")
    outcome = send(connector, operation)
    assert outcome.kind is Kind.LIMITED
    assert outcome.retry_after is not None
    assert outcome.retry_after > 3600


def test_a_trimmed_product_keeps_its_warning(connector: Salesmanago) -> None:
    outcome = send(connector, "upsert_product", ROWS["v3 200, reasonCode 12 only"].payload)
    assert outcome.warnings == ("description|max:16384|Trimmed",)


# ---- rows of §1.7 that need more than one record ---------------------------------------------------------------------


def test_failed_contacts_are_told_apart(connector: Salesmanago) -> None:
    payloads = [event(ADA), event("nobody@example.com")]
    assert [each.kind for each in connector.send("add_event", commands(payloads))] == [Kind.DELIVERED, Kind.REJECTED]


def test_failures_that_nobody_names_are_for_a_person(connector: Salesmanago, sandbox: Sandbox) -> None:
    sandbox.scenario("salesmanago", "unnamed_failures")
    outcomes = connector.send("add_event", commands([event(ADA)] * 3))
    assert [each.kind for each in outcomes] == [Kind.UNKNOWN] * 3
    assert "failed 1 of 3 events and named 0" in outcomes[0].reason


def test_a_batch_that_is_applied_later_is_accepted(connector: Salesmanago, sandbox: Sandbox, account: Account) -> None:
    sandbox.scenario("salesmanago", "accept_later", 1)
    outcomes = connector.send("upsert_contact", commands([contact(1), contact(2)]))
    assert [each.kind for each in outcomes] == [Kind.DELIVERED] * 2
    assert outcomes[0].warnings == ("SALESmanago accepted it as job 1, to be applied later",)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("error", Kind.RETRYABLE), ("refuse_credentials", Kind.REFUSED), ("rate_limited", Kind.LIMITED)],
)
def test_a_batch_that_fails_for_all_is_one_call(
    connector: Salesmanago, sandbox: Sandbox, mode: str, kind: Kind
) -> None:
    sandbox.scenario("salesmanago", mode)
    outcomes = connector.send("upsert_contact", commands([contact(number) for number in range(10)]))
    assert [each.kind for each in outcomes] == [kind] * 10
    assert sandbox.calls("salesmanago") == 1


def test_a_page_for_a_batch_is_judged_by_each_records_attempts(connector: Salesmanago, sandbox: Sandbox) -> None:
    sandbox.scenario("salesmanago", "garbage")
    fresh, tired = commands([contact(1)]), commands([contact(2)], attempt=TRIES_OF_A_PAGE)
    outcomes = connector.send("upsert_contact", fresh + tired)
    assert [each.kind for each in outcomes] == [Kind.RETRYABLE, Kind.REJECTED]
    assert sandbox.calls("salesmanago") == 1


# ---- committed, then dropped -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [name for name in KEYED if name != "delete_contact"])
def test_what_was_committed_and_dropped_is_delivered_by_a_repeat_with_one_effect(
    connector: Salesmanago, sandbox: Sandbox, account: Account, operation: str
) -> None:
    sandbox.scenario("salesmanago", "commit_then_drop", 1)
    assert send(connector, operation).kind is Kind.RETRYABLE
    assert send(connector, operation, attempt=2).delivered
    assert list(account.contacts) == [ADA]
    assert len(sandbox.provider("salesmanago").catalogs.products["demo-catalog"]) <= 2


def test_a_deletion_that_was_committed_and_dropped_is_delivered_though_there_is_nothing_left(
    connector: Salesmanago, sandbox: Sandbox, account: Account
) -> None:
    sandbox.scenario("salesmanago", "commit_then_drop", 1)
    assert send(connector, "delete_contact").kind is Kind.RETRYABLE
    outcome = send(connector, "delete_contact", attempt=2)
    assert (outcome.kind, outcome.warnings) == (Kind.DELIVERED, (WAS_GONE,))
    assert not account.contacts


@pytest.mark.parametrize("operation", OTHERS)
def test_what_may_have_been_done_and_must_not_be_repeated_is_unknown(
    connector: Salesmanago, sandbox: Sandbox, operation: str
) -> None:
    sandbox.scenario("salesmanago", "commit_then_drop", 1)
    assert send(connector, operation).kind is Kind.UNKNOWN
    assert len(sandbox.received("salesmanago")) == 1


def test_after_an_unclear_answer_the_events_that_were_not_sent_are_only_put_off(
    connector: Salesmanago, sandbox: Sandbox, account: Account
) -> None:
    sandbox.scenario("salesmanago", "commit_then_drop", 1)
    payloads = [event(ADA), event(ADA), event(ADA) | {"forceOptIn": True}]  # the last needs a call of its own
    outcomes = connector.send("add_event", commands(payloads))
    assert [each.kind for each in outcomes] == [Kind.UNKNOWN, Kind.UNKNOWN, Kind.RETRYABLE]
    assert len(account.events) == 2


# ---- deletions -------------------------------------------------------------------------------------------------------


def test_a_deletion_answered_by_a_page_is_looked_after(connector: Salesmanago, sandbox: Sandbox) -> None:
    """Gone: delivered. Still there: the page came from a proxy. Nobody to ask: as the contract says, delivered."""
    sandbox.scenario("salesmanago", "delete_without_json", 1)
    assert send(connector, "delete_contact").warnings == (WAS_GONE,)
    send(connector, "upsert_contact")
    sandbox.scenario("salesmanago", "garbage", 1)
    assert send(connector, "delete_contact").kind is Kind.RETRYABLE
    sandbox.scenario("salesmanago", "garbage", 2)
    outcome = send(connector, "delete_contact")
    assert (outcome.kind, outcome.warnings) == (Kind.DELIVERED, (NO_JSON,))


def test_a_deletion_that_is_refused_while_the_contact_is_there_is_rejected(
    connector: Salesmanago, sandbox: Sandbox
) -> None:
    sandbox.scenario("salesmanago", "reject", 1)
    assert send(connector, "delete_contact").kind is Kind.REJECTED


# ---- answers that the stand-in never gives ---------------------------------------------------------------------------


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


V2 = {
    "a message as a text": ({"success": False, "message": "Not authenticated"}, Seen.CREDENTIALS, "Not authenticated"),
    "no message": ({"success": False}, Seen.REFUSED, '{"success": false}'),
    "success missing": ({"message": []}, Seen.REFUSED, '{"message": []}'),
    "success as a text": ({"success": "true", "message": ["odd"]}, Seen.REFUSED, "odd"),
    "a list": ([1], Seen.PAGE, "[1]"),
    "nothing": (b"", Seen.PAGE, ""),
    "words of a limit without JSON": (b"Rate limit reached", Seen.SLOW_DOWN, "Rate limit reached"),
    "the same in HTML": (b"<p>Rate limit reached", Seen.PAGE, "<p>Rate limit reached"),
    "an address": ({"success": False, "message": ["ada@example.com is bad"]}, Seen.REFUSED, "*** is bad"),
}


@pytest.mark.parametrize(("body", "seen", "said"), V2.values(), ids=V2)
def test_an_envelope_of_v2_is_read(body: Any, seen: Seen, said: str) -> None:
    reading = read_v2(answer(body))
    assert (reading.seen, reading.said) == (seen, said)


def test_a_refusals_values_are_its_field_errors() -> None:
    """contracts.md §1.3."""
    body = {"success": False, "message": ["bad"], "values": {"email": "taken by b@example.com", "phone": ["a", "b"]}}
    assert read_v2(answer(body)).errors == {"email": "taken by ***", "phone": "a; b"}


def test_messages_of_a_success_are_warnings() -> None:
    assert read_v2(answer({"success": True, "message": ["tag shortened"]})).notes == ("tag shortened",)


V3: dict[str, tuple[Any, int, Seen, dict[str, str]]] = {
    "messages": ({"reasonCode": 13, "messages": ["name|Required"]}, 400, Seen.REFUSED, {"name": "Required"}),
    "a limit": (
        {"problems": [{"reasonCode": 11, "message": "name|min:0|max:256|too long"}]},
        400,
        Seen.REFUSED,
        {"name": "min:0|max:256|too long"},
    ),
    "a type": (
        {"problems": [{"reasonCode": "14", "message": "price:number|not one"}]},
        400,
        Seen.REFUSED,
        {"price": "not one"},
    ),
    "a warning among them": (
        {
            "problems": [
                {"reasonCode": 13, "message": "name|Required"},
                {"reasonCode": 12, "message": "x|max:1|Trimmed"},
            ]
        },
        400,
        Seen.REFUSED,
        {"name": "Required"},
    ),
    "a problem in a 200": ({"problems": [{"reasonCode": 16, "message": "unknown"}]}, 200, Seen.REFUSED, {}),
    "the key in a 200": ({"reasonCode": 10, "messages": []}, 200, Seen.CREDENTIALS, {}),
    "no JSON": (b"The specified json is not valid", 400, Seen.REFUSED, {}),
    "a warning as messages": ({"reasonCode": 12, "messages": ["x|max:1|Trimmed"]}, 200, Seen.DONE, {}),
    "the server": ({"reasonCode": 10, "messages": ["x"]}, 500, Seen.FAILED, {}),
}


@pytest.mark.parametrize(("body", "status", "seen", "errors"), V3.values(), ids=V3)
def test_problems_of_v3_are_read(body: Any, status: int, seen: Seen, errors: dict[str, str]) -> None:
    reading = read_v3(answer(body, status))
    assert (reading.seen, reading.errors) == (seen, errors)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["success", "message", "messages", "problems", "reasonCode", "values", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(JSON.map(lambda body: json.dumps(body).encode()) | st.binary(max_size=20), st.integers(200, 599))
def test_any_answer_is_read_without_an_exception(body: bytes, status: int) -> None:
    for read in (read_v2, read_v3):
        assert read(Answer(status, {}, body)).seen in Seen
