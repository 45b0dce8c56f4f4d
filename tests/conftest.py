"""The servers that tests share: one PostgreSQL and one Valkey a run, a RabbitMQ node when a test asks for it.

Each test gets a database, broker or virtual host that no other test has seen. Tests that stop or kill a server start
one of their own (`router.cli.embedded`, `tests.support.rabbitmq`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from router.cli.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.support.needs import NEEDS, require
from tests.support.rabbitmq import RabbitMQ
from tests.support.sentinel import RedisSentinel
from tests.support.services import Databases


def pytest_configure(config: pytest.Config) -> None:
    for marker, need in NEEDS.items():
        config.addinivalue_line("markers", f"{marker}: needs {' or '.join(need.programs)}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    require(item)


@pytest.fixture(scope="session")
def run_dir() -> Iterator[Path]:
    """A short directory for the servers' data, gone after the run: a unix socket's path has little room."""
    with tempfile.TemporaryDirectory(prefix="router-test-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def postgres(run_dir: Path) -> Iterator[EmbeddedPostgres]:
    """The PostgreSQL server of this run. Leave it running."""
    with EmbeddedPostgres(run_dir / "pg") as server:
        yield server


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres) -> Iterator[Databases]:
    made = Databases(postgres)
    yield made
    made.close()


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A migrated database for one test."""
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture(scope="module")
def module_database_url(databases: Databases) -> Iterator[str]:
    """A migrated database for the tests of one module."""
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """A database without the ledger's schema."""
    url = databases.create(migrated=False)
    yield url
    databases.drop(url)


@pytest.fixture(scope="session")
def valkey(run_dir: Path) -> Iterator[EmbeddedValkey]:
    """The Valkey server of this run. Leave it running."""
    with EmbeddedValkey(run_dir / "valkey") as server:
        yield server


@pytest.fixture
def broker_url(valkey: EmbeddedValkey) -> str:
    """An empty broker for one test."""
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    return valkey.url


@pytest.fixture(scope="session")
def sentinel(run_dir: Path) -> Iterator[RedisSentinel]:
    """The Redis of this run that a Sentinel watches, for tests marked `sentinel`. Leave it running."""
    with RedisSentinel(run_dir / "sentinel") as server:
        yield server


@pytest.fixture
def sentinel_url(sentinel: RedisSentinel) -> str:
    """An empty broker for one test marked `sentinel`."""
    sentinel.empty()
    return sentinel.url


@pytest.fixture(scope="session")
def rabbitmq(run_dir: Path) -> Iterator[RabbitMQ]:
    """The RabbitMQ node of this run, for tests marked `rabbitmq`. Leave it running."""
    with RabbitMQ(run_dir / "rabbitmq") as node:
        yield node


@pytest.fixture
def rabbitmq_url(rabbitmq: RabbitMQ) -> str:
    """A virtual host for one test marked `rabbitmq`."""
    return rabbitmq.vhost_url()
