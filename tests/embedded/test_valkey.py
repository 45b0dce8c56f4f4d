"""EmbeddedValkey: a broker that keeps what it took, and that tests can empty."""

from __future__ import annotations

import kombu
import pytest
import redis

from router.cli.embedded import EmbeddedError, EmbeddedValkey


@pytest.fixture
def server(run_dir, tmp_path_factory):
    server = EmbeddedValkey(run_dir / tmp_path_factory.mktemp("valkey").name)
    yield server
    server.stop()


def client(server: EmbeddedValkey) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True)


def test_a_killed_server_comes_back_at_its_address_with_its_queue(server):
    server.start()
    with client(server) as connection:
        connection.rpush("queue", *range(1000))
    url = server.url
    server.kill()
    server.start()
    with client(server) as connection:
        assert (connection.llen("queue"), server.url) == (1000, url)


def test_it_can_come_back_empty(server):
    server.start()
    with client(server) as connection:
        connection.set("key", "value")
    server.kill()
    server.start(empty=True)
    with client(server) as connection:
        assert connection.dbsize() == 0


def test_another_owner_finds_the_same_address(server):
    server.start()
    url = server.url
    server.stop()
    with EmbeddedValkey(server.data_dir) as second:
        assert second.url == url


def test_a_taken_port_is_changed_for_a_free_one(server):
    server.start()
    other = EmbeddedValkey(server.data_dir.with_name("other"))
    other.data_dir.mkdir()
    (other.data_dir / "valkey.conf").write_text((server.data_dir / "valkey.conf").read_text())
    with other:
        assert other.url != server.url


def test_any_path_will_do(run_dir):
    with EmbeddedValkey(run_dir / 'with space and "quote"') as server, client(server) as connection:
        connection.set("key", "value")
    assert (server.data_dir / "appendonlydir").is_dir()


def test_a_server_left_behind_is_taken_over(server):
    server.start()
    second = EmbeddedValkey(server.data_dir).start()
    assert second.pid == server.pid
    second.stop()
    assert not server.running


SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    "bind": "127.0.0.1",
}


@pytest.mark.parametrize(("name", "value"), SETTINGS.items())
def test_it_forgets_nothing_and_serves_this_machine_alone(valkey, name, value):
    with client(valkey) as connection:
        assert connection.config_get(name) == {name: value}


def test_celery_s_transport_takes_its_url(broker_url):
    with kombu.Connection(broker_url) as connection, connection.SimpleQueue("greetings") as queue:
        queue.put({"hello": "world"})
        message = queue.get(timeout=5)
        message.ack()
        assert message.payload == {"hello": "world"}


def test_it_says_when_it_was_not_started(server):
    with pytest.raises(EmbeddedError, match="call start"):
        _ = server.pid
