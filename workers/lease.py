"""A started hint stays its worker's for as long as the worker lives and works, however long a call takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from router import logs
from router.ledger.base import Unavailable, Work

log = logs.get(__name__)


@dataclass(slots=True)
class Held:
    """A hint that this process started. until: up to when, on the clock, nobody can have taken it over."""

    hint_id: int
    until: float
    clock: Callable[[], float]
    lost: bool = False

    @property
    def ours(self) -> bool:
        """For certain. A process that was stopped for a while is no longer sure, and finds out when it renews."""
        return not self.lost and self.clock() < self.until


@dataclass(slots=True)
class Leases:
    """Renews the lease of what this process holds, from a thread of its own, once a quarter of it has passed.

    seconds: of a lease. clock: monotonic, and goes on while a process is stopped. A process holds one hint at a time.
    """

    work: Work
    seconds: float
    clock: Callable[[], float] = time.monotonic
    _held: Held | None = field(default=None, init=False)
    _over: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="leases", daemon=True)
        self._thread.start()

    @contextmanager
    def holding(self, hint_id: int, asked: float) -> Iterator[Held]:
        """The hint's lease is renewed for as long as this lasts. asked: just before it was started, on the clock."""
        held = self._held = Held(hint_id, asked + self.seconds, self.clock)
        try:
            yield held
        finally:
            self._held = None

    def renew(self, held: Held, leaving: Sequence[UUID] = ()) -> bool:
        """Whether the hint is still ours, now for another lease; then `leaving` is marked. Raises `Unavailable`."""
        asked = self.clock()
        if self.work.leaving(held.hint_id, leaving, self.seconds):
            held.until = max(held.until, asked + self.seconds)
        else:
            held.lost = True
        return not held.lost

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self.seconds / 4):
            held = self._held
            if held is None or held.until - self.clock() > self.seconds * 0.75:
                continue
            try:
                self.renew(held)
            except Unavailable as away:
                log.warning("ledger away, lease not renewed", hint=held.hint_id, why=str(away))
