"""A connection whose statements are read once: the driver reads a long one anew, parameter by parameter, with each run.

That takes longer than all else a client does about it: of 0.55 ms of CPU for `work_sql.FINISH`, 0.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.array import ListBinaryDumper

_PLACE = re.compile(r"%(?:\((\w+)\)s|%)")


@cache
def numbered(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """What the server takes, and whose values go with it: `%(name)s` becomes `$1`, `%%` one `%`."""
    numbers: dict[str, int] = {}

    def number(place: re.Match[str]) -> str:
        name = place[1]
        return f"${numbers.setdefault(name, len(numbers) + 1)}" if name else "%"

    return _PLACE.sub(number, sql).encode(), tuple(numbers)


class Line(psycopg.Connection[TupleRow]):
    """Used by one thread at a time. Lists of parameters go in binary, and so does all that comes back."""

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
        cursor.adapters.register_dumper(list, ListBinaryDumper)
        return cursor
