"""Rates of accounts, pauses and breakers: what they hold back, and how it comes out again."""

from __future__ import annotations

import pytest

from router.model import State, Trouble
from tests.ledger.kit import Kit, crm, other, verdict

NAMES = [f"c-{number}" for number in range(200)]


def given(kit: Kit) -> dict[str, int]:
    """How many deliveries each destination is given now; they are all finished."""
    counts: dict[str, int] = {}
    for hint, deliveries in kit.given():
        counts[hint.destination] = counts.get(hint.destination, 0) + len(deliveries)
        kit.finish(hint, *map(verdict, deliveries))
    return counts


def test_records_per_second_are_spent_ahead_of_time_by_a_quarter_second(kit: Kit) -> None:
    kit.publish(crm(records_per_second=40.0))
    kit.accept_and_plan(*NAMES)
    assert given(kit) == {crm().name: 10}


def test_a_rate_that_is_spent_gives_nothing(kit: Kit) -> None:
    kit.publish(crm(records_per_second=0.1))
    kit.accept_and_plan(*NAMES)
    assert given(kit) == {crm().name: 1}
    assert given(kit) == {}
    kit.later(11.0)
    assert given(kit) == {crm().name: 1}


def test_requests_per_second_count_batches(kit: Kit) -> None:
    kit.publish(crm(chunk=100, batch=20, requests_per_second=8.0))
    kit.accept_and_plan(*NAMES)
    assert given(kit) == {crm().name: 40}


def test_a_rate_does_not_save_up(kit: Kit) -> None:
    kit.publish(crm(records_per_second=40.0))
    kit.later(3600.0)
    kit.accept_and_plan(*NAMES)
    assert given(kit) == {crm().name: 10}


def test_the_destinations_of_one_account_spend_one_budget(kit: Kit) -> None:
    kit.publish(crm(records_per_second=0.1), other("crm-2", account=crm().account, records_per_second=0.1))
    kit.accept(*NAMES)
    kit.plan("crm", "crm-2")
    first = given(kit)
    kit.later(11.0)
    assert sum(first.values()) + sum(given(kit).values()) == 2
    kit.later(11.0)
    assert sum(given(kit).values()) > 0


def test_an_account_that_is_overspent_does_not_stop_the_others(kit: Kit) -> None:
    kit.publish(crm(requests_per_second=1.0, batch=10, chunk=10), other("erp"))
    kit.accept(*NAMES[:30])
    kit.plan("crm", "erp")
    for _ in range(5):
        for hint, deliveries in kit.given():
            kit.finish(hint, *(verdict(each, State.RETRYING, again_in=0.0, suspicion=5) for each in deliveries))
    assert other("erp").name in given(kit)


# ---- slots


def test_slots_keep_their_distance(kit: Kit) -> None:
    waits = [kit.ledger.slot("a", 1.0, 60.0) for _ in range(4)]
    assert waits[0] == 0.0
    assert all(wait is not None for wait in waits)
    assert [round(wait or 0.0) for wait in waits] == [0, 1, 2, 3]


def test_a_slot_that_is_too_far_off_is_not_taken(kit: Kit) -> None:
    kit.ledger.slot("a", 0.05, 5.0)
    assert [kit.ledger.slot("a", 0.05, 5.0) for _ in range(3)] == [None] * 3
    kit.later(21.0)
    assert kit.ledger.slot("a", 0.05, 5.0) == 0.0


