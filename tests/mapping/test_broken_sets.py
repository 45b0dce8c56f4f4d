"""Sets whose files do not go together, each with all that is said about it."""

from __future__ import annotations

import pytest

from tests.mapping.sample import CLIENT, PERSON, Case, changed, told

P = "profile.person.yaml"
C = "client.yaml"


def sale(profile: str) -> str:
    """An event that belongs to a profile."""
    return f"""\
entity: event
type: sale
hard_id: [id]
profile: {{{profile}}}
fields: {{id: {{type: string}}, to: {{type: string}}}}
"""


CASES: list[Case] = [
    (
        "unknown operation",
        {P: changed("operation: upsert", "operation: upsrt")},
        ["profile.person.yaml:9:16: crm has no operation 'upsrt' (did you mean 'upsert'?)"],
    ),
    (
        "operation of another entity",
        {"event.sale.yaml": PERSON.replace("profile", "event", 1).replace("type: person", "type: sale", 1)},
        ["event.sale.yaml:9:16: operation 'upsert' is not for event; it is for profile"],
    ),
    (
        "unknown integration",
        {P: changed("  crm:\n", "  cmr:\n")},
        ["profile.person.yaml:8:3: unknown integration 'cmr' (did you mean 'crm'?)"],
    ),
    (
        "goes nowhere",
        {P: changed("  email: {type", "  town: {type: string}\n  email: {type")},
        ["profile.person.yaml:6:3: warning: 'town' goes nowhere: no integration takes it"],
    ),
    (
        "removal of another field",
        {P: PERSON + "    remove: {operation: delete, map: {email: email}}\n"},
        ["profile.person.yaml:14:46: 'email' cannot be used here: a delete carries the hard id alone"],
    ),
    (
        "removal does not delete",
        {P: PERSON + "    remove: {operation: track, map: {ref: id}}\n"},
        ["profile.person.yaml:14:25: warning: operation 'track' does not delete the record"],
    ),
    (
        "file name",
        {"profile.persn.yaml": PERSON},
        ["profile.persn.yaml:1:1: the file holds profile person, so its name must be profile.person.yaml"],
    ),
    (
        "same twice",
        {P: PERSON, "profile.zperson.yaml": PERSON},
        ["profile.zperson.yaml:1:1: profile person is already in shop/profile.person.yaml"],
    ),
    (
        "v1 with type",
        {"contact.person.yaml": PERSON.replace("profile", "contact", 1)},
        ["contact.person.yaml:2:7: contact is of v1, which has no types"],
    ),
    (
        "profile without type",
        {"profile.yaml": PERSON.replace("type: person\n", "", 1)},
        ["profile.yaml:1:1: profile needs a type"],
    ),
    (
        "unknown profile",
        {
            P: PERSON,
            "event.sale.yaml": sale("type: persn, hard_id: [id]"),
        },
        [
            (
                "event.sale.yaml:4:10: unknown profile type 'persn' (did you mean 'person'?) for the profile "
                "that it belongs to"
            ),
        ],
    ),
    (
        "profile by other fields",
        {
            P: PERSON,
            "event.sale.yaml": sale("type: person, hard_id: [id, to]"),
        },
        ["event.sale.yaml:4:10: the profile's hard id is id, which is 1 fields, not 2"],
    ),
    (
        "example refused",
        {P: PERSON + "examples:\n  - given: {id: null, email: x}\n    expect: {}\n"},
        [
            "profile.person.yaml:15:13: example: id: is part of the hard id and must not be null",
            "profile.person.yaml:15:23: example: email: not a valid email address",
        ],
    ),
    (
        "example differs",
        {
            P: PERSON
            + "examples:\n  - given: {id: 1, email: a@b.se}\n    expect:\n      crm: {email: a@b.se, name: '2'}\n"
        },
        ["profile.person.yaml:17:12: example: 'crm' gets 'name' \"1\", expected \"2\""],
    ),
    (
        "example not skipped",
        {P: PERSON + "examples:\n  - given: {id: 1, email: a@b.se}\n    expect: {crm: null}\n"},
        ['profile.person.yaml:16:19: example: \'crm\' is not skipped; it gets {"email": "a@b.se", "name": "1"}'],
    ),
    (
        "personal",
        {C: CLIENT.replace("        personal_data: true\n", ""), P: PERSON},
        [
            (
                "profile.person.yaml:12:14: 'email' is personal data, and integration 'crm' of group 'main' is "
                "not cleared for it (personal_data: true in client.yaml)"
            ),
        ],
    ),
    (
        "unknown connector",
        {C: CLIENT.replace("connector: crm", "connector: crmm"), P: PERSON},
        ["client.yaml:6:20: unknown connector 'crmm' (did you mean 'crm'?)"],
    ),
    (
        "unknown option",
        {C: CLIENT.replace("owner: crm", "onwer: crm"), P: PERSON},
        [
            "client.yaml:6:9: option 'owner': Missing data for required field",
            "client.yaml:8:60: unknown option 'onwer' (did you mean 'owner'?)",
        ],
    ),
    (
        "bad option",
        {C: CLIENT.replace("owner: crm@shop.example", "owner: x, retries: many"), P: PERSON},
        ["client.yaml:8:70: option 'retries': Not a valid integer"],
    ),
    (
        "secret in clear",
        {C: CLIENT.replace("owner: crm@shop.example", "owner: x, key: hunter2"), P: PERSON},
        ["client.yaml:8:70: 'key' is a secret: name it under `secrets`"],
    ),
    (
        "batch",
        {C: CLIENT + "        batch: 1000\n", P: PERSON},
        ["client.yaml:10:16: crm takes at most 100 records in one call, not 1000"],
    ),
    (
        "callback",
        {C: CLIENT + "callback: {url: 'http://shop.example', secret: s}\n", P: PERSON},
        ["client.yaml:10:17: a callback's URL begins with https://, not 'http://shop.example'"],
    ),
    (
        "client name",
        {C: CLIENT.replace("client: shop", "client: shap"), P: PERSON},
        ["client.yaml:1:9: the client is 'shap', and its directory is 'shop'"],
    ),
    (
        "unknown word in integration",
        {C: CLIENT + "        budgt: {concurrent: 1}\n", P: PERSON},
        ["client.yaml:10:9: unknown word 'budgt' in an integration (did you mean 'budget'?)"],
    ),
    (
        "on_unknown",
        {C: CLIENT + "        on_unknown: retri\n", P: PERSON},
        ["client.yaml:10:21: unknown word 'retri' (did you mean 'retry'?)"],
    ),
    (
        "unknown group",
        {"mian/profile.person.yaml": PERSON},
        ["mian/profile.person.yaml:1:1: client 'shop' has no group 'mian' (did you mean 'main'?)"],
    ),
    (
        "yml",
        {"profile.person.yml": PERSON},
        ["profile.person.yml:1:1: the file's name must end with .yaml: profile.person.yaml"],
    ),
    (
        "too deep",
        {"main/x/profile.person.yaml": PERSON},
        [
            (
                "main/x/profile.person.yaml:1:1: a file belongs in a client's directory, or in that of one of "
                "the client's groups"
            ),
        ],
    ),
    (
        "hard id of a group",
        {
            P: PERSON,
            "main/profile.person.yaml": PERSON.replace("hard_id: [id]", "hard_id: [email]")
            .replace("email, optional: true", "email")
            .replace("id: {type: string}", "id: {type: string, optional: true}"),
        },
        [
            (
                "main/profile.person.yaml:3:10: the hard id must be that of shop/profile.person.yaml: a record "
                "is the same one in every group"
            ),
        ],
    ),
]


@pytest.mark.parametrize(("files", "expected"), [pytest.param(*case, id=name) for name, *case in CASES])
def test_every_fault_is_told_with_its_place(files: dict[str, str], expected: list[str]) -> None:
    assert told(files) == expected
