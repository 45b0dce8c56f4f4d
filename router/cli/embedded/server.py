"""What PostgreSQL and Valkey have in common here: a data directory, a log, and a life that others may cut short."""

from __future__ import annotations

import shutil
import signal
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from router.cli.embedded.errors import EmbeddedError
from router.cli.process import Process

_POLL = 0.02


class Server(ABC):
    """A server of its own data directory.

    Starting takes over a server that still runs on the directory, left behind by a process that was killed; so one
    directory belongs to one owner at a time. On Linux a server stops in good order when its owner dies.
    """

    name: ClassVar[str]
    stop_steps: ClassVar[tuple[tuple[signal.Signals, float], ...]]

    def __init__(self, data_dir: Path | str, *, log: Path | None = None, start_timeout: float = 60.0) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.log = log or self.data_dir.with_name(f"{self.data_dir.name}.log")
        self._start_timeout = start_timeout
        self._process: Process | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect; the same after a restart."""

    @property
    @abstractmethod
    def version(self) -> str:
        """The version of the server's program."""

    @abstractmethod
    def _find(self) -> Process | None:
        """The server that runs on the data directory already, if any."""

    @abstractmethod
    def _spawn(self) -> Process:
        """Start the program; it need not answer yet."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it is ready for clients."""

    @abstractmethod
    def _may_recover(self, said: str) -> bool:
        """Whether what a program said before it ended names something that passes, so that another try makes sense."""

    @property
    def pid(self) -> int:
        """The server's process id; EmbeddedError when it was not started."""
        if self._process is None:
            raise EmbeddedError(f"{self.name} in {self.data_dir} is not running: call start() first")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def poll(self) -> int | None:
        """The exit status of a server that ended without being asked to; None while it runs or was stopped."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> Self:
        """Return when clients can connect. Raises EmbeddedError with the end of the server's log when they cannot."""
        if self.running:
            return self
        deadline = time.monotonic() + self._start_timeout
        if (found := self._find()) is not None and self._await(found, deadline) is None:
            return self
        while True:
            offset = self._log_size()
            status = self._await(self._spawn(), deadline)
            if status is None:
                return self
            if time.monotonic() > deadline or not self._may_recover(self._said_since(offset)):
                raise self._failure(f"ended with status {status} instead of starting", offset)
            time.sleep(_POLL)

    def stop(self) -> None:
        """Stop in good order: nothing acknowledged is lost."""
        if self._process is not None:
            self._process.end(self.stop_steps)
            self._process = None

    def kill(self) -> None:
        """SIGKILL, as a crash would; the data directory is left as it is."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def clear(self) -> None:
        """Throw the data away; a server left behind on them is killed first."""
        self._process = self._process or self._find()
        self.kill()
        shutil.rmtree(self.data_dir, ignore_errors=True)

    def restart(self) -> Self:
        """Stop in good order and start again, at the same URL."""
        self.stop()
        return self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _await(self, process: Process, deadline: float) -> int | None:
        """None once the process answers; its exit status when it ends before."""
        self._process = process
        offset = self._log_size()
        while (status := process.poll()) is None:
            if self._answers():
                return None
            if time.monotonic() > deadline:
                self.kill()
                raise self._failure(f"does not answer after {self._start_timeout:.0f} s", offset)
            time.sleep(_POLL)
        self._process = None
        return status

    def _log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def _said_since(self, offset: int) -> str:
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")

    def _failure(self, what: str, offset: int) -> EmbeddedError:
        tail = "\n".join(self._said_since(offset).strip().splitlines()[-8:])
        return EmbeddedError(f"{self.name} in {self.data_dir} {what}; the end of {self.log}:\n{tail}")
