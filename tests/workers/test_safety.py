"""Which brokers a dispatcher or worker starts on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from celery import Celery

from router.cli.embedded import EmbeddedValkey
from router.cli.ports import free_port
from router.queue import celery_settings
from workers.safety import POLICY, check_broker


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A server whose configuration the tests change."""
    with EmbeddedValkey(Path(tmp_path_factory.mktemp("own")) / "valkey") as server:
        yield server


def check(url: str) -> None:
    app = Celery("tests")
    app.conf.update(celery_settings(url))
    try:
        check_broker(app)
    finally:
        app.close()


def configure(server: EmbeddedValkey, policy: str) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.config_set(POLICY, policy)


@pytest.mark.parametrize("policy", ["noeviction", "volatile-lru", "volatile-lfu", "volatile-ttl", "volatile-random"])
def test_what_keeps_queues_is_safe(own: EmbeddedValkey, policy: str) -> None:
    configure(own, policy)
    check(own.url)


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
def test_what_evicts_queues_is_not(own: EmbeddedValkey, policy: str) -> None:
    configure(own, policy)
    with pytest.raises(SystemExit, match=f"maxmemory-policy {policy}: .* Set it to noeviction"):
        check(own.url)


def test_who_may_not_read_the_configuration_starts_all_the_same(own: EmbeddedValkey) -> None:
    configure(own, "allkeys-lru")
    with redis.Redis.from_url(own.url) as client:
        client.acl_setuser(
            "router", enabled=True, passwords=["+canary"], categories=["+@all"], commands=["-config"], keys=["*"]
        )
    check(f"redis://router:canary@127.0.0.1:{urlsplit(own.url).port}/0")


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_away_is_waited_for(scheme: str) -> None:
    check(f"{scheme}://127.0.0.1:{free_port()}/")


def test_a_broker_without_such_a_policy() -> None:
    check("memory://")
