"""SIGINT, SIGTERM and SIGHUP as a wish to stop, SIGCHLD as a reason to look: all of them end a wait at once."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """Somebody asked us to stop while we waited for something else."""


class Signals:
    """For the main thread. on_repeat: called when somebody asks a second time."""

    def __init__(self, on_repeat: Callable[[], None]) -> None:
        self.stop_asked = False
        self._on_repeat = on_repeat
        self._previous: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(write, False)
        self._previous = {number: signal.getsignal(number) for number in (*_STOPS, signal.SIGCHLD)}
        for number in _STOPS:
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._write = write
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def wait(self, seconds: float) -> None:
        """Return after so many seconds, or sooner when a signal came."""
        if select.select([self._read], [], [], seconds)[0]:
            os.read(self._read, 4096)

    def check(self) -> None:
        """Raise `Interrupted` once a stop was asked for."""
        if self.stop_asked:
            raise Interrupted

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if self.stop_asked:
            self._on_repeat()
        self.stop_asked = True
