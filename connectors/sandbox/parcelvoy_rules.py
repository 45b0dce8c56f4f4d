"""What Parcelvoy's schemas take, and the one fault it tells (contracts.md §4.2, §4.4, §4.8).

Faults are found as its validator finds them: an object's kind, its ids, the members it must have, those too many, then
the members' kinds in the order of the schema. `?` may be null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import available_timezones

MISSING = "Must have required property '{}'"
EXTRA = "Must NOT have additional properties"
TOO_FEW = "Must NOT have fewer than 1 items"
TOO_MANY = "Must NOT have more than {} items"
NOT_A_ZONE = "The timezone value must be in the IANA format."
WRONG = "The value of `{}` must be a {}."

ZONES = frozenset(map(str.lower, available_timezones()))


@dataclass(frozen=True, slots=True)
class Shape:
    members: Mapping[str, str | Shape]
    required: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()  # one of these must be there, be it null
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """An array whose items must fit one of the shapes; of an item that fits none, the first shape's fault is told."""

    shapes: tuple[Shape, ...]
    most: int | None = field(default=None)


IDS = ("anonymous_id", "external_id")
_EITHER = {"anonymous_id": "string?", "external_id": "string?"}
_TRAITS = {"email": "string?", "phone": "string?", "timezone": "string?", "locale": "string?", "data": "object?"}

SCHEMAS: Mapping[str, Shape | Batch] = {
    "POST /alias": Shape({"anonymous_id": "string", "external_id": "string"}, required=("external_id", "anonymous_id")),
    "POST /identify": Shape({**_EITHER, **_TRAITS, "timezone": "zone?"}, ids=IDS, closed=True),
    "POST /devices": Shape(
        {
            **_EITHER,
            "device_id": "string",
            "token": "string?",
            "os": "string",
            "os_version": "string",
            "model": "string",
            "app_build": "string",
            "app_version": "string",
        },
        required=("device_id", "os", "model", "app_build", "app_version"),
        ids=IDS,
    ),
    "POST /events": Batch(
        (Shape({"name": "string", **_EITHER, "data": "object?", "user": Shape(_TRAITS)}, required=("name",), ids=IDS),)
    ),
    "POST /segment": Batch(
        (
            Shape(
                {
                    "type": "string",
                    **dict.fromkeys(("event", "anonymousId", "userId", "previousId"), "string?"),
                    **dict.fromkeys(("properties", "traits", "context"), "object?"),
                    "timestamp": "string",
                },
                required=("type",),
                ids=("anonymousId", "userId"),
            ),
        ),
        most=1000,
    ),
    "PATCH /users": Batch(
        (
            Shape({**_EITHER, **_TRAITS, "anonymous_id": "string"}, required=("anonymous_id",)),
            Shape({**_EITHER, **_TRAITS, "external_id": "string"}, required=("external_id",)),
        )
    ),
}


def fault(schema: Shape | Batch, body: Any) -> str | None:
    """The first fault of a body, in the server's words; None when it is taken."""
    if isinstance(schema, Shape):
        return next(_faults(schema, body, ""), None)
    if not isinstance(body, list):
        return WRONG.format("", "array")
    if schema.most is not None and len(body) > schema.most:
        return TOO_MANY.format(schema.most)
    if not body:
        return TOO_FEW
    return next((found for index, item in enumerate(body) if (found := _item_fault(schema, item, str(index)))), None)


def _item_fault(schema: Batch, item: Any, path: str) -> str | None:
    found = [next(_faults(shape, item, path), None) for shape in schema.shapes]
    return found[0] if all(found) else None


def _faults(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield WRONG.format(path, "object")
        return
    if shape.ids and not value.keys() & set(shape.ids):
        yield MISSING.format(shape.ids[0])
    yield from (MISSING.format(name) for name in shape.required if name not in value)
    if shape.closed and value.keys() - shape.members.keys():
        yield EXTRA
    for name, kind in shape.members.items():
        if name in value:
            yield from _member_faults(kind, value[name], f"{path}/{name}".lstrip("/"))


def _member_faults(kind: str | Shape, value: Any, path: str) -> Iterator[str]:
    if value is None and kind != "string":
        return
    if isinstance(kind, Shape):
        yield from _faults(kind, value, path)
    elif kind == "object?":
        if not isinstance(value, dict):
            yield WRONG.format(path, "object")
    elif not isinstance(value, str):
        yield WRONG.format(path, "string")
    elif kind == "zone?" and value.lower() not in ZONES:
        yield NOT_A_ZONE
