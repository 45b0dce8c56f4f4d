"""CPU and memory of process trees, from /proc."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

_TICK = os.sysconf("SC_CLK_TCK")


def cpu(roots: Iterable[int]) -> float:
    """Seconds of CPU that the processes and their descendants have used, those that have ended included."""
    return sum(_ticks(pid) for pid in tree(roots)) / _TICK


def tree(roots: Iterable[int]) -> list[int]:
    """The processes and their descendants that live."""
    found, todo = [], list(roots)
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += _children(pid)
    return found


def _children(pid: int) -> list[int]:
    """Of every thread: a child belongs to the one that started it."""
    children = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            children += [int(child) for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:
        return []
    return children


def _ticks(pid: int) -> int:
    """Its own, and those of the children that it has waited for."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return sum(map(int, stat.rpartition(") ")[2].split()[11:15]))


def memory(roots: Iterable[int]) -> int:
    """Bytes in memory of the processes and their descendants; what several share counts once (PSS)."""
    return sum(_pss(pid) for pid in tree(roots))


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


class Peak:
    """Looks at the memory of groups of processes every five seconds, while it is entered, and keeps the most it saw."""

    EVERY = 5.0

    def __init__(self, groups: Mapping[str, Iterable[int]]) -> None:
        self._groups = groups
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.bytes: dict[str, int] = dict.fromkeys(groups, 0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(self.EVERY):
            self._look()

    def _look(self) -> None:
        for name, pids in self._groups.items():
            self.bytes[name] = max(self.bytes[name], memory(pids))
