"""Valkey on a port of its own of the loopback interface, with an append-only file."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from router.cli.embedded.binaries import valkey_program, version_of
from router.cli.embedded.server import Server
from router.cli.ports import free_port
from router.cli.process import Process, spawn

_SETTINGS = """\
bind 127.0.0.1
port {port}
dir "{directory}"
pidfile "{directory}/valkey.pid"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""
_HOST = "127.0.0.1"


class EmbeddedValkey(Server):
    """A Valkey (or Redis) server that forgets nothing older than a second.

    It listens on TCP, for every client understands `redis://`. The port is chosen at the first start and kept from
    then on, so that clients find it again.
    """

    name: ClassVar[str] = "Valkey"
    stop_steps: ClassVar[tuple[tuple[signal.Signals, float], ...]] = ((signal.SIGTERM, 20),)

    def __init__(self, data_dir: Path | str, *, log: Path | None = None) -> None:
        super().__init__(data_dir, log=log)
        self._port = self._last_port() or free_port()
        self._port_is_known = False

    @property
    def url(self) -> str:
        return f"redis://{_HOST}:{self._port}/0"

    @cached_property
    def version(self) -> str:
        return version_of(valkey_program())

    def start(self, *, empty: bool = False) -> Self:
        """As every server; `empty` throws away what it held, as a broker without persistence would after a crash."""
        if empty and not self.running:
            shutil.rmtree(self.data_dir / "appendonlydir", ignore_errors=True)
            (self.data_dir / "dump.rdb").unlink(missing_ok=True)
        if not self._port_is_known and self._find() is None:
            self._port = free_port(self._port)
        self._port_is_known = True
        return super().start()

    @property
    def _config(self) -> Path:
        return self.data_dir / "valkey.conf"

    def _last_port(self) -> int | None:
        if not self._config.exists():
            return None
        return int(dict(line.split(" ", 1) for line in self._config.read_text().splitlines())["port"])

    def _find(self) -> Process | None:
        try:
            pid = int((self.data_dir / "valkey.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return Process.found(pid, self.data_dir)

    def _spawn(self) -> Process:
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory = str(self.data_dir).replace("\\", "\\\\").replace('"', '\\"')
        self._config.write_text(_SETTINGS.format(port=self._port, directory=directory))
        return spawn([valkey_program(), self._config], log=self.log, env={**os.environ, "LC_ALL": "C"})

    def _answers(self) -> bool:
        """PING is refused while the append-only file is being read."""
        try:
            with socket.create_connection((_HOST, self._port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def _may_recover(self, said: str) -> bool:
        return "Address already in use" in said
