"""What each word of a rule does with a record."""

from __future__ import annotations

from typing import Any

import pytest

from router.mapping import Mapped, Skipped
from router.model import Action
from tests.mapping.sample import PERSON, changed, compiled, person

FIELDS = """\
first: {type: string, optional: true}
last:  {type: string, optional: true}
n:     {type: integer, optional: true}
x:     {type: number, optional: true}
money: {type: decimal, optional: true}
yes:   {type: boolean, optional: true}
born:  {type: date, optional: true}
seen:  {type: datetime, optional: true, timezone: Europe/Stockholm}
tags:  {type: list, of: string, optional: true}
ns:    {type: list, of: integer, optional: true}
level: {type: enum, values: [g, s], optional: true}
"""
TABLES = "tables: {levels: {g: gold, s: silver}, scores: {g: 1.5, s: 2}}"
RECORD = {
    "id": "7",
    "email": "a@b.se",
    "first": " Ada ",
    "last": "Lovelace",
    "n": 5,
    "x": 2.5,
    "money": "12.50",
    "yes": True,
    "born": "1985-12-10",
    "seen": "2021-03-18 11:35:24",
    "tags": ["a", "b"],
    "ns": [1, 2],
    "level": "g",
}

RULES: list[tuple[str, dict[str, Any], Any]] = [
    ("name: first", {"name": " Ada "}, None),
    ("name: {from: first}", {"name": " Ada "}, None),
    ("name: {from: first, transform: trim}", {"name": "Ada"}, None),
    ("name: {from: [first, last], transform: [trim, {join: ' '}]}", {"name": "Ada Lovelace"}, None),
    ("name: {from: [first, last], transform: first}", {"name": " Ada "}, None),
    ("name: {from: [tags, n], transform: {join: '-'}}", {"name": "a-b-5"}, None),
    ("name: {from: first, default: nobody}", {"name": " Ada "}, {"name": "nobody"}),
    ("name: {from: first, omit_null: false}", {"name": " Ada "}, {"name": None}),
    ("name: {value: x}", {"name": "x"}, {"name": "x"}),
    ("name: {value: 5}", {"name": "5"}, {"name": "5"}),
    ("name: {value: null, omit_null: false}", {"name": None}, {"name": None}),
    ("name: n", {"name": "5"}, None),
    ("name: yes", {"name": "true"}, None),
    ("name: {from: level, transform: {lookup: levels}}", {"name": "gold"}, None),
    ("name: {from: born, format: '%d/%m %Y'}", {"name": "10/12 1985"}, None),
    ("name: {from: money, format: '0.0'}", {"name": "12.5"}, None),
    ("score: {from: level, transform: {lookup: scores}}", {"score": 1.5}, None),
    ("score: money", {"score": 12.5}, None),
    ("score: n", {"score": 5}, None),
    ("age: {from: x, transform: round}", {"age": 3}, None),
    ("age: {from: seen, format: epoch}", {"age": 1616063724}, None),
    ("vip: {from: yes, transform: invert}", {"vip": False}, None),
    ("born: born", {"born": "1985-12-10"}, None),
    ("born: {from: seen, transform: date}", {"born": "2021-03-18"}, None),
    ("seen: seen", {"seen": "2021-03-18 11:35:24"}, None),
    ("tags: tags", {"tags": ["a", "b"]}, None),
    ("tags: ns", {"tags": ["1", "2"]}, None),
    ("tags: {from: [first, last]}", {"tags": [" Ada ", "Lovelace"]}, None),
    ("tags: {from: tags, transform: [upper, {limit: 1}]}", {"tags": ["A"]}, None),
    ("tags: {value: [x, y]}", {"tags": ["x", "y"]}, {"tags": ["x", "y"]}),
    ("tags: {list: [last, tags, {value: NEW}, n]}", {"tags": ["Lovelace", "a", "b", "NEW", "5"]}, {"tags": ["NEW"]}),
    ("tags: {list: [{from: last, when: {field: n, equals: 6}}, tags]}", {"tags": ["a", "b"]}, None),
    ("numbers: {list: [n, ns]}", {"numbers": [5, 1, 2]}, None),
    ("address.city: last", {"address": {"city": "Lovelace"}}, None),
    ("address.zipCode: last", {"address": {"zipCode": "Lovelace"}}, None),
    ("address: {map: {city: last, zipCode: {value: '1'}}}", {"address": {"city": "Lovelace", "zipCode": "1"}}, None),
    ("address: {map: {zipCode: {value: '1'}}}", {"address": {"zipCode": "1"}}, {"address": {"zipCode": "1"}}),
    ("properties: {each: [last, n]}", {"properties": {"last": "Lovelace", "n": "5"}}, None),
    ("properties: {each: {Born: born}, format: '%Y'}", {"properties": {"Born": "1985"}}, None),
    ("properties.a b: last", {"properties": {"a b": "Lovelace"}}, None),
    ("extra: {each: [tags, n]}", {"extra": {"tags": ["a", "b"], "n": 5}}, None),
    ("extra.deep.er: n", {"extra": {"deep": {"er": 5}}}, None),
    ("extra: {list: [{each: [n]}, {list: [n]}]}", {"extra": [{"n": 5}, [5]]}, None),
    (
        "consents: {list: [{map: {name: {value: mail}, accepted: yes}}, {map: {name: {value: sms}, accepted: "
        "{value: true}}}]}",
        {"consents": [{"name": "mail", "accepted": True}, {"name": "sms", "accepted": True}]},
        {"consents": [{"name": "sms", "accepted": True}]},
    ),
    ("name: {from: first, when: {field: yes, equals: false}}", {}, None),
    ("name: {from: last, when: {field: yes, equals: true}}", {"name": "Lovelace"}, None),
    ("name: {from: last, omit_null: false, when: {field: yes, equals: false}}", {}, None),
]


