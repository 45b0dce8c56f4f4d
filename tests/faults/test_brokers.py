"""Each broker there may be is killed while hints are in it, and comes back: everything arrives, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from router.cli.embedded.server import Server
from tests.support.conditions import eventually
from tests.support.rabbitmq import RabbitMQ
from tests.support.sentinel import RedisSentinel
from tests.workers.running import works_on

NAMES = [f"Ada {number}" for number in range(20)]


@pytest.mark.full
@pytest.mark.parametrize(
    ("server", "url"),
    [
        pytest.param(RedisSentinel, lambda made: made.url, marks=pytest.mark.sentinel, id="sentinel"),
        pytest.param(RabbitMQ, lambda made: made.vhost_url(), marks=pytest.mark.rabbitmq, id="rabbitmq"),
    ],
)
def test_a_broker_is_killed_and_comes_back(
    homes: Path, tmp_path: Path, database_url: str, server: type[Server], url: Callable[[Server], str]
) -> None:
    """Without anybody ending a worker or a dispatcher. `test_broker` does the same to Valkey, and worse."""
    with server(homes / server.__name__) as broker, works_on(tmp_path, database_url, url(broker)) as works:
        programs = [works.dispatcher(), works.worker()]
        sent = [works.shop.accept(*NAMES) for _ in range(2)]
        eventually(works.messages)
        broker.kill()
        sent += [works.shop.accept(*NAMES) for _ in range(2)]
        broker.start()
        if isinstance(broker, RabbitMQ):
            broker.elect()
        eventually(lambda: all(works.shop.document(each.request_id)["completedAt"] for each in sent), within=90)
        assert Counter(each["name"] for each in works.messages()) == dict.fromkeys(NAMES, 2 * len(sent))
        assert works.sandbox.provider("webhook").repeats == 0
        assert works.shop.ledger.audit().differences == []
        assert [program.poll() for program in programs] == [None, None]
