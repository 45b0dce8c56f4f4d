"""What the client API's bodies are held to (`client_schemas`), as JSON Schema. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from router.http.client_schemas import EVENT, IDS, Batch, Kind, Shape
from router.http.openapi.contracts import KEEPABLE, MOST_FIELDS, Schema
from router.http.openapi.status import ref

_OPEN: Schema = {"propertyNames": {"pattern": KEEPABLE}, "maxProperties": MOST_FIELDS}
SCHEMAS: Mapping[str, Schema] = {
    "Anything": {
        "description": "Any JSON value.",
        "anyOf": [
            {"type": ["string", "number", "boolean", "null"], "pattern": KEEPABLE},
            {"type": "array", "items": ref("Anything")},
            ref("Data"),
        ],
    },
    "Data": {
        "type": "object",
        "description": "Whatever is worth knowing; objects may be nested.",
        "additionalProperties": ref("Anything"),
        **_OPEN,
    },
}
_KINDS: Mapping[Kind, Schema] = {
    Kind.TEXT: {"type": "string", "pattern": KEEPABLE},
    Kind.TEXT_OR_NULL: {"type": ["string", "null"], "pattern": KEEPABLE},
    Kind.OBJECT_OR_NULL: {"oneOf": [ref("Data"), {"type": "null"}]},
    Kind.ZONE_OR_NULL: {
        "type": ["string", "null"],
        "format": "iana-time-zone",
        "pattern": "^[A-Za-z0-9_+/-]+$",
        "description": "A name of the IANA time zone database.",
    },
}
TRACK = Shape(
    {"event": Kind.TEXT, **{name: kind for name, kind in EVENT.members.items() if name != "name"}},
    ids=IDS,
    required=("event",),
)
"""What the JavaScript SDK posts for one event (contracts.md §4.5)."""


def schema_of(body: Shape | Batch) -> Schema:
    """The schema of a body."""
    if isinstance(body, Batch):
        items = [schema_of(each) for each in body.shapes]
        most = {} if body.at_most is None else {"maxItems": body.at_most}
        return {"type": "array", "minItems": 1, **most, "items": items[0] if len(items) == 1 else {"anyOf": items}}
    return {
        "type": "object",
        **({"required": list(body.required)} if body.required else {}),
        **({"anyOf": [{"required": [name]} for name in body.ids]} if body.ids else {}),
        "properties": {name: _member(kind) for name, kind in body.members.items()},
        "additionalProperties": False if body.closed else ref("Anything"),
        **_OPEN,
    }


def _member(kind: Kind | Shape) -> Schema:
    return {"oneOf": [schema_of(kind), {"type": "null"}]} if isinstance(kind, Shape) else dict(_KINDS[kind])
