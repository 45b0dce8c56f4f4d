"""Connections that answer no more are cut from this side: the server's own timeouts say nothing through a dead line.

The kernel notices a peer that is gone. Behind a proxy that holds its end open it notices nothing, and whoever waits for
an answer waits for ever (reliability.md §1C S3).
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress

import psycopg
from psycopg.rows import TupleRow

LOOK_EVERY = 0.5


class Deadlines:
    """Its thread begins with the first use, so after the fork."""

    def __init__(self) -> None:
        self._used: dict[object, tuple[float, int]] = {}
        self._over = threading.Event()
        self._begin = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self, connection: psycopg.Connection[TupleRow], seconds: float) -> object:
        """For so long it may be used; then who waits for it meets the driver's error. Returns what `end` is told."""
        if self._thread is None:
            self._start()
        use = object()
        self._used[use] = (time.monotonic() + seconds, connection.fileno())
        return use

    def end(self, use: object | None) -> None:
        self._used.pop(use, None)

    def close(self) -> None:
        self._over.set()

    def _start(self) -> None:
        with self._begin:
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            now = time.monotonic()
            for use in [use for use, (until, _) in list(self._used.items()) if until < now]:
                found = self._used.pop(use, None)  # unless it came back at this moment
                if found is not None:
                    _shut(found[1])


def _shut(descriptor: int) -> None:
    """Both ways, without closing what is the driver's."""
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as line:
        line.shutdown(socket.SHUT_RDWR)
