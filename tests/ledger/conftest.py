"""Every contract test runs over both ledgers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from router.ledger.memory import MemoryLedger
from router.ledger.postgres import PostgresLedger
from tests.ledger.kit import Clock, Kit, crm


@pytest.fixture(scope="module")
def postgres_ledger(module_database_url: str) -> Iterator[PostgresLedger]:
    ledger = PostgresLedger(module_database_url, size=8)
    yield ledger
    ledger.close()


@pytest.fixture
def postgres_kit(postgres_ledger: PostgresLedger, module_database_url: str) -> Kit:
    """A ledger in PostgreSQL, emptied: that is quicker than a database of its own."""
    empty(module_database_url)
    kit = Kit(postgres_ledger, shift(module_database_url))
    kit.publish(crm())
    return kit


@pytest.fixture
def memory_kit() -> Kit:
    clock = Clock()
    kit = Kit(MemoryLedger(clock), clock.later)
    kit.publish(crm())
    return kit


@pytest.fixture(params=["memory", "postgres"])
def kit(request: pytest.FixtureRequest) -> Kit:
    """A ledger with one integration, `crm`."""
    made: Kit = request.getfixturevalue(f"{request.param}_kit")
    return made


def shift(database_url: str) -> Callable[[float], None]:
    """Lets time pass in a database: every moment that it holds becomes so much older."""

    def later(seconds: float) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for table, columns in _columns(connection, "a.atttypid = 'timestamptz'::regtype").items():
                moved = sql.SQL(", ").join(
                    sql.SQL("{0} = {0} - make_interval(secs => {1})").format(
                        sql.Identifier(column), sql.Literal(seconds)
                    )
                    for column in columns
                )
                connection.execute(sql.SQL("UPDATE {} SET {}").format(sql.Identifier(table), moved))

    return later


def empty(database_url: str) -> None:
    """Forget everything that the ledger has."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        tables = [name for name in _columns(connection, "true") if name != "migrations"]
        deletes = [sql.SQL("DELETE FROM {}").format(sql.Identifier(each)) for each in sorted(tables, reverse=True)]
        connection.execute(sql.SQL("; ").join(deletes))  # publications before the sets they refer to


def _columns(connection: psycopg.Connection, condition: LiteralString) -> dict[str, list[str]]:
    """The ledger's tables with those of their columns that meet a condition."""
    found: dict[str, list[str]] = {}
    query = sql.SQL(
        "SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND a.attnum > 0 AND NOT a.attisdropped AND ({})"
    )
    for table, column in connection.execute(query.format(sql.SQL(condition))).fetchall():
        found.setdefault(table, []).append(column)
    return found
