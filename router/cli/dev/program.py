"""One of our own programs, as the supervisor sees it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from router.cli.process import Process, spawn

Steps = Sequence[tuple[signal.Signals, float]]


@dataclass(slots=True)
class Program:
    """A command that is to run for as long as we do.

    ready: whether it does its work by now; asked only while it runs. It is given what was logged since the start.
    patience: seconds that children of a killed program may take to finish what they have begun.
    """

    command: Sequence[str]
    log: Path
    env: Mapping[str, str]
    cwd: Path
    ready: Callable[[str], bool] = lambda _: True
    stop_steps: Steps = ((signal.SIGTERM, 10),)
    patience: float = 0.0
    _process: Process | None = field(default=None, init=False)
    _log_start: int = field(default=0, init=False)

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ValueError(f"{self.command[0]} was not started")
        return self._process.pid

    def start(self) -> None:
        """Spawn it; whether it is ready is asked of `is_ready`."""
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._process = spawn(self.command, log=self.log, env=self.env, cwd=self.cwd)

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs or was stopped."""
        return self._process.poll() if self._process is not None else None

    def is_ready(self) -> bool:
        return self.poll() is None and self.ready(self.said())

    def said(self) -> str:
        """What it logged since it was started."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def leave_behind(self) -> Process | None:
        """Forget a process that ended; returns it, so that its children can be ended."""
        ended, self._process = self._process, None
        return ended

    def stop(self) -> None:
        if self._process is not None:
            self._process.end(self.stop_steps)
            self._process.kill()
            self._process = None

    def kill(self) -> None:
        process = self._process  # another thread may be stopping it
        if process is not None:
            process.kill()
