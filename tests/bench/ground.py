"""What every measurement stands on: PostgreSQL, a broker and the sink; and the programs that run on them."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from router.cli.dev.program import Program
from router.cli.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.bench.sink import Sink

ROOT = Path(__file__).parents[2]
START_WITHIN = 60.0


class NotStarted(Exception):
    """A program did not come up; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What is measured, running. programs: by name. bearers: client API keys by the group they are bound to."""

    database_url: str
    port: int
    access_key_id: str
    secret: str = field(repr=False)
    programs: Mapping[str, Program]
    bearers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def pids(self) -> Mapping[str, Sequence[int]]:
        """Its processes by what they are."""
        groups: dict[str, list[int]] = {}
        for name, program in self.programs.items():
            groups.setdefault(name.rstrip("0123456789_"), []).append(program.pid)
        return groups


class Ground:
    """The servers and a directory, gone afterwards.

    database_url, broker_url: servers of one's own instead of embedded ones; what they cost cannot be told then, and the
    broker is emptied.
    """

    def __init__(self, database_url: str | None = None, broker_url: str | None = None) -> None:
        self._given = database_url, broker_url
        self._names = (f"bench_{os.getpid()}_{number}" for number in count(1))
        self._stack = ExitStack()
        self.pids: dict[str, Sequence[int]] = {}

    def __enter__(self) -> Self:
        self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="router-bench-")))
        self._admin_url, self.broker_url = (url or "" for url in self._given)
        if not self._admin_url:
            postgres = self._stack.enter_context(EmbeddedPostgres(self.directory / "pg"))
            self._admin_url, self.pids["postgresql"] = postgres.url, [postgres.pid]
        if not self.broker_url:
            broker = self._stack.enter_context(EmbeddedValkey(self.directory / "valkey"))
            self.broker_url, self.pids["broker"] = broker.url, [broker.pid]
        self.sink = self._stack.enter_context(Sink())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @contextmanager
    def database(self, copy_of: str | None = None) -> Iterator[str]:
        """A new database, empty or a copy of another one; the broker is emptied as well."""
        name = next(self._names)
        template = urlsplit(copy_of).path.removeprefix("/") if copy_of else "template0"
        with redis.Redis.from_url(self.broker_url) as client:
            client.flushall()
        with psycopg.connect(self._admin_url, autocommit=True) as admin:
            names = map(sql.Identifier, (name, template))
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        try:
            yield urlsplit(self._admin_url)._replace(path=f"/{name}").geturl()
        finally:
            with psycopg.connect(self._admin_url, autocommit=True) as admin:
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def running(self, programs: Mapping[str, Program]) -> Iterator[None]:
        """The programs, ready; stopped afterwards, the last one first."""
        started: list[Program] = []
        try:
            for program in programs.values():
                program.start()
                started.append(program)
            _wait(programs)
            yield
        finally:
            for program in reversed(started):
                program.stop()


def python(name: str, arguments: Sequence[str], env: Mapping[str, str], logs: Path, **more: object) -> Program:
    """`python -m …` with these variables on top of a clean environment."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ROUTER_", "NAIVE_", "PG"))}
    return Program((sys.executable, "-m", *arguments), logs / f"{name}.log", {**kept, **env}, ROOT, **more)  # type: ignore[arg-type]


def _wait(programs: Mapping[str, Program]) -> None:
    deadline = time.monotonic() + START_WITHIN
    for name, program in programs.items():
        while not program.is_ready():
            if program.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(program.said().strip().splitlines()[-20:])
                raise NotStarted(f"{name} did not come up:\n{tail}")
            time.sleep(0.05)
