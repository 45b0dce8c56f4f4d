"""Judging what nobody finished, and switching breakers."""

from __future__ import annotations

import pytest

from router.judge import Policy
from router.model import SEEN_DEATH, State
from tests.ledger.kit import verdict
from tests.workers.floor import FAILED, LEASE, Floor
from workers.check import check_breakers, check_hints


def started(work: Floor, *names: str, leaving: bool = False) -> int:
    """A hint of these that a worker has started, and whose calls are on their way."""
    hint = work.given(*names, operation="send_mail" if leaving else "upsert_contact")
    deliveries = work.kit.start(hint)
    if leaving:
        work.kit.ledger.leaving(hint.hint_id, [each.delivery_id for each in deliveries], LEASE)
    return hint.hint_id


def die(work: Floor, hint: int, *, seen: bool) -> None:
    if seen:
        work.kit.ledger.lost(hint)
    else:
        work.kit.later(LEASE + 1)


def judged(work: Floor, policy: Policy | None = None) -> int:
    return check_hints(work.kit.ledger, lambda _: policy or Policy())


@pytest.mark.parametrize("seen", [True, False], ids=["seen to die", "fell silent"])
def test_what_a_dead_worker_held_is_tried_again_at_once(work: Floor, seen: bool) -> None:
    die(work, started(work, "a", "b"), seen=seen)
    assert judged(work) == 1
    assert work.states() == ["retrying", "retrying"]
    assert sum(hint.size for hint in work.kit.claim()) == 2


def test_a_hint_whose_worker_lives_is_left_alone(work: Floor) -> None:
    started(work, "a")
    assert judged(work) == 0


@pytest.mark.parametrize(("policy", "state"), [(Policy(), "unknown"), (Policy(on_unknown="retry"), "retrying")])
def test_a_call_that_was_cut_may_have_arrived(work: Floor, policy: Policy, state: str) -> None:
    die(work, started(work, "a", leaving=True), seen=False)
    judged(work, policy)
    assert work.states() == [state]


def test_a_record_that_kills_its_worker_twice_is_set_aside_and_the_others_are_not(work: Floor) -> None:
    die(work, started(work, "a", "bad", "c"), seen=True)
    judged(work)
    for hint in work.kit.claim():
        (delivery,) = work.kit.start(hint)
        assert delivery.suspicion == SEEN_DEATH
        if delivery.ordering_key == work.accepted[0].datatalks_ids[1]:
            die(work, hint.hint_id, seen=True)
        else:
            work.kit.finish(hint, verdict(delivery))
    judged(work)
    assert work.states() == ["delivered", "dead", "delivered"]
    (letter,) = work.kit.failed()
    assert letter.reason == "set aside: the worker process died again while it held this record"


def test_a_worker_that_falls_silent_four_times_is_bad_luck_and_five_times_is_the_record(work: Floor) -> None:
    hint = started(work, "a")
    for _ in range(4):
        die(work, hint, seen=False)
        judged(work)
        assert work.states() == ["retrying"]
        (again,) = work.kit.claim()
        work.kit.start(again)
        hint = again.hint_id
    die(work, hint, seen=False)
    judged(work)
    assert work.states() == ["dead"]


# ---- breakers


def fail(work: Floor, times: int, state: State = State.RETRYING) -> None:
    hint = work.given(*(f"p-{number}" for number in range(times)))
    work.kit.finish(hint, *(verdict(each, state) for each in work.kit.start(hint)), failed=times)


def breaker(work: Floor) -> str:
    return next(place.breaker for place in work.kit.ledger.places() if place.integration == "crm")


def test_failures_open_a_breaker_and_a_delivery_that_works_closes_it(work: Floor) -> None:
    fail(work, 12)
    check_breakers(work.kit.ledger)
    assert breaker(work) == "open"
    assert work.states() == ["parked"] * 12
    work.kit.later(61.0)
    check_breakers(work.kit.ledger)
    assert breaker(work) == "half_open"
    (trial,) = work.kit.claim()
    assert trial.size == 1
    work.kit.finish(trial, *map(verdict, work.kit.start(trial)), delivered=1)
    check_breakers(work.kit.ledger)
    assert breaker(work) == "closed"


def test_a_trial_that_fails_opens_it_for_longer(work: Floor) -> None:
    fail(work, 12)
    check_breakers(work.kit.ledger)
    work.kit.later(61.0)
    check_breakers(work.kit.ledger)
    (trial,) = work.kit.claim()
    (delivery,) = work.kit.start(trial)
    work.kit.finish(trial, verdict(delivery, State.RETRYING), failed=1)
    check_breakers(work.kit.ledger)
    assert breaker(work) == "open"
    work.kit.later(6.0)
    check_breakers(work.kit.ledger)
    assert breaker(work) == "open"


def test_a_destination_that_fails_seldom_is_forgiven(work: Floor) -> None:
    fail(work, 3, State.DEAD)
    work.kit.later(61.0)
    check_breakers(work.kit.ledger)
    assert breaker(work) == "closed"
    fail(work, 8, State.DEAD)
    check_breakers(work.kit.ledger)
    assert breaker(work) == "closed"


def test_a_worker_s_failures_are_counted(work: Floor) -> None:
    work.told.answer = lambda commands: [FAILED] * len(commands)
    work.deliver(work.given(*(f"p-{number}" for number in range(12))))
    check_breakers(work.kit.ledger)
    assert breaker(work) == "open"
