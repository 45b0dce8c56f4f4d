"""The ledger's statements beside a backlog: `python -m tests.bench.backlog [--records N] [--due N]`.

A queue table's trap is a plan that was chosen while the table was empty and kept when it no longer is. So one ledger
with
one connection works on an empty, never analysed database until its plans are kept, and goes on, on the same connection,
beside history and a backlog that arrive at once; then after ANALYZE; with dead rows that nobody may vacuum; after a
TRUNCATE; and beside the backlog again. Autovacuum is off throughout. Each figure is the median and the worst of some
calls, in milliseconds of PostgreSQL's CPU; it should be flat from left to right.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from router.cli.embedded import EmbeddedPostgres
from router.ledger.base import Filters
from router.ledger.migrate import migrate
from router.ledger.postgres import PostgresLedger
from router.model import DueDelivery, Hint, NewRecord, State
from tests.ledger.kit import LEASE, ROUTE, WORKER, Kit, idempotency, key_of, other, verdict

INTEGRATIONS = [f"i-{number}" for number in range(20)]
HINTS_PER_QUEUE = 8
SETTINGS = {"autovacuum": "off", "fsync": "off", "full_page_writes": "off"}  # the disk is not what is measured
ROUNDS = 25

# History lies over the last ten days; a request is one record, delivered to one integration.
HISTORY = """
CREATE TEMP TABLE made AS
    SELECT n, moment, (substr(low, 1, 14) || '7' || substr(md5(n::text), 1, 3) || '-8' || substr(md5(n::text), 4, 3)
        || '-' || substr(md5(n::text), 8, 12))::uuid AS request_id
    FROM (SELECT n, now() - n * interval '10 days' / %(records)s AS moment,
        uuid_at(now() - n * interval '10 days' / %(records)s)::text AS low
        FROM generate_series(1, %(records)s) AS n) AS t;
ALTER TABLE made ADD record_id uuid, ADD key uuid;
UPDATE made SET record_id = lowest_id(request_id, '8'), key = md5('key' || n)::uuid;
INSERT INTO identities SELECT key, key, 'acme', 'profile', 'person', moment FROM made;
INSERT INTO requests (request_id, client, environment, surface, group_key, entity, type, action, mapping_version,
        credential, records, planned, open, received_at, completed_at)
    SELECT request_id, 'acme', 'production', 'v2', 'main', 'profile', 'person', 'upsert', 'sha256:1', 'AKIDEXAMPLE',
        1, 1, 0, moment, moment FROM made;
INSERT INTO records SELECT record_id, nextval('record_seq'), key, key, '{"customer_id":"' || n || '"}' FROM made;
INSERT INTO deliveries (delivery_id, request_id, destination_id, operation, state, payload, attempts, planned_at,
        finished_at)
    SELECT (left(record_id::text, 31) || lpad(to_hex(%(first)s + n %% 20), 5, '0'))::uuid, request_id,
        %(first)s + n %% 20, 'upsert_contact', 'delivered', '{"contact":{}}',
        '[{"at": "2026-03-01T08:00:00.000Z", "ms": 12.3, "outcome": "delivered", "status": 200}]', moment, moment
    FROM made;
"""
# The youngest of the history are owed again: half are deliveries, half are records that are still to be planned.
BACKLOG = """
UPDATE deliveries SET state = 'pending', attempts = '[]', finished_at = NULL FROM made
    WHERE deliveries.request_id = made.request_id AND made.n <= %(due)s / 2;
INSERT INTO due (id, request_id, destination_id, lane, ordering_key, seq, due_at)
    SELECT d.delivery_id, d.request_id, d.destination_id, 0, c.ordering_key, c.seq, made.moment
    FROM made JOIN records AS c USING (record_id) JOIN deliveries AS d ON d.request_id = made.request_id
    WHERE made.n <= %(due)s / 2 ORDER BY c.seq;
DELETE FROM deliveries USING made
    WHERE deliveries.request_id = made.request_id AND made.n > %(due)s / 2 AND made.n <= %(due)s;
INSERT INTO due (id, request_id, destination_id, lane, ordering_key, seq, due_at)
    SELECT record_id, request_id, %(route)s, 0, c.ordering_key, c.seq, made.moment
    FROM made JOIN records AS c USING (record_id) WHERE made.n > %(due)s / 2 AND made.n <= %(due)s ORDER BY c.seq;
UPDATE requests SET open = 1, completed_at = NULL, planned = (made.n <= %(due)s / 2)::integer FROM made
    WHERE requests.request_id = made.request_id AND made.n <= %(due)s;
