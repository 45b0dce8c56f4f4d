"""What a client may send, type by type (api.md §2, contracts.md §5.3)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.mapping import Contract, Field, Kind, Reference, Type
from router.mapping.contract import Profile
from router.model import Entity

TYPES = {
    "string": Type(Kind.STRING),
    "integer": Type(Kind.INTEGER),
    "number": Type(Kind.NUMBER),
    "decimal": Type(Kind.DECIMAL),
    "boolean": Type(Kind.BOOLEAN),
    "date": Type(Kind.DATE),
    "datetime": Type(Kind.DATETIME),
    "email": Type(Kind.EMAIL),
    "uuid": Type(Kind.UUID),
    "enum": Type(Kind.ENUM, values=("gold", "silver")),
    "strings": Type(Kind.LIST, Kind.STRING),
    "dates": Type(Kind.LIST, Kind.DATE),
}
EMPTY = "empty; send null where there is no value"
NO_DATE, NO_TIME, ZONE = "not a date (YYYY-MM-DD)", "not a datetime (YYYY-MM-DD HH:MM:SS)", "must not have a time zone"
NO_EMAIL = "not a valid email address"


def contract(**types: Type) -> Contract:
    fields = {name: Field(name, one, optional=True) for name, one in types.items()}
    return Contract(Entity.PROFILE, "person", {"id": Field("id", TYPES["string"]), **fields}, ("id",))


KEPT: list[tuple[str, Any, Any]] = [
    ("string", "Ada", "Ada"),
    ("string", "", ""),
    ("string", "  ", "  "),
    ("string", 12345, "12345"),
    ("string", 1.5, "1.5"),
    ("integer", -(2**63), -(2**63)),
    ("integer", 5.0, 5),
    ("number", 1, 1),
    ("number", 1.5, 1.5),
    ("decimal", "123.75", "123.75"),
    ("decimal", 123.75, "123.75"),
    ("decimal", 1e-7, "0.0000001"),
    ("decimal", -5, "-5"),
    ("boolean", False, False),
    ("date", "2024-02-29", "2024-02-29"),
    ("datetime", "2021-03-18 11:35:24", "2021-03-18 11:35:24"),
    ("datetime", "2021-03-18T11:35:24", "2021-03-18 11:35:24"),
    ("datetime", "2021-03-18 11:35", "2021-03-18 11:35:00"),
    ("email", "Ada@Example.com", "Ada@Example.com"),
    ("email", "åsa@öberg.se", "åsa@öberg.se"),
    ("email", "a.b+c@x-y.co.uk", "a.b+c@x-y.co.uk"),
    ("email", "a@xn--berg-5qa.xn--p1ai", "a@xn--berg-5qa.xn--p1ai"),
    ("uuid", "3F2504E0-4F89-11D3-9A0C-0305E82C3301", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
    ("enum", "gold", "gold"),
    ("strings", ["a", "", 5], ["a", "", "5"]),
    ("strings", [], []),
]


@pytest.mark.parametrize(("kind", "sent", "kept"), KEPT, ids=[f"{kind} {sent!r}" for kind, sent, _ in KEPT])
def test_what_is_taken_and_how_it_is_kept(kind: str, sent: Any, kept: Any) -> None:
    values, problems = contract(f=TYPES[kind]).validate({"id": "1", "f": sent})
    assert problems == []
    assert (values["f"], type(values["f"])) == (kept, type(kept))


REFUSED: list[tuple[str, Any, str]] = [
    ("string", True, "not text"),
    ("string", ["a"], "not text"),
    ("string", {}, "not text"),
    ("string", "a\0b", "must not contain the character U+0000"),
    ("string", float("nan"), "not text"),
    ("integer", "5", "not a whole number"),
    ("integer", 5.5, "not a whole number"),
    ("integer", 2.0**53 + 2, "not a whole number"),
    ("integer", True, "not a whole number"),
    ("integer", "", EMPTY),
    ("integer", 2**63, "more than 64 bits"),
    ("number", "1.5", "not a number"),
    ("number", "", EMPTY),
    ("number", float("inf"), "not a number"),
    ("number", 10**400, "not a number"),
    ("decimal", "", EMPTY),
    ("decimal", "1,5", "not a decimal number"),
    ("decimal", "1e3", "not a decimal number"),
    ("decimal", "٣", "not a decimal number"),
    ("decimal", "1\n", "not a decimal number"),
    ("decimal", 1e300, "not a decimal number"),
    ("decimal", True, "not a decimal number"),
    ("boolean", "true", "neither true nor false"),
    ("boolean", 1, "neither true nor false"),
    ("boolean", "", EMPTY),
    ("date", "2021-02-30", NO_DATE),
    ("date", "20210218", NO_DATE),
    ("date", "2021-02-18 10:00:00", NO_DATE),
    ("date", "0000-01-01", NO_DATE),
    ("date", 20210218, NO_DATE),
    ("date", "", EMPTY),
    ("date", "2021-02-18Z", ZONE),
    ("date", "2021-02-18+01:00", ZONE),
    ("datetime", "2021-03-18", NO_TIME),
    ("datetime", "2021-03-18 11", NO_TIME),
    ("datetime", "2021-03-18 24:00:00", NO_TIME),
    ("datetime", "2021-03-18 11:35:24.5", NO_TIME),
    ("datetime", "18/3/2021", NO_TIME),
    ("datetime", "", EMPTY),
    ("datetime", "2021-03-18T11:35:24Z", ZONE),
    ("datetime", "2021-03-18 11:35:24+0100", ZONE),
    ("datetime", "2021-03-18 11:35 UTC", ZONE),
    ("datetime", "2021-03-18T11:35:24.123-05:00", ZONE),
    ("email", "mma a@gma.com", NO_EMAIL),
    ("email", "“cogwheel the orange”@example.com", NO_EMAIL),
    ("email", '"cogwheel"@example.com', NO_EMAIL),
    ("email", " ada@example.com", NO_EMAIL),
    ("email", "ada@example.com\n", NO_EMAIL),
    ("email", "ada@example", NO_EMAIL),
    ("email", "ada@@example.com", NO_EMAIL),
    ("email", "a..b@example.com", NO_EMAIL),
    ("email", "ada@-example.com", NO_EMAIL),
    ("email", "ada@[127.0.0.1]", NO_EMAIL),
    ("email", "ada@1.2", NO_EMAIL),
    ("email", "a" * 65 + "@example.com", NO_EMAIL),
    ("email", "a@" + "b" * 250 + ".com", NO_EMAIL),
    ("email", 5, NO_EMAIL),
    ("email", "", EMPTY),
    ("uuid", "3f2504e04f8911d39a0c0305e82c3301", "not a UUID"),
    ("uuid", "", EMPTY),
    ("enum", "bronze", "not one of: gold, silver"),
    ("enum", "", EMPTY),
    ("strings", "a", "not a list"),
    ("strings", "", EMPTY),
    ("strings", ["a", None], "an item is not text"),
    ("strings", [["a"]], "an item is not text"),
    ("dates", ["2021-01-01", "soon"], f"an item is {NO_DATE}"),
]


@pytest.mark.parametrize(
    ("kind", "sent", "why"), REFUSED, ids=[f"{kind} {str(sent)[:40]!r}" for kind, sent, _ in REFUSED]
)
def test_what_is_refused_and_why(kind: str, sent: Any, why: str) -> None:
    _, problems = contract(f=TYPES[kind]).validate({"id": "1", "f": sent})
    assert [str(problem) for problem in problems] == [f"f: {why}"]


@pytest.mark.parametrize("kind", TYPES)
def test_null_is_no_value_for_every_type(kind: str) -> None:
    assert contract(f=TYPES[kind]).validate({"id": "1", "f": None}) == ({"id": "1", "f": None}, [])


HARD = "is part of the hard id and must not be"
RECORDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a listed one is missing": ({"id": "1"}, ["must: missing; only an optional field may be left out"]),
    "a listed one is null": ({"id": "1", "must": None}, []),
    "the hard id is missing": ({"must": "x"}, [f"id: {HARD} missing"]),
    "the hard id is null": ({"id": None, "must": "x"}, [f"id: {HARD} null"]),
    "the hard id is empty": ({"id": "", "must": "x"}, [f"id: {HARD} empty"]),
    "the hard id is blank": ({"id": " \t", "must": "x"}, [f"id: {HARD} empty"]),
    "unlisted ones are ignored": ({"id": "1", "must": "x", "other": [1, None, "a"], "more": False}, []),
    "an unlisted object": ({"id": "1", "must": "x", "o": {}}, ["o: must be a single value or a list of them"]),
    "an unlisted list of lists": ({"id": "1", "must": "x", "o": [[]]}, ["o: must be a single value or a list of them"]),
    "a listed object is told once": ({"id": "1", "must": {}}, ["must: not text"]),
    "every fault at once": (
        {"id": None, "may": True},
        [f"id: {HARD} null", "must: missing; only an optional field may be left out", "may: not text"],
    ),
}


@pytest.mark.parametrize(("record", "expected"), RECORDS.values(), ids=RECORDS)
def test_records(record: dict[str, Any], expected: list[str]) -> None:
    text = TYPES["string"]
    fields = {"id": Field("id", text), "must": Field("must", text), "may": Field("may", text, optional=True)}
    values, problems = Contract(Entity.PROFILE, "person", fields, ("id",)).validate(record)
    assert [str(problem) for problem in problems] == expected
    if not expected:
        assert values.keys() == fields.keys()


def test_ids_are_compared_as_text_with_emails_in_lower_case() -> None:
    kinds = {"id": TYPES["string"], "n": TYPES["integer"], "mail": TYPES["email"], "u": TYPES["uuid"]}
    fields = {name: Field(name, kind) for name, kind in kinds.items()}
    made = Contract(Entity.PROFILE, "person", fields, tuple(kinds))
    sent = {"id": 5, "n": 7, "mail": "Ada@X.se", "u": "3F2504E0-4F89-11D3-9A0C-0305E82C3301"}
    values, problems = made.validate(sent)
    assert problems == []
    assert made.hard_id_of(values) == ("5", "7", "ada@x.se", "3f2504e0-4f89-11d3-9a0c-0305e82c3301")


@pytest.mark.parametrize(("customer", "expected"), [("7", ("7",)), (None, None), ("", None)])
def test_the_profile_that_an_event_belongs_to(customer: str | None, expected: tuple[str, ...] | None) -> None:
    fields = {name: Field(name, TYPES["string"]) for name in ("id", "customer")}
    profile = Profile(Entity.PROFILE, "person", ("customer",))
    made = Contract(Entity.EVENT, "sale", fields, ("id",), profile)
    values, _ = made.validate({"id": "1", "customer": customer})
    found = made.profile_of(values)
    assert found == (expected and Reference(Entity.PROFILE, "person", expected))


def test_a_delete_carries_the_hard_id_alone() -> None:
    fields = {"id": Field("id", TYPES["string"]), "mail": Field("mail", TYPES["email"])}
    removal = Contract(Entity.PROFILE, "person", fields, ("id",)).removal()
    assert removal.validate({"id": 5, "mail": "not an address"}) == ({"id": "5"}, [])


SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["id", *TYPES, "other"]), JSON))
def test_any_json_is_either_kept_or_told_and_what_is_kept_is_kept_again(record: dict[str, Any]) -> None:
    made = contract(**TYPES)
    values, problems = made.validate(record)
    if not problems:
        assert made.validate(values) == (values, [])
    assert {problem.field for problem in problems} <= record.keys() | {"id"}
