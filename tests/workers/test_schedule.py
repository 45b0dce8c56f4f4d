"""A schedule of days is the ledger's alone: what the broker forgets, or gives twice, is nothing to it."""

from __future__ import annotations

from pathlib import Path

import psycopg

from router.retry import DEFAULT_SCHEDULE
from tests.ledger.conftest import shift
from tests.support.conditions import eventually
from tests.support.shop import PERSON
from tests.workers.running import works_on

ONLY_CRM = PERSON.replace("  mail: {operation: send, map: {name: name}}\n", "")
LONGER_THAN_THE_BROKER_WAITS = 2.5
TRIED = """
SELECT max(jsonb_array_length(attempts)), NOT EXISTS (SELECT FROM hints) FROM deliveries WHERE state <> 'delivered'
"""


def test_each_attempt_of_three_days_is_made_once(tmp_path: Path, database_url: str, broker_url: str) -> None:
    later, steps = shift(database_url), len(DEFAULT_SCHEDULE)
    with (
        works_on(tmp_path, database_url, broker_url) as works,
        psycopg.connect(database_url, autocommit=True) as ledger,
    ):
        shop, sandbox = works.shop, works.sandbox
        shop.publish(ONLY_CRM)
        works.dispatcher()
        works.worker(slots=1, app="tests.workers.forgetful")
        sandbox.scenario("webhook", "slow", seconds=LONGER_THAN_THE_BROKER_WAITS)
        slow = shop.accept().request_id
        eventually(lambda: shop.document(slow)["completedAt"])
        assert sandbox.calls("webhook") == 1

        sandbox.scenario("webhook", "error", status=503)
        request = shop.accept().request_id
        for made, step in enumerate(DEFAULT_SCHEDULE, 1):
            eventually(lambda made=made: ledger.execute(TRIED).fetchone() == (made, True))
            later(step)
        eventually(lambda: shop.document(request)["completedAt"])
        assert sandbox.calls("webhook") == 1 + steps + 1
        (delivery,) = shop.deliveries(request)
        assert [each["outcome"] for each in delivery["history"]] == ["retryable"] * (steps + 1)
        assert delivery["status"] == "dead"
