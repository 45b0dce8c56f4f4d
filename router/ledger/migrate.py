"""Bring the ledger's schema up to date: numbered SQL files, each in its own transaction, under one advisory lock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import psycopg

from router.ledger.base import LedgerError, Unavailable

LOCK = 0x526F757465  # "Route"
WEEKS_AHEAD = 4


class BadMigration(LedgerError):
    """A migration that was applied has another text now, or one that was applied is unknown here."""


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

    Waits while another process migrates. Raises `BadMigration` when the schema is not the one these files made, and
    `Unavailable` when there is no connection.
    """
    known = migrations()
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
        for migration in known:
            if migration.number in applied:
                continue
            with connection.transaction():
                connection.execute(migration.sql)
                connection.execute(
                    "INSERT INTO migrations (number, name, digest) VALUES (%s, %s, %s)",
                    (migration.number, migration.name, migration.digest),
                )
        make_partitions(connection)
    return max(applied, default=0), known[-1].number


def make_partitions(connection: psycopg.Connection) -> None:
    """Partitions from last week to some weeks ahead."""
    connection.execute(
        "SELECT make_partitions(now() - interval '7 days', now() + make_interval(weeks => %s))", (WEEKS_AHEAD,)
    )


def _compare(known: list[Migration], applied: dict[int, str]) -> None:
    texts = {migration.number: migration for migration in known}
    for number, digest in applied.items():
        if number not in texts:
            raise BadMigration(f"the ledger has migration {number}, which this version does not know; run a newer one")
        if texts[number].digest != digest:
            raise BadMigration(
                f"{texts[number].name} was changed after it was applied; put its text back and add another"
            )
