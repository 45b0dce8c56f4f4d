"""Rows of the ledger in memory as the port shows them to those who work."""

from __future__ import annotations

import json
from datetime import datetime

from router.ledger.memory.store import Due, GivenHint, Store
from router.model import UNCOUNTED, DueDelivery, DueRecord, Hint, State


def hint_of(store: Store, hint: GivenHint, *, again: bool = False) -> Hint:
    name = store.targets[hint.destination].given.name
    return Hint(hint.hint_id, hint.task, hint.queue, name, hint.requests, len(hint.ids), again=again)


def due_record(store: Store, row: Due) -> DueRecord:
    given = store.requests[row.request_id].given
    return DueRecord(
        record_id=row.id,
        request_id=row.request_id,
        client=given.client,
        environment=given.environment,
        group=given.group,
        entity=given.entity,
        type=given.type,
        action=given.action,
        mapping_version=given.mapping_version,
        data=json.loads(store.records[row.id].data),
        suspicion=row.suspicion,
    )


def due_deliveries(store: Store, hint: GivenHint) -> list[DueDelivery]:
    return [_due_delivery(store, row) for row in store.held_by(hint)]


def _due_delivery(store: Store, row: Due) -> DueDelivery:
    request, delivery = store.requests[row.request_id], store.deliveries[row.id]
    tried = delivery.attempts[delivery.earlier :]
    return DueDelivery(
        delivery_id=row.id,
        request_id=row.request_id,
        client=request.given.client,
        group=request.given.group,
        environment=request.given.environment,
        ordering_key=row.ordering_key,
        operation=delivery.operation,
        payload=json.loads(delivery.payload or "null"),
        mapping_version=request.given.mapping_version,
        accepted_at=request.received_at,
        attempts=sum(each["outcome"] not in UNCOUNTED for each in tried),
        age=(store.now() - datetime.fromisoformat(tried[0]["at"])).total_seconds() if tried else 0.0,
        suspicion=row.suspicion,
        sending=delivery.state is State.SENDING,
        replayed=row.lane == 2,
    )
