"""The way to the database, over a line that can be made bad."""

from __future__ import annotations

import time
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import pytest

from router.ledger.base import LedgerError, Unavailable
from router.ledger.postgres import PostgresLedger
from router.ledger.postgres.pool import Database
from tests.faults.proxy import HOST, Line, Proxy
from tests.support.conditions import eventually

AWAY = 8.0
"""Seconds: a wait that doubled each time would be one of eight by then."""


def answers(ledger: PostgresLedger) -> bool:
    try:
        ledger.ping()
    except LedgerError:
        return False
    return True


def test_a_ledger_that_was_away_for_long_is_found_as_soon_as_it_is_back(
    database_url: str,
) -> None:
    parts = urlsplit(database_url)
    (socket_dir,) = parse_qs(parts.query)["host"]
    with Proxy(f"{socket_dir}/.s.PGSQL.5432") as line:
        url = f"postgresql://router@{HOST}:{line.port}{parts.path}"
        with closing(PostgresLedger(url, size=1)) as ledger:
            assert answers(ledger)
            line.be(Line.REFUSE)
            gone = time.monotonic()
            while time.monotonic() - gone < AWAY:
                assert not answers(ledger)
                time.sleep(0.05)
            line.be(Line.PASS)
            eventually(lambda: answers(ledger), within=5.0)


def test_a_ledger_that_its_process_has_closed_is_unavailable(database_url: str) -> None:
    database = Database(database_url, size=1)
    database.rows("SELECT 1")
    database.close()
    with pytest.raises(Unavailable):
        database.rows("SELECT 1")
