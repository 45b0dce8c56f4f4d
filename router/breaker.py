"""When a destination is left alone, tried with a single delivery, and used again. Pure; all times are seconds."""

from __future__ import annotations

from dataclasses import dataclass

from router.model import Trouble

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"
WINDOW = 30.0
LEAST_FAILURES = 10
SHARE = 0.5
FIRST_WAIT = 5.0
LONGEST_WAIT = 300.0
_SINCE = "; since then "


@dataclass(frozen=True, slots=True)
class Switch:
    """The state to go to. An unchanged state means: count afresh."""

    state: str
    opened_times: int
    reason: str | None = None


def wait(opened_times: int) -> float:
    """How long an open breaker stays open before one delivery is tried: longer each time, up to five minutes."""
    return min(FIRST_WAIT * 2.0 ** max(opened_times - 1, 0), LONGEST_WAIT)


def switch(trouble: Trouble) -> Switch | None:
    """What to do about a destination in trouble; None: nothing now."""
    if trouble.breaker == OPEN:
        return Switch(HALF_OPEN, trouble.opened_times) if trouble.since >= wait(trouble.opened_times) else None
    if trouble.breaker == HALF_OPEN:
        if trouble.failed:
            return Switch(OPEN, trouble.opened_times + 1, _still(trouble))
        return Switch(CLOSED, 0) if trouble.delivered else None
    calls = trouble.delivered + trouble.failed
    if trouble.failed >= LEAST_FAILURES and trouble.failed >= SHARE * calls:
        return Switch(OPEN, 1, f"{trouble.failed} of {calls} deliveries failed within {max(trouble.lately, 1):.0f} s")
    return Switch(CLOSED, 0) if trouble.lately >= WINDOW else None


def _still(trouble: Trouble) -> str:
    """What it was opened for, and what came of trying it."""
    trials = "a trial" if trouble.opened_times <= 1 else f"{trouble.opened_times} trials"
    return f"{trouble.reason.partition(_SINCE)[0]}{_SINCE}{trials} failed"
