"""How much may go at once: how far apart the calls of an account with a rate are, how large a replay's chunks are,
how far apart turns."""

from __future__ import annotations

SPARE = 0.1
"""Of every second so much stays free: calls that a busy machine holds up must not meet the ones behind them."""

REPLAY_CHUNK = 64
"""Replayed deliveries that go together at most: what is live waits while a chunk is given, started and finished."""

APART = 0.03
"""Seconds from a destination's turn to its next at the least, in which its chunks fill. What is planned goes on at
once, for its destinations had their turn before the planner had his."""


def spacing(calls_per_second: float) -> float:
    """Seconds from one call to the next, so that no second ever holds more than the rate."""
    return 1.0 / calls_per_second + SPARE / max(calls_per_second, 1.0)
