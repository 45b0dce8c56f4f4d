"""A connection whose statements are read once, by the driver and by the server.

The driver reads a long one anew, parameter by parameter, with each run. That takes longer than all else a client does
about it: of 0.55 ms of CPU for `work_sql.FINISH`, 0.3.

The server plans one for each set of types that its parameters had, and keeps every plan, of half a megabyte for FINISH.
The driver takes a type from the value: a number's from its size, a list's from what is in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

import psycopg
from psycopg.adapt import PyFormat
from psycopg.postgres import types
from psycopg.rows import TupleRow
from psycopg.types.array import BaseListDumper, ListBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper

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

    @cached_property
    def _statements(self) -> psycopg.RawCursor[TupleRow]:
        """One for all: what a cursor has learned of the types of parameters, it keeps."""
        cursor = psycopg.RawCursor(self)
        cursor.adapters.register_dumper(list, _Lists)
        cursor.adapters.register_dumper(int, Int8BinaryDumper)
        return cursor
