"""The ledger in memory: the same behaviour as `postgres`, told plainly, for tests. One lock; nothing survives."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime

from router.ledger.memory.feedback import Feedback
from router.ledger.memory.intake import Intake
from router.ledger.memory.registry import Registry
from router.ledger.memory.steering import Steering
from router.ledger.memory.store import Store
from router.ledger.memory.traces import Traces
from router.ledger.memory.work import Work


def _now() -> datetime:
    return datetime.now(UTC)


class MemoryLedger(Intake, Traces, Work, Steering, Registry, Feedback):
    """`router.ledger.base.Ledger` in a process's memory.

    clock: the ledger's own, aware. luck: numbers from 0.0 up to 1.0, which divide the lanes' shares.
    """

    def __init__(self, clock: Callable[[], datetime] = _now, luck: Callable[[], float] = random.random) -> None:
        self._store = Store(clock, luck)

    def ping(self) -> None:
        """It is always there."""

    def close(self) -> None:
        """There is nothing to close."""
