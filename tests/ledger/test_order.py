"""Deliveries of one entity go out in the order accepted; a blocked one blocks its own key only, and not for ever."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from router.ledger.documents import iso
from router.model import State, new_request_id
from tests.ledger.kit import Kit, crm, event, other, verdict


def of_age(seconds: float) -> UUID:
    """A request's id as it was given so many seconds ago."""
    born = time.time_ns() // 1_000_000 - int(seconds * 1000)
    return UUID(int=(born << 80) | (new_request_id().int & ((1 << 80) - 1)))


def test_the_deliveries_of_one_key_go_together_in_order(kit: Kit) -> None:
    accepted = [kit.accept("ada") for _ in range(5)]
    kit.plan()
    _, deliveries = kit.only()
    assert [each.request_id for each in deliveries] == [each.request_id for each in accepted]


def test_what_does_not_fit_into_its_keys_chunk_waits(kit: Kit) -> None:
    kit.publish(crm(chunk=2))
    for _ in range(5):
        kit.accept("ada")
    kit.plan()
    sizes = []
    for _ in range(3):
        hint, deliveries = kit.only()
        sizes.append(len(deliveries))
        kit.finish(hint, *map(verdict, deliveries))
        kit.later(1.0)
    assert sizes == [2, 2, 1]


def test_a_key_in_flight_holds_its_later_ones_and_nobody_else(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    first = kit.claim()
    late, free = kit.accept("ada"), kit.accept("grace")
    kit.plan()
    _, deliveries = kit.only()
    assert [each.request_id for each in deliveries] == [free.request_id]
    kit.finish(first[0], *map(verdict, kit.start(first[0])))
    kit.later(1.0)
    _, deliveries = kit.only()
    assert [each.request_id for each in deliveries] == [late.request_id]


def test_a_key_whose_head_is_retried_waits_for_it(kit: Kit) -> None:
    first = kit.accept_and_plan("ada")
    kit.end_all(State.RETRYING)
    second = kit.accept_and_plan("ada")
    assert kit.claim() == []
    kit.later(61.0)
    _, deliveries = kit.only()
    assert [each.request_id for each in deliveries] == [first.request_id, second.request_id]


def test_what_was_handed_back_goes_before_later_ones_of_its_key(kit: Kit) -> None:
    first = kit.accept_and_plan("ada")
    hint, _ = kit.only()
    second = kit.accept_and_plan("ada")
    kit.finish(hint)
    kit.later(1.0)
    _, deliveries = kit.only()
    assert [each.request_id for each in deliveries] == [first.request_id, second.request_id]


def test_a_dead_head_lets_its_key_go_on(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    kit.end_all(State.DEAD)
    second = kit.accept_and_plan("ada")
    _, deliveries = kit.only()
    assert [each.request_id for each in deliveries] == [second.request_id]


def test_a_blocked_key_does_not_hold_another_integration(kit: Kit) -> None:
    kit.publish(crm(), other("erp"))
    kit.accept("ada")
    kit.plan("crm", "erp")
    for hint, deliveries in kit.given():
        state = State.RETRYING if hint.destination == crm().name else State.DELIVERED
        kit.finish(hint, *(verdict(each, state) for each in deliveries))
    kit.accept("ada")
    kit.plan("crm", "erp")
    assert [hint.destination for hint in kit.claim()] == [other("erp").name]


def test_a_record_that_is_not_planned_yet_holds_the_later_ones_of_its_key(kit: Kit) -> None:
    earlier = kit.accept("ada")
    (held,) = kit.claim()
    later, free = kit.accept("ada"), kit.accept("grace")
    kit.plan()
    _, deliveries = kit.only()
    assert [each.request_id for each in deliveries] == [free.request_id]
    kit.plan_hint(held)
    kit.later(1.0)
    _, deliveries = kit.only()
    assert [each.request_id for each in deliveries] == [earlier.request_id, later.request_id]


def test_events_are_held_by_what_their_profile_waits_for(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    kit.end_all(State.RETRYING)
    kit.accept(event("order-1", "ada"), event("order-2", "grace"))
    kit.plan()
    hint, _ = kit.only()
    assert hint.size == 1


def test_a_hot_key_does_not_fill_the_claim(kit: Kit) -> None:
    kit.publish(crm(chunk=10, max_hints=2))
    kit.accept_and_plan("hot")
    kit.end_all(State.RETRYING)
    for _ in range(3):
        kit.accept(*["hot"] * 50)
    free = kit.accept("cold")
    kit.plan()
    given = []
    for _ in range(10):
        given += [each for _, deliveries in kit.given() for each in deliveries]
    assert [each.request_id for each in given] == [free.request_id]


# ---- giving way


def test_a_key_gives_way_when_its_head_is_too_old(kit: Kit) -> None:
    kit.publish(crm(order_limit=600.0))
    kit.accept("ada", request_id=of_age(601.0))
    kit.plan()
    kit.end_all(State.RETRYING)
    later = kit.accept_and_plan("ada")
    _, deliveries = kit.only()
    assert [each.request_id for each in deliveries] == [later.request_id]


def test_a_key_does_not_give_way_before(kit: Kit) -> None:
    kit.publish(crm(order_limit=600.0))
    kit.accept("ada", request_id=of_age(500.0))
    kit.plan()
    kit.end_all(State.RETRYING)
    kit.accept_and_plan("ada")
    assert kit.claim() == []


def test_who_waits_behind_a_distant_retry_is_looked_at_when_that_gives_way(kit: Kit) -> None:
    kit.publish(crm(order_limit=600.0))
    kit.accept("ada", request_id=of_age(500.0))
    kit.plan()
    for hint, deliveries in kit.given():
        kit.finish(hint, *(verdict(each, State.RETRYING, again_in=28_800.0) for each in deliveries))
    accepted = kit.accept_and_plan("ada")
    assert kit.claim() == []
    (delivery,) = kit.document(accepted)["records"][0]["deliveries"]
    assert delivery["nextAttemptAt"] < iso(datetime.now(UTC) + timedelta(seconds=200))


def test_an_unplanned_record_gives_way_as_well(kit: Kit) -> None:
    kit.publish(crm(order_limit=600.0))
    kit.accept("ada", request_id=of_age(601.0))
    kit.claim()
    later = kit.accept("ada")
    kit.plan()
    _, deliveries = kit.only()
    assert [each.request_id for each in deliveries] == [later.request_id]
