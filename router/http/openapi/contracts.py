"""Contracts as JSON Schema: a record fits the schema exactly when its contract takes it. Pure.

Exactly but for what JSON Schema cannot say: which signs beyond ASCII are letters, and that 1e18 is written as no whole
number that is sure to be the one that was meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.mapping import Contract, Field, Kind, Type
from router.mapping.kinds import DOCS, INT64

Schema = dict[str, Any]

MOST_FIELDS = 1000
KEEPABLE = r"^[^\x00]*$"  # PostgreSQL keeps no U+0000
# What is white space differs between regular expressions: some leave out the separators below U+0020, and U+0085.
NOT_BLANK = r"^[^\x00]*[^\s\x00\x1c-\x1f\x85][^\x00]*$"
IN_64_BITS: Mapping[str, Any] = {"minimum": -INT64, "maximum": INT64 - 1}

# The days that there are, spelled out: that February has no 30th can be said in no other way.
_YEAR = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_LONG_MONTH = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
_SHORT_MONTH = "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
_FEBRUARY = "02-(?:0[1-9]|1[0-9]|2[0-8])"
_DAY = f"(?:{_YEAR}-(?:{_LONG_MONTH}|{_SHORT_MONTH}|{_FEBRUARY})|{_LEAP_YEAR}-02-29)"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
# Of an address: what is not excluded is a letter, a digit, or beyond ASCII.
_ATOM = r'[^\x00- "(),.:;<>@\[-\]\x7f\s]+'
_FIRST = r"[^\x00-@\[-`{-\x7f\s]"
_OUTER = r"[^\x00-/:-@\[-`{-\x7f\s]"
_INNER = r"[^\x00-,./:-@\[-^`{-\x7f\s]"
_LABEL = f"{_OUTER}(?:{_INNER}{{0,61}}{_OUTER})?"
_ADDRESS = rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_FIRST}(?:{_INNER}{{0,61}}{_OUTER})?"

_TYPES: Mapping[Kind, Sequence[str]] = {
    Kind.STRING: ["string", "number"],
    Kind.INTEGER: ["integer"],
    Kind.NUMBER: ["number"],
    Kind.DECIMAL: ["string", "number"],
    Kind.BOOLEAN: ["boolean"],
    Kind.LIST: ["array"],
}
_SCHEMAS: Mapping[Kind, Mapping[str, Any]] = {
    Kind.STRING: {"pattern": KEEPABLE, **IN_64_BITS},
    Kind.INTEGER: IN_64_BITS,
    Kind.NUMBER: IN_64_BITS,
    Kind.DECIMAL: {"pattern": r"^-?[0-9]{1,19}(?:\.[0-9]{1,19})?$", **IN_64_BITS},
    Kind.DATE: {"format": "date", "pattern": f"^{_DAY}$"},
    Kind.DATETIME: {"pattern": f"^{_DAY}[ T]{_TIME}$"},
    Kind.EMAIL: {"format": "idn-email", "pattern": f"^{_ADDRESS}$", "maxLength": 254},
    Kind.UUID: {"format": "uuid", "pattern": "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
}
_SAMPLES: Mapping[Kind, Any] = {
    Kind.STRING: "text",
    Kind.INTEGER: 3,
    Kind.NUMBER: 1.5,
    Kind.DECIMAL: "123.75",
    Kind.BOOLEAN: True,
    Kind.DATE: "1985-12-10",
    Kind.DATETIME: "2021-03-18 11:35:24",
    Kind.EMAIL: "ada@example.com",
    Kind.UUID: "3f2a0f5e-0d57-4c0c-9d3a-6f4f7d2f0a11",
}

SCALAR: Schema = {
    "type": ["string", "number", "boolean", "null"],
    "pattern": KEEPABLE,
    **IN_64_BITS,
    "description": "Text, a number, true, false or null.",
}
VALUE: Schema = {
    "anyOf": [
        {"$ref": "#/components/schemas/Scalar"},
        {"type": "array", "items": {"$ref": "#/components/schemas/Scalar"}},
    ],
    "description": "A single value, or a list of them. Nothing is nested deeper.",
}
RECORD: Schema = {
    "type": "object",
    "additionalProperties": {"$ref": "#/components/schemas/Value"},
    "propertyNames": {"pattern": KEEPABLE},
    "maxProperties": MOST_FIELDS,
    "description": "The fields of your contract, flat. Fields that are not in it are ignored.",
}


def record(contract: Contract) -> Schema:
    """What one record of a contract may hold."""
    naming = " and ".join(f"`{name}`" for name in contract.hard_id)
    words = [f"{naming} {'is' if len(contract.hard_id) == 1 else 'are'} the hard id: never null, never missing."]
    if contract.profile is not None:
        fields = " and ".join(f"`{name}`" for name in contract.profile.fields)
        words.append(f"Belongs to the {contract.profile.type or 'contact'} that {fields} names.")
    words.append("Fields that are not listed are ignored.")
    return RECORD | {
        "properties": {name: _field(one, name in contract.hard_id) for name, one in contract.fields.items()},
        "required": [name for name, one in contract.fields.items() if not one.optional],
        "description": " ".join(words),
    }


def sample(contract: Contract, given: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """A record that the contract takes: the first of the given ones that is, with the listed fields alone."""
    for each in given:
        listed = {name: value for name, value in each.items() if name in contract.fields}
        if not contract.validate(listed)[1]:
            return listed
    return {name: _sample(one.type) for name, one in contract.fields.items()}


def _field(field: Field, naming: bool) -> Schema:
    schema = _typed(field.type, nullable=not naming)
    if naming and field.type.kind is Kind.STRING:
        schema["pattern"] = NOT_BLANK
    words = [field.description, _words(field.type)]
    if naming:
        words = [field.description, _words(field.type).replace(", the empty one too", ""), "part of the hard id"]
    return schema | {"description": "; ".join(filter(None, words))}


def _typed(type: Type, nullable: bool = False) -> Schema:
    null = ["null"] if nullable else []
    if type.kind is Kind.ENUM:
        return {"enum": [*type.values, *(None for _ in null)]}
    types = [*_TYPES.get(type.kind, ["string"]), *null]
    items = {"items": _typed(type.item)} if type.kind is Kind.LIST else {}
    return {"type": types if len(types) > 1 else types[0], **_SCHEMAS.get(type.kind, {}), **items}


def _words(type: Type) -> str:
    words = DOCS[type.item.kind]
    if type.kind is Kind.LIST:
        words = f"a list; each item: {words}"
    if type.item.kind is Kind.ENUM:
        return words.replace("the field's `values`", ", ".join(f"`{value}`" for value in type.values))
    return words.replace("the field's `timezone`", f"`{type.zone.key}`")


def _sample(type: Type) -> Any:
    if type.kind is Kind.LIST:
        return [_sample(type.item)]
    return type.values[0] if type.kind is Kind.ENUM else _SAMPLES[type.kind]
