"""Bring the ledger's schema up to date: numbered SQL files, each in its own transaction, under one advisory lock."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files

import psycopg

from router.ledger.base import LedgerError, Unavailable

LOCK = 0x526F757465  # "Route"
WEEKS_AHEAD = 4
LOCK_WAIT = 1.0
"""Seconds to wait for a table that others use: all who come meanwhile wait behind, calls to be accepted among them."""
PAUSE = 2.0
"""Seconds in which those go on before the next try."""
PATIENCE = 120.0
"""Seconds of trying."""
_OLDEST = """
SELECT pid, application_name, date_trunc('second', now() - xact_start) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 1
"""


class BadMigration(LedgerError):
    """A migration that was applied has another text now, or one that was applied is unknown here."""


class Busy(LedgerError):
    """Another session keeps a table that is to be changed. What was applied before it stays."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Every migration, in order."""
    found = [f for f in files("router.ledger").joinpath("migrations").iterdir() if f.name.endswith(".sql")]
    return [
        Migration(int(f.name[:4]), f.name, f.read_text(encoding="utf-8")) for f in sorted(found, key=lambda f: f.name)
    ]


def migrate(database_url: str) -> tuple[int, int]:
    """Apply what is missing and make the partitions of the coming weeks: (version before, version after).

    Waits while another process migrates. Raises `BadMigration` when the schema is not the one these files made, `Busy`,
    and `Unavailable` when there is no connection.
    """
    return bring_up_to(migrations(), database_url)


def bring_up_to(known: Sequence[Migration], database_url: str, patience: float = PATIENCE) -> tuple[int, int]:
    """As `migrate`, with these migrations. patience: seconds of trying for a table that others keep."""
    try:
        opened = psycopg.connect(database_url, autocommit=True)
    except psycopg.OperationalError:
        raise Unavailable("the ledger cannot be reached; is ROUTER_DATABASE_URL right?") from None
    with opened as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (number integer PRIMARY KEY, name text NOT NULL,"
            " digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied: dict[int, str] = dict(
            connection.execute("SELECT number, digest FROM migrations ORDER BY number").fetchall()
        )
        _compare(known, applied)
        connection.execute(f"SET lock_timeout = {int(LOCK_WAIT * 1000)}")
        for migration in known:
            if migration.number not in applied:
                _insist(connection, migration.name, partial(_apply, connection, migration), patience)
        _insist(connection, "making the coming weeks", partial(make_partitions, connection), patience)
    return max(applied, default=0), known[-1].number


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO migrations (number, name, digest) VALUES (%s, %s, %s)",
            (migration.number, migration.name, migration.digest),
        )


def _insist(connection: psycopg.Connection, name: str, change: Callable[[], None], patience: float) -> None:
    """Try until the tables are free for a moment."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return change()
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):  # and so undone
            if time.monotonic() > deadline:
                raise Busy(_whose(connection, name)) from None
            time.sleep(PAUSE)


def _whose(connection: psycopg.Connection, name: str) -> str:
    found = connection.execute(_OLDEST).fetchone()
    oldest = "; the oldest transaction is of process {} ({}), open for {}".format(*found) if found else ""
    return f"{name}: others keep a table that it changes{oldest}. Let them end, and run this again."


def make_partitions(connection: psycopg.Connection) -> None:
    """Partitions from last week to some weeks ahead."""
    connection.execute(
        "SELECT make_partitions(now() - interval '7 days', now() + make_interval(weeks => %s))", (WEEKS_AHEAD,)
    )


def _compare(known: Sequence[Migration], applied: dict[int, str]) -> None:
    texts = {migration.number: migration for migration in known}
    for number, digest in applied.items():
        if number not in texts:
            raise BadMigration(f"the ledger has migration {number}, which this version does not know; run a newer one")
        if texts[number].digest != digest:
            raise BadMigration(
                f"{texts[number].name} was changed after it was applied; put its text back and add another"
            )
