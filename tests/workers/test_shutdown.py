"""SIGTERM: what is in flight is finished, the rest handed back, and nothing waits for a lease to run out."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg

from router.publish import SINGLE_CHUNK
from tests.support.conditions import eventually
from tests.workers.running import Works, works_on

NAMES = [f"Ada {number}" for number in range(60)]
SLOTS = 2
SET_TIME = 45.0
"""Seconds that deploy/README.md says are to be allowed."""


def counted(works: Works, sql: str) -> int:
    with psycopg.connect(works.shop.environment["ROUTER_DATABASE_URL"]) as connection:
        found = connection.execute(sql.encode()).fetchone()
    assert found is not None
    return int(found[0])


def test_a_worker_finishes_its_calls_and_hands_back_the_rest(
    tmp_path: Path, database_url: str, broker_url: str
) -> None:
    with works_on(tmp_path, database_url, broker_url) as works:
        works.dispatcher()
        works.sandbox.scenario("webhook", "slow", seconds=3.0)
        worker = works.worker(slots=SLOTS)
        sent = works.shop.accept(*NAMES)
        eventually(works.messages)
        os.kill(worker.pid, signal.SIGTERM)
        assert works.exit_of(worker, within=SET_TIME) == 0

        arrived = len(works.messages())
        assert 0 < arrived < SLOTS * SINGLE_CHUNK, "the chunks were carried to their end"
        assert counted(works, "SELECT count(*) FROM hints WHERE started_at IS NOT NULL") == 0
        assert counted(works, "SELECT count(*) FROM deliveries WHERE state = 'delivered'") == arrived
        assert counted(works, "SELECT count(*) FROM due WHERE due_at > now()") == 0
        assert works.shop.ledger.audit().differences == []

        works.sandbox.scenario("webhook", "ok")
        works.worker()
        eventually(lambda: works.shop.document(sent.request_id)["completedAt"], within=60)
        assert len(works.messages()) == 2 * len(NAMES)
        assert works.sandbox.provider("webhook").repeats == 0


def test_an_idle_worker_and_an_idle_dispatcher_end(tmp_path: Path, database_url: str, broker_url: str) -> None:
    with works_on(tmp_path, database_url, broker_url) as works:
        programs = [works.dispatcher(), works.worker()]
        for program in programs:
            os.kill(program.pid, signal.SIGTERM)
        assert [works.exit_of(program, within=SET_TIME) for program in programs] == [0, 0]


def test_a_dispatcher_whose_broker_is_away_ends(tmp_path: Path, database_url: str) -> None:
    with works_on(tmp_path, database_url, "redis://127.0.0.1:1/0") as works:
        dispatcher = works.dispatcher()
        works.shop.accept()
        eventually(lambda: "broker away" in dispatcher.said())
        os.kill(dispatcher.pid, signal.SIGTERM)
        assert works.exit_of(dispatcher, within=15) == 0
