"""A connection whose statements are read once."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest

from router.ledger.postgres.line import Line, numbered
from tests.support.conditions import eventually

IDS = [UUID(int=1), UUID(int=2)]
LOCK = 7
ONE_MORE = "one write more"
COUNT = "UPDATE counted SET number = number + %(by)s RETURNING number"


def test_places_are_numbered_by_name() -> None:
    assert numbered("%(b)s + %(a)s + %(b)s %% 2") == (b"$1 + $2 + $1 % 2", ("b", "a"))


def test_a_statement_takes_what_it_names(database_url: str) -> None:
    with Line.connect(database_url, autocommit=True) as line:
        given = {"ids": IDS, "none": [], "more": None, "unused": "x"}
        told = line.rows("SELECT %(ids)s::uuid[], %(none)s::text[], %(more)s::float8, 7 %% 4", given)
        assert told == [(IDS, [], None, 3)]


def test_a_statement_without_rows_has_none_and_one_that_fails_leaves_the_next_alone(database_url: str) -> None:
    with Line.connect(database_url, autocommit=True) as line:
        assert line.rows("SELECT 1") == [(1,)]
        assert line.rows("SET application_name = 'x'") == []
        with pytest.raises(psycopg.errors.DivisionByZero):
            line.rows("SELECT %(zero)s / %(zero)s", {"zero": 0})
        assert line.rows("SELECT %(one)s::int", {"one": 1}) == [(1,)]


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("SELECT %(of)s * 2", [1, -1, 40_000, 2**40]),
        ("SELECT unnest(%(of)s::integer[])", [[1], [70_000], [3, None]]),
        ("SELECT unnest(%(of)s::text[])", [["x"], [None], [], [None, "x"]]),
    ],
    ids=["numbers by size", "lists of numbers by size", "lists of text by what is in them"],
)
def test_the_server_plans_a_statement_once_whatever_its_values(database_url: str, sql: str, values: list[Any]) -> None:
    with Line.connect(database_url, autocommit=True, prepare_threshold=0) as line:
        for value in values:
            line.rows(sql, {"of": value})
        kept = line.rows("SELECT statement FROM pg_prepared_statements")
        assert len([statement for (statement,) in kept if "$1" in statement]) == 1


@pytest.fixture
def counted(database_url: str) -> str:
    """A database with a number in it."""
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE counted AS SELECT 0 AS number")
    return database_url


def test_a_turn_sees_what_was_done_in_the_one_before(counted: str) -> None:
    with Line.connect(counted, autocommit=True) as line, ThreadPoolExecutor(1) as pool:
        with psycopg.connect(counted) as before:
            before.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            turn = pool.submit(line.in_turn, LOCK, "SELECT number, %(ids)s::uuid[] FROM counted", {"ids": IDS})
            eventually(lambda: waits(line.info.backend_pid, counted))
            before.execute("UPDATE counted SET number = 1")
        assert turn.result() == [(1, IDS)]


def waits(pid: int, url: str) -> bool:
    with psycopg.connect(url) as looks:
        waiting = "SELECT FROM pg_locks WHERE pid = %s AND locktype = 'advisory' AND NOT granted"
        return looks.execute(waiting, (pid,)).fetchone() is not None


def test_a_turn_that_fails_has_done_nothing_and_leaves_the_next_alone(counted: str) -> None:
    with Line.connect(counted, autocommit=True) as line:
        with pytest.raises(psycopg.errors.DivisionByZero):
            line.in_turn(LOCK, "UPDATE counted SET number = 1 / %(zero)s", {"zero": 0})
        with pytest.raises(psycopg.errors.UndefinedTable):
            line.in_turn(LOCK, "SELECT * FROM counted_too", {})
        assert line.in_turn(LOCK, COUNT, {"by": 2}) == [(2,)]
        assert line.in_turn(LOCK, COUNT, {"by": 0.0}) == [(2,)]
        assert line.rows("SELECT number FROM counted") == [(2,)]


def test_a_turn_that_waits_for_too_long_is_told_so(counted: str) -> None:
    with Line.connect(counted, autocommit=True, options="-c lock_timeout=50") as line:
        with psycopg.connect(counted) as before:
            before.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            with pytest.raises(psycopg.errors.LockNotAvailable):
                line.in_turn(LOCK, COUNT, {"by": 1})
        assert line.in_turn(LOCK, COUNT, {"by": 1}) == [(1,)]


def test_a_turn_is_over_although_whoever_took_it_says_nothing_more(counted: str) -> None:
    place = psycopg.conninfo.conninfo_to_dict(counted)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as door, ThreadPoolExecutor(2) as pool:
        pool.submit(pass_on, door, f"{place['host']}/.s.PGSQL.5432", over)
        line = Line.connect(f"postgresql://router@127.0.0.1:{door.getsockname()[1]}/{place['dbname']}", autocommit=True)
        line.in_turn(LOCK, COUNT, {"by": 1})
        line.execute(f"SELECT '{ONE_MORE}'")
        turn = pool.submit(line.in_turn, LOCK, COUNT, {"by": 1})
        try:
            with Line.connect(counted, autocommit=True) as other:
                eventually(lambda: other.rows("SELECT number FROM counted") == [(2,)])
                assert other.in_turn(LOCK, COUNT, {"by": 1}) == [(3,)]
        finally:
            over.set()
        turn.exception()
        line.close()


def pass_on(door: socket.socket, target: str, over: threading.Event) -> None:
    """What one connection says, and the answers, until it says `ONE_MORE`; then one write, and no more."""
    here, _ = door.accept()
    with here, socket.socket(socket.AF_UNIX) as there, ThreadPoolExecutor(1) as pool:
        there.connect(target)
        pool.submit(answer, there, here)
        said = b""
        while ONE_MORE.encode() not in said:
            said = here.recv(1 << 16)
            there.sendall(said)
        there.sendall(here.recv(1 << 16))
        over.wait()
        there.shutdown(socket.SHUT_RDWR)


def answer(there: socket.socket, here: socket.socket) -> None:
    while said := there.recv(1 << 16):
        here.sendall(said)