def test_no_slot_is_before_the_account_may_be_called(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    kit.finish(hint, verdict(delivery, State.RETRYING), blocked_for=40.0)
    wait = kit.ledger.slot(crm().account, 10.0, 60.0)
    assert wait is not None
    assert wait > 30.0


# ---- a paced return


def test_what_was_paused_comes_out_at_its_rate(kit: Kit) -> None:
    kit.publish(crm(release_rate=20.0))
    kit.ledger.pause([kit.numbers["crm"]], "ada")
    kit.accept_and_plan(*NAMES)
    kit.ledger.resume([kit.numbers["crm"]])
    assert given(kit) == {crm().name: 5}
    kit.later(10.0)
    assert given(kit) == {crm().name: 5}


def test_who_has_caught_up_goes_as_fast_as_before(kit: Kit) -> None:
    kit.publish(crm(release_rate=20.0))
    kit.ledger.pause([kit.numbers["crm"]], "ada")
    kit.accept_and_plan("ada", "grace")
    kit.ledger.resume([kit.numbers["crm"]])
    assert given(kit) == {crm().name: 2}
    kit.accept_and_plan(*NAMES)
    assert given(kit) == {crm().name: 4 * 32}


def test_pausing_twice_and_resuming_twice_count_once(kit: Kit) -> None:
    numbers = [kit.numbers["crm"]]
    assert [kit.ledger.pause(numbers, "ada"), kit.ledger.pause(numbers, "grace")] == [1, 0]
    (place,) = [each for each in kit.ledger.places("acme") if each.integration == "crm"]
    assert place.paused_by == "ada"
    assert [kit.ledger.resume(numbers), kit.ledger.resume(numbers)] == [1, 0]


def test_the_route_of_a_client_cannot_be_paused(kit: Kit) -> None:
    assert kit.ledger.pause([kit.numbers["-route"]], "ada") == 0


# ---- breakers


def troubled(kit: Kit) -> list[Trouble]:
    return [each for each in kit.ledger.troubled() if each.destination == kit.numbers["crm"]]


def test_a_destination_that_only_delivers_is_not_troubled(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    kit.finish(hint, verdict(delivery), delivered=1)
    assert troubled(kit) == []


def test_what_failed_lately_is_counted_with_what_did_not(kit: Kit) -> None:
    kit.publish(crm(chunk=1))
    kit.accept_and_plan("ada", "grace")
    for (hint, (delivery,)), health in zip(kit.given(), [{"failed": 1}, {"delivered": 1}], strict=True):
        kit.finish(hint, verdict(delivery), **health)
    (trouble,) = troubled(kit)
    assert (trouble.breaker, trouble.delivered, trouble.failed, trouble.opened_times) == ("closed", 1, 1, 0)


def test_what_failed_lately_is_counted_from_the_first_that_did(kit: Kit) -> None:
    kit.later(3600.0)
    kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    kit.finish(hint, verdict(delivery), failed=1)
    (trouble,) = kit.ledger.troubled()
    assert trouble.lately < 3600.0


def test_refused_credentials_open_the_breaker_at_once(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    kit.finish(hint, verdict(delivery, State.RETRYING, again_in=0.0), refused="401: wrong key")
    (trouble,) = troubled(kit)
    assert (trouble.breaker, trouble.opened_times) == ("open", 1)
    assert kit.claim() == []


def test_a_breaker_that_is_open_is_not_opened_again(kit: Kit) -> None:
    kit.publish(crm(chunk=1))
    kit.accept_and_plan("ada", "grace")
    for hint, (delivery,) in kit.given():
        kit.finish(hint, verdict(delivery, State.RETRYING), refused="401: wrong key")
    assert [each.opened_times for each in troubled(kit)] == [1]


def test_a_breaker_is_switched_by_who_is_first(kit: Kit) -> None:
    number = kit.numbers["crm"]
    assert kit.ledger.switch(number, "closed", "open", 1, "10 of 10 failed") == crm().name
    assert kit.ledger.switch(number, "closed", "open", 1, "10 of 10 failed") is None
    assert [(each.breaker, each.failed) for each in troubled(kit)] == [("open", 0)]


def test_a_closed_breaker_has_no_reason_any_more(kit: Kit) -> None:
    number = kit.numbers["crm"]
    kit.ledger.switch(number, "closed", "open", 1, "10 of 10 failed")
    kit.ledger.switch(number, "open", "half_open", 1, None)
    kit.ledger.switch(number, "half_open", "closed", 0, None)
    (place,) = [each for each in kit.ledger.places("acme") if each.integration == "crm"]
    assert (place.breaker, place.breaker_reason) == ("closed", None)


@pytest.mark.parametrize("state", ["open", "half_open"])
def test_resuming_closes_a_breaker(kit: Kit, state: str) -> None:
    kit.ledger.switch(kit.numbers["crm"], "closed", state, 3, "10 of 10 failed")
    assert kit.ledger.resume([kit.numbers["crm"]]) == 1
    assert troubled(kit) == []


def news(kit: Kit) -> list[tuple[str, str, str | None]]:
    return [(each.integration, each.state, each.reason) for each in kit.ledger.breaker_news()]


def test_a_breaker_that_opened_and_closed_is_told_of_once_each(kit: Kit) -> None:
    number = kit.numbers["crm"]
    assert news(kit) == []
    kit.ledger.switch(number, "closed", "open", 1, "10 of 10 failed")
    assert [news(kit), news(kit)] == [[("acme/main/crm", "open", "10 of 10 failed")], []]
    kit.ledger.switch(number, "open", "half_open", 1, None)
    kit.ledger.switch(number, "half_open", "open", 2, "503")
    assert news(kit) == []
    kit.ledger.resume([number])
    assert [news(kit), news(kit)] == [[("acme/main/crm", "closed", None)], []]


def test_refused_credentials_are_told_of(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    kit.finish(hint, verdict(delivery, State.RETRYING, again_in=0.0), refused="401: wrong key")
    (told,) = kit.ledger.breaker_news()
    (place,) = [each for each in kit.ledger.places("acme") if each.integration == "crm"]
    assert (told.integration, told.state, told.reason, told.at) == (
        "acme/main/crm",
        "open",
        "401: wrong key",
        place.breaker_since,
    )


def test_hints_that_nobody_has_started(kit: Kit) -> None:
    kit.publish(crm(chunk=1))
    kit.accept_and_plan("ada", "grace")
    first, second = kit.claim()
    assert kit.ledger.unstarted(["route", crm().queue]) == [first.hint_id, second.hint_id]
    assert kit.ledger.unstarted(["route"]) == []
    kit.start(first)
    assert kit.ledger.unstarted([crm().queue]) == [second.hint_id]
