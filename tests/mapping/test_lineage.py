"""Every field of a delivery is explained: where it came from, what was done to it, or why it is not there."""

from __future__ import annotations

from typing import Any

import pytest

from router.mapping import Problem
from router.mapping.lineage import Done, Explanation, FieldLineage, explain, masked
from router.model import Action
from tests.mapping.sample import PERSON, compiled, person

FIELDS = """\
first: {type: string, optional: true}
phone: {type: string, optional: true}
unused: {type: string, optional: true}
"""
MAP = """\
name: {from: first, transform: [trim, upper]}
state: {value: NEW}
address.city: {from: phone, transform: {e164: 46}}
address.zipCode: {from: phone, when: {field: first, exists: false}}
score: {from: phone, transform: number, default: 1}
tags: {list: [first, {from: phone, default: none}]}
consents: {list: [{map: {name: {value: mail}, accepted: {from: phone, transform: boolean}}}]}
properties: {each: [first, phone]}
"""


def explained(record: dict[str, Any], *, reveal: bool = True) -> Explanation:
    entry = compiled({"profile.person.yaml": person(FIELDS, MAP)}).entry("shop", "main", "profile", "person")
    assert entry is not None
    return explain(entry, record, reveal=reveal)


def fields(record: dict[str, Any], *, reveal: bool = True) -> dict[str, FieldLineage]:
    (one,) = explained(record, reveal=reveal).integrations
    return {field.target: field for field in one.fields}


RECORD = {"id": "7", "email": "a@b.se", "first": " Ada", "phone": "unknown"}


def test_a_value_is_followed_from_its_field_through_every_step() -> None:
    assert fields(RECORD)["name"] == FieldLineage(
        "name",
        ("first",),
        "shop/profile.person.yaml:16:13",
        (Done("trim", " Ada", "Ada"), Done("upper", "Ada", "ADA")),
        "ADA",
    )


def test_a_constant_has_no_source() -> None:
    made = fields(RECORD)["state"]
    assert (made.sources, made.value, made.absent) == ((), "NEW", "")


ABSENT = {
    "a step had nothing": (RECORD, "address.city", "'e164: 46' has nothing for it"),
    "its condition does not hold": (RECORD, "address.zipCode", "sent only when first has no value"),
    "no source": ({**RECORD, "first": None}, "name", "the record has no value for 'first'"),
    "a missing source": ({"id": "7", "email": "a@b.se"}, "name", "the record has no value for 'first'"),
    "left out with its object": (
        RECORD,
        "consents[0].name",
        "'consents[0]' is left out: none of its fields has a value",
    ),
}


@pytest.mark.parametrize(("record", "target", "why"), ABSENT.values(), ids=ABSENT)
def test_what_is_not_sent_says_why(record: dict[str, Any], target: str, why: str) -> None:
    made = fields(record)[target]
    assert (made.absent, made.value) == (why, None)


def test_a_default_is_told_as_a_step() -> None:
    made = fields(RECORD)["score"]
    assert (made.steps, made.value, made.absent) == ((Done("number", "unknown", None), Done("default", None, 1)), 1, "")


def test_items_and_keys_are_explained_one_by_one() -> None:
    made = fields(RECORD)
    assert [made[target].value for target in ("tags[0]", "tags[1]", "properties.first", "properties.phone")] == [
        " Ada",
        "unknown",
        " Ada",
        "unknown",
    ]


def test_fields_that_went_nowhere_are_named() -> None:
    assert explained({**RECORD, "unused": "x", "other": 1}).nowhere == {
        "id": "no integration takes it",
        "unused": "no integration takes it",
        "other": "not in the contract",
    }


def test_values_are_masked_unless_revealed() -> None:
    (one,) = explained(RECORD, reveal=False).integrations
    made = {field.target: field for field in one.fields}
    assert made["name"].steps == (Done("trim", " ***", "***"), Done("upper", "***", "***"))
    assert (made["name"].value, made["state"].value) == ("***", "NEW")
    assert one.payload is not None
    assert one.payload["email"] == "a***"


def test_a_record_that_is_skipped_has_a_reason_and_no_payload() -> None:
    (one,) = explained({"id": "7"}).integrations
    assert (one.payload, one.skipped, one.fields) == (None, "sent only when email exists", ())


def test_a_record_that_is_refused_is_not_mapped() -> None:
    made = explained({"id": None, "email": "x"})
    assert made.integrations == ()
    assert made.problems == (
        Problem("id", "is part of the hard id and must not be null"),
        Problem("email", "not a valid email address"),
    )


def test_a_delete_without_a_removal_is_explained_as_skipped() -> None:
    entry = compiled({"profile.person.yaml": PERSON}).entry("shop", "main", "profile", "person")
    assert entry is not None
    (one,) = explain(entry, {"id": "7"}, Action.DELETE).integrations
    assert (one.operation, one.skipped) == ("", "the mapping says nothing about deletes")


MASKED: list[tuple[Any, Any]] = [
    ("ada@example.com", "a***"),
    ("abc", "***"),
    ("", ""),
    (12, "***"),
    (1.5, "***"),
    (True, True),
    (None, None),
    (["abcd", 1], ["a***", "***"]),
    ({"k": "abcd"}, {"k": "a***"}),
]


@pytest.mark.parametrize(("value", "shown"), MASKED, ids=[repr(value) for value, _ in MASKED])
def test_masks(value: Any, shown: Any) -> None:
    assert masked(value) == shown
