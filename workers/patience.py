"""What was done is worth being kept: while the ledger is away, it is held and written again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from router import logs
from router.ledger.base import Unavailable

KEEP_TRYING = 90.0
"""Seconds; past them others have long taken the hint over."""
PAUSE = 0.25

log = logs.get(__name__)
T = TypeVar("T")


def persist(keep: Callable[[], T], hint_id: int) -> T:
    """What `keep` returns once the ledger takes it. Raises `Unavailable` in the end.

    keep: fenced by its hint, so that it changes nothing when it comes twice, after a commit of which nothing was heard.
    """
    until = time.monotonic() + KEEP_TRYING
    while True:
        try:
            return keep()
        except Unavailable as away:
            if time.monotonic() > until:
                raise
            log.warning("ledger away, work held", hint=hint_id, why=str(away))
            time.sleep(PAUSE)
