"""The same way from a kept record to its destinations over every broker, told apart by the URL alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import redis

from router.cli.embedded import EmbeddedValkey
from tests.support.conditions import eventually
from tests.support.rabbitmq import RabbitMQ
from tests.workers.running import works_on

NAMES = [f"Ada {number}" for number in range(20)]
BROKERS = {"valkey": "broker_url", "sentinel": "sentinel_url", "rabbitmq": "rabbitmq_url"}


@pytest.fixture(
    params=[
        "valkey",
        pytest.param("sentinel", marks=pytest.mark.sentinel),
        pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
    ]
)
def broker(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(BROKERS[request.param])
    return url


def test_every_record_arrives_once(tmp_path: Path, database_url: str, broker: str) -> None:
    with works_on(tmp_path, database_url, broker) as works:
        works.dispatcher()
        worker = works.worker()
        sent = [works.shop.accept(*NAMES) for _ in range(2)]
        eventually(lambda: all(works.shop.document(each.request_id)["completedAt"] for each in sent), within=60)
        assert Counter(each["name"] for each in works.messages()) == dict.fromkeys(NAMES, 4)
        assert works.sandbox.provider("webhook").repeats == 0
        assert works.shop.ledger.audit().differences == []
        assert [line for line in worker.said().splitlines() if '"level": "warning"' in line] == []


@pytest.mark.rabbitmq
def test_on_rabbitmq_there_are_quorum_queues_and_none_for_delays(
    tmp_path: Path, database_url: str, rabbitmq: RabbitMQ, rabbitmq_url: str
) -> None:
    with works_on(tmp_path, database_url, rabbitmq_url) as works:
        works.worker("route", "deliver.webhook")
        vhost = rabbitmq_url.rpartition("/")[2]
        listed = rabbitmq.control("--quiet", "list_queues", "--vhost", vhost, "name", "type").split("\n")
    types = dict(line.split("\t") for line in listed if "\t" in line)
    assert {name: types.get(name) for name in ("route", "deliver.webhook")} == {
        "route": "quorum",
        "deliver.webhook": "quorum",
    }
    assert [name for name in types if "delayed" in name] == []


def told(url: str, policy: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.config_set("maxmemory-policy", policy)


@pytest.mark.parametrize("program", ["dispatcher", "worker"])
def test_a_broker_that_evicts_queues_is_refused(tmp_path: Path, database_url: str, program: str) -> None:
    with (
        EmbeddedValkey(tmp_path / "valkey") as valkey,
        works_on(tmp_path, database_url, valkey.url) as works,
    ):
        told(valkey.url, "allkeys-lru")
        started = works.starting_worker() if program == "worker" else works.starting_dispatcher()
        assert works.exit_of(started, within=60) == 1
        assert "The broker has maxmemory-policy allkeys-lru" in started.said()
