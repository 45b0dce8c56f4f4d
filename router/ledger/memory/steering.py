"""What a person may do to the work, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from router.ledger.base import Letter, Place, Remapped, Selection
from router.ledger.documents import iso
from router.ledger.memory.store import Change, Delivery, Due, Event, Store, Target, failed
from router.ledger.ranges import LOWEST, between
from router.model import State, record_of

ENDED = (State.DEAD, State.UNKNOWN, State.DELIVERED, State.CANCELLED)


class Steering:
    """`router.ledger.base.Steering`."""

    _store: Store

    def places(self, client: str | None = None) -> list[Place]:
        with self._store.lock:
            wanted = [(n, t) for n, t in self._store.targets.items() if client in (None, t.given.client)]
            places = [self._place(number, target) for number, target in wanted]
        return sorted(places, key=lambda place: (place.client, place.group, place.integration))

    def _place(self, number: int, target: Target) -> Place:
        store, given = self._store, target.given
        blocked_until = store.account(given.account).blocked_until
        owed = [row for row in store.due.values() if row.destination == number]
        started = [hint for hint in store.hints.values() if hint.destination == number and hint.started_at]
        return Place(
            number=number,
            client=given.client,
            group=given.group,
            integration=given.integration,
            kind=given.kind,
            connector=given.connector,
            account=given.account,
            enabled=given.enabled,
            paused_at=target.paused_at,
            paused_by=target.paused_by,
            breaker=target.breaker,
            breaker_reason=target.breaker_reason,
            breaker_since=target.breaker_since,
            catching_up=target.catching_up,
            blocked_until=blocked_until if blocked_until > store.now() else None,
            waiting=len(owed),
            in_flight=sum(len(hint.ids) for hint in started),
            oldest_due_at=min((row.due_at for row in owed if row.hint_id is None), default=None),
        )

    def pause(self, destinations: Sequence[int], by: str) -> int:
        with self._store.lock:
            running = [t for t in self._targets(destinations) if t.paused_at is None and t.given.kind != "route"]
            for target in running:
                target.paused_at, target.paused_by = self._store.now(), by
            return len(running)

    def resume(self, destinations: Sequence[int]) -> int:
        with self._store.lock:
            now = self._store.now()
            held = [t for t in self._targets(destinations) if t.paused_at is not None or t.breaker != "closed"]
            for target in held:
                target.paused_at, target.paused_by = None, None
                target.catching_up, target.release_next_at = True, now
                target.breaker, target.breaker_reason, target.breaker_since = "closed", None, None
                target.opened_times, target.delivered_lately, target.failed_lately = 0, 0, 0
                target.lately_since = now
            return len(held)

    def _targets(self, destinations: Sequence[int]) -> list[Target]:
        return [self._store.targets[number] for number in dict.fromkeys(destinations) if number in self._store.targets]

    def letters(self, selection: Selection, limit: int, after: UUID | None = None) -> list[Letter]:
        with self._store.lock:
            found = sorted(
                (one for one in self._store.deliveries.values() if one.delivery_id > (after or LOWEST)),
                key=lambda one: one.delivery_id,
            )
            chosen = [one for one in found if self._is_meant(one, selection)][:limit]
            return [self._letter(one) for one in chosen]

    def _is_meant(self, one: Delivery, selection: Selection) -> bool:
        store, given = self._store, self._store.requests[one.request_id].given
        low, high = between(selection.since, selection.until)
        return (
            one.state in selection.states
            and store.targets[one.destination].given.kind == "deliver"
            and low <= one.delivery_id < high
            and (selection.destinations is None or one.destination in selection.destinations)
            and (selection.reason is None or selection.reason.lower() in (one.reason or "").lower())
            and selection.entity in (None, given.entity)
            and selection.type in (None, given.type)
            and selection.request_id in (None, one.request_id)
            and (selection.deliveries is None or one.delivery_id in selection.deliveries)
        )

    def _letter(self, one: Delivery) -> Letter:
        request, given = self._store.requests[one.request_id], self._store.targets[one.destination].given
        return Letter(
            delivery_id=one.delivery_id,
            request_id=one.request_id,
            client=given.client,
            group=given.group,
            integration=given.integration,
            entity=request.given.entity,
            type=request.given.type,
            operation=one.operation,
            state=one.state,
            reason=one.reason or "",
            attempts=len(one.attempts),
            received_at=request.received_at,
            finished_at=one.finished_at,
            mapped=one.payload is not None,
        )

    def replayable(self, deliveries: Sequence[UUID]) -> list[Remapped]:
        store = self._store
        with store.lock:
            known = [store.deliveries[id] for id in sorted(set(deliveries)) if id in store.deliveries]
            return [self._remapped(one) for one in known if record_of(one.delivery_id) in store.records]

    def _remapped(self, one: Delivery) -> Remapped:
        request, given = self._store.requests[one.request_id].given, self._store.targets[one.destination].given
        return Remapped(
            delivery_id=one.delivery_id,
            client=given.client,
            group=given.group,
            integration=given.integration,
            entity=request.entity,
            type=request.type,
            mapping_version=request.mapping_version,
            action=request.action,
            operation=one.operation,
            payload=one.payload,
            data=self._store.records[record_of(one.delivery_id)].data,
        )

    def replay(self, deliveries: Sequence[UUID], by: str, changed: Mapping[UUID, tuple[str, str]] | None = None) -> int:
        store = self._store
        with store.lock:
            new = changed or {}
            ended = [one for one in self._known(deliveries) if one.state in ENDED]
            chosen = [one for one in ended if one.payload is not None or one.delivery_id in new]
            changes = []
            for one in chosen:
                if store.targets[one.destination].given.kind == "deliver":
                    changes.append((one.request_id, Change(opened=1, failed=-int(failed(one.state)))))
                one.recovering = failed(one.state)
                one.operation, one.payload = new.get(one.delivery_id, (one.operation, one.payload))
                one.state, one.finished_at, one.earlier = State.PENDING, None, len(one.attempts) + 1
                self._write(one, "replayed", by)
                record = store.records.get(record_of(one.delivery_id))
                order = (record.ordering_key, record.seq) if record else (one.request_id, next(store.seqs))
                store.due[one.delivery_id] = Due(
                    one.delivery_id, one.request_id, one.destination, *order, store.now(), lane=2
                )
            store.settle(changes, [])
            return len(chosen)

    def resolve(self, deliveries: Sequence[UUID], by: str) -> int:
        store = self._store
        with store.lock:
            chosen = [one for one in self._known(deliveries) if one.state is State.UNKNOWN]
            for one in chosen:
                one.state = State.DELIVERED
                self._write(one, "delivered", by)
            told = [one for one in chosen if store.targets[one.destination].given.kind == "deliver"]
            store.settle(
                [(one.request_id, Change(failed=-1)) for one in told],
                [Event(one.request_id, "delivery.recovered", one.delivery_id) for one in told],
            )
            return len(chosen)

    def cancel(self, deliveries: Sequence[UUID], by: str) -> int:
        store = self._store
        with store.lock:
            chosen = [one for one in self._known(deliveries) if self._may_be_cancelled(one)]
            for one in chosen:
                del store.due[one.delivery_id]
                one.state, one.finished_at, one.recovering = State.CANCELLED, store.now(), False
                self._write(one, "cancelled", by)
            store.settle([(one.request_id, Change(opened=-1)) for one in chosen], [])
            return len(chosen)

    def _known(self, deliveries: Sequence[UUID]) -> list[Delivery]:
        return [self._store.deliveries[id] for id in dict.fromkeys(deliveries) if id in self._store.deliveries]

    def _may_be_cancelled(self, one: Delivery) -> bool:
        row = self._store.due.get(one.delivery_id)
        delivers = self._store.targets[one.destination].given.kind == "deliver"
        return row is not None and row.hint_id is None and delivers

    def _write(self, one: Delivery, what: str, by: str) -> None:
        one.attempts.append({"at": iso(self._store.now()), "ms": 0, "outcome": what, "by": by})
