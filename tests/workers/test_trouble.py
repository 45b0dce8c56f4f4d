"""What a worker does when something breaks: the connector, the ledger, or what it was to be configured with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from connectors.base import Command, Kind, Outcome
from router.ledger.base import LedgerError, Unavailable
from router.model import Environment
from tests.support.conditions import eventually
from tests.workers.floor import DELIVERED, Floor, floor
from workers.deliver import deliver

PERSONAL = "ada@example.com"


def breaks(_: Sequence[Command]) -> list[Outcome]:
    raise ValueError(f"cannot read {PERSONAL}")


# ---- the connector


@pytest.mark.parametrize(
    ("operation", "state"),
    [("upsert_contact", "retrying"), ("send_mail", "unknown")],
    ids=["may be repeated", "must not be"],
)
def test_what_a_connector_did_not_foresee_is_our_fault(single: Floor, operation: str, state: str) -> None:
    single.told.answer = breaks
    single.deliver(single.given("a", operation=operation))
    assert single.states() == [state]
    (attempt,) = single.history()
    assert attempt["reason"].startswith("our fault: ValueError at test_trouble.py:")


def test_nothing_of_a_record_is_in_what_is_told_of_a_fault(single: Floor) -> None:
    single.told.answer = breaks
    with capture_logs() as lines:
        single.deliver(single.given("a"))
    assert PERSONAL not in repr(lines) + repr(single.history())
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["connector failed"]


@pytest.mark.parametrize(
    "answer",
    [lambda commands: [DELIVERED] * (len(commands) + 1), lambda commands: [None] * len(commands)],
    ids=["too many outcomes", "no outcomes at all"],
)
def test_an_answer_that_is_none_is_our_fault(single: Floor, answer) -> None:
    single.told.answer = answer
    single.deliver(single.given("a", "b"))
    assert single.states() == ["retrying", "retrying"]


def test_an_operation_that_the_connector_does_not_have_parks_its_deliveries(single: Floor) -> None:
    single.deliver(single.given("a", operation="no_such"))
    assert single.states() == ["parked"]
    assert single.history()[0]["reason"] == "the connector has no operation 'no_such'"


def test_a_connector_that_cannot_be_built_parks_its_deliveries_with_the_reason() -> None:
    with floor(connector=None, broken="secret 'key' is not set") as work:
        work.deliver(work.given("a"))
        assert work.states() == ["parked"]
        assert work.history()[0]["reason"] == "secret 'key' is not set"


# ---- staging


def test_staging_sends_nothing_and_shows_what_it_would_have_sent() -> None:
    with floor(preview=lambda operation, payload: {"url": f"https://crm/{operation}", "body": payload}) as work:
        work.deliver(work.given("a", environment=Environment.STAGING))
        assert work.told.calls == []
        (attempt,) = work.history()
        assert attempt["request"] == {"url": "https://crm/upsert_contact", "body": {"contact": {}}}
        assert work.states() == ["delivered"]


def test_a_preview_that_breaks_says_so() -> None:
    def preview(operation: str, payload: object) -> dict[str, object]:
        raise ValueError(PERSONAL)

    with floor(preview=preview) as work:
        work.deliver(work.given("a", environment=Environment.STAGING))
        (attempt,) = work.history()
        assert attempt["request"]["nothing_sent"].startswith("our fault: ValueError at ")
        assert PERSONAL not in repr(attempt)


# ---- the ledger


def test_outcomes_are_held_while_the_ledger_is_away(single: Floor) -> None:
    hint = single.given("a")
    single.ledger.away("finish", 2)
    single.deliver(hint)
    assert single.states() == ["delivered"]
    assert len(single.told.sent) == 1


@pytest.mark.parametrize("operation", ["upsert_contact", "send_mail"])
def test_a_commit_of_which_nothing_was_heard_counts_once(single: Floor, operation: str) -> None:
    hint = single.given("a", "b", "a", operation=operation)
    single.ledger.away("finish", 1, unheard=True)
    single.deliver(hint)
    assert single.states() == ["delivered"] * 3
    assert [each["attempts"] for each in single.deliveries()] == [1, 1, 1]


def test_what_cannot_be_marked_is_not_sent(single: Floor) -> None:
    hint = single.given("a", operation="send_mail")
    single.ledger.away("leaving")
    single.deliver(hint)
    assert (single.states(), single.told.calls) == (["pending"], [])
    assert len(single.kit.claim()) == 1


def test_what_was_marked_without_our_hearing_of_it_is_not_sent(single: Floor) -> None:
    hint = single.given("a", operation="send_mail")
    single.ledger.away("leaving", unheard=True)
    single.deliver(hint)
    assert (single.states(), single.told.calls) == (["pending"], [])


def test_a_turn_that_cannot_be_asked_for_is_not_taken() -> None:
    def answer(commands: Sequence[Command]) -> list[Outcome]:
        work.ledger.away("slot")
        return [Outcome(Kind.DELIVERED) for _ in commands]

    with floor(at_once=1, calls_per_second=1000.0) as work:
        work.told.answer = answer
        work.deliver(work.given(*"abcdef"))
        assert sorted(work.states()) == ["delivered"] * 3 + ["pending"] * 3


def test_a_token_that_cannot_be_read_means_that_nothing_was_sent(single: Floor) -> None:
    def answer(commands: Sequence[Command]) -> list[Outcome]:
        raise Unavailable("away")

    single.told.answer = answer
    single.deliver(single.given("a", operation="send_mail"))
    assert (single.states(), single.history()) == (["pending"], [])


def test_without_a_configuration_everything_is_handed_back_for_a_while(single: Floor) -> None:
    def channel(_: int):
        raise LedgerError("no mapping set is published")

    hint = single.given("a", "b")
    deliver(hint.hint_id, replace(single.tools(), channel=channel))
    assert single.states() == ["pending", "pending"]
    assert single.kit.claim() == []
    single.kit.later(6.0)
    assert len(single.kit.claim()) == 1


# ---- the lease


@pytest.mark.parametrize("away", [0, 1], ids=["at once", "as soon as the ledger is back"])
def test_a_lease_is_renewed_for_as_long_as_a_call_takes(away: int) -> None:
    with floor(at_once=1, lease=0.2) as work:

        def answer(commands: Sequence[Command]) -> list[Outcome]:
            work.ledger.away("leaving", away)
            work.clock[0] += 0.1
            eventually(lambda: work.ledger.calls["leaving"] > away, within=10)
            return [DELIVERED]

        work.told.answer = answer
        work.deliver(work.given("a"))
        assert work.states() == ["delivered"]
