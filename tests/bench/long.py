"""The scenarios that take long, run by name: PostgreSQL's CPU run after run, a large ledger, memory over time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import psycopg

from tests.bench import usage
from tests.bench.driver import Pace, send
from tests.bench.ground import Ground, Pipeline
from tests.bench.ledger_load import clerk
from tests.bench.loads import load, profiles
from tests.bench.measure import Measured, pooled
from tests.bench.product import Keys, install, installed, running
from tests.bench.scenarios import Found, Scenario, Sizes
from tests.bench.statements import costs

RUNS = 5
BACKLOG = 200_000
HISTORY = (10_000, 5_000_000)
SOAK = 1_000_000
REST = 25.0
"""Seconds of rest before memory is looked at: within them connections that the load needed, and may not need again,
have gone, and with them what their servers held."""
LOOKS = 5
"""At memory, a second apart."""

# Records that were delivered to three destinations in the last days, and all that the ledger keeps of them.
_HISTORY = """
WITH made AS MATERIALIZED (
    SELECT n, moment, (substr(low, 1, 14) || '7' || substr(md5(n::text), 1, 3) || '-8' || substr(md5(n::text), 4, 3)
        || '-' || substr(md5(n::text), 8, 12))::uuid AS request_id, md5('key' || n)::uuid AS key
    FROM (SELECT n, now() - n * interval '6 days' / %(records)s AS moment,
        uuid_at(now() - n * interval '6 days' / %(records)s)::text AS low
        FROM generate_series(1, %(records)s) AS n) AS numbered
), who AS (
    INSERT INTO identities SELECT key, key, 'bench', 'profile', 'person', moment FROM made
), requests AS (
    INSERT INTO requests SELECT request_id, 'bench', 'production', 'v2', 'main_group', 'profile', 'person', 'upsert',
        'sha256:0', 'AKIDBENCH', NULL, 1, 3, 0, 0, moment, moment FROM made
), records AS (
    INSERT INTO records SELECT lowest_id(request_id, '8'), nextval('record_seq'), key, key,
        json_build_object('customer_id', 'c-' || n, 'email', n || '@bench.example', 'city', 'Stockholm')::text FROM made
)
INSERT INTO deliveries (delivery_id, request_id, destination_id, operation, state, payload, attempts, planned_at,
    finished_at)
SELECT (left(lowest_id(request_id, '8')::text, 31) || lpad(to_hex(destination_id), 5, '0'))::uuid, request_id,
    destination_id, 'upsert_contact', 'delivered',
    json_build_object('contact', json_build_object('email', n || '@bench.example', 'name', 'Ada Lovelace'))::text,
    '[{"at": "2026-03-01T08:00:00.000Z", "ms": 12.3, "outcome": "delivered", "status": 200}]', moment, moment
FROM made CROSS JOIN (SELECT destination_id FROM destinations WHERE group_key = 'main_group') AS places
"""


def steady(ground: Ground, sizes: Sizes) -> Found:
    """PostgreSQL's CPU per record in runs from an empty ledger, and in runs from one with a backlog.

    Each also as a share of what the product's own processes spent on those records meanwhile, whose work is the same in
    each run: where both grow it is the machine, and where the share does a plan that became a bad one.
    """
    found: Found = {}
    for _ in range(RUNS):
        with installed(ground) as pipeline:
            cost = load(ground, pipeline, profiles(), 2 * sizes.delivered, destinations=3).cost.cpu_ms
            _note(found, "from empty", cost["postgresql"], sum(cost[name] for name in pipeline.pids()))
    with ground.database() as filled:
        keys = install(filled)
        with clerk(filled) as accepting:
            accepting.accept(range(_share(BACKLOG, sizes)), 500)
        for _ in range(RUNS):
            with ground.database(copy_of=filled) as copy, _draining(ground, copy, keys) as pipeline:
                _note(found, "from a backlog", *_drained(ground, pipeline, 1.5 * sizes.seconds))
    return found


def _note(found: Found, name: str, spent: float, others: float) -> None:
    """Milliseconds per record: PostgreSQL's, and those of the processes it works for."""
    found.setdefault(name, []).append(round(spent, 3))
    found.setdefault(f"{name}, ÷ the product's own", []).append(round(spent / others, 3))


