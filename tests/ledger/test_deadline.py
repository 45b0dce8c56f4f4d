"""A line to the server that is dead at the other end of something that is not."""

from __future__ import annotations

import threading

import psycopg
import pytest

from router.ledger.base import Unavailable
from router.ledger.postgres.pool import Database
from tests.faults.proxy import Proxy
from tests.support.conditions import eventually


def test_of_connections_that_are_cut_only_one_is_met(database_url: str) -> None:
    place = psycopg.conninfo.conninfo_to_dict(database_url)
    with Proxy(f"{place['host']}/.s.PGSQL.5432") as line:
        database = Database(f"postgresql://router@127.0.0.1:{line.port}/{place['dbname']}", size=2)
        opened(database)
        line.cut()
        with pytest.raises(Unavailable):
            database.rows("SELECT 1")
        assert database.rows("SELECT 1") == [(1,)]
        database.close()


def opened(database: Database) -> None:
    """Two connections, which lie idle then. A pool that may have a third might be making it by now."""
    both = threading.Barrier(2, timeout=10)

    def use() -> None:
        with database.connection():
            both.wait()

    other = threading.Thread(target=use)
    other.start()
    use()
    other.join()


def test_a_connection_that_answers_no_more_is_cut_and_the_idle_ones_with_it(database_url: str) -> None:
    place = psycopg.conninfo.conninfo_to_dict(database_url)
    with Proxy(f"{place['host']}/.s.PGSQL.5432") as line:
        database = Database(f"postgresql://router@127.0.0.1:{line.port}/{place['dbname']}", size=2)
        opened(database)
        line.forget()
        with pytest.raises(Unavailable), database.connection(0.1) as connection:
            connection.execute("SELECT 1")
        assert eventually(lambda: database.rows("SELECT 1")) == [(1,)]
        database.close()
