"""A Redis that a Sentinel watches, on free ports."""

from __future__ import annotations

import signal
import socket
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import redis

from router.cli.embedded.server import Server
from router.cli.ports import free_port
from router.cli.process import Process, spawn
from tests.support.needs import program

MASTER = "router-test"
_HOST = "127.0.0.1"


class RedisSentinel(Server):
    """`url` names the Sentinel and the master it is to be asked for."""

    name: ClassVar[str] = "Redis Sentinel"
    stop_steps: ClassVar[tuple[tuple[signal.Signals, float], ...]] = ((signal.SIGTERM, 20),)

    def __init__(self, data_dir: Path, *, log: Path | None = None) -> None:
        super().__init__(data_dir, log=log)
        self._port, self._master_port = free_port(), free_port()
        self._master: Process | None = None

    @property
    def url(self) -> str:
        # Two Sentinels as far as the address goes, of which one does not answer.
        nobody = free_port()
        return f"sentinel://{_HOST}:{nobody};sentinel://{_HOST}:{self._port}?master_name={MASTER}"

    @cached_property
    def version(self) -> str:
        return str(self._ask(self._port).info("server")["redis_version"])

    def empty(self) -> None:
        self._ask(self._master_port).flushall()

    def stop(self) -> None:
        super().stop()
        if self._master is not None:
            self._master.end(self.stop_steps)
            self._master = None

    def kill(self) -> None:
        super().kill()
        if self._master is not None:
            self._master.kill()
            self._master = None

    def _ask(self, port: int) -> redis.Redis:
        return redis.Redis(_HOST, port, single_connection_client=True, socket_timeout=5)

    def _find(self) -> Process | None:
        return None

    def _spawn(self) -> Process:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        server = ["redis-server", "--port", str(self._master_port), "--bind", _HOST, "--save", "", "--appendonly", "no"]
        self._master = spawn(server, log=self.log, cwd=self.data_dir)
        settings = self.data_dir / "sentinel.conf"  # which Sentinel writes to
        settings.write_text(
            f"port {self._port}\nbind {_HOST}\ndir {self.data_dir}\n"
            f"sentinel monitor {MASTER} {_HOST} {self._master_port} 1\n"
        )
        return spawn([program("sentinel"), settings], log=self.log, cwd=self.data_dir)

    def _answers(self) -> bool:
        try:
            for port in (self._master_port, self._port):
                with socket.create_connection((_HOST, port), timeout=1) as connection:
                    connection.sendall(b"PING\r\n")
                    if not connection.recv(64).startswith(b"+PONG"):
                        return False
        except OSError:
            return False
        return True

    def _may_recover(self, said: str) -> bool:
        return "Address already in use" in said
