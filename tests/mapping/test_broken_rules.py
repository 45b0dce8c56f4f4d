"""Files whose rules are wrong, each with all that is said about it."""

from __future__ import annotations

import pytest

from tests.mapping.sample import Case, changed, person, told

P = "profile.person.yaml"

CASES: list[Case] = [
    (
        "unknown transform",
        {P: person("", "name: {from: id, transform: [trimm]}")},
        ["profile.person.yaml:13:36: unknown transform 'trimm' (did you mean 'trim'?)"],
    ),
    (
        "transform without argument",
        {P: person("", "name: {from: id, transform: truncate}")},
        ["profile.person.yaml:13:35: transform 'truncate' needs an argument: {truncate: …}"],
    ),
    (
        "transform with argument",
        {P: person("", "name: {from: id, transform: {trim: 3}}")},
        ["profile.person.yaml:13:42: transform 'trim' takes no argument"],
    ),
    (
        "bad argument",
        {P: person("", "name: {from: id, transform: {truncate: 0}}")},
        ["profile.person.yaml:13:46: '0' is not a whole number from 1"],
    ),
    (
        "transform of a wrong type",
        {P: person("", "name: {from: id, transform: {join: ' '}}")},
        ["profile.person.yaml:13:42: transform 'join' does not take string; it takes list"],
    ),
    (
        "unknown table",
        {P: person("", "name: {from: id, transform: {lookup: towns}}", "tables: {towns2: {a: b}}")},
        ["profile.person.yaml:13:44: unknown table 'towns' (did you mean 'towns2'?)"],
    ),
    (
        "mixed table",
        {P: person("", "name: {from: id, transform: {lookup: towns}}", "tables: {towns: {a: b, c: 1}}")},
        ["profile.person.yaml:14:17: the values of table 'towns' are not of one type"],
    ),
    (
        "bad format",
        {P: person("born: {type: date}", "name: {from: born, format: '%Y-%B'}")},
        [
            (
                "profile.person.yaml:14:34: unknown part %B in the format '%Y-%B' (known: %Y %y %m %d %H %M %S; "
                "or iso, epoch, epoch_ms)"
            ),
        ],
    ),
    (
        "format of text",
        {P: person("", "name: {from: id, format: '%Y'}")},
        ["profile.person.yaml:13:32: string has no format; only a date, a datetime and a number have one"],
    ),
    (
        "unknown source",
        {P: changed("name: id", "name: idd")},
        ["profile.person.yaml:13:13: unknown field 'idd' (did you mean 'id'?)"],
    ),
    (
        "unknown target",
        {P: changed("name: id", "nmae: id")},
        ["profile.person.yaml:13:7: crm.upsert has no field 'nmae' (did you mean 'name'?)"],
    ),
    (
        "unknown nested target",
        {P: changed("name: id", "address.ctiy: id")},
        ["profile.person.yaml:13:7: crm.upsert has no field 'address.ctiy' (did you mean 'address.city'?)"],
    ),
    (
        "set twice",
        {P: person("", "address: {map: {city: id}}\naddress.zipCode: id")},
        ["profile.person.yaml:14:7: 'address.zipCode' is set twice: as a whole and in part"],
    ),
    (
        "text where a whole number",
        {P: person("", "age: id")},
        ["profile.person.yaml:13:12: crm.upsert: 'age' takes a whole number, not string; add transform integer"],
    ),
    (
        "number where a boolean",
        {P: person("n: {type: integer}", "vip: n")},
        ["profile.person.yaml:14:12: crm.upsert: 'vip' takes true or false, not integer; add transform boolean"],
    ),
    (
        "list where text",
        {P: person("tags: {type: list, of: string}", "name: tags")},
        ["profile.person.yaml:14:13: crm.upsert: 'name' takes text, not a list of string; add transform join or first"],
    ),
    (
        "text where a list",
        {P: person("", "tags: id")},
        ["profile.person.yaml:13:13: crm.upsert: 'tags' takes a list, not string; write {list: […]}"],
    ),
    (
        "text where an object",
        {P: person("", "address: id")},
        [
            (
                "profile.person.yaml:13:16: crm.upsert: 'address' takes an object, not string; write {each: "
                "[…]}, {map: …} or dotted targets"
            ),
        ],
    ),
    (
        "items",
        {P: person("tags: {type: list, of: string}", "numbers: tags")},
        [
            (
                "profile.person.yaml:14:16: crm.upsert: 'numbers' takes a list in which each item takes a whole "
                "number, not string; add transform integer"
            ),
        ],
    ),
    (
        "object where text",
        {P: person("", "name: {each: [id]}")},
        ["profile.person.yaml:13:13: crm.upsert: 'name' takes text, and 'each' makes an object"],
    ),
    (
        "constant not allowed",
        {P: person("", "state: {value: NWE}")},
        ["profile.person.yaml:13:14: crm.upsert: 'state' cannot be 'NWE': Must be one of: NEW, OLD"],
    ),
    (
        "default not allowed",
        {P: person("", "state: {from: id, default: NWE}")},
        ["profile.person.yaml:13:34: crm.upsert: 'state' cannot be 'NWE': Must be one of: NEW, OLD"],
    ),
    (
        "default wrong type",
        {P: person("n: {type: integer}", "age: {from: n, default: x}")},
        [
            (
                "profile.person.yaml:14:31: crm.upsert: the default does not fit: 'age' takes a whole number, "
                "not string; add transform integer"
            ),
        ],
    ),
    (
        "enum not allowed",
        {P: person("state: {type: enum, values: [NEW, GONE]}", "state: state")},
        ["profile.person.yaml:14:14: crm.upsert: 'state' cannot be 'GONE': Must be one of: NEW, OLD"],
    ),
    (
        "null not taken",
        {P: person("n: {type: integer}", "age: {from: n, omit_null: false}")},
        ["profile.person.yaml:14:12: crm.upsert: 'age' does not take null"],
    ),
    (
        "null constant",
        {P: person("", "name: {value: null}")},
        ["profile.person.yaml:13:21: a value of null is only sent with omit_null: false"],
    ),
    (
        "required",
        {P: changed("      email: email\n", "")},
        ["profile.person.yaml:12:7: crm.upsert needs 'email', and nothing is mapped to it"],
    ),
    (
        "required in a list",
        {P: person("", "consents: {list: [{map: {name: {value: terms}}}]}")},
        ["profile.person.yaml:13:25: crm.upsert needs 'consents[0].accepted', and nothing is mapped to it"],
    ),
    (
        "may be missing",
        {P: changed("    when: {field: email, exists: true}\n", "")},
        [
            (
                "profile.person.yaml:11:14: warning: crm.upsert needs 'email', and 'email' may have no value; "
                "add a default, or a `when` for the record"
            ),
        ],
    ),
    (
        "condition",
        {P: changed("{field: email, exists: true}", "{field: emial, exists: true}")},
        ["profile.person.yaml:10:19: unknown field 'emial' (did you mean 'email'?)"],
    ),
    (
        "condition can never hold",
        {P: person("born: {type: date}", "born: {from: born, when: {field: born, equals: soon}}")},
        ["profile.person.yaml:14:54: 'born' can never be 'soon': not a date (YYYY-MM-DD)"],
    ),
    (
        "condition two",
        {P: changed("{field: email, exists: true}", "{field: email, exists: true, equals: a}")},
        [
            (
                "profile.person.yaml:10:11: a condition has 'exists' and 'equals'; it takes one of exists, "
                "equals, in, not, all, any"
            ),
        ],
    ),
]


@pytest.mark.parametrize(("files", "expected"), [pytest.param(*case, id=name) for name, *case in CASES])
def test_every_fault_is_told_with_its_place(files: dict[str, str], expected: list[str]) -> None:
    assert told(files) == expected
