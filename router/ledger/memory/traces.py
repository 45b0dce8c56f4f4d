"""What can be read back, from memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from router.ledger.base import Audit, Filters, Kept
from router.ledger.documents import (
    DeliveryRow,
    RejectionRow,
    RequestRow,
    document,
    rejection,
    status_of,
    summary,
)
from router.ledger.memory.audit import audit
from router.ledger.memory.feedback import feedback_row
from router.ledger.memory.store import Delivery, Due, Request, Store
from router.ledger.ranges import HIGHEST, beginning, between, id_at
from router.model import Rejected, RequestStatus, ids_of, record_id, record_index, record_of


class Traces:
    """`router.ledger.base.Traces`."""

    _store: Store

    def document(
        self, request_id: UUID, client: str | None = None, delivery: UUID | None = None
    ) -> dict[str, Any] | None:
        store = self._store
        with store.lock:
            request = store.requests.get(request_id)
            if request is not None and client in (None, request.given.client):
                records, deliveries = store.of_request(request_id, *ids_of(request_id))
                if delivery is not None:
                    records = [one for one in records if one.record_id == record_of(delivery)]
                    deliveries = [one for one in deliveries if one.delivery_id == delivery]
                ids = {one.delivery_id for one in deliveries}
                told = sorted(store.feedback.values(), key=lambda one: one.received_at)
                return document(
                    _row(request),
                    [(record.record_id, record.datatalks_id) for record in records],
                    [_delivery(store, one) for one in deliveries if one.operation != "callback"],
                    [_delivery(store, one) for one in deliveries if one.operation == "callback"],
                    [feedback_row(one) for one in told if one.delivery_id in ids],
                )
            refused = store.rejections.get(request_id)
            if refused is not None and client in (None, refused[0].client):
                return rejection(_rejection(*refused))
            return None

    def documents(self, client: str | None, filters: Filters, limit: int, before: UUID | None) -> list[dict[str, Any]]:
        store = self._store
        low, high = between(filters.since, filters.until)
        high = min(high, before or HIGHEST)
        with store.lock:
            if filters.status == RequestStatus.REJECTED:
                ids = sorted((id for id in store.rejections if low <= id < high), reverse=True)
                refused = (store.rejections[id] for id in ids)
                known = (one for one in refused if client in (None, one[0].client))
                return [rejection(_rejection(*one)) for one in islice(known, limit)]
            ids = sorted((id for id in store.requests if low <= id < high), reverse=True)
            wanted = (store.requests[id] for id in ids if _meets(store, store.requests[id], client, filters))
            return [summary(_row(one)) for one in islice(wanted, limit)]

    def recorded(self, since: datetime, limit: int, after: UUID | None = None) -> list[Kept]:
        low = after or between(since, None)[0]
        with self._store.lock:
            ids = sorted(id for id in self._store.records if id > low)[:limit]
            return [self._recorded(id) for id in ids]

    def _recorded(self, id: UUID) -> Kept:
        store = self._store
        request = next(
            one.given for one in store.requests.values() if record_id(one.given.request_id, record_index(id)) == id
        )
        return Kept(
            record_id=id,
            request_id=request.request_id,
            client=request.client,
            group=request.group,
            entity=request.entity,
            type=request.type,
            action=request.action,
            data=store.records[id].data,
        )

    def find(self, prefix: str) -> list[UUID]:
        found = beginning(prefix)
        if found is None:
            return []
        low, high = found
        with self._store.lock:
            ids = [id for id in (*self._store.requests, *self._store.rejections) if low <= id <= high]
        return sorted(ids, reverse=True)[:10]

    def identified(self, keys: Sequence[UUID]) -> list[UUID]:
        with self._store.lock:
            known = self._store.identities
            return sorted({known[key] for key in keys if key in known})

    def audit(self, since: datetime | None = None, until: datetime | None = None) -> Audit:
        with self._store.lock:
            return audit(self._store, *between(since, until))


_READS: Mapping[str, Callable[[Request], object]] = {
    "status": lambda request: status_of(request.open, request.failed),
    "group": lambda request: request.given.group,
    "entity": lambda request: request.given.entity,
    "type": lambda request: request.given.type,
}


def _meets(store: Store, request: Request, client: str | None, filters: Filters) -> bool:
    if client not in (None, request.given.client):
        return False
    if any(getattr(filters, name) not in (None, read(request)) for name, read in _READS.items()):
        return False
    records, deliveries = store.of_request(request.given.request_id, *ids_of(request.given.request_id))
    named = {record.datatalks_id for record in records}
    integrations = {
        store.targets[one.destination].given.integration for one in deliveries if one.operation != "callback"
    }
    return (filters.datatalks_id is None or filters.datatalks_id in named) and (
        filters.integration is None or filters.integration in integrations
    )


def _row(request: Request) -> RequestRow:
    given = request.given
    return RequestRow(
        request_id=given.request_id,
        environment=given.environment,
        group=given.group,
        entity=given.entity,
        type=given.type,
        mapping_version=given.mapping_version,
        received_at=request.received_at,
        completed_at=request.completed_at,
        open=request.open,
        failed=request.failed,
    )


def _delivery(store: Store, delivery: Delivery) -> DeliveryRow:
    target, due = store.targets[delivery.destination], store.due.get(delivery.delivery_id)
    hint = None if due is None or due.hint_id is None else store.hints[due.hint_id]
    return DeliveryRow(
        delivery_id=delivery.delivery_id,
        integration=target.given.integration,
        connector=target.given.connector,
        operation=delivery.operation,
        state=delivery.state,
        reason=delivery.reason,
        provider_id=delivery.provider_id,
        attempts=delivery.attempts,
        planned_at=delivery.planned_at,
        finished_at=delivery.finished_at,
        due_at=None if due is None else due.due_at,
        started=hint is not None and hint.started_at is not None,
        enabled=target.given.enabled,
        paused_at=target.paused_at,
        paused_by=target.paused_by,
        breaker=target.breaker,
        breaker_reason=target.breaker_reason,
        breaker_since=target.breaker_since,
        payload=delivery.payload,
        blocked_until=_ahead(store, store.account(target.given.account).blocked_until),
        behind=_earlier(store, due, target.given.order_limit) if due else None,
    )


def _ahead(store: Store, moment: datetime) -> datetime | None:
    return moment if moment > store.now() else None


def _earlier(store: Store, due: Due, order_limit: float) -> UUID | None:
    """The first of its key that goes before it."""
    gives_way = id_at(store.now() - timedelta(seconds=order_limit))
    before = [
        one
        for one in store.due.values()
        if (one.destination, one.ordering_key) == (due.destination, due.ordering_key)
        and one.seq < due.seq
        and one.id > gives_way
    ]
    return min(before, key=lambda one: one.seq).id if before else None


def _rejection(rejected: Rejected, received_at: datetime) -> RejectionRow:
    return RejectionRow(rejected.request_id, rejected.status, rejected.messages, received_at)
