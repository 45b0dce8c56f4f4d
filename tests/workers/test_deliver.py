"""A chunk on its way: what goes together, what waits, what stops it, and what is marked before it leaves."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from uuid import UUID

import pytest

from connectors.base import Command, Kind, Outcome
from tests.workers.floor import DELIVERED, FAILED, Floor, floor
from workers.deliver import REPLAY_WAVE


def only(outcome: Outcome, *, first: bool = False):
    """An answer that is this for every command, or for the first of a call alone."""

    def answer(commands: Sequence[Command]) -> list[Outcome]:
        return [outcome, *[DELIVERED] * (len(commands) - 1)] if first else [outcome] * len(commands)

    return answer


# ---- what goes together


def test_deliveries_of_different_keys_share_a_call_up_to_its_batch(single: Floor) -> None:
    single.deliver(single.given("a", "b", "c", "d"))
    assert [len(call) for call in single.told.sent] == [3, 1]
    assert single.states() == ["delivered"] * 4


def test_deliveries_of_one_key_go_one_after_the_other(single: Floor) -> None:
    hint = single.given("a", "b", "a", "a")
    single.deliver(hint)
    ids = [delivery["deliveryId"] for delivery in single.deliveries()]
    assert single.told.sent == [[ids[0], ids[1]], [ids[2]], [ids[3]]]


def test_a_call_is_of_one_operation(single: Floor) -> None:
    single.accept("a")
    single.kit.accept("b")
    single.deliver(single.planned("send_mail"))
    assert [operation for operation, _ in single.told.calls] == ["send_mail", "send_mail"]


def test_calls_are_in_flight_together(work: Floor) -> None:
    meeting = threading.Barrier(3, timeout=10)

    def answer(commands: Sequence[Command]) -> list[Outcome]:
        meeting.wait()
        return [DELIVERED] * len(commands)

    work.told.answer = answer
    work.deliver(work.given(*"abcdefg"))
    assert work.states() == ["delivered"] * 7


def test_a_slow_call_holds_up_no_other(work: Floor) -> None:
    calls, others_are_done, in_time = itertools.count(1), threading.Event(), []

    def answer(commands: Sequence[Command]) -> list[Outcome]:
        number = next(calls)
        if number == 1:
            in_time.append(others_are_done.wait(10))
        elif number == 9:
            others_are_done.set()
        return [DELIVERED] * len(commands)

    work.told.answer = answer
    work.deliver(work.given(*(f"c-{number}" for number in range(27))))
    assert in_time == [True]
    assert work.states() == ["delivered"] * 27


def test_a_replay_leaves_time_between_its_calls_for_what_is_live(single: Floor) -> None:
    moments: list[float] = []

    def answer(commands: Sequence[Command]) -> list[Outcome]:
        moments.append(time.monotonic())
        return [DELIVERED] * len(commands)

    single.deliver(single.given("a", "b", "c", "d"))
    single.told.answer = answer
    ended = [UUID(delivery["deliveryId"]) for delivery in single.deliveries()]
    assert single.kit.ledger.replay(ended, "ada") == 4
    single.deliver(*single.kit.claim())
    first, second = moments
    assert second - first >= REPLAY_WAVE


def test_a_command_says_which_attempt_it_is(single: Floor) -> None:
    single.told.answer = only(FAILED)
    single.deliver(single.given("a"))
    single.kit.later(10.0)
    (hint,) = single.kit.claim()
    single.told.answer = only(DELIVERED)
    single.deliver(hint)
    assert [command.attempt for _, commands in single.told.calls for command in commands] == [1, 2]
    assert single.told.calls[1][1][0].age == pytest.approx(10.0, abs=5.0)


# ---- what waits


def test_behind_one_that_is_not_over_the_rest_of_its_key_is_handed_back(single: Floor) -> None:
    single.told.answer = only(FAILED, first=True)
    single.deliver(single.given("a", "b", "a"))
    assert single.states() == ["retrying", "delivered", "pending"]
    assert [each["attempts"] for each in single.deliveries()] == [1, 1, 0]


@pytest.mark.parametrize(
    ("kind", "state"), [(Kind.REJECTED, "dead"), (Kind.UNKNOWN, "unknown")], ids=["dead", "unknown"]
)
def test_behind_one_that_is_over_its_key_goes_on(single: Floor, kind: Kind, state: str) -> None:
    answers = iter([Outcome(kind, "no"), DELIVERED])
    single.told.answer = lambda commands: [next(answers)]
    single.deliver(single.given("a", "a"))
    assert single.states() == [state, "delivered"]


# ---- what stops it


@pytest.mark.parametrize("kind", [Kind.LIMITED, Kind.REFUSED])
def test_an_account_that_must_wait_stops_the_chunk(single: Floor, kind: Kind) -> None:
    single.told.answer = only(Outcome(kind, "not now"))
    single.deliver(single.given(*"abcde"))
    assert len(single.told.sent) == 1
    assert [each["attempts"] for each in single.deliveries()] == [1, 1, 1, 0, 0]


def test_a_failure_does_not_stop_the_others(single: Floor) -> None:
    single.told.answer = only(FAILED)
    single.deliver(single.given(*"abcde"))
    assert len(single.told.sent) == 2


def test_a_worker_that_is_to_stop_hands_back_what_it_did_not_begin(single: Floor) -> None:
    def answer(commands: Sequence[Command]) -> list[Outcome]:
        single.stops = True
        return [DELIVERED] * len(commands)

    single.told.answer = answer
    single.deliver(single.given(*"abcde"))
    assert single.states() == ["delivered"] * 3 + ["pending"] * 2
    assert len(single.kit.claim()) == 1


def test_a_hint_that_was_taken_over_sends_nothing_more(single: Floor) -> None:
    hint = single.given("a", "b", operation="send_mail")

    def answer(commands: Sequence[Command]) -> list[Outcome]:
        single.take_over(hint)
        return [DELIVERED]

    single.told.answer = answer
    single.deliver(hint)
    assert len(single.told.sent) == 1
    assert single.states() == ["sending", "sending"]


def test_a_worker_that_was_stopped_for_a_lease_asks_before_it_goes_on(single: Floor) -> None:
    hint = single.given(*"abcd")

    def answer(commands: Sequence[Command]) -> list[Outcome]:
        single.clock[0] += 60.0
        single.take_over(hint)
        return [DELIVERED] * len(commands)

    single.told.answer = answer
    single.deliver(hint)
    assert len(single.told.sent) == 1


def test_a_worker_that_was_stopped_and_not_missed_goes_on(single: Floor) -> None:
    def answer(commands: Sequence[Command]) -> list[Outcome]:
        single.clock[0] += 60.0
        return [DELIVERED] * len(commands)

    single.told.answer = answer
    single.deliver(single.given(*"abcd"))
    assert single.states() == ["delivered"] * 4


def test_a_stale_hint_does_nothing(single: Floor) -> None:
    hint = single.given("a")
    single.deliver(hint)
    single.deliver(hint)
    assert len(single.told.sent) == 1


# ---- what must not be repeated


@pytest.mark.parametrize(("operation", "marked"), [("send_mail", True), ("upsert_contact", False)])
@pytest.mark.parametrize("rate", [None, 1000.0], ids=["at once", "in its turn"])
def test_what_could_do_harm_twice_is_marked_before_it_leaves(operation: str, marked: bool, rate: float | None) -> None:
    seen = []
    with floor(at_once=1, calls_per_second=rate) as work:
        hint = work.given("a", operation=operation)

        def answer(commands: Sequence[Command]) -> list[Outcome]:
            work.kit.ledger.lost(hint.hint_id)
            taken = work.kit.ledger.take_over(hint.hint_id)
            seen.extend(each.sending for each in taken.deliveries if taken)
            return [DELIVERED]

        work.told.answer = answer
        work.deliver(hint)
    assert seen == [marked]


def test_what_was_marked_and_did_not_leave_is_not_marked_any_more() -> None:
    with floor(calls_per_second=0.25) as work:
        work.deliver(work.given("a", "b", operation="send_mail"))
        work.kit.later(10.0)
        (hint,) = work.kit.claim()
        assert [each.sending for each in work.kit.start(hint)] == [False]


# ---- budgets


def test_what_waits_for_its_turn_does_not_go_once_the_account_said_no() -> None:
    with floor(at_once=3, calls_per_second=2.0) as work:
        work.told.answer = only(Outcome(Kind.LIMITED, "429"))
        work.deliver(work.given(*"abc", operation="send_mail"))
        assert len(work.told.sent) == 1
        assert sorted(work.states()) == ["pending", "pending", "retrying"]


def test_what_waits_for_its_turn_does_not_go_when_the_worker_was_stopped_meanwhile() -> None:
    with floor(at_once=2, calls_per_second=2.0) as work:
        hint = work.given(*"abcdef")

        def answer(commands: Sequence[Command]) -> list[Outcome]:
            work.clock[0] += 60.0
            work.take_over(hint)
            return [DELIVERED] * len(commands)

        work.told.answer = answer
        work.deliver(hint)
        assert len(work.told.sent) == 1


def test_an_account_with_a_rate_is_asked_for_each_call() -> None:
    with floor(calls_per_second=1000.0) as work:
        work.deliver(work.given(*"abcdefg"))
        assert work.states() == ["delivered"] * 7


def test_what_has_no_turn_soon_is_handed_back_unsent() -> None:
    with floor(calls_per_second=0.25) as work:
        work.deliver(work.given("a", "b", operation="send_mail"))
        assert sorted(work.states()) == ["delivered", "pending"]
        assert len(work.told.sent) == 1
