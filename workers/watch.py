"""A worker that stopped consuming ends itself, so that its supervisor starts another (reliability.md §1C S2).

Silence is judged by the ledger: a hint that was given to this worker's queues waits, nobody starts it, and here are
free slots, through which nothing passes. Not where the broker or the ledger is away: then everybody waits.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from celery import Celery, bootsteps
from celery.worker import state
from kombu.exceptions import KombuError

from router import logs
from router.ledger.base import Unavailable
from router.ledger.postgres import PostgresLedger
from workers import services

PATIENCE = 60.0
"""Seconds that a hint may wait while here are free slots; a lost one is given again six times meanwhile."""
EVERY = 10.0
GRACE = 45.0
"""Seconds to end in good order, and hand back what is begun."""
FAILED = 1

log = logs.get(__name__)
_celery: Any = state


@dataclass(slots=True)
class Silence:
    """Whether nothing happens here although something should.

    waiting: the hints nobody started; raises `Unavailable`. passed: how many tasks went to the pool so far. free: how
    many slots are. reachable: whether the broker answers, somebody else at least. patience: seconds.
    """

    waiting: Callable[[], Sequence[int]]
    passed: Callable[[], int]
    free: Callable[[], int]
    reachable: Callable[[], bool]
    patience: float = PATIENCE
    clock: Callable[[], float] = time.monotonic
    _passed: int = field(default=0, init=False)
    _since: dict[int, float] = field(default_factory=dict, init=False)

    def lasts(self) -> bool:
        """One look; true when a hint has waited for too long through all looks of that time."""
        waiting = self._waiting()
        now = self.clock()
        self._since = {hint: self._since.get(hint, now) for hint in waiting}
        return any(now - since >= self.patience for since in self._since.values())

    def _waiting(self) -> Sequence[int]:
        """None count while something passes, or cannot."""
        before, self._passed = self._passed, self.passed()
        if self._passed != before or self.free() <= 0:
            return ()
        try:
            waiting = self.waiting()
        except Unavailable:
            return ()
        return waiting if waiting and self.reachable() else ()


class Watching(bootsteps.StartStopStep):
    """The part of a worker's parent process that looks, in a thread of its own; each look opens and closes its own."""

    requires = ("celery.worker.components:Pool",)
    patience: ClassVar[float] = PATIENCE
    every: ClassVar[float] = EVERY
    database_url: ClassVar[str]

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._over = threading.Event()

    def start(self, worker: Any) -> None:
        queues = tuple(worker.app.amqp.queues.consume_from)  # Celery forgets those that it was told to leave
        silence = Silence(
            waiting=lambda: _unstarted(self.database_url, queues),
            passed=lambda: sum(state.total_count.values()),
            free=lambda: worker.pool.num_processes - len(state.active_requests),
            reachable=lambda: _answers(worker.app),
            patience=self.patience,
        )
        threading.Thread(target=self._look, args=(silence,), name="watch", daemon=True).start()

    def stop(self, worker: Any) -> None:  # noqa: ARG002 (the port's)
        self._over.set()

    def _look(self, silence: Silence) -> None:
        while not self._over.wait(self.every):
            if silence.lasts():
                log.error("this worker stopped consuming, and ends itself")
                services.stop()
                _celery.should_stop = FAILED
                time.sleep(GRACE)
                os._exit(FAILED)  # it does not even hear that it shall end


def watching(url: str) -> type[Watching]:
    """The step for the ledger at this address."""
    return type("LedgerWatching", (Watching,), {"database_url": url})


def _unstarted(url: str, queues: Sequence[str]) -> Sequence[int]:
    ledger = PostgresLedger(url, size=1)
    try:
        return ledger.unstarted(queues)
    finally:
        ledger.close()


def _answers(app: Celery) -> bool:
    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
    except (OSError, KombuError):
        return False
    return True
