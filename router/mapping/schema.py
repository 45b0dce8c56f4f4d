"""The words of the language: every block, what it may hold and what that means.

The editors' JSON Schema is made from it; `mappings/README.md` says the same for people; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.mapping.kinds import Kind
from router.mapping.shapes import (
    FLAG,
    SCALAR,
    Anything,
    Block,
    ByForm,
    Choice,
    ListOf,
    MapOf,
    OneOf,
    Ref,
    Shape,
    Unbroken,
    Word,
    positive,
    text,
    whole,
)
from router.mapping.transform import StepShape
from router.mapping.transforms import TRANSFORMS
from router.model import Entity

SHAPES: dict[str, Shape] = {"step": StepShape(TRANSFORMS)}
RULE, CONDITION, STEP = (Ref(name, SHAPES) for name in ("rule", "condition", "step"))

NAME = text(
    "a name (letters, digits, '_', '-' and '.', beginning with a letter or digit)", r"[A-Za-z0-9][A-Za-z0-9_.-]*"
)
TARGET = text("a target such as 'contact.email'", r"[^.\s]([^.]*[^.\s])?(\.[^.\s]([^.]*[^.\s])?)*")
NAMES = ListOf(text("a field's name"))
VALUE = ByForm("a value or a list of values", text=Anything(), list=ListOf(SCALAR, least=0))

# ---- what an author writes in a rule ---------------------------------------------------------------------------------

_WHEN = Word("when", CONDITION, "the target is left out unless this holds")
_TRANSFORM = Word(
    "transform",
    ByForm("a transform or a list of them", text=STEP, list=ListOf(STEP), map=STEP),
    "what to do with the value, in this order",
)
_FORMAT = Word("format", text(), "how to write a date, a datetime or a number, after the transforms")
_DEFAULT = Word(
    "default", ByForm("a value", text=SCALAR, list=ListOf(SCALAR)), "the value when there is none, as it is to be sent"
)
_OMIT = Word("omit_null", FLAG, "`false` sends null where there is no value, instead of leaving the target out")

RULES = OneOf(
    "a rule",
    {
        "from": Block(
            "a rule",
            (
                Word(
                    "from",
                    ByForm("a field or a list of fields", text=text("a field's name"), list=NAMES),
                    "the field, or several: a list of those that have a value",
                    required=True,
                ),
                _TRANSFORM,
                _FORMAT,
                _DEFAULT,
                _WHEN,
                _OMIT,
            ),
        ),
        "value": Block(
            "a rule", (Word("value", VALUE, "the same value for every record", required=True), _WHEN, _OMIT)
        ),
        "each": Block(
            "a rule",
            (
                Word(
                    "each",
                    ByForm("fields, or a map from key to field", list=NAMES, map=MapOf(text("a field's name"))),
                    "fields into an object, under their own names or the given keys; those without value are left out",
                    required=True,
                ),
                _TRANSFORM,
                _FORMAT,
                _WHEN,
            ),
        ),
        "list": Block(
            "a rule",
            (
                Word(
                    "list",
                    ListOf(RULE),
                    "a list made by one rule for each item; items without value are left out, lists are joined in",
                    required=True,
                ),
                _WHEN,
            ),
        ),
        "map": Block(
            "a rule",
            (
                Word(
                    "map",
                    MapOf(RULE, name=TARGET),
                    "an object, left out when it has fields to take from and none of them has a value",
                    required=True,
                ),
                _WHEN,
            ),
        ),
    },
    whole=frozenset({"from", "value", "each"}),
)
SHAPES["rule"] = Unbroken(ByForm("a rule", text=text("a field's name"), map=RULES), partly=True)

_FIELD = Word("field", text("a field's name"), "the field that is looked at", required=True)
CONDITIONS = OneOf(
    "a condition",
    {
        "exists": Block("a condition", (_FIELD, Word("exists", FLAG, "has a value, or has none", required=True))),
        "equals": Block(
            "a condition", (_FIELD, Word("equals", SCALAR, "is this value; of a list, one item is", required=True))
        ),
        "in": Block(
            "a condition",
            (_FIELD, Word("in", ListOf(SCALAR), "is one of these; of a list, one item is", required=True)),
        ),
        "not": Block("a condition", (Word("not", CONDITION, "the condition does not hold", required=True),)),
        "all": Block("a condition", (Word("all", ListOf(CONDITION), "every condition holds", required=True),)),
        "any": Block("a condition", (Word("any", ListOf(CONDITION), "at least one condition holds", required=True),)),
    },
)
SHAPES["condition"] = Unbroken(CONDITIONS, partly=True)

# ---- a mapping file --------------------------------------------------------------------------------------------------

FIELD = Block(
    "a field",
    (
        Word("type", Choice("type", tuple(Kind)), "what the client sends", required=True),
        Word("optional", FLAG, "may be left out, which means null"),
        Word("personal", FLAG, "personal data: only for integrations cleared for it; an `email` is, unless `false`"),
        Word("of", Choice("type", tuple(kind for kind in Kind if kind is not Kind.LIST)), "the type of a list's items"),
        Word("values", ListOf(text()), "what an enum may be"),
        Word(
            "timezone", text("the name of a time zone"), "where a datetime is local, such as Europe/Stockholm; else UTC"
        ),
        Word("description", text(), "for people; shown in the client's API document"),
    ),
)

PROFILE = Block(
    "a profile reference",
    (
        Word("type", text(), "the profile's type; left out in v1, whose profile is the contact"),
        Word("hard_id", NAMES, "the fields here that hold the profile's hard id, in its order", required=True),
    ),
)

_OPERATION = Word("operation", text("an operation's name"), "what the integration is to do", required=True)
_MAP = Word("map", MapOf(RULE, name=TARGET), "target: rule", required=True)
REMOVE = Block("a removal", (_OPERATION, _MAP))
DELIVERY = Block(
    "a delivery",
    (
        _OPERATION,
        Word("when", CONDITION, "the record is skipped unless this holds"),
        _MAP,
        Word("remove", REMOVE, "what a client's DELETE becomes; it has the fields of the hard id alone"),
    ),
)

_PAYLOAD = ByForm("a payload, or null", text=Anything(), map=Anything())
EXAMPLE = Block(
    "an example",
    (
        Word("given", MapOf(Anything()), "a record as the client sends it", required=True),
        Word(
            "expect", MapOf(_PAYLOAD, least=0), "integration: its payload, or null where it is skipped", required=True
        ),
        Word("remove", FLAG, "the client deletes the record"),
    ),
)

FILE = Block(
    "a mapping file",
    (
        Word("entity", Choice("entity", tuple(Entity)), "what is sent", required=True),
        Word("type", NAME, "the `type` the client sends; v1's entities have none"),
        Word(
            "hard_id", NAMES, "the fields that tell one record from another: never null, never missing", required=True
        ),
        Word(
            "fields", MapOf(FIELD), "the contract: each field the client sends; anything else is ignored", required=True
        ),
        Word("profile", PROFILE, "the profile that an event or item belongs to"),
        Word("tables", MapOf(MapOf(SCALAR)), "tables for `lookup`: text → value"),
        Word("deliver", MapOf(DELIVERY, least=0), "integration: what it gets"),
        Word("examples", ListOf(EXAMPLE), "records with their expected payloads; run by every check"),
    ),
)

# ---- client.yaml -----------------------------------------------------------------------------------------------------

SETTING = Block(
    "a setting's value",
    (
        Word("setting", text(), "the name of a value that the host of the router has", required=True),
        Word("path", text(), "is added to it"),
    ),
)
CALLBACK = Block(
    "a callback",
    (
        Word(
            "url",
            ByForm("a URL or a setting", text=text("a URL"), map=SETTING),
            "where status callbacks go",
            required=True,
        ),
        Word("secret", text("the name of a secret"), "the name of the secret that signs them", required=True),
    ),
)
BUDGET = Block(
    "a budget",
    (
        Word("requests_per_second", positive(), "calls of the account in a second"),
        Word("records_per_second", positive(), "records of the account in a second"),
        Word("concurrent", whole(1), "calls of the account at a time"),
    ),
)
INTEGRATION = Block(
    "an integration",
    (
        Word("connector", text("a connector's name"), "which provider", required=True),
        Word("options", MapOf(Anything(), least=0), "the connector's options; a value may be `{setting, path}`"),
        Word("secrets", MapOf(text("the name of a secret"), least=0), "option: the name of the secret that it takes"),
        Word("account", NAME, "integrations of one account share a budget; by default, those of the same options do"),
        Word("enabled", FLAG, "`false` skips its records, visibly"),
        Word("personal_data", FLAG, "cleared to get personal data"),
        Word("budget", BUDGET, "how fast the account may be called"),
        Word("schedule", ListOf(positive()), "seconds between attempts, one number for each retry"),
        Word("batch", whole(1), "the most records in one call"),
        Word("max_in_flight", whole(1), "the most deliveries being sent at a time"),
        Word(
            "on_unknown",
            Choice("word", ("hold", "retry")),
            "what may have been executed waits for a person, or is sent again",
        ),
        Word("order_limit", positive(), "seconds after which a blocked record no longer holds back those after it"),
    ),
)
GROUP = Block(
    "a group",
    (
        Word("integrations", MapOf(INTEGRATION, least=0, name=NAME), "name: integration", required=True),
        Word("callback", CALLBACK, "the group's callback, instead of the client's"),
    ),
)
CLIENT = Block(
    "a client's file",
    (
        Word("client", NAME, "the client's name, which is its directory's", required=True),
        Word("groups", MapOf(GROUP, name=NAME), "group key: group", required=True),
        Word("callback", CALLBACK, "where the client's status callbacks go"),
    ),
)


def json_schemas() -> Mapping[str, dict[str, Any]]:
    """The editors' schemas by file name, as they are kept in `mappings/`."""
    draft = "https://json-schema.org/draft/2020-12/schema"
    definitions = {name: shape.json() for name, shape in SHAPES.items()}
    return {
        "client.schema.json": {"$schema": draft, "title": "A client's groups and integrations", **CLIENT.json()},
        "mapping.schema.json": {
            "$schema": draft,
            "title": "A contract and its mapping",
            **FILE.json(),
            "$defs": definitions,
        },
    }
