"""Files whose YAML, words or contract are wrong, each with all that is said about it."""

from __future__ import annotations

import pytest

from tests.mapping.sample import PERSON, Case, changed, person, told

P = "profile.person.yaml"

CASES: list[Case] = [
    (
        "not YAML",
        {P: "entity: profile\nfields: [a\n"},
        ["profile.person.yaml:3:1: not YAML: did not find expected ',' or ']'"],
    ),
    ("empty", {P: ""}, ["profile.person.yaml:1:1: the file is empty"]),
    (
        "two documents",
        {P: PERSON + "---\nentity: profile\n"},
        ["profile.person.yaml:14:1: a second document; a file holds one"],
    ),
    (
        "alias",
        {P: changed("type: email", "type: &t email")},
        ["profile.person.yaml:6:17: anchors and aliases are not part of the language; write it out"],
    ),
    (
        "tag",
        {P: changed("type: email", "type: !!str email")},
        ["profile.person.yaml:6:17: tags are not part of the language: tag:yaml.org,2002:str"],
    ),
    (
        "duplicate key",
        {P: changed("      name: id", "      email: id")},
        ["profile.person.yaml:13:7: 'email' is already set in line 12"],
    ),
    ("not a map", {P: "- entity\n"}, ["profile.person.yaml:1:1: a list is not a mapping file, which is a map"]),
    (
        "unknown word in file",
        {P: changed("hard_id:", "hardid:")},
        [
            "profile.person.yaml:1:1: a mapping file needs 'hard_id'",
            "profile.person.yaml:3:1: unknown word 'hardid' in a mapping file (did you mean 'hard_id'?)",
        ],
    ),
    (
        "unknown word in field",
        {P: changed("optional: true", "optionl: true")},
        ["profile.person.yaml:6:24: unknown word 'optionl' in a field (did you mean 'optional'?)"],
    ),
    (
        "unknown word in rule",
        {P: person("", "name: {from: id, transfrom: trim}")},
        ["profile.person.yaml:13:24: unknown word 'transfrom' in a rule (did you mean 'transform'?)"],
    ),
    (
        "word of another kind",
        {P: person("", "name: {value: x, default: y}")},
        ["profile.person.yaml:13:24: 'default' does not go with 'value' in a rule"],
    ),
    (
        "two kinds",
        {P: person("", "name: {from: id, value: x}")},
        ["profile.person.yaml:13:13: a rule has 'from' and 'value'; it takes one of from, value, each, list, map"],
    ),
    (
        "no kind",
        {P: person("", "name: {default: x}")},
        ["profile.person.yaml:13:13: a rule needs one of from, value, each, list, map"],
    ),
    (
        "unknown entity",
        {P: changed("entity: profile", "entity: profil")},
        ["profile.person.yaml:1:9: unknown entity 'profil' (did you mean 'profile'?)"],
    ),
    (
        "unknown type",
        {P: changed("type: email", "type: emial")},
        ["profile.person.yaml:6:17: unknown type 'emial' (did you mean 'email'?)"],
    ),
    (
        "list without of",
        {P: person("tags: {type: list, optional: true}", "tags: tags")},
        ["profile.person.yaml:7:9: 'tags' is a list and needs 'of', the type of its items"],
    ),
    (
        "enum without values",
        {P: person("state: {type: enum, optional: true}", "state: state")},
        ["profile.person.yaml:7:10: 'state' is an enum and needs 'values'"],
    ),
    (
        "of without list",
        {P: person("state: {type: string, of: string}", "name: state")},
        ["profile.person.yaml:7:25: 'of' is for list, and 'state' is string"],
    ),
    (
        "time zone",
        {P: person("seen: {type: datetime, timezone: Europe/Stokholm}", "seen: seen")},
        ["profile.person.yaml:7:36: unknown time zone 'Europe/Stokholm'"],
    ),
    (
        "hard id unknown",
        {P: changed("hard_id: [id]", "hard_id: [idd]")},
        ["profile.person.yaml:3:11: unknown field 'idd' (did you mean 'id'?)"],
    ),
    (
        "hard id optional",
        {P: changed("id: {type: string}", "id: {type: string, optional: true}")},
        ["profile.person.yaml:5:7: 'id' is part of the hard id and cannot be optional"],
    ),
    (
        "hard id of a list",
        {P: changed("id: {type: string}", "id: {type: list, of: string}").replace("name: id", "tags: id")},
        ["profile.person.yaml:3:11: a hard id cannot be of type list of string"],
    ),
]


@pytest.mark.parametrize(("files", "expected"), [pytest.param(*case, id=name) for name, *case in CASES])
def test_every_fault_is_told_with_its_place(files: dict[str, str], expected: list[str]) -> None:
    assert told(files) == expected
