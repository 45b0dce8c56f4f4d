"""What ends a chunk leaves the partitions alone that hold nothing of it: a ledger grows older, not slower."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from router.ledger.postgres import work_sql
from router.ledger.ranges import around
from router.model import new_request_id, record_id

_LISTS = "ids records destinations operations states finals payloads reasons again suspicions attempts providers"


@pytest.mark.parametrize("statement", [work_sql.PLANNED, work_sql.FINISH], ids=["planned", "finish"])
def test_only_the_partitions_of_the_chunk_are_prepared_for(database_url: str, statement: str) -> None:
    low, high = around([new_request_id()])
    given = {"hint": 1, "done": True, "delivered": 0, "failed": 0, "blocked_for": 0.0, "refused": None}
    params = {**{name: [] for name in _LISTS.split()}, **given, "low": low, "high": high}
    with psycopg.connect(database_url) as connection:
        plan = "\n".join(row[0] for row in connection.execute("EXPLAIN " + statement, params))
    assert "deliveries" in plan
    assert "requests_other" not in plan
    assert "deliveries_other" not in plan


def test_the_records_of_a_request_are_around_it() -> None:
    earlier, later = sorted([new_request_id(), new_request_id()])
    low, high = around([record_id(earlier, 7), record_id(later, 0)])
    assert low <= earlier <= later <= high
    assert low <= record_id(earlier, 0) <= record_id(later, 16383) <= high


def test_nothing_is_around_nothing() -> None:
    low, high = around([])
    assert low == UUID(int=2**128 - 1)
    assert high == UUID(int=0)
