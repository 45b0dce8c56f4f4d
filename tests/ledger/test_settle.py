"""What a request is owed, how it ends, and what its client is told of it: each thing once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from router.model import State
from tests.ledger.kit import CALLBACK, LEASE, WORKER, Kit, crm, other, verdict


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ([State.DELIVERED, State.DELIVERED], "completed"),
        ([State.DELIVERED, State.DEAD], "completed_with_errors"),
        ([State.UNKNOWN, State.DELIVERED], "completed_with_errors"),
        ([State.DELIVERED, State.RETRYING], "accepted"),
        ([State.DELIVERED, State.PENDING], "accepted"),
        ([State.SUPPRESSED, State.DELIVERED], "completed"),
        ([State.CANCELLED, State.DELIVERED], "completed"),
    ],
    ids=lambda case: "+".join(case) if isinstance(case, list) else case,
)
def test_a_request_ends_as_its_deliveries_do(kit: Kit, ends: list[State], status: str) -> None:
    accepted = kit.accept_and_plan("ada", "grace", callback=True)
    hint, deliveries = kit.only()
    given = [
        verdict(each, state, **({} if state in _ATTEMPTED else {"attempt": None}))
        for each, state in zip(deliveries, ends, strict=True)
    ]
    kit.finish(hint, *given)
    document = kit.document(accepted)
    assert document["status"] == status
    assert (document["completedAt"] is None) == (status == "accepted")
    assert kit.ledger.audit().differences == []


_ATTEMPTED = {State.DELIVERED, State.RETRYING, State.DEAD, State.UNKNOWN, State.PENDING}


def test_a_request_that_leads_nowhere_is_completed_when_it_is_planned(kit: Kit) -> None:
    accepted = kit.accept("ada", callback=True)
    (hint,) = kit.claim()
    kit.ledger.start_route(hint.hint_id, WORKER, LEASE)
    kit.ledger.planned(hint.hint_id, [])
    assert kit.document(accepted)["status"] == "completed"
    assert kit.callbacks(accepted) == ["request.completed"]


def test_a_request_whose_records_are_all_skipped_is_completed(kit: Kit) -> None:
    accepted = kit.accept("ada", callback=True)
    kit.plan("crm", state=State.SKIPPED)
    assert kit.states(accepted) == ["skipped"]
    assert kit.callbacks(accepted) == ["request.completed"]
    assert kit.ledger.audit().differences == []


def test_a_record_that_is_set_aside_while_it_is_planned_is_told(kit: Kit) -> None:
    accepted = kit.accept("ada", callback=True)
    kit.plan("crm", state=State.DEAD)
    assert kit.callbacks(accepted) == ["delivery.dead", "request.completed_with_errors"]


def test_a_request_is_open_until_its_last_record_is_planned(kit: Kit) -> None:
    accepted = kit.accept("ada", "grace", callback=True)
    (hint,) = kit.claim()
    first, second = kit.ledger.start_route(hint.hint_id, WORKER, LEASE)
    kit.ledger.planned(hint.hint_id, [kit.planned(first, "crm", state=State.SKIPPED), kit.planned(second, "crm")])
    assert (kit.document(accepted)["status"], kit.callbacks(accepted)) == ("accepted", [])
    kit.end_all()
    assert (kit.document(accepted)["status"], kit.callbacks(accepted)) == ("completed", ["request.completed"])


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (State.DELIVERED, ["request.completed"]),
        (State.DEAD, ["delivery.dead", "request.completed_with_errors"]),
        (State.UNKNOWN, ["delivery.unknown", "request.completed_with_errors"]),
        (State.RETRYING, []),
    ],
)
def test_a_client_is_told_how_its_request_ended(kit: Kit, state: State, told: list[str]) -> None:
    accepted = kit.accept_and_plan("ada", callback=True)
    kit.end_all(state)
    assert kit.callbacks(accepted) == told


def test_each_delivery_that_failed_is_told_by_its_name(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada", "grace", callback=True)
    kit.end_all(State.DEAD)
    document = kit.document(accepted)
    failed = {delivery["deliveryId"] for record in document["records"] for delivery in record["deliveries"]}
    assert {each["about"] for each in document["callbacks"] if each["type"] == "delivery.dead"} == failed


def test_a_client_without_callbacks_is_told_nothing(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    kit.end_all(State.DEAD)
    assert kit.callbacks(accepted) == []
    assert kit.claim() == []


@pytest.mark.parametrize("state", [State.DELIVERED, State.DEAD, State.UNKNOWN])
def test_callbacks_have_no_callbacks(kit: Kit, state: State) -> None:
    accepted = kit.accept_and_plan("ada", callback=True)
    kit.end_all()
    kit.end_all(state)
    assert kit.callbacks(accepted) == ["request.completed"]
    assert kit.document(accepted)["status"] == "completed"
    assert kit.claim() == []
    assert kit.ledger.audit().differences == []


def test_the_callback_of_a_worker_that_fell_silent_settles_nothing(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada", callback=True)
    kit.end_all()
    hint, (callback,) = kit.only()
    kit.ledger.lost(hint.hint_id)
    taken = kit.ledger.take_over(hint.hint_id)
    assert taken is not None
    kit.finish(taken.hint_id, verdict(callback))
    assert kit.callbacks(accepted) == ["request.completed"]
    assert kit.ledger.audit().differences == []


def test_the_callbacks_of_one_request_go_in_order(kit: Kit) -> None:
    kit.accept_and_plan("ada", callback=True)
    kit.end_all(State.DEAD)
    hint, deliveries = kit.only()
    assert hint.destination.endswith(CALLBACK)
    assert [each.payload["type"] for each in deliveries] == ["delivery.dead", "request.completed_with_errors"]
    assert {each.operation for each in deliveries} == {"callback"}
    assert [each.payload["deliveryId"] is None for each in deliveries] == [False, True]


def test_chunks_that_end_at_once_complete_their_request_once(kit: Kit) -> None:
    kit.publish(crm(chunk=5, max_hints=20), other("erp", chunk=5, max_hints=20))
    accepted = [kit.accept(*[f"c-{number}" for number in range(50)], callback=True) for _ in range(2)]
    kit.plan("crm", "erp")
    with ThreadPoolExecutor(8) as pool:
        while given := kit.given():
            list(pool.map(lambda each: kit.finish(each[0], *map(verdict, each[1])), given))
            kit.later(1.0)
            if {hint.queue for hint, _ in given} == {"callback"}:
                break
    assert [kit.callbacks(each) for each in accepted] == [["request.completed"]] * 2
    assert kit.ledger.audit().differences == []


def test_a_delivery_that_recovers_is_told(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada", callback=True)
    kit.end_all(State.DEAD)
    kit.end_all()
    (delivery,) = kit.failed()
    kit.ledger.replay([delivery.delivery_id], "ada")
    assert kit.document(accepted)["status"] == "accepted"
    kit.end_all()
    assert kit.document(accepted)["status"] == "completed"
    assert sorted(kit.callbacks(accepted)) == ["delivery.dead", "delivery.recovered", "request.completed_with_errors"]
