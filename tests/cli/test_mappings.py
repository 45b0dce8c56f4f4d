"""Mapping files under `router dev`: right ones are in force at once, broken ones leave what was."""

from __future__ import annotations

import shutil

import pytest

from router.cli.dev.mappings import Mappings
from router.cli.dev.programs import ROOT
from router.ledger.postgres import PostgresLedger


@pytest.fixture
def ledger(database_url):
    ledger = PostgresLedger(database_url, size=2)
    yield ledger
    ledger.close()


@pytest.fixture
def said():
    return []


@pytest.fixture
def mappings(tmp_path, ledger, said):
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    return Mappings(tmp_path / "mappings", ledger, said.append)


def person(mappings: Mappings):
    return mappings.directory / "demo" / "profile.person.yaml"


def test_the_files_are_published_once(mappings, ledger, said):
    assert [mappings.check(), mappings.check()] == [True, False]
    assert len(ledger.publications()) == 1
    assert [" ✔ mappings: " in line and "published sha256:" in line for line in said] == [True]


def test_what_is_in_force_already_is_not_published_again(mappings, ledger, said):
    mappings.check()
    Mappings(mappings.directory, ledger, said.append).check()
    assert len(ledger.publications()) == 1
    assert said[-1].endswith("is in force")


def test_a_change_is_published(mappings, ledger):
    mappings.check()
    person(mappings).write_text(person(mappings).read_text() + "\n# a remark\n")
    assert mappings.check()
    assert len(ledger.publications()) == 2


def test_a_broken_file_leaves_the_last_good_set_and_shows_the_line(mappings, ledger, said):
    mappings.check()
    good = person(mappings).read_text()
    person(mappings).write_text("nonsense: true\n" + good)
    assert not mappings.check()
    assert len(ledger.publications()) == 1
    assert "stays in force" in said[-1]
    assert "profile.person.yaml:1:1" in said[-1]
    person(mappings).write_text(good)
    assert not mappings.check()
    assert said[-1].endswith("is in force")


def test_a_broken_file_at_the_first_start_is_told_too(mappings, ledger, said):
    person(mappings).write_text("entity: [\n")
    assert not mappings.check()
    assert ledger.publication() is None
    assert "none is in force" in said[-1]
