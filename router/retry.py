"""When a delivery is tried again. Arithmetic only; all times are seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

MINUTE = 60.0
HOUR = 3600.0
DEFAULT_SCHEDULE: tuple[float, ...] = (
    *(5.0, 30.0, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR),
    *[8 * HOUR] * 8,
)
"""5 s, 30 s, 2 m, 10 m, 30 m, 1 h, 2 h, 4 h, then every 8 h: 72 hours in all, then `dead`."""


def delay(attempt: int, schedule: Sequence[float], retry_after: float | None, rng: Callable[[], float]) -> float | None:
    """Seconds until the attempt after this one (1 for the first), None when the schedule is exhausted.

    Full jitter: anywhere between a tenth of the step and the whole of it, so that what failed together does not return
    together; never sooner than `retry_after`. `rng` yields numbers from 0.0 up to 1.0.
    """
    if attempt > len(schedule):
        return None
    step = schedule[attempt - 1]
    jittered = step * (0.1 + 0.9 * rng())
    return max(jittered, retry_after or 0.0)


def moments(schedule: Sequence[float]) -> list[float]:
    """When each retry comes at the latest, counted from the first attempt."""
    return list(accumulate(schedule))
