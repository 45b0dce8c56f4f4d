"""Waiting for what another process does: a condition asked again until it holds, never a sleep and a hope."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_POLL = 0.02


def eventually(condition: Callable[[], T], *, within: float = 30.0) -> T:
    """The condition's first true value; fails the test when there is none in time."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < deadline, f"did not come true within {within:.0f} s"
        time.sleep(_POLL)
    return value
