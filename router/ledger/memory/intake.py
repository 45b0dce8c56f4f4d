"""What the receiver keeps, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from router.ledger.base import IdempotencyMismatch, PinConflict
from router.ledger.memory.store import Due, Record, Request, Store
from router.model import Accepted, Action, NewRecord, NewRequest, Rejected, ids_of, record_id

BURST = timedelta(seconds=1)


class Intake:
    """`router.ledger.base.Intake`."""

    _store: Store

    def accept(self, request: NewRequest) -> Accepted:
        store = self._store
        with store.lock:
            earlier = self._earlier(request)
            if earlier is not None:
                return earlier
            names = self._identify(request.records)
            for record in request.records:
                if record.joins:
                    store.known_as.setdefault(record.joins, {})[request.group] = record.known_as
            if request.action is Action.DELETE:
                self._forget(set(names), request.group)
            if request.idempotency is not None:
                kept = (
                    request.idempotency.fingerprint,
                    request.request_id,
                    store.now() + timedelta(days=request.idempotency.days),
                )
                store.idempotency[request.client, request.idempotency.key] = kept
            count = len(request.records)
            store.requests[request.request_id] = Request(request, store.now(), count, count)
            for index, (record, own) in enumerate(zip(request.records, names, strict=True)):
                id, seq = record_id(request.request_id, index), next(store.seqs)
                order = store.identities[record.subject] if record.subject else own
                store.records[id] = Record(id, seq, own, order, record.data)
                store.due[id] = Due(id, request.request_id, request.route, order, seq, store.now())
            return Accepted(request.request_id, tuple(names))

    def _earlier(self, request: NewRequest) -> Accepted | None:
        store = self._store
        if request.idempotency is None:
            return None
        kept = store.idempotency.get((request.client, request.idempotency.key))
        if kept is None or kept[2] < store.now():
            return None
        fingerprint, request_id, _ = kept
        if fingerprint != request.idempotency.fingerprint:
            raise IdempotencyMismatch("the Idempotency-Key was used before, with another request")
        records, _ = store.of_request(request_id, *ids_of(request_id))
        return Accepted(request_id, tuple(record.datatalks_id for record in records), replayed=True)

    def _forget(self, deleted: set[UUID], group: str) -> None:
        for key, names in self._store.known_as.items():
            if self._store.identities[key] in deleted:
                names.pop(group, None)

    def _identify(self, records: Sequence[NewRecord]) -> list[UUID]:
        """Each record's datatalksId, all or nothing."""
        known = self._store.identities
        born: dict[UUID, UUID] = {}
        for record in sorted(records, key=lambda one: one.pinned is None):
            if record.key not in known:
                born.setdefault(record.key, record.pinned or uuid4())
        for record in records:
            if record.subject is not None and record.subject not in known:
                born.setdefault(record.subject, uuid4())
        names = [known.get(record.key) or born[record.key] for record in records]
        for index, (record, own) in enumerate(zip(records, names, strict=True)):
            if record.pinned not in (None, own):
                raise PinConflict(index)
        known.update(born)
        known.update({record.joins: own for record, own in zip(records, names, strict=True) if record.joins})
        return names

    def known_as(self, keys: Sequence[UUID], group: str) -> Mapping[UUID, str]:
        with self._store.lock:
            names = {key: self._store.known_as.get(key, {}).get(group) for key in keys}
        return {key: name for key, name in names.items() if name is not None}

    def reject(self, rejected: Rejected) -> None:
        with self._store.lock:
            self._store.rejections[rejected.request_id] = (rejected, self._store.now())

    def take_turn(self, client: str, rate: float) -> float:
        store = self._store
        with store.lock:
            now = store.now()
            ahead = store.turns.get(client, now)
            if ahead >= now + BURST:
                return max((ahead - now - BURST).total_seconds(), 0.001)
            store.turns[client] = max(ahead, now) + timedelta(seconds=1.0 / rate)
            return 0.0
