"""What conftest promises to every other test."""

from __future__ import annotations

import psycopg
import pytest
import redis

from tests.support.needs import Need, absent

NEEDS = {
    "here": Need(("no-such-program", "sh"), "dash"),
    "away": Need(("no-such-program", "nor-this"), "moonbase"),
}


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


@pytest.mark.parametrize(
    ("markers", "told"),
    [
        (["parametrize", "here"], None),
        (["here", "away"], "needs no-such-program or nor-this: apt-get install moonbase"),
    ],
    ids=["present", "absent"],
)
def test_what_a_marked_test_lacks_is_named_with_its_package(markers, told):
    assert absent(markers, NEEDS) == told
