"""What is due, given out, started and finished, in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from router.ledger.base import Outlook
from router.ledger.documents import kept, plain
from router.ledger.pace import spacing
from router.ledger.postgres import claim_sql
from router.ledger.postgres import work_sql as sql
from router.ledger.postgres.pool import ANSWERED_WITHIN, ONE_CLAIM_AT_A_TIME, Database
from router.ledger.ranges import HIGHEST, LOWEST, around
from router.model import (
    FINAL,
    SEEN_DEATH,
    SILENCE,
    Action,
    BreakerNews,
    DueDelivery,
    DueRecord,
    Environment,
    Health,
    Hint,
    Planned,
    State,
    TakenOver,
    Trouble,
    Verdict,
)

REGIVE_AFTER = 10.0
CROWDED = {"soon": 0.02, "late": 1.0}
"""Seconds within which idle workers have started what they were given, and busy ones have."""
REMEMBERED = 64


class Work:
    """`router.ledger.base.Work`."""

    _db: Database
    _spans: dict[int, tuple[UUID, UUID]]
    """The bounds of what was started here, by hint. Where they are forgotten all partitions are asked, which costs time
    and nothing else."""

    def outlook(self, hints_per_queue: int, apart: float = 0.0) -> Outlook:
        given = {"hints_per_queue": hints_per_queue, "apart": apart, "after": REGIVE_AFTER, **CROWDED}
        return Outlook(*self._db.rows(claim_sql.OUTLOOK, given)[0])

    def claim(self, hints_per_queue: int, apart: float = 0.0) -> list[Hint]:
        return self._claim(claim_sql.CLAIM, {"hints_per_queue": hints_per_queue, "apart": apart})

    def claim_onward(self, hints_per_queue: int, apart: float, destinations: Sequence[int]) -> list[Hint]:
        bounds = {"hints_per_queue": hints_per_queue, "apart": apart, "destinations": list(destinations)}
        return self._claim(claim_sql.CLAIM_ONWARD, {**bounds, **CROWDED})

    def _claim(self, statement: str, bounds: Mapping[str, Any]) -> list[Hint]:
        # Claims take turns, so that bounds, order and budgets hold however many dispatchers run.
        given = {**bounds, "after": REGIVE_AFTER}
        with self._db.connection(2 * ANSWERED_WITHIN) as connection:
            return [_hint(row) for row in connection.in_turn(ONE_CLAIM_AT_A_TIME, statement, given)]

    def expired(self) -> list[int]:
        return [row[0] for row in self._db.rows(sql.EXPIRED)]

    def start_route(self, hint_id: int, worker: str, lease: float) -> list[DueRecord]:
        rows = self._db.rows(sql.START_ROUTE, {"hint": hint_id, "worker": worker, "lease": lease})
        self._remember(hint_id, [row[0] for row in rows])
        return [
            DueRecord(
                record_id=row[0],
                request_id=row[1],
                client=row[2],
                environment=Environment(row[3]),
                group=row[4],
                entity=row[5],
                type=row[6],
                action=Action(row[7]),
                mapping_version=row[8],
                data=json.loads(row[9]),
                suspicion=row[10],
            )
            for row in rows
        ]

    def planned(self, hint_id: int, plans: Sequence[Planned]) -> None:
        self._db.rows(
            sql.PLANNED,
            {
                **_bounds(self._spans.pop(hint_id, None)),
                "hint": hint_id,
                "ids": [plan.delivery_id for plan in plans],
                "records": [plan.record_id for plan in plans],
                "destinations": [plan.destination for plan in plans],
                "operations": [plan.operation for plan in plans],
                "states": [plan.state for plan in plans],
                "finals": [plan.state in FINAL for plan in plans],
                "payloads": [plan.payload for plan in plans],
                "reasons": [plain(plan.reason) for plan in plans],
            },
        )

    def start_deliver(self, hint_id: int, worker: str, lease: float) -> tuple[int, list[DueDelivery]]:
        rows = self._db.rows(sql.START_DELIVER, {"hint": hint_id, "worker": worker, "lease": lease})
        self._remember(hint_id, [row[1] for row in rows])
        return (rows[0][0] if rows else 0), [_due(row) for row in rows]

    def leaving(self, hint_id: int, deliveries: Sequence[UUID], lease: float) -> bool:
        given = {"hint": hint_id, "ids": list(deliveries), "lease": lease, **_bounds(around(deliveries))}
        return bool(self._db.rows(sql.LEAVING, given))

    def slot(self, account: str, calls_per_second: float, patience: float) -> float | None:
        step = spacing(calls_per_second)
        rows = self._db.rows(claim_sql.SLOT, {"account": account, "step": step, "patience": patience})
        return float(rows[0][0]) if rows else None

    def finish(self, hint_id: int, verdicts: Sequence[Verdict], health: Health, *, done: bool) -> int:
        verdicts = sorted(verdicts, key=lambda verdict: verdict.delivery_id)
        attempts = [verdict.attempt for verdict in verdicts]
        span = self._spans.pop(hint_id, None) if done else self._spans.get(hint_id)
        rows = self._db.rows(
            sql.FINISH,
            {
                **_bounds(span),
                "hint": hint_id,
                "done": done,
                "ids": [verdict.delivery_id for verdict in verdicts],
                "states": [verdict.state for verdict in verdicts],
                "finals": [verdict.state in FINAL for verdict in verdicts],
                "again": [verdict.again_in or 0.0 for verdict in verdicts],
                "suspicions": [verdict.suspicion for verdict in verdicts],
                "attempts": [attempt and json.dumps(kept(attempt)) for attempt in attempts],
                "reasons": [plain(attempt.reason) if attempt else None for attempt in attempts],
                "providers": [plain(attempt.provider_id) if attempt else None for attempt in attempts],
                "delivered": health.delivered,
                "failed": health.failed,
                "blocked_for": health.blocked_for,
                "refused": health.refused,
            },
        )
        return int(rows[0][0])

    def _remember(self, hint_id: int, ids: Sequence[UUID]) -> None:
        if len(self._spans) >= REMEMBERED:
            self._spans.clear()
        if ids:
            self._spans[hint_id] = around(ids)

    def lost(self, hint_id: int) -> None:
        self._db.rows(sql.LOST, {"hint": hint_id})

    def take_over(self, hint_id: int) -> TakenOver | None:
        rows = self._db.rows(sql.TAKE_OVER, {"hint": hint_id, "seen": SEEN_DEATH, "silent": SILENCE})
        if not rows:
            return None
        return TakenOver(rows[0][-2], rows[0][0], rows[0][-1], [_due(row) for row in rows])

    def troubled(self) -> list[Trouble]:
        return [Trouble(*row) for row in self._db.rows(sql.TROUBLED)]

    def switch(self, destination: int, was: str, state: str, opened_times: int, reason: str | None) -> str | None:
        rows = self._db.rows(
            sql.SWITCH,
            {"destination": destination, "was": was, "state": state, "opened_times": opened_times, "reason": reason},
        )
        return rows[0][0] if rows else None

    def breaker_news(self) -> list[BreakerNews]:
        return [BreakerNews(*row) for row in self._db.rows(sql.BREAKER_NEWS)]

    def unstarted(self, queues: Sequence[str]) -> list[int]:
        return [row[0] for row in self._db.rows(sql.UNSTARTED, {"queues": list(queues)})]

    def keep_house(self, retention_days: int) -> None:
        with self._db.connection() as connection:
            connection.execute(sql.HOUSE, {"days": retention_days})
            connection.execute(sql.FORGET)


def _bounds(span: tuple[UUID, UUID] | None) -> dict[str, UUID]:
    low, high = span or (LOWEST, HIGHEST)
    return {"low": low, "high": high}


def _hint(row: Sequence[Any]) -> Hint:
    return Hint(row[0], row[1], row[2], row[3], tuple(row[4]), row[5], again=row[6])


def _due(row: Sequence[Any]) -> DueDelivery:
    return DueDelivery(
        delivery_id=row[1],
        request_id=row[2],
        client=row[3],
        group=row[4],
        environment=Environment(row[5]),
        ordering_key=row[6],
        operation=row[7],
        payload=json.loads(row[8]),
        mapping_version=row[9],
        accepted_at=row[10],
        attempts=row[11],
        age=row[12],
        suspicion=row[13],
        sending=row[14] == State.SENDING,
        replayed=row[15] == 2,
    )
