from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from router import importing
from router.config import Config, Snapshot
from router.importing import BadFile, Taken, Target, load
from router.ledger.memory import MemoryLedger
from router.mapping import read_tree
from router.model import Entity
from router.publish import publish

DEMO = Path(__file__).parents[2] / "mappings"
PEOPLE = Target("demo", Entity.PROFILE, "person", "main_group")


@pytest.fixture
def ledger() -> MemoryLedger:
    ledger = MemoryLedger()
    publish(ledger, read_tree(DEMO), "test", "demo")
    return ledger


@pytest.fixture
def snapshot(ledger: MemoryLedger) -> Snapshot:
    return Config(ledger).current()


@pytest.fixture
def imported(tmp_path: Path, ledger: MemoryLedger, snapshot: Snapshot) -> Callable[[str, str], list[importing.Part]]:
    def run(name: str, text: str) -> list[importing.Part]:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return list(load(path, PEOPLE, snapshot, ledger, "test"))

    return run


def test_a_csv_is_accepted_in_parts_and_its_bad_lines_are_told(
    imported: Callable[[str, str], list[importing.Part]], ledger: MemoryLedger
) -> None:
    rows = "".join(f"c-{number},p{number}@example.com,\n" for number in range(importing.PART + 1))
    parts = imported("people.csv", f"customer_id,email,phone\n{rows},nobody@example.com,\nc-1,no address,\nc-2,a\n")
    assert [part.good for part in parts] == [importing.PART, 1]
    assert [(line.number, list(line.faults)) for line in parts[1].rejects] == [
        (importing.PART + 3, ["customer_id: is part of the hard id and must not be null"]),
        (importing.PART + 4, ["email: not a valid email address"]),
        (importing.PART + 5, ["has 2 columns, and the first line names 3"]),
    ]
    assert ledger.audit().accepted == importing.PART + 1


def test_an_import_that_is_run_again_sends_nothing_twice(
    imported: Callable[[str, str], list[importing.Part]], ledger: MemoryLedger
) -> None:
    text = "".join(json.dumps({"customer_id": f"c-{number}"}) + "\n" for number in range(3))
    first, again = imported("people.ndjson", text), imported("people.ndjson", text)
    assert [part.taken for part in first + again] == [Taken.NOW, Taken.EARLIER]
    assert ledger.audit().accepted == 3


def test_lines_that_another_contract_refused_are_not_lost_unseen(
    imported: Callable[[str, str], list[importing.Part]], ledger: MemoryLedger, snapshot: Snapshot, tmp_path: Path
) -> None:
    text = '{"customer_id": "c-1"}\n{"customer_id": "c-2", "email": "no address"}\n'
    imported("people.ndjson", text)
    lenient = [
        replace(each, text=each.text.replace("{type: email, optional: true}", "{type: string, optional: true}"))
        if each.path.endswith("profile.person.yaml")
        else each
        for each in read_tree(DEMO)
    ]
    publish(ledger, lenient, "test", "lenient")
    (again,) = load(tmp_path / "people.ndjson", PEOPLE, Config(ledger).current(), ledger, "test")
    assert (again.good, again.taken, again.rejects) == (2, Taken.OTHERWISE, [])
    assert ledger.audit().accepted == 1


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("people.txt", "x", "the name must end in .csv"),
        ("people.csv", "", "the first line must name the columns"),
        ("people.csv", "a,a\n", "the first line must name the columns, each once"),
        ("people.csv", 'customer_id\n"open', "people.csv:2:"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(
    imported: Callable[[str, str], list[importing.Part]], name: str, text: str, told: str
) -> None:
    with pytest.raises(BadFile, match=told):
        imported(name, text)
