"""What every measurement stands on: PostgreSQL, a broker and the sink, started once; and programs that are started on
them."""

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
    """What is measured, running. programs: by name. bearer: a client API key of `app_group`."""

    database_url: str
    port: int
    access_key_id: str
    secret: str = field(repr=False)
    bearer: str = field(repr=False)
    programs: Mapping[str, Program]

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
    """The servers, in a directory that is gone afterwards."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="router-bench-")))
        self.postgres = self._stack.enter_context(EmbeddedPostgres(self.directory / "pg"))
        self.broker = self._stack.enter_context(EmbeddedValkey(self.directory / "valkey"))
        self.sink = self._stack.enter_context(Sink())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def pids(self) -> Mapping[str, Sequence[int]]:
        """The servers, as groups of processes."""
        return {"postgresql": [self.postgres.pid], "broker": [self.broker.pid]}

    @contextmanager
    def database(self) -> Iterator[str]:
        """A new, empty database; the broker is emptied as well."""
        name = f"bench_{next(self._numbers)}"
        with redis.Redis.from_url(self.broker.url) as client:
            client.flushall()
        with psycopg.connect(self.postgres.url, autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield self.postgres.url_of(name)
        finally:
            with psycopg.connect(self.postgres.url, autocommit=True) as admin:
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
