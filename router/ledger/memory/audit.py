"""Whether the ledger in memory balances (`postgres.audit`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from router.ledger.base import Audit
from router.ledger.memory.store import Delivery, Due, Request, Store, failed, final
from router.model import ids_of, record_of


def audit(store: Store, low: UUID, high: UUID) -> Audit:
    """Count what was born from `low` up to `high`, and name what does not add up."""
    requests = [request for id, request in store.requests.items() if low <= id < high]
    deliveries = [one for id, one in store.deliveries.items() if low <= id < high]
    owed = [row for id, row in store.due.items() if low <= id < high]
    unplanned = sum(1 for row in owed if row.id in store.records)
    by_state = Counter(str(one.state) for one in deliveries if one.operation != "callback")
    if unplanned:
        by_state["unplanned"] = unplanned
    differences = [
        *(said for request in requests for said in _of_request(store, request)),
        *(said for delivery in deliveries for said in _of_delivery(store, delivery)),
        *(said for row in owed for said in _of_due(store, row)),
    ]
    return Audit(
        accepted=sum(request.records for request in requests),
        expected=sum(request.planned for request in requests) + unplanned,
        by_state=dict(by_state),
        differences=sorted(differences),
    )


def _of_request(store: Store, request: Request) -> Iterator[str]:
    id = request.given.request_id
    records, deliveries = store.of_request(id, *ids_of(id))
    sent = [one for one in deliveries if one.operation != "callback"]
    live = sum(record.record_id in store.due for record in records) + sum(not final(one.state) for one in sent)
    dead = sum(failed(one.state) for one in sent)
    if len(records) != request.records:
        yield f"{id}: has {len(records)} of its {request.records} records"
    if len(sent) != request.planned:
        yield f"{id}: has {len(sent)} of its {request.planned} deliveries"
    if live != request.open:
        yield f"{id}: says {request.open} are open, but {live} are"
    if dead != request.failed:
        yield f"{id}: says {request.failed} failed, but {dead} did"
    if request.open == 0 and request.completed_at is None:
        yield f"{id}: is owed nothing, and not completed"
    for record in records:
        if record.record_id in store.due and any(record_of(one.delivery_id) == record.record_id for one in sent):
            yield f"{record.record_id}: is still to be planned, and has deliveries"


def _of_delivery(store: Store, delivery: Delivery) -> Iterator[str]:
    id, due = delivery.delivery_id, delivery.delivery_id in store.due
    if due is final(delivery.state):
        yield f"{id}: is {delivery.state}, and {'still' if due else 'not'} due"
    if delivery.state == "delivered" and not any(one["outcome"] == "delivered" for one in delivery.attempts):
        yield f"{id}: is delivered, and no attempt says so"


def _of_due(store: Store, row: Due) -> Iterator[str]:
    if row.id not in store.records and row.id not in store.deliveries:
        yield f"{row.id}: is due, and is nothing"
    if row.destination not in store.targets:
        yield f"{row.id}: is due to destination {row.destination}, which is not known"
    if row.hint_id is not None and (row.hint_id not in store.hints or row.id not in store.hints[row.hint_id].ids):
        yield f"{row.id}: is given out under hint {row.hint_id}, which does not have it"
