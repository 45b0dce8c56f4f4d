"""The schema comes up to date once, whoever asks, and is refused when it is not what these files made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest
from psycopg import conninfo

from router.ledger.migrate import WEEKS_AHEAD, BadMigration, Busy, Migration, bring_up_to, migrate, migrations
from router.ledger.postgres import PostgresLedger
from router.ledger.ranges import id_at
from router.model import ids_of, new_request_id
from tests.ledger.conftest import shift
from tests.ledger.kit import Kit, crm
from tests.support.conditions import eventually

NEWEST = max(each.number for each in migrations())


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')")}


def test_migrations_are_numbered_without_gaps() -> None:
    assert [each.number for each in migrations()] == list(range(1, NEWEST + 1))


def test_an_empty_database_is_brought_up_to_date(empty_database_url: str) -> None:
    assert migrate(empty_database_url) == (0, NEWEST)


def test_the_second_time_changes_nothing(empty_database_url: str) -> None:
    migrate(empty_database_url)
    before = tables(empty_database_url)
    assert migrate(empty_database_url) == (NEWEST, NEWEST)
    assert tables(empty_database_url) == before


def test_two_at_once_make_one_schema(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: migrate(empty_database_url), range(4)))
    assert sorted(done) == [(0, NEWEST)] + [(NEWEST, NEWEST)] * 3


def test_a_migration_whose_text_has_changed_is_refused(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("UPDATE migrations SET digest = 'another' WHERE number = 1")
    with pytest.raises(BadMigration, match=r"0001_ledger\.sql was changed"):
        migrate(empty_database_url)


def test_a_schema_that_is_newer_is_refused(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("INSERT INTO migrations (number, name, digest) VALUES (9999, '9999_later.sql', 'x')")
    with pytest.raises(BadMigration, match="migration 9999, which this version does not know"):
        migrate(empty_database_url)


def test_a_migration_that_fails_leaves_nothing(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE access_keys ()")
    with pytest.raises(psycopg.errors.DuplicateTable):
        migrate(empty_database_url)
    assert "requests" not in tables(empty_database_url)


MORE = Migration(NEWEST + 1, "9999_more.sql", "ALTER TABLE requests ADD COLUMN more text")


def test_a_table_that_another_keeps_is_waited_for(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SELECT FROM requests")
        done = thread.submit(bring_up_to, [*migrations(), MORE], empty_database_url)
        with psycopg.connect(empty_database_url, autocommit=True) as third:
            eventually(lambda: third.execute("SELECT FROM pg_locks WHERE NOT granted").fetchone() is not None)
            third.execute("SELECT FROM requests")  # waits behind it, and not for ever
        other.rollback()
        assert done.result(timeout=30) == (NEWEST, NEWEST + 1)


def test_a_migration_that_others_wait_for_and_that_waits_for_them_goes_again(empty_database_url: str) -> None:
    migrate(empty_database_url)
    both = replace(MORE, sql=f"ALTER TABLE deliveries ADD COLUMN more text; {MORE.sql}")
    prompt = conninfo.make_conninfo(empty_database_url, options="-c deadlock_timeout=500ms")
    with psycopg.connect(empty_database_url) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SELECT FROM requests")
        done = thread.submit(bring_up_to, [*migrations(), both], prompt)
        with psycopg.connect(empty_database_url, autocommit=True) as third:
            eventually(lambda: third.execute("SELECT FROM pg_locks WHERE NOT granted").fetchone() is not None)
        other.execute("SELECT FROM deliveries")
        other.rollback()
        assert done.result(timeout=30) == (NEWEST, NEWEST + 1)


def test_one_that_is_kept_for_long_is_told_with_who_keeps_it(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url, application_name="a dump") as other:
        other.execute("SELECT FROM requests")
        with pytest.raises(Busy, match=rf"9999_more\.sql: .* of process {other.info.backend_pid} \(a dump\), open for"):
            bring_up_to([*migrations(), MORE], empty_database_url, patience=0.0)
    assert migrate(empty_database_url) == (NEWEST, NEWEST)


def test_there_are_partitions_for_the_coming_weeks(empty_database_url: str) -> None:
    migrate(empty_database_url)
    made = [table for table in tables(empty_database_url) if table.startswith("deliveries_2")]
    assert len(made) >= WEEKS_AHEAD + 1


# ---- ids are the same in SQL and in Python


@pytest.fixture
def connection(module_database_url: str) -> psycopg.Connection:
    return psycopg.connect(module_database_url, autocommit=True)


def test_the_ids_of_a_request_are_the_same_in_sql(connection: psycopg.Connection) -> None:
    for _ in range(200):
        id = new_request_id()
        low, high = ids_of(id)
        row = connection.execute(
            "SELECT lowest_id(%(id)s, '8'), highest_id(%(id)s, '8'), lowest_id(%(low)s, '8'),"
            " highest_id(%(high)s, '8'), %(id)s BETWEEN lowest_id(%(low)s, '7') AND highest_id(%(high)s, '7')",
            {"id": id, "low": low, "high": high},
        ).fetchone()
        assert row == (low, high, low, high, True)
    connection.close()


def test_an_id_knows_its_moment_in_sql(connection: psycopg.Connection) -> None:
    id = new_request_id()
    row = connection.execute("SELECT born_at(%(id)s), uuid_at(born_at(%(id)s)), fresh_id()", {"id": id}).fetchone()
    assert row is not None
    born, lowest, fresh = row
    assert lowest == id_at(born) <= id
    assert (fresh.version, fresh.variant) == (8, "specified in RFC 4122")
    assert abs((fresh.int >> 80) - (id.int >> 80)) < 60_000
    connection.close()


# ---- what is past retention


def test_weeks_past_retention_are_dropped(database_url: str) -> None:
    past = UUID(int=new_request_id().int - (100 * 86_400_000 << 80))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT make_partitions(now() - interval '110 days', now() - interval '90 days')")
    kit = kit_of(database_url)
    old, owed = kit.accept_and_plan("ada", request_id=past), kit.accept("grace")
    kit.end_all()
    kit.ledger.keep_house(retention_days=30)
    assert kit.ledger.document(old.request_id) is None
    assert kit.ledger.document(owed.request_id) is not None
    assert kit.ledger.audit().differences == []
    kit.ledger.close()


def test_what_is_owed_is_kept_however_old(database_url: str) -> None:
    past = UUID(int=new_request_id().int - (100 * 86_400_000 << 80))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT make_partitions(now() - interval '110 days', now() - interval '90 days')")
    kit = kit_of(database_url)
    old = kit.accept_and_plan("ada", request_id=past)
    kit.ledger.keep_house(retention_days=30)
    kit.end_all()
    assert kit.states(old) == ["delivered"]
    kit.ledger.close()


def kit_of(database_url: str) -> Kit:
    kit = Kit(PostgresLedger(database_url, size=2), shift(database_url))
    kit.publish(crm())
    return kit
