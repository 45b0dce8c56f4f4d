"""The plans that connections make once, and keep."""

from __future__ import annotations

from tests.bench import plans


def test_no_hot_statement_reads_a_large_table_from_end_to_end(database_url: str) -> None:
    columns = plans.first_columns(database_url)
    found = {name: plans.scanned(told, columns) for name, told in plans.plans(database_url)}
    assert {name: tables for name, tables in found.items() if tables} == {}
    assert found.keys() == plans.STATEMENTS.keys()
