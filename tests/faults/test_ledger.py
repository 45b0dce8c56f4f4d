"""PostgreSQL crashes, goes, hangs and takes no writes: nothing is promised meanwhile, and no promise is broken."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

import psycopg
import pytest

from router.ledger.migrate import Migration, bring_up_to, migrations
from tests.faults.books import balance
from tests.faults.conftest import Scale, Tell
from tests.faults.house import House
from tests.faults.load import Load
from tests.faults.proxy import Line
from tests.support.processes import frozen

PROMPT = 3.0
"""Seconds within which a receiver takes calls again, and says that it cannot."""


@contextmanager
def loaded(house: House, scale: Scale, tell: Tell) -> Iterator[Load]:
    """Something is done to the ledger while records come in. What is answered is 200 or 503, and soon."""
    load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each).start()
    house.wait(1.0)
    yield load
    house.until(lambda: load.done, scale.drain, "all is posted")
    house.drain(scale.drain)
    _, figures = balance(house, load)
    tell(figures, answers=dict(load.statuses), slowest=round(max(each.took for each in load.tries), 1))
    assert set(load.statuses) <= {200, 503}


def test_it_crashes_again_and_again(house: House, scale: Scale, tell: Tell) -> None:
    with loaded(house, scale, tell) as load:
        for _ in range(6 if scale.full else 2):
            os.kill(house.postgres.pid, signal.SIGQUIT)  # immediate: no checkpoint, no good-byes
            house.postgres.kill()
            house.postgres.start()
            up = time.monotonic()
            house.until(lambda up=up: load.done or load.takes_since(up), PROMPT + 7.0, "calls are taken again")
            house.wait(5.0 if scale.full else 0.5)


@pytest.mark.full
def test_it_is_away_for_a_while(house: House, scale: Scale, tell: Tell) -> None:
    with loaded(house, scale, tell) as load:
        house.postgres.stop()
        down = time.monotonic()
        house.wait(30.0 if scale.full else 3.0)
        told = [each.status for each in load.tries if each.at - each.took > down]
        house.postgres.start()
    assert set(told) == {503}


def test_it_takes_no_writes(house: House, scale: Scale, tell: Tell) -> None:
    """As when its disk is full: every write fails, until there is room."""
    with loaded(house, scale, tell) as load:
        house.query("ALTER SYSTEM SET default_transaction_read_only = on")
        house.query("SELECT pg_reload_conf()")
        house.until(lambda: 503 in load.statuses, PROMPT, "a call is refused")
        house.wait(20.0 if scale.full else 2.0)
        house.query("ALTER SYSTEM RESET default_transaction_read_only")
        house.query("SELECT pg_reload_conf()")


def test_it_hangs_for_a_while(house: House, scale: Scale, tell: Tell) -> None:
    """Not a process of it runs, and no connection ends."""
    with loaded(house, scale, tell), frozen(house.postgres.pid):
        house.wait(20.0 if scale.full else 2.0)


MORE = """
ALTER TABLE requests ADD COLUMN more text; ALTER TABLE deliveries ADD COLUMN more text;
ALTER TABLE due ADD COLUMN more text; ALTER TABLE identities ADD COLUMN more text;
"""
LESS = MORE.replace("ADD COLUMN more text", "DROP COLUMN more")


def test_its_tables_change_under_load_while_another_reads_them(house: House, scale: Scale, tell: Tell) -> None:
    """Up and down; both wait for a long transaction, and nobody waits for long behind them."""
    known = migrations()
    up, down = (Migration(known[-1].number + at, name, sql) for at, name, sql in ((1, "more", MORE), (2, "less", LESS)))
    with loaded(house, scale, tell) as load, ThreadPoolExecutor(1) as thread:
        for to in ([*known, up], [*known, up, down]):
            with psycopg.connect(house.database_url) as reader:
                reader.execute("SELECT FROM identities LIMIT 1")
                changing = thread.submit(bring_up_to, to, house.database_url)
                house.wait(10.0 if scale.full else 2.0)
                assert not changing.done()
                reader.rollback()
                house.until(changing.done, PROMPT + 7.0, "the tables are changed")
                assert changing.result()[1] == to[-1].number
    house.query("DELETE FROM migrations WHERE number > %s", known[-1].number)
    assert max(each.took for each in load.tries) < PROMPT


def test_connections_to_it_are_cut(distant_house: House, scale: Scale, tell: Tell) -> None:
    house = distant_house
    with loaded(house, scale, tell) as load:
        for _ in islice(house.every(2.0 if scale.full else 0.7, lambda: not load.done), 100 if scale.full else 8):
            house.lines["postgres"].cut()


@pytest.mark.full
@pytest.mark.parametrize("bad", [Line.BLACKHOLE, Line.REFUSE])
def test_the_line_to_it_dies(distant_house: House, scale: Scale, tell: Tell, bad: Line) -> None:
    house = distant_house
    with loaded(house, scale, tell):
        house.lines["postgres"].be(bad)
        house.wait(20.0 if scale.full else 3.0)
        house.lines["postgres"].be(Line.PASS)
        if bad is Line.BLACKHOLE:
            house.lines["postgres"].cut()


@pytest.mark.full
def test_connections_to_it_stay_half_open(distant_house: House, scale: Scale, tell: Tell) -> None:
    """What was connected stays dead, what is new works: every process finds out by itself."""
    house = distant_house
    with loaded(house, scale, tell):
        house.lines["postgres"].forget()


@pytest.mark.full
def test_the_line_to_it_is_slow(distant_house: House, scale: Scale, tell: Tell) -> None:
    house = distant_house
    with loaded(house, scale, tell):
        house.lines["postgres"].delay(0.05)
        house.wait(20.0 if scale.full else 3.0)
        house.lines["postgres"].delay(0.0)
