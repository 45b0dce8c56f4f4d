"""What conftest promises to every other test."""

from __future__ import annotations

import psycopg
import pytest
import redis


@pytest.mark.parametrize("turn", [1, 2])
def test_a_database_is_migrated_and_has_seen_no_other_test(database_url, turn):
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM migrations").fetchone() == (True,)
        connection.execute("CREATE TABLE seen (turn int)")


def test_an_empty_database_has_no_schema(empty_database_url):
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT to_regclass('migrations')").fetchone() == (None,)


@pytest.mark.parametrize("turn", [1, 2])
def test_a_broker_begins_empty(broker_url, turn):
    with redis.Redis.from_url(broker_url) as client:
        assert client.dbsize() == 0
        client.set("seen", turn)