@contextmanager
def _draining(ground: Ground, database_url: str, keys: Keys) -> Iterator[Pipeline]:
    ground.sink.take()
    with running(ground, database_url, keys) as pipeline:
        while ground.sink.count() < 300:  # warm
            time.sleep(0.05)
        yield pipeline


def _drained(ground: Ground, pipeline: Pipeline, seconds: float) -> tuple[float, float]:
    """As `_note` has them, in the time given. A third of a delivery is a third of a record."""
    groups = (ground.pids["postgresql"], [pid for pids in pipeline.pids().values() for pid in pids])
    before, at = ground.sink.count(), [usage.cpu(pids) for pids in groups]
    time.sleep(seconds)
    spent = [usage.cpu(pids) - was for pids, was in zip(groups, at, strict=True)]
    records = (ground.sink.count() - before) / 3
    return spent[0] * 1000 / records, spent[1] * 1000 / records


def size(ground: Ground, sizes: Sizes) -> Found:
    """The same load on a small ledger and on a large one, by turns, and what each statement costs there.

    rows: of deliveries. Each goes first as often as second: the machine becomes slower, or quicker, meanwhile.
    """
    found: Found = {}
    turns: dict[int, list[Measured]] = {rows: [] for rows in HISTORY}
    with ExitStack() as stack:
        ledgers = {rows: stack.enter_context(ground.database()) for rows in HISTORY}
        keys = {rows: _aged(ledgers[rows], _share(rows, sizes)) for rows in HISTORY}
        for turn in range(2 * sizes.turns):
            for rows in HISTORY if turn % 2 == 0 else reversed(HISTORY):
                with running(ground, ledgers[rows], keys[rows]) as pipeline:
                    turns[rows].append(load(ground, pipeline, profiles(), sizes.delivered, destinations=3))
        for rows in HISTORY:
            found[f"ledger of {rows} rows"] = costs(ledgers[rows], sizes.delivered // 3)
            found[f"{rows} rows"] = pooled(turns[rows])
    return found


def _aged(database_url: str, rows: int) -> Keys:
    """A ledger that has delivered so much."""
    keys = install(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_HISTORY, {"records": max(rows // 3, 100)})
        connection.execute("VACUUM ANALYZE")
    return keys


def soak(ground: Ground, sizes: Sizes) -> Found:
    """Memory of every group of processes as records go by, in tenths of the run: after a rest at the end of each, the
    least of some looks at it, so that a process which is soon gone does not count.

    growth: of the second half, the last look at it over the first. What is filled once, as PostgreSQL's buffers, is so
    by then.
    """
    wanted = _share(SOAK, sizes)
    records: list[int] = []
    memory: dict[str, list[float]] = {}
    with installed(ground) as pipeline:
        groups = {**pipeline.pids(), **ground.pids}
        load(ground, pipeline, profiles(size=10), min(wanted // 10, 2000), destinations=3)
        for tenth in range(10):
            numbers = range(tenth * wanted // 10, (tenth + 1) * wanted // 10)
            for at in range(0, len(numbers), 20_000):  # a signature is good for five minutes
                _through(ground, pipeline, numbers[at : at + 20_000])
            records.append(numbers.stop)
            time.sleep(min(REST, sizes.seconds * 3))
            for name, seen in _least(groups).items():
                memory.setdefault(name, []).append(seen)
    growth = {name: round(seen[-1] / seen[len(seen) // 2], 3) for name, seen in memory.items()}
    return {"soak": {"records": records, "memory_mb": memory, "growth": growth}}


def _least(groups: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Megabytes."""
    looks = []
    for _ in range(LOOKS):
        looks.append({name: round(usage.memory(pids) / 2**20, 1) for name, pids in groups.items()})
        time.sleep(1.0)
    return {name: min(look[name] for look in looks) for name in groups}


def _through(ground: Ground, pipeline: Pipeline, numbers: range) -> None:
    ground.sink.take()
    calls = profiles(size=10)(pipeline, numbers)
    send(pipeline.address, [call.wire for call in calls], Pace())
    while ground.sink.count() < 3 * len(numbers):
        time.sleep(0.1)


def _share(full: int, sizes: Sizes) -> int:
    """A small part of it where only the run is tried."""
    return full if sizes.delivered > 1000 else full // 1000


LONG: Mapping[str, Scenario] = {"steady": steady, "size": size, "soak": soak}
