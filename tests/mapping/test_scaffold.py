"""A file written from a sample passes the check, and guesses what a person would."""

from __future__ import annotations

from typing import Any

import pytest

from router import catalog
from router.mapping import Source, compile_set
from router.mapping.lint import check
from router.mapping.scaffold import scaffold
from router.model import Entity
from tests.mapping.test_demo import PERSON, SAMPLES, SOURCES

GROUP = compile_set(SOURCES, catalog.facts()).groups("demo")["main_group"]

SCAFFOLDED: dict[str, tuple[Entity, str, dict[str, Any]]] = {
    **{name: (entity, type_ and "new", record) for name, (entity, type_, record, _) in SAMPLES.items()},
    "numbers, lists and nulls": (
        Entity.PROFILE,
        "new",
        {"id": 7, "n": 1, "x": 1.5, "b": True, "none": None, "l": [1], "e": []},
    ),
    "awkward names": (
        Entity.PROFILE,
        "new",
        {"on: x": "a", "NO": "b", "5": "c", "#": "d", "email": "a@b.se", "a.b": "\\"},
    ),
    "awkward values": (
        Entity.EVENT,
        "new",
        {"id": "- [x]", "t": "null", "u": "é\u2028\U0001f600", "v": "a: b # c", "w": ""},
    ),
    "nothing that fits": (Entity.INVENTORY, "new", {"whatever": "x"}),
}


@pytest.mark.parametrize(("entity", "type_", "record"), SCAFFOLDED.values(), ids=SCAFFOLDED)
def test_a_scaffold_passes_the_check(entity: Entity, type_: str, record: dict[str, Any]) -> None:
    text = scaffold(record, entity, type_, GROUP, catalog.facts())
    path = f"demo/{'.'.join(filter(None, (entity, type_)))}.yaml"
    kept = [source for source in SOURCES if source.path != path]
    told = check([*kept, Source(path, text)], catalog.facts())
    assert [str(fault) for fault in told if fault.severity == "error"] == []
    assert "examples:" in text


def test_a_scaffold_finds_what_the_fields_mean() -> None:
    text = scaffold(PERSON, Entity.PROFILE, "new", GROUP, catalog.facts())
    for line in (
        "hard_id: [customer_id]",
        "  email: {type: email, optional: true}",
        "  birth_date: {type: date, optional: true, personal: true}",
        "      contact.email: email",
        "      contact.address.zipCode: postal_code",
        "      name_first: first_name",
        "      unique_id: customer_id",
    ):
        assert line in text.splitlines()


def test_a_scaffold_tells_an_event_from_whom_it_is_about() -> None:
    record = {"customer_id": "c-1", "event_id": "e-1", "sum": "12.50"}
    text = scaffold(record, Entity.EVENT, "new", GROUP, catalog.facts())
    assert "hard_id: [event_id]" in text
    assert "unique_id: event_id" not in text


NO_RECORDS: dict[str, tuple[dict[str, Any], str]] = {
    "nested": ({"id": 1, "a": {}}, "a: not text"),
    "no hard id": ({"a": None, "b": [1]}, "no field of the sample can be a hard id"),
    "a null in a list": ({"id": 1, "a": [None]}, "a: an item is not text"),
}


@pytest.mark.parametrize(("record", "why"), NO_RECORDS.values(), ids=NO_RECORDS)
def test_what_is_no_record_has_no_scaffold(record: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        scaffold(record, Entity.PROFILE, "new", GROUP, catalog.facts())
