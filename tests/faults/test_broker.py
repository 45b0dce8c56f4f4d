"""The broker goes, hangs, forgets and fills up: clients notice nothing, and everything arrives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.faults.books import balance
from tests.faults.conftest import Scale, Tell
from tests.faults.house import House
from tests.faults.load import Load
from tests.faults.proxy import Line
from tests.support.processes import frozen


@contextmanager
def loaded(house: House, scale: Scale, tell: Tell) -> Iterator[Load]:
    """Something is done to the broker while records come in; no client is told of it."""
    load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each).start()
    house.wait(1.0)
    yield load
    house.until(lambda: load.done, scale.drain, "all is posted")
    house.drain(scale.drain)
    books, figures = balance(house, load)
    tell(figures)
    assert set(load.statuses) == {200}
    assert figures.repeats == dict.fromkeys(books.entries, 0)


@pytest.mark.full
def test_it_is_away_for_a_while(house: House, scale: Scale, tell: Tell) -> None:
    with loaded(house, scale, tell):
        house.broker.kill()
        house.wait(60.0 if scale.full else 3.0)
        house.broker.start()


def test_it_hangs_for_a_while(house: House, scale: Scale, tell: Tell) -> None:
    with loaded(house, scale, tell), frozen(house.broker.pid):
        house.wait(60.0 if scale.full else 6.0)


def test_it_forgets_everything_again_and_again(house: House, scale: Scale, tell: Tell) -> None:
    with loaded(house, scale, tell) as load, redis.Redis.from_url(house.broker.url) as client:
        for _ in house.every(1.0, lambda: not load.done):
            client.flushall()


def test_it_comes_back_with_what_it_had_minutes_ago(house: House, scale: Scale, tell: Tell) -> None:
    """Time travel, as after a restore: its messages are stale, and do nothing."""
    with redis.Redis.from_url(house.broker.url) as client:
        with frozen(*(house.programs[name].pid for name in ("worker_1", "worker_2"))):
            early = house.load(house.people(20), rate=50.0).start()
            house.until(lambda: early.done, scale.drain, "all is posted")
            house.until(lambda: _queued(client), scale.drain, "hints wait in the queues")
            old = {queue: client.lrange(queue, 0, -1) for queue in _queued(client)}
        house.drain(scale.drain)
        with loaded(house, scale, tell):
            for queue, messages in old.items():
                client.rpush(queue, *messages)
        _, figures = balance(house, early)
        assert set(figures.repeats.values()) == {0}


def _queued(client: redis.Redis) -> list[bytes]:
    """Lists with messages that wait."""
    return [key for key in client.keys("router:*") if client.type(key) == b"list"]


@pytest.mark.full
def test_it_is_full(house: House, scale: Scale, tell: Tell) -> None:
    with loaded(house, scale, tell), redis.Redis.from_url(house.broker.url) as client:
        client.config_set("maxmemory", 1)
        house.wait(20.0 if scale.full else 3.0)
        client.config_set("maxmemory", 0)


@pytest.mark.full
@pytest.mark.parametrize("bad", [Line.BLACKHOLE, Line.REFUSE])
def test_the_line_to_it_dies(distant_house: House, scale: Scale, tell: Tell, bad: Line) -> None:
    """Half-open connections are noticed, without anybody ending the processes."""
    house = distant_house
    with loaded(house, scale, tell):
        house.lines["broker"].be(bad)
        house.wait(60.0 if scale.full else 4.0)
        house.lines["broker"].be(Line.PASS)
        if bad is Line.BLACKHOLE:
            house.lines["broker"].cut()


@pytest.mark.full
def test_connections_to_it_stay_half_open(distant_house: House, scale: Scale, tell: Tell) -> None:
    """What was connected stays dead, what is new works: the workers find out by themselves."""
    house = distant_house
    with loaded(house, scale, tell):
        house.lines["broker"].forget()
