"""What each of the ledger's statements costs, by itself and on one connection, as the ledger grows older.

Tables are partitioned by week, and a statement that touches one prepares for all of its partitions: so ledgers that are
older stand beside a new one. No HTTP, no broker, no destinations.
"""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from tests.bench.ground import Ground
from tests.bench.ledger_load import Clerk, clerk
from tests.bench.product import install

WEEKS = (0, 13, 52)
"""Ages: new, what `ROUTER_RETENTION_DAYS` keeps unless it is set, and a year."""
DESTINATIONS = 3
_AGED = "SELECT make_partitions(now() - make_interval(weeks => %s), now())"
_FIRST = 10**7
"""The number of the first record: nobody else sends these."""

Costs = Mapping[str, Mapping[str, float]]


def by_age(ground: Ground, records: int) -> dict[str, Mapping[str, object]]:
    """`costs` of each age; empty where the server is not ours to look into."""
    if "postgresql" not in ground.pids:
        return {}
    found: dict[str, Mapping[str, object]] = {}
    for weeks in WEEKS:
        with ground.database() as database_url:
            install(database_url)
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(_AGED, [weeks])
            found[f"ledger of {weeks} weeks"] = costs(database_url, records)
    return found


def costs(database_url: str, records: int) -> Mapping[str, object]:
    """On an installed ledger of this machine. full: chunks as large as they get; single: each record planned and
    delivered before the next one comes."""
    few = max(records // 10, 10)
    with clerk(database_url) as ours:
        _costs(ours, range(_FIRST, _FIRST + 50), 50)
        full = _costs(ours, range(_FIRST + 50, _FIRST + 50 + records), records)
        single = _costs(ours, range(_FIRST + 50 + records, _FIRST + 50 + records + few), 1)
    return {"records": records, "full": full, "single": single}


def _costs(ours: Clerk, numbers: range, at_once: int) -> Costs:
    """By statement: calls, milliseconds of PostgreSQL's CPU and of waiting, each per record."""
    ours.spent.clear()
    for at in range(numbers.start, numbers.stop, at_once):
        some = numbers[at - numbers.start :][:at_once]
        ours.accept(some)
        ours.work(DESTINATIONS * len(some))
    return {
        name: {
            "calls": round(spent.calls / len(numbers), 4),
            "cpu_ms": round(spent.cpu * 1000 / len(numbers), 4),
            "ms": round(spent.seconds * 1000 / len(numbers), 4),
        }
        for name, spent in ours.spent.items()
    }
