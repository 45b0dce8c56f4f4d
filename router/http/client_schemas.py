"""Parcelvoy's client API: which bodies it takes, and the one sentence it answers the others with. Pure.

The rules and the order in which faults are found are those of its JSON schemas under ajv with `allErrors`, of which it
tells the first error (contracts.md §4.2, §4.8): for an object its kind, then its ids, then required members, then
members that are too many, then each member in the order of the schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from zoneinfo import available_timezones


class Kind(StrEnum):
    """What a member may be; `?` may be null too."""

    TEXT = "string"
    TEXT_OR_NULL = "string?"
    OBJECT_OR_NULL = "object?"
    ZONE_OR_NULL = "zone?"


@dataclass(frozen=True, slots=True)
class Shape:
    """An object. ids: at least one of these members must be there, null or not. closed: no members but these.

    members: in the order in which they are checked; a shape within is an object that may be null.
    """

    members: Mapping[str, Kind | Shape]
    ids: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """An array of objects. Several shapes: each item must fit one, and the first one's fault is told."""

    shapes: Sequence[Shape]
    at_most: int | None = None


IDS = ("anonymous_id", "external_id")
_NULLABLE_IDS = dict.fromkeys(IDS, Kind.TEXT_OR_NULL)
_CONTACT = dict.fromkeys(("email", "phone", "timezone", "locale"), Kind.TEXT_OR_NULL) | {"data": Kind.OBJECT_OR_NULL}

ALIAS = Shape(dict.fromkeys(IDS, Kind.TEXT), required=("external_id", "anonymous_id"))
IDENTIFY = Shape(_NULLABLE_IDS | _CONTACT | {"timezone": Kind.ZONE_OR_NULL}, ids=IDS, closed=True)
DEVICE = Shape(
    {
        **_NULLABLE_IDS,
        "device_id": Kind.TEXT,
        "token": Kind.TEXT_OR_NULL,
        **dict.fromkeys(("os", "os_version", "model", "app_build", "app_version"), Kind.TEXT),
    },
    ids=IDS,
    required=("device_id", "os", "model", "app_build", "app_version"),
)
EVENT = Shape(
    {"name": Kind.TEXT, **_NULLABLE_IDS, "data": Kind.OBJECT_OR_NULL, "user": Shape(_CONTACT)},
    ids=IDS,
    required=("name",),
)
EVENTS = Batch((EVENT,))
SEGMENT = Batch(
    (
        Shape(
            {
                "type": Kind.TEXT,
                **dict.fromkeys(("event", "anonymousId", "userId", "previousId"), Kind.TEXT_OR_NULL),
                **dict.fromkeys(("properties", "traits", "context"), Kind.OBJECT_OR_NULL),
                "timestamp": Kind.TEXT,
            },
            ids=("anonymousId", "userId"),
            required=("type",),
        ),
    ),
    at_most=1000,
)
USERS = Batch(
    (
        Shape({**_NULLABLE_IDS, **_CONTACT, "anonymous_id": Kind.TEXT}, required=("anonymous_id",)),
        Shape({**_NULLABLE_IDS, **_CONTACT, "external_id": Kind.TEXT}, required=("external_id",)),
    )
)

# What ICU, which checks the time zones there, knows beyond IANA's names and without two of them.
_ICU = (
    "ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST"
)  # fmt: skip
_ZONES = frozenset(map(str.lower, {*available_timezones(), *_ICU.split()} - {"Factory", "localtime"}))


def fault(schema: Shape | Batch, body: Any) -> str | None:
    """The sentence that a body is refused with, None for a fine one. A body that was not sent is an empty object."""
    if isinstance(schema, Shape):
        return _object_fault(schema, body, "")
    if not isinstance(body, list):
        return _wrong("", "array")
    if schema.at_most is not None and len(body) > schema.at_most:
        return f"Must NOT have more than {schema.at_most} items"
    if not body:
        return "Must NOT have fewer than 1 items"
    for index, item in enumerate(body):
        faults = [_object_fault(shape, item, str(index)) for shape in schema.shapes]
        if all(faults):
            return faults[0]
    return None


def ids_fault(ids: list[str]) -> str | None:
    """For the external ids of users, from a query."""
    return None if ids else "Must NOT have fewer than 1 items"


def _object_fault(shape: Shape, value: Any, path: str) -> str | None:
    if value.__class__ is not dict:
        return _wrong(path, "object")
    if shape.ids and not any(name in value for name in shape.ids):
        return _missing(shape.ids[0])
    for name in shape.required:
        if name not in value:
            return _missing(name)
    if shape.closed and value.keys() - shape.members.keys():
        return "Must NOT have additional properties"
    for name, kind in shape.members.items():
        if name in value and (found := _member_fault(kind, value[name], f"{path}/{name}" if path else name)):
            return found
    return None


def _member_fault(kind: Kind | Shape, value: Any, path: str) -> str | None:
    if value is None and kind is not Kind.TEXT:
        return None
    if isinstance(kind, Shape):
        return _object_fault(kind, value, path)
    if kind is Kind.OBJECT_OR_NULL:
        return None if value.__class__ is dict else _wrong(path, "object")
    if value.__class__ is not str:
        return _wrong(path, "string")
    if kind is Kind.ZONE_OR_NULL and value.lower() not in _ZONES:
        return "The timezone value must be in the IANA format."
    return None


def _wrong(path: str, kind: str) -> str:
    return f"The value of `{path}` must be a {kind}."


def _missing(name: str) -> str:
    return f"Must have required property '{name}'"
