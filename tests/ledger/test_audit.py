"""The ledger balances, and where it was damaged it says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from router.model import State, record_id
from tests.ledger.kit import CALLBACK, LEASE, ROUTE, WORKER, Kit, crm, other, verdict


def test_an_empty_ledger_balances(kit: Kit) -> None:
    audit = kit.ledger.audit()
    assert (audit.accepted, audit.expected, audit.by_state, audit.difference) == (0, 0, {}, 0)


def test_what_is_not_planned_yet_counts_once(kit: Kit) -> None:
    kit.accept("ada", "grace")
    audit = kit.ledger.audit()
    assert (audit.accepted, audit.expected, audit.by_state) == (2, 2, {"unplanned": 2})


def test_every_delivery_counts_in_its_state(kit: Kit) -> None:
    kit.publish(crm(), other("erp"))
    kit.accept("ada", "grace", callback=True)
    kit.plan("crm", "erp")
    (first, (a, b)), (second, (c, d)) = kit.given()
    kit.finish(first, verdict(a), verdict(b, State.DEAD))
    kit.finish(second, verdict(c, State.RETRYING), verdict(d, State.UNKNOWN))
    kit.accept("joan")
    audit = kit.ledger.audit()
    assert (audit.accepted, audit.expected) == (3, 5)
    assert audit.by_state == {"delivered": 1, "dead": 1, "retrying": 1, "unknown": 1, "unplanned": 1}
    assert list(audit.differences) == []


def test_it_balances_at_every_step(kit: Kit) -> None:
    def balanced() -> bool:
        audit = kit.ledger.audit()
        return not audit.difference and audit.expected == sum(audit.by_state.values())

    kit.accept("ada", "grace", callback=True)
    assert balanced()
    (route,) = kit.claim()
    assert balanced()
    records = kit.ledger.start_route(route.hint_id, WORKER, LEASE)
    assert balanced()
    kit.ledger.planned(route.hint_id, [kit.planned(each, "crm") for each in records])
    assert balanced()
    hint, (first, second) = kit.only()
    assert balanced()
    kit.ledger.leaving(hint.hint_id, [first.delivery_id], LEASE)
    assert balanced()
    kit.finish(hint, verdict(first, State.UNKNOWN), done=False)
    assert balanced()
    kit.ledger.lost(hint.hint_id)
    taken = kit.ledger.take_over(hint.hint_id)
    assert taken is not None
    assert balanced()
    kit.finish(taken.hint_id, verdict(second, State.DEAD))
    assert balanced()


@pytest.mark.parametrize(("since", "until", "accepted"), [(-1, 1, 1), (1, None, 0), (None, -1, 0), (None, 1, 1)])
def test_it_audits_a_stretch_of_time(kit: Kit, since: float | None, until: float | None, accepted: int) -> None:
    kit.accept("ada")
    now = datetime.now(UTC)

    def hours(number: float | None) -> datetime | None:
        return None if number is None else now + timedelta(hours=number)

    assert kit.ledger.audit(hours(since), hours(until)).accepted == accepted


DAMAGES = {
    "a record lost": ("DELETE FROM records WHERE record_id = %(pending_record)s", ["request", "pending"]),
    "a request lost": ("DELETE FROM requests", ["done_record", "pending_record", "unplanned_record"]),
    "a delivery that ended lost": ("DELETE FROM deliveries WHERE delivery_id = %(done)s", ["request", "done_record"]),
    "a delivery that is owed lost": ("DELETE FROM deliveries WHERE delivery_id = %(pending)s", ["request", "pending"]),
    "nobody owes a delivery": ("DELETE FROM due WHERE id = %(pending)s", ["pending"]),
    "nobody owes a plan": ("DELETE FROM due WHERE id = %(unplanned_record)s", ["request"]),
    "what ended is owed": (
        "UPDATE deliveries SET state = 'dead' WHERE delivery_id = %(pending)s",
        ["request", "pending"],
    ),
    "what is owed has ended": (
        "UPDATE deliveries SET state = 'pending' WHERE delivery_id = %(done)s",
        ["request", "done"],
    ),
    "delivered without an attempt": ("UPDATE deliveries SET attempts = '[]' WHERE delivery_id = %(done)s", ["done"]),
    "open is wrong": ("UPDATE requests SET open = open + 1", ["request"]),
    "failed is wrong": ("UPDATE requests SET failed = failed + 1", ["request"]),
    "planned is wrong": ("UPDATE requests SET planned = planned + 1", ["request"]),
    "a hint lost": ("UPDATE due SET hint_id = 987654321 WHERE id = %(pending)s", ["pending"]),
    "a destination lost": ("UPDATE due SET destination_id = 999999 WHERE id = %(pending)s", ["pending"]),
    "planned and unplanned": (
        "INSERT INTO due (id, request_id, destination_id, lane, ordering_key, seq, due_at)"
        " VALUES (%(done_record)s, %(request)s, %(route)s, 0, %(request)s, 1, now())",
        ["request", "done_record"],
    ),
    "owed, and nothing": (
        "INSERT INTO due (id, request_id, destination_id, lane, ordering_key, seq, due_at)"
        " VALUES (%(nothing)s, %(request)s, %(route)s, 0, %(request)s, 1, now())",
        ["nothing"],
    ),
    "a callback lost": ("DELETE FROM due WHERE id = %(callback)s", ["callback"]),
}


@pytest.mark.parametrize(("statement", "named"), DAMAGES.values(), ids=DAMAGES.keys())
def test_every_damage_is_named(postgres_kit: Kit, module_database_url: str, statement: str, named: list[str]) -> None:
    ids = a_request_in_the_middle(postgres_kit)
    assert postgres_kit.ledger.audit().differences == []
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        connection.execute(statement, ids)  # type: ignore[arg-type]
    differences = postgres_kit.ledger.audit().differences
    names = {id: name for name, id in ids.items()}
    assert {names.get(difference.split(":")[0]) for difference in differences} >= set(named), differences


def a_request_in_the_middle(kit: Kit) -> dict[str, str]:
    """A request with one record delivered, one owed, one unplanned, beside one that has ended: ids of rows, by name."""
    kit.publish(crm(), route=replace(ROUTE, chunk=2))
    ended = kit.accept_and_plan("ada", callback=True)
    kit.end_all()
    accepted = kit.accept("ada", "grace", "joan")
    kit.ledger.pause([kit.numbers[CALLBACK]], "ada")
    kit.plan_hint(kit.claim()[0])
    hint, (first, second) = kit.only()
    kit.finish(hint, verdict(first), verdict(second, State.PENDING))
    (callback,) = kit.document(ended)["callbacks"]
    return {
        "request": str(accepted.request_id),
        **{
            f"{name}_record": str(record_id(accepted.request_id, index))
            for index, name in enumerate(("done", "pending", "unplanned"))
        },
        "done": str(first.delivery_id),
        "pending": str(second.delivery_id),
        "callback": callback["deliveryId"],
        "route": str(kit.numbers["-route"]),
        "nothing": str(uuid4()),
    }
