"""What is given out: chunks, bounds, fairness, lanes, and what nobody started."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import psycopg
import pytest

from router.ledger.base import Selection
from router.ledger.pace import REPLAY_CHUNK
from router.ledger.postgres.pool import ONE_CLAIM_AT_A_TIME
from router.model import SEEN_DEATH, State
from tests.ledger.kit import CALLBACKS, ROUTE, Kit, crm, other, verdict
from tests.support.conditions import eventually


def names(count: int, prefix: str = "c") -> list[str]:
    return [f"{prefix}-{number}" for number in range(count)]


def fill(kit: Kit, count: int, *integrations: str) -> None:
    """So many deliveries of as many entities, due to each integration."""
    kit.accept(*names(count))
    kit.plan(*integrations)


def test_nothing_due_nothing_given(kit: Kit) -> None:
    assert kit.claim() == []


def test_a_record_is_given_to_be_planned_and_then_to_be_delivered(kit: Kit) -> None:
    kit.accept("ada")
    (route,) = kit.claim()
    kit.plan_hint(route)
    (deliver,) = kit.claim()
    assert (route.task, route.queue, route.destination) == ("route", "route", ROUTE.name)
    assert (deliver.task, deliver.queue, deliver.destination) == ("deliver", "deliver.salesmanago", crm().name)


def test_what_is_given_is_not_given_twice(kit: Kit) -> None:
    fill(kit, 3)
    assert len(kit.claim()) == 1
    assert kit.claim() == []


@pytest.mark.parametrize(
    ("due", "sizes"), [(1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])], ids=["one", "a chunk", "more", "three"]
)
def test_a_hint_carries_as_many_as_fit_its_chunk(kit: Kit, due: int, sizes: list[int]) -> None:
    kit.publish(crm(chunk=10))
    fill(kit, due)
    assert [hint.size for hint in kit.claim()] == sizes


def test_a_chunk_has_the_oldest_first(kit: Kit) -> None:
    kit.publish(crm(chunk=2, max_hints=1))
    accepted = [kit.accept(name) for name in names(3)]
    kit.plan()
    hint, deliveries = kit.only()
    assert [each.request_id for each in deliveries] == [each.request_id for each in accepted[:2]]
    assert set(hint.requests) == {each.request_id for each in accepted[:2]}


def test_a_destination_has_no_more_hints_out_than_it_may(kit: Kit) -> None:
    kit.publish(crm(chunk=1, max_hints=3))
    fill(kit, 5)
    first = kit.claim()
    assert [len(first), len(kit.claim())] == [3, 0]
    kit.finish(first[0], *map(verdict, kit.start(first[0])))
    assert len(kit.claim()) == 1


def test_suspects_each_alone_are_no_more_hints_than_there_may_be(kit: Kit) -> None:
    kit.publish(crm(max_hints=2))
    fill(kit, 5)
    hint, deliveries = kit.only()
    kit.finish(hint, *(verdict(each, State.RETRYING, again_in=0.0, suspicion=SEEN_DEATH) for each in deliveries))
    assert [each.size for each in kit.claim()] == [1, 1]


def test_a_queue_has_no_more_hints_out_than_it_may(kit: Kit) -> None:
    kit.publish(crm(chunk=1), other("erp", chunk=1))
    fill(kit, 5, "crm", "erp")
    assert [len(kit.claim(hints_per_queue=6)), len(kit.claim(hints_per_queue=6))] == [6, 0]
    assert len(kit.claim(hints_per_queue=8)) == 2


def test_another_queue_has_bounds_of_its_own(kit: Kit) -> None:
    kit.publish(crm(chunk=1), other("push", chunk=1, queue="deliver.sendios"))
    fill(kit, 5, "crm", "push")
    given = kit.claim(hints_per_queue=2)
    assert sorted(hint.queue for hint in given) == ["deliver.salesmanago"] * 2 + ["deliver.sendios"] * 2


def test_the_destinations_of_a_queue_take_turns(kit: Kit) -> None:
    kit.publish(crm(chunk=1), other("erp", chunk=1), other("shop", chunk=1))
    fill(kit, 20, "crm", "erp", "shop")
    assert sorted(hint.destination for hint in kit.claim(hints_per_queue=3)) == sorted(
        each.name for each in (crm(), other("erp"), other("shop"))
    )


def test_who_was_served_longest_ago_begins(kit: Kit) -> None:
    kit.publish(crm(chunk=1, max_hints=1), other("erp", chunk=1, max_hints=1))
    fill(kit, 5, "crm", "erp")
    served = []
    for _ in range(4):
        ((hint, deliveries),) = kit.given(hints_per_queue=1)
        kit.finish(hint, *map(verdict, deliveries))
        kit.later(1.0)
        served.append(hint.destination)
    assert served[:2] == served[2:]
    assert len(set(served)) == 2


def test_each_of_many_destinations_has_its_turn(kit: Kit) -> None:
    shops = names(10, "shop")
    kit.publish(*(other(name, chunk=1) for name in shops))
    fill(kit, 2, *shops)
    served: Counter[str] = Counter()
    for _ in range(10):
        given = kit.given(hints_per_queue=2)
        assert len(given) == 2
        for hint, deliveries in given:
            kit.finish(hint, *map(verdict, deliveries))
            served[hint.destination] += 1
        kit.later(1.0)
    assert set(served.values()) == {2}


def test_destinations_of_which_nothing_can_go_hold_up_no_other(kit: Kit) -> None:
    shops = names(5, "shop")
    kit.publish(crm(), *(other(name) for name in shops))
    fill(kit, 1, *shops)
    kit.end_all(State.RETRYING)
    fill(kit, 1, *shops)
    kit.later(1.0)
    kit.accept("ada")
    kit.plan("crm")
    given = [hint.destination for _ in range(6) for hint in kit.claim(hints_per_queue=1)]
    assert given == [crm().name]


def test_two_claims_at_once_give_nothing_twice(kit: Kit) -> None:
    kit.publish(crm(chunk=7, max_hints=100))
    fill(kit, 100)
    with ThreadPoolExecutor(2) as pool:
        given = list(chain(*pool.map(lambda _: kit.claim(), range(8))))
    started = [each.delivery_id for hint in given for each in kit.start(hint)]
    assert len(started) == len(set(started)) == 100


def test_a_claim_waits_for_the_one_before_it(postgres_kit: Kit, module_database_url: str) -> None:
    """Else each would count hints and budgets without what the other gives out."""
    fill(postgres_kit, 1)
    with psycopg.connect(module_database_url, autocommit=True) as looks, ThreadPoolExecutor(1) as pool:
        with psycopg.connect(module_database_url) as before:
            before.execute("SELECT pg_advisory_xact_lock(%s)", (ONE_CLAIM_AT_A_TIME,))
            claim = pool.submit(postgres_kit.claim)
            eventually(lambda: claim.done() or looks.execute(WAITS_FOR_A_TURN).fetchone())
            assert not claim.done()
        assert len(claim.result()) == 1


WAITS_FOR_A_TURN = "SELECT true FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


# ---- who is not given anything


def test_a_paused_destination_waits_for_its_person(kit: Kit) -> None:
    fill(kit, 1)
    assert kit.ledger.pause([kit.numbers["crm"]], "ada") == 1
    assert kit.claim() == []
    kit.ledger.resume([kit.numbers["crm"]])
    assert len(kit.claim()) == 1


def test_a_destination_that_is_published_no_more_waits(kit: Kit) -> None:
    fill(kit, 1)
    kit.publish()
    assert kit.claim() == []
    kit.publish(crm())
    assert len(kit.claim()) == 1


def test_a_blocked_account_waits_with_all_its_destinations(kit: Kit) -> None:
    kit.publish(crm(max_hints=1), other("crm-2", account=crm().account), other("erp"))
    fill(kit, 2, "crm", "crm-2", "erp")
    given = {hint.destination: hint for hint in kit.claim()}
    hint = given[crm().name]
    deliveries = kit.start(hint)
    kit.finish(hint, *(verdict(each, State.RETRYING, again_in=0.0) for each in deliveries), blocked_for=30.0)
    kit.finish(given[other("crm-2").name])
    kit.finish(given[other("erp").name])
    assert [hint.destination for hint, _ in kit.given()] == [other("erp").name]
    kit.later(31.0)
    assert sorted(hint.destination for hint in kit.claim()) == [crm().name, other("crm-2").name]


def test_an_account_stays_blocked_until_the_last_moment_told(kit: Kit) -> None:
    kit.publish(crm(chunk=1))
    fill(kit, 2)
    (first, a), (second, b) = kit.given()
    kit.finish(first, *(verdict(each, State.RETRYING, again_in=0.0) for each in a), blocked_for=60.0)
    kit.finish(second, *(verdict(each, State.RETRYING, again_in=0.0) for each in b), blocked_for=1.0)
    kit.later(30.0)
    assert kit.claim() == []
    kit.later(31.0)
    assert len(kit.claim()) == 2


def test_an_open_breaker_gives_nothing_and_a_half_open_one_a_single_delivery(kit: Kit) -> None:
    kit.publish(crm(chunk=5))
    fill(kit, 20)
    number = kit.numbers["crm"]
    kit.ledger.switch(number, "closed", "open", 1, "ten of ten failed")
    assert kit.claim() == []
    kit.ledger.switch(number, "open", "half_open", 1, None)
    assert [hint.size for hint in kit.claim()] == [1]
    assert kit.claim() == []


def test_a_half_open_breaker_waits_for_the_hints_that_are_still_out(kit: Kit) -> None:
    kit.publish(crm(chunk=1, max_hints=3))
    fill(kit, 6)
    out = kit.claim()
    kit.ledger.switch(kit.numbers["crm"], "closed", "half_open", 1, None)
    assert kit.claim() == []
    for hint in out:
        kit.finish(hint, *map(verdict, kit.start(hint)))
    assert [hint.size for hint in kit.claim()] == [1]


# ---- lanes


def test_what_failed_comes_back_when_its_time_has_come(kit: Kit) -> None:
    fill(kit, 1)
    kit.end_all(State.RETRYING)
    kit.later(59.0)
    assert kit.claim() == []
    kit.later(2.0)
    assert len(kit.claim()) == 1


def test_retries_get_their_share_beside_live_work(kit: Kit) -> None:
    kit.publish(crm(chunk=100, max_hints=1))
    retried = kit.accept(*names(50, "old"))
    kit.plan()
    kit.end_all(State.RETRYING)
    fill(kit, 300)
    kit.later(61.0)
    _, deliveries = kit.only()
    assert 15 <= sum(each.request_id == retried.request_id for each in deliveries) <= 25


def test_a_destination_that_takes_one_at_a_time_serves_its_retries_too(kit: Kit) -> None:
    kit.publish(crm(chunk=1, max_hints=1))
    retried = kit.accept("old")
    kit.plan()
    kit.end_all(State.RETRYING)
    fill(kit, 150)
    kit.later(61.0)
    for _ in range(149):
        hint, (delivery,) = kit.only()
        kit.finish(hint, verdict(delivery))
        if delivery.request_id == retried.request_id:
            return
    pytest.fail("a retry had no turn among 150 live deliveries")


def test_a_chunk_of_replays_is_small(kit: Kit) -> None:
    kit.publish(crm(chunk=500))
    fill(kit, REPLAY_CHUNK + 6)
    kit.end_all()
    ended = [each.delivery_id for each in kit.ledger.letters(Selection(states=[State.DELIVERED]), 100)]
    kit.ledger.replay(ended, "ada")
    assert [len(started) for _, started in kit.given()] == [REPLAY_CHUNK]


def test_replays_have_one_hint_of_a_destination_at_a_time(kit: Kit) -> None:
    kit.publish(crm(chunk=2))
    accepted = kit.accept(*names(8))
    kit.plan()
    kit.end_all()
    delivered = kit.ledger.letters(Selection(states=[State.DELIVERED], request_id=accepted.request_id), 100)
    kit.ledger.replay([each.delivery_id for each in delivered], "ada")
    (first,) = kit.claim()
    assert kit.claim() == []
    kit.accept_and_plan("new")
    assert [hint.size for hint in kit.claim()] == [1]
    kit.finish(first, *map(verdict, kit.start(first)))
    assert [hint.size for hint in kit.claim()] == [2]


# ---- what nobody started


def test_a_hint_that_nobody_started_is_given_again(kit: Kit) -> None:
    fill(kit, 1)
    (hint,) = kit.claim()
    kit.later(9.0)
    assert kit.claim() == []
    kit.later(2.0)
    (again,) = kit.claim()
    assert (again.hint_id, again.requests, again.size, again.again) == (hint.hint_id, hint.requests, hint.size, True)
    kit.later(9.0)
    assert kit.claim() == []


def test_a_started_hint_is_not_given_again(kit: Kit) -> None:
    fill(kit, 1)
    kit.given()
    kit.later(11.0)
    assert kit.claim() == []


def test_callbacks_have_their_own_queue(kit: Kit) -> None:
    kit.accept("ada", callback=True)
    kit.plan()
    kit.end_all()
    (hint,) = kit.claim()
    assert (hint.task, hint.queue, hint.destination) == ("deliver", "callback", CALLBACKS.name)
