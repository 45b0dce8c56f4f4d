"""Keeps programs running: started in order, started again when they die, stopped in the reverse order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from router.cli.dev.program import Program
from router.cli.dev.signals import Signals
from router.cli.embedded import EmbeddedError
from router.cli.embedded.server import Server
from router.cli.process import Process

Say = Callable[[str], None]

_LOOK_EVERY = 0.5
_CRASH = 10.0  # ending by itself sooner than this is a fault of its own, and is not repeated at full speed
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 10.0
_TAIL = 12


class NotReady(Exception):
    """A program did not come up; the message holds the end of its log."""


@dataclass(slots=True)
class _Kept:
    """A service under supervision. stage: those of one stage stop together, the highest first."""

    name: str
    service: Server | Program
    stage: int
    since: float
    delay: float = 0.0
    due: float | None = None  # when it is to be started again


class Supervisor:
    """For the main thread, whose children end with it. on_change: called when a process was replaced by another."""

    def __init__(self, say: Say, on_change: Callable[[], None] = lambda: None) -> None:
        self.on_change = on_change
        self._say = say
        self._kept: list[_Kept] = []
        self._leftovers: list[tuple[float, Process]] = []

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name, of everything that runs."""
        return {kept.name: kept.service.pid for kept in self._kept if kept.due is None}

    def start(self, name: str, service: Server | Program, *, stage: int) -> None:
        """Start it and keep it running. A server is ready on return; a program is after `wait_until_ready`."""
        kept = _Kept(name, service, stage, time.monotonic())
        service.start()
        self._kept.append(kept)

    def wait_until_ready(self, signals: Signals, *, within: float) -> None:
        """Raise `NotReady` when a program ends or does not come up, `Interrupted` when a stop is asked for."""
        deadline = time.monotonic() + within
        waiting = [kept for kept in self._kept if isinstance(kept.service, Program)]
        while waiting:
            signals.check()
            for kept in waiting:
                self._check_start(kept, late=time.monotonic() > deadline)
            waiting = [kept for kept in waiting if isinstance(kept.service, Program) and not kept.service.is_ready()]
            if waiting:
                signals.wait(0.05)

    def run(self, signals: Signals, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Until a stop is asked for: start again whatever ends, and do now and then what else is to be done."""
        while not signals.stop_asked:
            meanwhile()
            now = time.monotonic()
            for kept in self._kept:
                self._look(kept, now)
            self._sweep(now)
            signals.wait(min([_LOOK_EVERY, *(kept.due - now for kept in self._kept if kept.due and kept.due > now)]))

    def stop(self) -> None:
        """Stop everything, the highest stage first; those of one stage at once."""
        for stage in sorted({kept.stage for kept in self._kept}, reverse=True):
            together = [kept.service for kept in self._kept if kept.stage == stage]
            with ThreadPoolExecutor(len(together)) as pool:
                list(pool.map(lambda service: service.stop(), together))
        self._sweep(float("inf"))
        self._kept.clear()

    def hurry(self) -> None:
        """Kill our own programs now; the servers still stop in good order, for they hold the data."""
        for kept in self._kept:
            if isinstance(kept.service, Program):
                kept.service.kill()

    def _check_start(self, kept: _Kept, *, late: bool) -> None:
        assert isinstance(kept.service, Program)
        status = kept.service.poll()
        if status is None and not late:
            return
        what = "is not ready in time" if status is None else f"ended at once ({_told(status)})"
        tail = "\n".join(kept.service.said().strip().splitlines()[-_TAIL:])
        raise NotReady(f"{kept.name} {what}; the end of {kept.service.log}:\n{tail}")

    def _look(self, kept: _Kept, now: float) -> None:
        if kept.due is None:
            status = kept.service.poll()
            if status is None:
                return
            self._plan_restart(kept, status, now)
        if kept.due is not None and now >= kept.due:
            self._restart(kept)

    def _plan_restart(self, kept: _Kept, status: int, now: float) -> None:
        """At once after a kill; with a growing delay where a program keeps ending by itself."""
        crashed = status >= 0 and now - kept.since < _CRASH
        kept.delay = min(max(_FIRST_DELAY, kept.delay * 2), _LONGEST_DELAY) if crashed else 0.0
        kept.due = now + kept.delay
        then = f"starting it again in {kept.delay:.1f} s" if kept.delay else "starting it again"
        self._say(f" ! {kept.name} ended ({_told(status)}): {then}; see {kept.service.log}")
        if isinstance(kept.service, Program) and (ended := kept.service.leave_behind()) is not None:
            self._leftovers.append((now + kept.service.patience, ended))
            self._sweep(now)

    def _restart(self, kept: _Kept) -> None:
        try:
            kept.service.start()
        except EmbeddedError as error:
            kept.delay = min(max(_FIRST_DELAY, kept.delay * 2), _LONGEST_DELAY)
            kept.due = time.monotonic() + kept.delay
            self._say(f" ! {error}\n   trying again in {kept.delay:.1f} s")
            return
        kept.due = None
        kept.since = time.monotonic()
        self._say(f" ✔ {kept.name} runs again, pid {kept.service.pid}")
        self.on_change()

    def _sweep(self, now: float) -> None:
        """End what is left of programs that were killed, once its time is up."""
        for _, process in (due := [each for each in self._leftovers if each[0] <= now]):
            process.kill()
        self._leftovers = [each for each in self._leftovers if each not in due]


def _told(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"
