"""A glance at what a claim would find."""

from __future__ import annotations

import pytest

from router.ledger.base import Outlook, Selection
from router.model import State
from tests.ledger.kit import WORKER, Kit, crm, verdict


def test_an_empty_ledger_has_nothing_due(kit: Kit) -> None:
    assert kit.ledger.outlook(9) == Outlook(due=False, crowded=False)


def test_what_was_accepted_is_due(kit: Kit) -> None:
    kit.accept("ada")
    assert kit.ledger.outlook(9) == Outlook(due=True, crowded=False)


def test_what_is_given_is_not_due(kit: Kit) -> None:
    kit.accept("ada")
    kit.claim()
    assert not kit.ledger.outlook(9).due


def test_what_had_its_turn_a_moment_ago_has_the_next_a_little_later(kit: Kit) -> None:
    kit.accept("ada")
    kit.claim()
    kit.accept("bob")
    assert (kit.ledger.outlook(9, 60.0).due, kit.ledger.claim(1, 60.0)) == (False, [])
    kit.later(61.0)
    assert kit.ledger.outlook(9, 60.0).due
    assert len(kit.ledger.claim(9, 60.0)) == 2  # the first that nobody started is given again


def test_a_claim_may_be_for_some_destinations_alone(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    kit.accept("bob")
    assert kit.ledger.claim_onward(9, 0.0, []) == []
    (hint,) = kit.ledger.claim_onward(9, 0.0, [kit.numbers["crm"]])
    assert hint.destination.endswith("/crm")
    assert [hint.task for hint in kit.ledger.claim(9)] == ["route"]


def test_it_finds_nothing_where_it_is_crowded(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    kit.accept("bob")
    (hint,) = kit.ledger.claim_onward(9, 0.0, [kit.numbers["-route"]])
    kit.later(0.5)
    assert kit.ledger.claim_onward(9, 0.0, [kit.numbers["crm"]]) == []
    kit.ledger.start_route(hint.hint_id, WORKER, 40.0)
    assert len(kit.ledger.claim_onward(9, 0.0, [kit.numbers["crm"]])) == 1


def test_what_is_planned_need_not_wait_for_its_planners_next_turn(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    assert kit.ledger.outlook(9, 60.0).due
    assert len(kit.ledger.claim(1, 60.0)) == 1


def test_a_replay_is_not_due_while_a_chunk_of_it_is_out(kit: Kit) -> None:
    kit.publish(crm(chunk=1))
    kit.accept_and_plan("ada", "bob")
    kit.end_all()
    ended = kit.ledger.letters(Selection(states=[State.DELIVERED]), 100)
    kit.ledger.replay([each.delivery_id for each in ended], "ada")
    hint, (delivery,) = kit.only()
    assert not kit.ledger.outlook(9).due
    kit.finish(hint, verdict(delivery))
    assert kit.ledger.outlook(9).due


def test_a_hint_that_waits_for_a_worker_makes_it_crowded(kit: Kit) -> None:
    kit.accept("ada")
    kit.claim()
    kit.later(0.5)
    assert kit.ledger.outlook(9) == Outlook(due=False, crowded=True)


def test_one_that_waits_for_a_worker_that_is_not_there_does_not(kit: Kit) -> None:
    kit.accept("ada")
    kit.claim()
    kit.later(1.1)
    assert kit.ledger.outlook(9) == Outlook(due=False, crowded=False)


def test_a_hint_that_was_started_does_not(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    kit.start(kit.claim()[0])
    kit.later(1.0)
    assert kit.ledger.outlook(9) == Outlook(due=False, crowded=False)


def test_a_hint_that_nobody_started_in_time_is_due_again(kit: Kit) -> None:
    kit.accept("ada")
    kit.claim()
    kit.later(11.0)
    assert kit.ledger.outlook(9) == Outlook(due=True, crowded=False)


def test_what_waits_for_its_next_attempt_is_not_due(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    kit.end_all(state=State.RETRYING)
    assert not kit.ledger.outlook(9).due


@pytest.mark.parametrize("bound", ["a pause", "an open breaker", "an account that must wait", "a rate that is spent"])
def test_what_cannot_go_is_no_reason_to_claim(kit: Kit, bound: str) -> None:
    kit.publish(crm(chunk=2, requests_per_second=1.0 if bound == "a rate that is spent" else None))
    kit.accept_and_plan("ada", "bob")
    assert kit.ledger.outlook(9).due
    match bound:
        case "a pause":
            kit.ledger.pause([kit.numbers["crm"]], "ada")
        case "an open breaker":
            kit.ledger.switch(kit.numbers["crm"], "closed", "open", 1, "it fails")
        case "an account that must wait":
            hint, (delivery, _) = kit.only()
            kit.finish(hint, verdict(delivery, State.RETRYING), blocked_for=40.0)
        case "a rate that is spent":
            hint, (delivery,) = kit.only()
            kit.finish(hint, verdict(delivery))
    assert (kit.ledger.outlook(9).due, kit.claim()) == (False, [])


def test_what_waits_for_busy_workers_is_no_reason_to_claim(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    kit.accept_and_plan("bob")
    assert not kit.ledger.outlook(1).due
    kit.finish(hint, verdict(delivery))
    assert kit.ledger.outlook(1).due


@pytest.mark.parametrize("halved", [False, True])
def test_nor_is_what_a_destination_has_no_room_for(kit: Kit, halved: bool) -> None:
    kit.publish(crm(max_hints=2 if halved else 1))
    kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    kit.accept_and_plan("bob")
    if halved:
        kit.ledger.switch(kit.numbers["crm"], "closed", "half_open", 1, "it failed")
    assert (kit.ledger.outlook(9).due, kit.claim()) == (False, [])
    kit.finish(hint, verdict(delivery))
    assert kit.ledger.outlook(9).due
