"""A connection whose statements are read once, by the driver and by the server.

The driver reads a long one anew, parameter by parameter, with each run. That takes longer than all else a client does
about it: of 0.55 ms of CPU for `work_sql.FINISH`, 0.3.

The server plans one for each set of types that its parameters had, and keeps every plan, of half a megabyte for FINISH.
The driver takes a type from the value: a number's from its size, a list's from what is in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property, partial
from typing import Any

import psycopg
from psycopg import generators
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.postgres import types
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import TupleRow
from psycopg.types.array import BaseListDumper, ListBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper

_TAKE = b"SELECT pg_advisory_xact_lock($1)"
_PLACE = re.compile(r"%(?:\((\w+)\)s|%)")


@cache
def numbered(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """What the server takes, and whose values go with it: `%(name)s` becomes `$1`, `%%` one `%`."""
    numbers: dict[str, int] = {}

    def number(place: re.Match[str]) -> str:
        name = place[1]
        return f"${numbers.setdefault(name, len(numbers) + 1)}" if name else "%"

    return _PLACE.sub(number, sql).encode(), tuple(numbers)


class _Lists(ListBinaryDumper):
    """A list that names no type, since it is empty or of `None` alone, is one of texts, as most of ours are."""

    def upgrade(self, obj: list[Any], format: PyFormat) -> BaseListDumper:
        dumper = super().upgrade(obj, format)
        dumper.oid = dumper.oid or types["text"].array_oid
        return dumper


class Line(psycopg.Connection[TupleRow]):
    """Used by one thread at a time. Lists of parameters go in binary, and so does all that comes back.

    A whole number is a bigint, however small.
    """

    def start(self, sql: str, params: Mapping[str, Any] | None = None) -> psycopg.RawCursor[TupleRow]:
        """Where its rows will be, until the next is started."""
        if params is None:
            return self._statements.execute(sql, binary=True)
        text, names = numbered(sql)
        return self._statements.execute(text, [params[name] for name in names], binary=True)

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[TupleRow]:
        """The rows of one statement."""
        done = self.start(sql, params)
        return done.fetchall() if done.pgresult and done.pgresult.nfields else []

    def in_turn(self, lock: int, sql: str, params: Mapping[str, Any]) -> list[TupleRow]:
        """The rows of a statement that sees what those did who had this advisory lock before, and commits with it.

        Lock, statement and commit leave in one write, where the driver's own pipeline has one for each: whoever was
        stopped in between would keep the lock, and the server, which waits for the rest, has no timeout for that.
        """
        text, names = numbered(sql)
        dumper = Transformer(self._statements)
        values = dumper.dump_sequence([params[name] for name in names], [PyFormat.AUTO] * len(names))
        run, take = self._named(text, dumper.types), self._named(_TAKE)
        steps = (
            partial(self.pgconn.send_query_prepared, take, [b"%d" % lock]),
            partial(self.pgconn.send_query_prepared, run, values, dumper.formats, Format.BINARY),
            self.pgconn.pipeline_sync,
        )
        self.pgconn.enter_pipeline_mode()
        try:
            answers = self.wait(_in_one_write(self.pgconn, steps))
        except BaseException:
            self.close()  # nobody knows what is still under way on it
            raise
        self.pgconn.exit_pipeline_mode()
        _check(answers)
        loader = Transformer(self)
        loader.set_pgresult(answers[1])
        return loader.load_rows(0, answers[1].ntuples, tuple)

    def _named(self, sql: bytes, kinds: tuple[int, ...] | None = None) -> bytes:
        """The name under which the server has it planned, for parameters of these types, or of those it infers."""
        name = self._names.get((sql, kinds))
        if name is None:
            name = b"in turn %d" % len(self._names)
            self.pgconn.send_prepare(name, sql, kinds)
            _check(self.wait(generators.execute(self.pgconn)))
            self._names[sql, kinds] = name
        return name

    @cached_property
    def _names(self) -> dict[tuple[bytes, tuple[int, ...] | None], bytes]:
        return {}

    @cached_property
    def _statements(self) -> psycopg.RawCursor[TupleRow]:
        """One for all: what a cursor has learned of the types of parameters, it keeps."""
        cursor = psycopg.RawCursor(self)
        cursor.adapters.register_dumper(list, _Lists)
        cursor.adapters.register_dumper(int, Int8BinaryDumper)
        return cursor


def _in_one_write(server: PGconn, steps: Sequence[Callable[[], None]]) -> PQGen[list[PGresult]]:
    """The answers to what libpq holds back, up to 8 KiB, until it is sent here. The last step is to commit."""
    for step in steps:
        step()
    yield from generators.send(server)
    answers: list[PGresult] = []
    while not answers or answers[-1].status != ExecStatus.PIPELINE_SYNC:
        answers += yield from generators.fetch_many(server)
    return answers


def _check(answers: Sequence[PGresult]) -> None:
    """Raises the server's error."""
    for answer in answers:
        if answer.status == ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(answer)
