"""The directory that `router dev` keeps everything in: data, logs, and what others may know of a running one."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_RUNNING = ("dev.json", "dev.env")
_KEPT = "credentials.json"
_LOCK = "lock"


class InUse(Exception):
    """Another `router dev` has the directory."""


class Home:
    """One `router dev` at a time; its files are readable by their owner alone, for they hold secrets of the demo."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self._lock: int | None = None

    def take(self) -> None:
        """Raises `InUse`, naming the process that has it. A `dev.json` left from an earlier run is removed."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._lock, 32).decode().strip()
            raise InUse(
                f"another `router dev` (pid {owner}) is running in {self.path}: stop it, or choose another directory"
                " with --data"
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        self.forget()

    def show(self, state: Mapping[str, Any]) -> None:
        """Write `dev.json`; readers see the old one or the new one, never half of one."""
        self._write("dev.json", json.dumps(state, indent=2) + "\n")

    def show_environment(self, environment: Mapping[str, str]) -> None:
        """Write `dev.env`, from which `router` commands in another terminal know where to connect."""
        self._write("dev.env", "".join(f"{name}={value}\n" for name, value in sorted(environment.items())))

    def forget(self) -> None:
        """Nothing runs here any more."""
        for name in _RUNNING:
            (self.path / name).unlink(missing_ok=True)

    def kept(self) -> dict[str, str]:
        """Credentials of the demo, the same at every start."""
        try:
            kept: dict[str, str] = json.loads((self.path / _KEPT).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return kept

    def keep(self, credentials: Mapping[str, str]) -> None:
        self._write(_KEPT, json.dumps(dict(credentials), indent=2) + "\n")

    def clear(self) -> None:
        """Remove what was kept, but the servers' data, which are theirs to clear."""
        (self.path / _KEPT).unlink(missing_ok=True)
        shutil.rmtree(self.logs, ignore_errors=True)

    def _write(self, name: str, text: str) -> None:
        unfinished = self.path / f"{name}.new"
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        unfinished.replace(self.path / name)