DROP TABLE made;
"""
EMPTY = "TRUNCATE due, hints, deliveries, records, requests, identities"


@dataclass
class Bench:
    """figures: stage → what was done → milliseconds of each call."""

    kit: Kit
    url: str
    backend: int
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    _stage: dict[str, list[float]] = field(default_factory=dict)

    def timed(self, what: str, call: Callable[[], Any]) -> Any:
        began = self.spent()
        result = call()
        self._stage.setdefault(what, []).append(self.spent() - began)
        return result

    def spent(self) -> float:
        """Milliseconds of CPU that the connection's backend has spent so far."""
        return int(Path(f"/proc/{self.backend}/schedstat").read_text().split()[0]) / 1e6

    def stage(self, name: str) -> None:
        """Work for some rounds as receivers, dispatchers and workers do."""
        self._stage = self.figures.setdefault(name, {})
        for number in range(ROUNDS):
            self.receive(number)
            for hint in self.timed("claim", lambda: self.kit.claim(HINTS_PER_QUEUE)):
                self.route(hint) if hint.task == "route" else self.deliver(hint)
        print(f"{name}: done", flush=True)

    def receive(self, number: int) -> None:
        ledger, tag = self.kit.ledger, f"{len(self.figures)}-{number}"
        many = [NewRecord("{}", key_of(f"{tag}-{each}")) for each in range(500)]
        accepted = self.timed("accept", lambda: self.kit.accept(f"{tag}-a"))
        self.timed("accept again", lambda: self.kit.accept(f"{tag}-a"))
        self.timed("accept 10", lambda: self.kit.accept(*many[:10]))
        self.timed("accept once", lambda: self.kit.accept(f"{tag}-b", idempotency=idempotency(tag)))
        if number % 10 == 0:
            self.timed("accept 500", lambda: self.kit.accept(*many))
        self.timed("document", lambda: ledger.document(accepted.request_id))
        self.timed("list", lambda: ledger.documents("acme", Filters(), 50, None))
        of_one = Filters(datatalks_id=accepted.datatalks_ids[0])
        self.timed("list of one", lambda: ledger.documents("acme", of_one, 50, None))
        self.timed("list of owed", lambda: ledger.documents("acme", Filters(status="accepted"), 50, None))
        self.timed(
            "list of failed", lambda: ledger.documents("acme", Filters(status="completed_with_errors"), 50, None)
        )
        self.timed("letters", self.kit.failed)
        self.timed("expired", ledger.expired)
        self.timed("troubled", ledger.troubled)

    def route(self, hint: Hint) -> None:
        ledger = self.kit.ledger
        records = self.timed("start route", lambda: ledger.start_route(hint.hint_id, WORKER, LEASE))
        plans = [self.kit.planned(each, INTEGRATIONS[at % 20]) for at, each in enumerate(records)]
        self.timed("planned", lambda: ledger.planned(hint.hint_id, plans))

    def deliver(self, hint: Hint) -> None:
        deliveries: list[DueDelivery] = self.timed("start deliver", lambda: self.kit.start(hint))
        half = len(deliveries) // 2
        ids = [each.delivery_id for each in deliveries]
        self.timed("leaving", lambda: self.kit.ledger.leaving(hint.hint_id, ids, LEASE))
        self.timed("finish part", lambda: self.kit.finish(hint, *map(verdict, deliveries[:half]), done=False))
        last = [
            verdict(each, State.RETRYING if at % 8 == 0 else State.DELIVERED)
            for at, each in enumerate(deliveries[half:])
        ]
        self.timed("finish", lambda: self.kit.finish(hint, *last))

    def sql(self, *statements: str, **params: Any) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                for part in filter(str.strip, statement.split(";\n")):
                    connection.execute(part, params if "%(" in part else None)  # type: ignore[arg-type]


def open_bench(url: str) -> Bench:
    kit = Kit(PostgresLedger(url, size=1), later=lambda _: None)
    destinations = [other(name, queue=f"q-{at % 4}") for at, name in enumerate(INTEGRATIONS)]
    kit.publish(*destinations, route=replace(ROUTE, chunk=32, max_hints=4))
    with psycopg.connect(url) as connection:
        (backend,) = connection.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'router'").fetchall()
    return Bench(kit, url, backend[0])


def run(url: str, records: int, due: int) -> Bench:
    bench = open_bench(url)
    numbers = {"first": bench.kit.numbers[INTEGRATIONS[0]], "route": bench.kit.numbers["-route"]}
    if sorted(bench.kit.numbers.values()) != list(range(1, 23)):
        raise SystemExit("destinations are numbered otherwise than the generated rows assume")

    def load() -> None:
        bench.sql(HISTORY + BACKLOG, records=records, due=due, **numbers)

    bench.stage("empty")
    load()
    bench.stage("backlog")
    bench.sql("ANALYZE")
    bench.stage("analysed")
    with psycopg.connect(url) as pinning:  # a long transaction: what dies now stays where it is
        pinning.execute("SELECT txid_current()")
        bench.sql(
            "UPDATE due SET due_at = due_at WHERE hint_id IS NULL", "UPDATE due SET due_at = due_at - interval '1 s'"
        )
        bench.stage("dead rows")
    bench.sql(EMPTY)
    bench.stage("truncated")
    load()
    bench.stage("backlog again")
    bench.kit.ledger.close()
    return bench


def table(bench: Bench) -> str:
    stages = list(bench.figures)
    lines = [f"{'CPU ms: median (worst)':18}" + "".join(f"{stage:>18}" for stage in stages)]
    for what in dict.fromkeys(what for figures in bench.figures.values() for what in figures):
        cells = [bench.figures[stage].get(what, []) for stage in stages]
        shown = [f"{statistics.median(cell):.2f} ({max(cell):.1f})" if cell else "-" for cell in cells]
        lines.append(f"{what:18}" + "".join(f"{cell:>18}" for cell in shown))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="The ledger's statements beside a backlog, in milliseconds.")
    parser.add_argument("--records", type=int, default=1_000_000, help="records, and as many deliveries, of history")
    parser.add_argument("--due", type=int, default=200_000, help="rows that are due")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="backlog-", ignore_cleanup_errors=True) as directory,
        EmbeddedPostgres(Path(directory) / "pg", settings=SETTINGS) as server,
    ):
        migrate(server.url)
        print(table(run(server.url, given.records, given.due)))


if __name__ == "__main__":
    main()
