"""What is due, given out, started and finished, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from router.ledger.base import Outlook
from router.ledger.documents import kept, plain
from router.ledger.memory.claim import able, claim
from router.ledger.memory.store import Change, Delivery, Due, Event, GivenHint, Store, failed, final
from router.ledger.memory.views import due_deliveries, due_record, hint_of
from router.ledger.pace import spacing
from router.ledger.ranges import id_at
from router.model import (
    SEEN_DEATH,
    SILENCE,
    BreakerNews,
    DueDelivery,
    DueRecord,
    Health,
    Hint,
    Planned,
    State,
    TakenOver,
    Trouble,
    Verdict,
)

REGIVE_AFTER = timedelta(seconds=10)
STARTED_WITHIN = timedelta(milliseconds=20)
BUSY_FOR = timedelta(seconds=1)
JUDGED_WITHIN = 30.0


class Work:
    """`router.ledger.base.Work`."""

    _store: Store

    def outlook(self, hints_per_queue: int, apart: float = 0.0) -> Outlook:
        with self._store.lock:
            due = next(able(self._store, hints_per_queue, apart, None), None) is not None
            return Outlook(due or bool(self._unheard()), self._crowded())

    def claim(self, hints_per_queue: int, apart: float = 0.0) -> list[Hint]:
        return self._claim(hints_per_queue, apart, None)

    def claim_onward(self, hints_per_queue: int, apart: float, destinations: Sequence[int]) -> list[Hint]:
        with self._store.lock:
            return self._claim(hints_per_queue, apart, () if self._crowded() else destinations)

    def _crowded(self) -> bool:
        now = self._store.now()
        return any(now - BUSY_FOR < hint.given_at < now - STARTED_WITHIN for hint in self._waiting())

    def _unheard(self) -> list[GivenHint]:
        before = self._store.now() - REGIVE_AFTER
        return [hint for hint in self._waiting() if hint.given_at < before]

    def _waiting(self) -> list[GivenHint]:
        return [hint for hint in self._store.hints.values() if hint.started_at is None]

    def _claim(self, hints_per_queue: int, apart: float, of: Sequence[int] | None) -> list[Hint]:
        store = self._store
        with store.lock:
            again = self._unheard()
            for hint in again:
                hint.given_at = store.now()
            given = claim(store, hints_per_queue, apart, of)
            return [hint_of(store, hint, again=True) for hint in again] + [hint_of(store, hint) for hint in given]

    def expired(self) -> list[int]:
        with self._store.lock:
            now = self._store.now()
            return sorted(hint.hint_id for hint in self._store.hints.values() if _lapsed(hint, now))[:100]

    def start_route(self, hint_id: int, worker: str, lease: float) -> list[DueRecord]:
        with self._store.lock:
            hint = self._start(hint_id, worker, lease)
            return [] if hint is None else [due_record(self._store, row) for row in self._store.held_by(hint)]

    def planned(self, hint_id: int, plans: Sequence[Planned]) -> None:
        store = self._store
        with store.lock:
            hint = store.hints.pop(hint_id, None)
            if hint is None:
                return
            mine = {row.id: store.due.pop(row.id) for row in store.held_by(hint)}
            ours = [plan for plan in plans if plan.record_id in mine]
            changes = [(row.request_id, Change(opened=-1)) for row in mine.values()]
            events = []
            for plan in ours:
                row, now = mine[plan.record_id], store.now()
                ended = final(plan.state)
                store.deliveries[plan.delivery_id] = Delivery(
                    delivery_id=plan.delivery_id,
                    request_id=row.request_id,
                    destination=plan.destination,
                    operation=plan.operation,
                    state=plan.state,
                    planned_at=now,
                    payload=plan.payload,
                    reason=plain(plan.reason),
                    finished_at=now if ended else None,
                )
                if not ended:
                    store.due[plan.delivery_id] = Due(
                        plan.delivery_id, row.request_id, plan.destination, row.ordering_key, row.seq, now
                    )
                changes.append((row.request_id, Change(1, int(not ended), int(failed(plan.state)))))
                if plan.state is State.DEAD:
                    events.append(Event(row.request_id, "delivery.dead", plan.delivery_id))
            store.settle(changes, events)

    def start_deliver(self, hint_id: int, worker: str, lease: float) -> tuple[int, list[DueDelivery]]:
        with self._store.lock:
            hint = self._start(hint_id, worker, lease)
            deliveries = [] if hint is None else due_deliveries(self._store, hint)
            return (hint.destination if hint and deliveries else 0), deliveries

    def _start(self, hint_id: int, worker: str, lease: float) -> GivenHint | None:
        hint = self._store.hints.get(hint_id)
        if hint is None or hint.started_at is not None:
            return None
        hint.started_at, hint.lease_until, hint.worker = self._store.now(), self._store.in_(lease), worker
        return hint

    def leaving(self, hint_id: int, deliveries: Sequence[UUID], lease: float) -> bool:
        with self._store.lock:
            hint = self._store.hints.get(hint_id)
            if hint is None:
                return False
            hint.lease_until = self._store.in_(lease)
            for id in deliveries:
                self._store.deliveries[id].state = State.SENDING
            return True

    def slot(self, account: str, calls_per_second: float, patience: float) -> float | None:
        with self._store.lock:
            now, known = self._store.now(), self._store.account(account)
            free_at = max(known.slots_next_at, known.blocked_until, now)
            if free_at > now and free_at >= now + timedelta(seconds=patience):
                return None
            known.slots_next_at = free_at + timedelta(seconds=spacing(calls_per_second))
            return (free_at - now).total_seconds()

    def finish(self, hint_id: int, verdicts: Sequence[Verdict], health: Health, *, done: bool) -> int:
        store = self._store
        with store.lock:
            hint = store.hints.get(hint_id)
            if hint is None:
                return 0
            mine = {row.id: row for row in store.held_by(hint)}
            ours = [verdict for verdict in verdicts if verdict.delivery_id in mine]
            changes: list[tuple[UUID, Change]] = []
            events: list[Event] = []
            calls_back = store.targets[hint.destination].given.kind == "callback"
            for verdict in ours:
                row = mine.pop(verdict.delivery_id)
                recovering = self._keep(row, verdict)
                if not calls_back:
                    changes += _change(row, verdict)
                    events += _event(row, verdict, recovering)
            if done:
                del store.hints[hint_id]
                for row in mine.values():
                    self._hand_back(row)
            store.settle(changes, events)
            self._note(hint, health)
            return len(ours)

    def _keep(self, row: Due, verdict: Verdict) -> bool:
        """What became of one delivery. Whether it was one that had failed before."""
        store, delivery, attempt = self._store, self._store.deliveries[row.id], verdict.attempt
        recovering, ended = delivery.recovering, final(verdict.state)
        delivery.state = verdict.state
        delivery.finished_at = store.now() if ended else None
        delivery.recovering = recovering and not ended
        if attempt is not None:
            delivery.attempts.append(kept(attempt))
            delivery.reason = plain(attempt.reason) or delivery.reason
            delivery.provider_id = plain(attempt.provider_id) or delivery.provider_id
        if ended:
            del store.due[row.id]
            return recovering
        row.hint_id = None
        row.suspicion += verdict.suspicion
        row.lane = 1 if attempt is not None and row.lane == 0 else row.lane
        row.due_at = store.in_(verdict.again_in or 0.0)
        return recovering

    def _hand_back(self, row: Due) -> None:
        row.hint_id = None
        delivery = self._store.deliveries[row.id]
        if delivery.state is State.SENDING:
            delivery.state = State.RETRYING if delivery.attempts else State.PENDING

    def _note(self, hint: GivenHint, health: Health) -> None:
        store, target = self._store, self._store.targets[hint.destination]
        if health.blocked_for > 0:
            account = store.account(target.given.account)
            account.blocked_until = max(account.blocked_until, store.in_(health.blocked_for))
        if health.refused is None and not (health.failed or target.failed_lately or target.breaker != "closed"):
            return
        if not target.failed_lately:
            target.lately_since = self._store.now()
        target.delivered_lately += health.delivered
        target.failed_lately += health.failed
        if health.refused is not None:
            target.breaker_reason = health.refused
            if target.breaker != "open":
                target.breaker, target.breaker_since = "open", store.now()
                target.opened_times += 1

    def lost(self, hint_id: int) -> None:
        with self._store.lock:
            hint = self._store.hints.get(hint_id)
            if hint is not None and hint.started_at is not None:
                hint.lease_until, hint.worker = self._store.now(), "lost"

    def take_over(self, hint_id: int) -> TakenOver | None:
        store = self._store
        with store.lock:
            old = store.hints.get(hint_id)
            if old is None or not _lapsed(old, store.now()):
                return None
            del store.hints[hint_id]
            rows, seen = store.held_by(old), old.worker == "lost"
            if old.task == "route":
                for row in rows:
                    row.hint_id = None
                    row.suspicion += SEEN_DEATH if seen else SILENCE
                return None
            if not rows:
                return None
            new = GivenHint(
                next(store.hint_numbers), old.destination, old.queue, old.task, old.replay, old.ids, old.requests,
                store.now(), store.now(), store.in_(JUDGED_WITHIN), "judge",
            )  # fmt: skip
            store.hints[new.hint_id] = new
            for row in rows:
                row.hint_id = new.hint_id
            return TakenOver(new.hint_id, new.destination, seen, due_deliveries(store, new))

    def troubled(self) -> list[Trouble]:
        with self._store.lock:
            now = self._store.now()
            return [
                Trouble(
                    destination=number,
                    breaker=target.breaker,
                    since=(now - target.breaker_since).total_seconds() if target.breaker_since else 0.0,
                    opened_times=target.opened_times,
                    delivered=target.delivered_lately,
                    failed=target.failed_lately,
                    lately=(now - target.lately_since).total_seconds(),
                    reason=target.breaker_reason or "",
                )
                for number, target in self._store.targets.items()
                if target.breaker != "closed" or target.failed_lately
            ]

    def switch(self, destination: int, was: str, state: str, opened_times: int, reason: str | None) -> str | None:
        with self._store.lock:
            target = self._store.targets[destination]
            if target.breaker != was:
                return None
            if (was, state) == ("half_open", "closed"):
                target.catching_up, target.release_next_at = True, self._store.now()
            target.breaker_reason = None if state == "closed" else reason or target.breaker_reason
            target.breaker_since = target.breaker_since if state == was else self._store.now()
            target.breaker, target.opened_times = state, opened_times
            target.delivered_lately, target.failed_lately, target.lately_since = 0, 0, self._store.now()
            return target.given.name

    def breaker_news(self) -> list[BreakerNews]:
        with self._store.lock:
            news = []
            for target in self._store.targets.values():
                if target.breaker not in ("half_open", target.breaker_told):
                    target.breaker_told = target.breaker
                    at = target.breaker_since or self._store.now()
                    news.append(BreakerNews(target.given.name, target.breaker, target.breaker_reason, at))
            return news

    def unstarted(self, queues: Sequence[str]) -> list[int]:
        with self._store.lock:
            hints = self._store.hints.values()
            return sorted(hint.hint_id for hint in hints if hint.started_at is None and hint.queue in queues)

    def keep_house(self, retention_days: int) -> None:
        store = self._store
        with store.lock:
            long_ago = store.now() - timedelta(hours=1)
            gone = [key for key, (_, _, expires_at) in store.idempotency.items() if expires_at < long_ago]
            for key in gone:
                del store.idempotency[key]
            past = id_at(store.now() - timedelta(days=retention_days))
            if not any(id < past for row in store.due.values() for id in (row.id, row.request_id)):
                for table in (store.requests, store.records, store.rejections, store.deliveries, store.feedback):
                    store.forget(table, past)


def _lapsed(hint: GivenHint, now: datetime) -> bool:
    return hint.lease_until is not None and hint.lease_until <= now


def _change(row: Due, verdict: Verdict) -> list[tuple[UUID, Change]]:
    if not final(verdict.state):
        return []
    return [(row.request_id, Change(opened=-1, failed=int(failed(verdict.state))))]


def _event(row: Due, verdict: Verdict, recovering: bool) -> list[Event]:
    name = _EVENTS.get(verdict.state) if recovering or verdict.state is not State.DELIVERED else None
    return [] if name is None else [Event(row.request_id, name, row.id)]


_EVENTS: Mapping[State, str] = {
    State.DEAD: "delivery.dead",
    State.UNKNOWN: "delivery.unknown",
    State.DELIVERED: "delivery.recovered",
}
