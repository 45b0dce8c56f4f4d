"""What was planned goes on at once: its planner gives it out, without waiting for a dispatcher's next look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from router import logs
from router.ledger.base import Ledger, Unavailable
from router.ledger.pace import APART
from router.queue import Hints

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Onward:
    """Not while workers are busy, when chunks may fill. Whatever does not go here, dispatchers give out later."""

    ledger: Ledger
    hints: Hints
    hints_per_queue: int

    def __call__(self, destinations: Sequence[int]) -> None:
        """Give out what is due for these. Raises nothing."""
        try:
            if destinations and (given := self.ledger.claim_onward(self.hints_per_queue, APART, destinations)):
                self.hints.give(given)
        except (Unavailable, OSError) as away:
            log.warning("left to the dispatchers", why=str(away) or type(away).__name__)