@pytest.mark.parametrize(("rule", "full", "empty"), RULES, ids=[rule for rule, _, _ in RULES])
def test_a_rule_on_a_full_record_and_on_an_empty_one(rule: str, full: dict[str, Any], empty: Any) -> None:
    mappings = compiled({"profile.person.yaml": person(FIELDS, rule, TABLES)})
    contract = mappings.contract("shop", "profile", "person", "main")
    (route,) = mappings.routes("shop", "main", "profile", "person")
    assert contract is not None
    for record, expected in ((RECORD, full), ({"id": "7", "email": "a@b.se"}, empty or {})):
        values, problems = contract.validate(record)
        assert problems == []
        assert route.map(values) == Mapped({"email": "a@b.se", **expected})


WHEN: list[tuple[str, bool]] = [
    ("{field: first, exists: true}", True),
    ("{field: first, exists: false}", False),
    ("{field: none, exists: true}", False),
    ("{field: none, exists: false}", True),
    ("{field: level, equals: g}", True),
    ("{field: n, equals: 5}", True),
    ("{field: n, equals: 6}", False),
    ("{field: none, equals: g}", False),
    ("{field: money, equals: 12.5}", True),
    ("{field: email, equals: A@B.se}", True),
    ("{field: tags, equals: b}", True),
    ("{field: tags, in: [c, d]}", False),
    ("{field: level, in: [s, g]}", True),
    ("{not: {field: level, equals: g}}", False),
    ("{all: [{field: n, equals: 5}, {field: yes, equals: true}]}", True),
    ("{all: [{field: n, equals: 5}, {field: yes, equals: false}]}", False),
    ("{any: [{field: n, equals: 6}, {field: yes, equals: true}]}", True),
    ("{any: [{field: n, equals: 6}, {field: yes, equals: false}]}", False),
]


@pytest.mark.parametrize(("condition", "holds"), WHEN, ids=[condition for condition, _ in WHEN])
def test_conditions(condition: str, holds: bool) -> None:
    fields = FIELDS + "none: {type: string, optional: true}"
    mappings = compiled({"profile.person.yaml": person(fields, f"name: {{value: x, when: {condition}}}")})
    contract = mappings.contract("shop", "profile", "person", "main")
    assert contract is not None
    values, _ = contract.validate(RECORD)
    (route,) = mappings.routes("shop", "main", "profile", "person")
    assert route.map(values) == Mapped({"email": "a@b.se", **({"name": "x"} if holds else {})})


TOLD = [
    ("{field: email, exists: true}", "sent only when email exists"),
    ("{not: {field: email, equals: c@d.se}}", None),
    (
        "{all: [{field: email, exists: true}, {any: [{field: id, equals: 8}, {field: id, in: [9, 10]}]}]}",
        "sent only when email exists and (id is 8 or id is 9 or 10)",
    ),
]


@pytest.mark.parametrize(("condition", "reason"), TOLD, ids=[condition for condition, _ in TOLD])
def test_a_record_that_is_skipped_says_why(condition: str, reason: str | None) -> None:
    mappings = compiled({"profile.person.yaml": changed("{field: email, exists: true}", condition)})
    (route,) = mappings.routes("shop", "main", "profile", "person")
    outcome = route.map({"id": "7", "email": None})
    assert outcome == (Skipped(reason) if reason else Mapped({"name": "7"}))


def test_a_record_of_which_nothing_is_left_is_skipped() -> None:
    text = changed("      name: id\n", "").replace("    when: {field: email, exists: true}\n", "")
    (route,) = compiled({"profile.person.yaml": text}).routes("shop", "main", "profile", "person")
    assert route.map({"id": "7", "email": None}) == Skipped("none of the mapped fields has a value")


REMOVAL = "    remove: {operation: delete, map: {email: {from: id, transform: {suffix: '@b.se'}}}}\n"
DELETES = {
    "with a removal": (PERSON + REMOVAL, "delete", Mapped({"email": "7@b.se"})),
    "without one": (PERSON, "", Skipped("the mapping says nothing about deletes")),
}


@pytest.mark.parametrize(("text", "operation", "outcome"), DELETES.values(), ids=DELETES)
def test_deletes(text: str, operation: str, outcome: Mapped | Skipped) -> None:
    mappings = compiled({"profile.person.yaml": text})
    contract = mappings.contract("shop", "profile", "person", "main", Action.DELETE)
    (route,) = mappings.routes("shop", "main", "profile", "person", Action.DELETE)
    assert contract is not None
    assert (route.operation, route.map(contract.validate({"id": 7})[0])) == (operation, outcome)
