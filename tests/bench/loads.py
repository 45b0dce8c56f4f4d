"""Loads: the requests of each kind, signed ahead, and a running pipeline ready to be measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import psycopg

from tests.bench import people
from tests.bench.calls import Call, Signer, post
from tests.bench.driver import Pace
from tests.bench.ground import Ground, Pipeline
from tests.bench.measure import Bench, Measured, measure

NOTHING_OWED = "SELECT NOT EXISTS (SELECT FROM due)"
NOTHING_OPEN = "SELECT NOT EXISTS (SELECT FROM requests WHERE status <> 'completed')"
WARM = 10**8
"""Numbers from here on are of records that warm a pipeline up."""
_COUNTERS = """
SELECT pg_current_wal_lsn() - '0/0', xact_commit,
    (SELECT sum(pg_total_relation_size(oid)) FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace)
FROM pg_stat_database WHERE datname = current_database()
"""
_HINTS = "SELECT last_value FROM hint_seq"

Calls = Callable[[Pipeline, Sequence[int]], list[Call]]


def profiles(group: str = "main_group", size: int = 1) -> Calls:
    """People, so many in a request, for a group."""

    def calls(pipeline: Pipeline, numbers: Sequence[int]) -> list[Call]:
        signer = Signer(pipeline.access_key_id, pipeline.secret, pipeline.host)
        return [
            Call(signer.post("/v2/profiles", people.profiles_body(some, group)), some) for some in _by(numbers, size)
        ]

    return calls


def events(group: str, size: int = 1) -> Calls:
    """The client API's events, so many in an array."""

    def calls(pipeline: Pipeline, numbers: Sequence[int]) -> list[Call]:
        return [
            Call(_bearer(pipeline, group, "/api/client/events", people.events_body(some)), some)
            for some in _by(numbers, size)
        ]

    return calls


def identifies(group: str) -> Calls:
    """The client API's profiles."""

    def calls(pipeline: Pipeline, numbers: Sequence[int]) -> list[Call]:
        return [Call(_bearer(pipeline, group, "/api/client/identify", people.identify_body(n)), [n]) for n in numbers]

    return calls


def _by(numbers: Sequence[int], size: int) -> list[Sequence[int]]:
    return [numbers[at : at + size] for at in range(0, len(numbers), size)]


def _bearer(pipeline: Pipeline, group: str, path: str, body: bytes) -> bytes:
    return post(pipeline.host, path, body, {"Authorization": f"Bearer {pipeline.bearers[group]}"})


def load(
    ground: Ground,
    pipeline: Pipeline,
    calls: Calls,
    records: int,
    *,
    destinations: int,
    rate: float | None = None,
    naive: bool = False,
) -> Measured:
    """A load on a running pipeline, after a small one that warms it up.

    destinations: how many each record reaches; 0: the receiver alone is measured. rate: records a second; None is as
    fast as they are accepted.
    """
    bench = Bench(
        pipeline.address,
        {**pipeline.pids(), **(ground.pids if pipeline.database_url else {})},
        ground.sink,
        _settled(pipeline.database_url, NOTHING_OPEN if naive else NOTHING_OWED),
        _books(pipeline.database_url, naive),
    )
    warm = calls(pipeline, range(WARM, WARM + min(records, 200)))
    measure(bench, warm, Pace(), destinations)
    wanted = calls(pipeline, range(records))
    pace = Pace(rate=rate * len(wanted) / records) if rate else Pace()
    return measure(bench, wanted, pace, destinations)


def _settled(database_url: str, query: str) -> Callable[[], bool]:
    def settled() -> bool:
        with psycopg.connect(database_url) as connection:
            (done,) = connection.execute(query).fetchone() or (False,)
            return bool(done)

    return settled


def _books(database_url: str, naive: bool) -> Callable[[], Mapping[str, float]]:
    """What the database wrote, and how many hints there were."""
    if not database_url:
        return dict

    def books() -> Mapping[str, float]:
        with psycopg.connect(database_url, autocommit=True) as connection:
            found = connection.execute(_COUNTERS).fetchone()
            assert found is not None
            told = dict(zip(("wal_bytes", "commits", "bytes"), map(float, found), strict=True))
            if not naive:
                (hints,) = connection.execute(_HINTS).fetchone() or (0,)
                told["hints"] = float(hints)
            return told

    return books
