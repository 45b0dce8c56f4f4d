"""A connection whose statements are read once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from router.ledger.postgres.line import Line, numbered

IDS = [UUID(int=1), UUID(int=2)]


def test_places_are_numbered_by_name() -> None:
    assert numbered("%(b)s + %(a)s + %(b)s %% 2") == (b"$1 + $2 + $1 % 2", ("b", "a"))


def test_a_statement_takes_what_it_names(database_url: str) -> None:
    with Line.connect(database_url, autocommit=True) as line:
        given = {"ids": IDS, "none": [], "more": None, "unused": "x"}
        told = line.rows("SELECT %(ids)s::uuid[], %(none)s::text[], %(more)s::float8, 7 %% 4", given)
        assert told == [(IDS, [], None, 3)]


def test_a_statement_without_rows_has_none_and_one_that_fails_leaves_the_next_alone(database_url: str) -> None:
    with Line.connect(database_url, autocommit=True) as line:
        assert line.rows("SELECT 1") == [(1,)]
        assert line.rows("SET application_name = 'x'") == []
        with pytest.raises(psycopg.errors.DivisionByZero):
            line.rows("SELECT %(zero)s / %(zero)s", {"zero": 0})
        assert line.rows("SELECT %(one)s::int", {"one": 1}) == [(1,)]


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("SELECT %(of)s * 2", [1, -1, 40_000, 2**40]),
        ("SELECT unnest(%(of)s::integer[])", [[1], [70_000], [3, None]]),
        ("SELECT unnest(%(of)s::text[])", [["x"], [None], [], [None, "x"]]),
    ],
    ids=["numbers by size", "lists of numbers by size", "lists of text by what is in them"],
)
def test_the_server_plans_a_statement_once_whatever_its_values(database_url: str, sql: str, values: list[Any]) -> None:
    with Line.connect(database_url, autocommit=True, prepare_threshold=0) as line:
        for value in values:
            line.rows(sql, {"of": value})
        kept = line.rows("SELECT statement FROM pg_prepared_statements")
        assert len([statement for (statement,) in kept if "$1" in statement]) == 1
