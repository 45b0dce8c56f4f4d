"""The page on scaling says what the results say."""

from __future__ import annotations

from tests.bench import scaling


def test_the_tables_are_those_of_the_results() -> None:
    page = scaling.PAGE.read_text(encoding="utf-8")
    assert scaling.written(page, scaling.tables()) == page, "python -m tests.bench.scaling writes them"
