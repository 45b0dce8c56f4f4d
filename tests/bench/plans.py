"""How PostgreSQL goes about the hot statements: `python -m tests.bench.plans [NAME …]` prints their plans.

They are the plans that a connection of ours makes once and keeps, whatever the tables hold later: made with its
session's settings, without looking at parameters, on a ledger that is still empty.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

from router.cli.embedded import EmbeddedPostgres
from router.ledger.migrate import migrate
from router.ledger.postgres import claim_sql, intake_sql, traces_sql, work_sql
from router.ledger.postgres.line import numbered
from router.ledger.postgres.pool import SESSION

STATEMENTS: Mapping[str, str] = {
    "accept": intake_sql.SINGLE,
    "accept at once": intake_sql.TOGETHER,
    "accept many": intake_sql.accept(once=False, delete=False),
    "accept once": intake_sql.accept(once=True, delete=False),
    "delete": intake_sql.accept(once=False, delete=True),
    "outlook": claim_sql.OUTLOOK,
    "claim": claim_sql.CLAIM,
    "claim onward": claim_sql.CLAIM_ONWARD,
    "expired": work_sql.EXPIRED,
    "start route": work_sql.START_ROUTE,
    "planned": work_sql.PLANNED,
    "start deliver": work_sql.START_DELIVER,
    "leaving": work_sql.LEAVING,
    "finish": work_sql.FINISH,
    **{f"document, {number}": statement for number, statement in enumerate(traces_sql.DOCUMENT, 1)},
    "list": traces_sql.listing({"client"}, None),
    "list of one": traces_sql.listing({"client", "datatalks_id"}, None),
    "list of owed": traces_sql.listing({"client"}, "accepted"),
    "list of failed": traces_sql.listing({"client"}, "completed_with_errors"),
}
SMALL = frozenset({"destinations", "accounts", "hints"})
"""Tables that are small whatever the history is: reading all of one is no fault."""
_ARRAY = re.compile(r"%\((\w+)\)s::uuid\[\]")
_UUIDS = frozenset({"id", "key", "pin", "fresh", "request_id", "low", "high", "first", "datatalks_id"})
_SCAN = re.compile(r"Seq Scan on (\w+)")
_BY_INDEX = re.compile(r"(.*)\n(?= *->  Index (?:Only )?Scan using (\w+) on (\w+).*\n *(.*))")
_FIRST_COLUMNS = """
SELECT c.relname, a.attname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_attribute AS a ON a.attrelid = i.indexrelid AND a.attnum = 1
"""


def plan(connection: psycopg.Connection, statement: str) -> str:
    """On a connection with the session's settings."""
    text, names = numbered(statement)
    arrays = set(_ARRAY.findall(statement))
    types = ", ".join("uuid" if name in _UUIDS - arrays else "unknown" for name in names)
    connection.execute(f"PREPARE hot{f' ({types})' if types else ''} AS {text.decode()}")  # type: ignore[call-overload]
    try:
        nothing = f" ({', '.join(['NULL'] * len(names))})" if names else ""
        return "\n".join(row[0] for row in connection.execute(f"EXPLAIN EXECUTE hot{nothing}"))  # type: ignore[call-overload]
    finally:
        connection.execute("DEALLOCATE hot")


def scanned(told: str, first_columns: Mapping[str, str]) -> set[str]:
    """The tables that a plan reads from end to end, though they may be large. first_columns: of the indexes; without a
    condition on it an index is read as a whole, if a limit does not end that."""
    found = set(_SCAN.findall(told))
    for above, index, table, below in _BY_INDEX.findall(told):
        if "Limit" not in above and not ("Index Cond" in below and f"({first_columns[index]} " in below):
            found.add(table)
    return found - SMALL


def first_columns(database_url: str) -> Mapping[str, str]:
    """Of every index."""
    with psycopg.connect(database_url) as connection:
        return dict(connection.execute(_FIRST_COLUMNS).fetchall())


def plans(database_url: str) -> Iterator[tuple[str, str]]:
    """Of every hot statement, by name."""
    with psycopg.connect(database_url, autocommit=True, options=SESSION) as connection:
        for name, statement in STATEMENTS.items():
            yield name, plan(connection, statement)


def main(names: list[str]) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="plans-", ignore_cleanup_errors=True) as directory,
        EmbeddedPostgres(Path(directory) / "pg") as server,
    ):
        migrate(server.url)
        for name, told in plans(server.url):
            if not names or name in names:
                print(f"---- {name}\n{told}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
