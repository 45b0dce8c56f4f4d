"""The loop that gives out whatever is due: `python -m workers.dispatch`. Any number may run; none is special.

Between claims it waits a little, longer while there is nothing to do. It judges what nobody finished, keeps the
partitions of the coming weeks, and survives the ledger and the broker being away.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from router import logs
from router.config import Config, NothingPublished
from router.judge import Policy
from router.ledger.base import Ledger, Unavailable
from router.ledger.pace import APART
from router.ledger.postgres import PostgresLedger
from router.model import Hint
from router.queue import CeleryHints, Hints
from router.settings import Settings
from workers import notices, policies
from workers.check import check_breakers, check_hints
from workers.notices import Notices
from workers.safety import check_broker

SHORTEST, LONGEST = 0.02, 0.06
"""Seconds between two looks: while there is work; while there has been none for a while, or workers are busy and chunks
may fill. A moment of either is not held against what comes next."""
LONGER = 1.1
"""How much longer one wait is than the last, from the shortest to the longest."""
FAR = 0.12
"""Seconds from a destination's turn to its next while workers never start at once what they are given; while they
always do it is `APART`. For a chunk costs as much as several records in it, and fewer and larger ones get more done.
"""
LATELY = 0.1
"""How much one look counts beside those before it."""
CHECK_EVERY = 0.5
MATCH_EVERY = 5.0
KEEP_EVERY = 600.0
AWAY = 1.0
"""Seconds between two tries while the ledger or the broker is away."""
STUCK_AFTER = 90
"""Seconds after which a turn is taken for stuck, on a connection of which nobody tells that it is dead."""

log = logs.get(__name__)


@dataclass(slots=True)
class Dispatcher:
    """One turn at a time: `turn()` returns the seconds to wait before the next."""

    ledger: Ledger
    hints: Hints
    config: Config
    notices: Notices
    hints_per_queue: int
    retention_days: int
    _wait: float = SHORTEST
    _crowded: float = 0.0
    _checked: float = field(default=0.0)
    _matched: float = field(default=0.0)
    _kept: float = field(default=0.0)

    def turn(self) -> float:
        try:
            apart = APART + (FAR - APART) * self._crowded
            outlook = self.ledger.outlook(self.hints_per_queue, apart)
            given = self.ledger.claim(self.hints_per_queue, apart) if outlook.due else []
            self._crowded += (outlook.crowded - self._crowded) * LATELY
            wait = self._give(given, outlook.crowded)
            self._check()
        except Unavailable as away:
            log.warning("ledger away", why=str(away))
            return AWAY
        return wait

    def _give(self, hints: Sequence[Hint], crowded: bool) -> float:
        """Seconds to wait after that. What a sick broker loses is given again later, and bounds what it can hold."""
        try:
            if hints:
                self.hints.give(hints)
        except OSError as lost:
            log.warning("broker away, hints lost", hints=len(hints), why=str(lost) or type(lost).__name__)
            return AWAY
        self._wait = SHORTEST if hints and not crowded else min(self._wait * LONGER, LONGEST)
        return self._wait

    def _check(self) -> None:
        now = time.monotonic()
        if now - self._checked >= CHECK_EVERY:
            self._checked = now
            check_hints(self.ledger, self._policy)
            check_breakers(self.ledger)
            for news in self.ledger.breaker_news():
                self.notices.tell(news)
        if now - self._matched >= MATCH_EVERY:
            self._matched = now
            self.ledger.match_feedback()
        if now - self._kept >= KEEP_EVERY:
            self._kept = now
            self.ledger.keep_house(self.retention_days)

    def _policy(self, destination: int) -> Policy:
        try:
            return policies.of(self.config.current(), destination)
        except NothingPublished:
            return Policy()


def main() -> None:
    settings = Settings.from_env()
    logs.configure(settings.log_level)
    from workers.app import make_app

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ledger = PostgresLedger(settings.database_url, size=1)
    app = make_app(settings)
    check_broker(app)
    hints = CeleryHints(app)
    told = notices.of(settings)
    dispatcher = Dispatcher(ledger, hints, Config(ledger), told, settings.hints_per_queue, settings.retention_days)
    log.info("dispatching")
    wait = 0.0
    while not stop.wait(wait):
        signal.alarm(STUCK_AFTER)  # which ends the process; its supervisor starts another
        wait = dispatcher.turn()
        signal.alarm(0)
    told.close()
    ledger.close()
    log.info("stopped")


if __name__ == "__main__":
    main()
