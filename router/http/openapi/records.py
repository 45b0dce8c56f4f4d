"""The signed calls that bring records (v1, v2, v3), as OpenAPI. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from router.http import v1, v2
from router.http.body import MAX_LINES
from router.http.openapi.answers import IDEMPOTENCY_KEY, accepted, refusals, refused
from router.http.openapi.contracts import RECORD, Schema
from router.http.openapi.status import ref
from router.http.openapi.variants import Variant
from router.http.signed import Format, Route
from router.http.wrapper import MAX_ARRAY, Form

_GROUP = "main_group"
_WRONG = "data.email: not a valid email address"
_PIN: Schema = {
    "type": ["string", "null"],
    "format": "uuid",
    "pattern": "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "description": "Pins the entity of a single record: the hard id becomes a secondary id of it. Usually left out.",
}
_ONE_OR_SEVERAL: Schema = {"description": f"One record, or an array of up to {MAX_ARRAY}."}
_REMOVABLE = frozenset(route.entity for route in v1.ROUTES if "DELETE" in route.methods)
_SUMMARIES: Mapping[tuple[str, str], str] = {
    ("contacts", "POST"): "Create or update contacts",
    ("contacts", "DELETE"): "Delete contacts",
    ("events", "POST"): "Send events",
    ("products", "POST"): "Create or update products",
    ("profiles", "POST"): "Create or update profiles",
    ("inventory", "POST"): "Create or update items",
}


def schemas(variants: Iterable[Variant]) -> dict[str, Schema]:
    """The records' schemas by name."""
    found: dict[str, Schema] = {"Record": RECORD}
    for each in variants:
        found[each.name] = each.schema
        if each.entity in _REMOVABLE:
            found[each.removal_name] = each.removal
    return found


def paths(variants: Sequence[Variant]) -> dict[str, dict[str, Any]]:
    """The operations by path; only those that there is something to send to."""
    found: dict[str, dict[str, Any]] = {}
    for route in (*v1.ROUTES, *v2.routes(garbled_group_key=False)):
        fitting = [each for each in variants if each.entity is route.entity and bool(each.type) == route.form.typed]
        if fitting:
            found[route.path] = {method.lower(): _operation(route, method, fitting) for method in route.methods}
    return found


def _operation(route: Route, method: str, variants: Sequence[Variant]) -> Schema:
    version, name = route.path.strip("/").split("/")
    return {
        "operationId": f"{method.lower()}{version.title()}{name.title()}",
        "tags": [version],
        "summary": _SUMMARIES[name, method],
        "security": [{"sigv4": []}],
        "parameters": [IDEMPOTENCY_KEY, *_of_lines(route.form, variants[0])],
        "requestBody": {"required": True, "content": _bodies(route, method, variants)},
        "responses": {
            "200": accepted(route.form.array),
            "400": refused(_WRONG),
            **refusals(403, 413, 415, 422, 429, 500, 503),
        },
    }


def _bodies(route: Route, method: str, variants: Sequence[Variant]) -> dict[str, Schema]:
    wrappers, lines, shown, shown_lines = [], [], {}, {}
    for each in variants:
        removes = method == "DELETE"
        record = ref(each.removal_name if removes else each.name)
        example = each.removal_example if removes else each.example
        wrappers.append(wrapper(route.form, each, record))
        lines.append({"title": each.title, "type": "array", "items": record, "minItems": 1, "maxItems": MAX_LINES})
        shown[each.title] = {"value": wrapped(route.form, each, example)}
        shown_lines[each.title] = {"value": [example]}
    return {
        Format.JSON.value: {"schema": any_of(wrappers), "examples": shown},
        Format.LINES.value: {"schema": any_of(lines), "examples": shown_lines},
    }


def any_of(schemas: Sequence[Schema]) -> Schema:
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


# ---- the wrapper -----------------------------------------------------------------------------------------------------


def _group_key(form: Form) -> str:
    return "groupKey" if form.typed else "group_key"


def _group_of(variant: Variant) -> str:
    return variant.groups[0] if variant.groups else _GROUP


def _needless(form: Form, variant: Variant) -> bool:
    """May the group be left out."""
    return form.typed and (variant.only or variant.groups is None)


def wrapper(form: Form, variant: Variant, record: Schema) -> Schema:
    """What a variant's records are sent in."""
    several: Schema = {"type": "array", "items": record, "minItems": 1, "maxItems": MAX_ARRAY}
    needless = _needless(form, variant)
    members: dict[str, Schema] = {
        **({"type": _type(variant)} if form.typed else {}),
        _group_key(form): _group(variant, needless),
        "data": several if form.array else _ONE_OR_SEVERAL | {"oneOf": [record, several]},
        **({"datatalksId": _PIN} if form.typed else {}),
    }
    optional = {"datatalksId", _group_key(form) if needless else ""}
    return {
        "title": variant.title,
        "type": "object",
        "required": [name for name in members if name not in optional],
        "properties": members,
    }


def _type(variant: Variant) -> Schema:
    words = "What kind of record it is: a name that was agreed on."
    return {"const": variant.type} if variant.groups else {"type": "string", "minLength": 1, "description": words}


def _group(variant: Variant, needless: bool) -> Schema:
    words = "Which group of integrations gets the records."
    if needless:
        words += " A client with a single group may leave it out."
    if variant.groups is None:
        return {"type": ["string", "null"] if needless else "string", "minLength": 1, "description": words}
    return {"enum": [*variant.groups, *([None] if needless else [])], "description": words}


def wrapped(form: Form, variant: Variant, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as it is sent."""
    typed = {"type": variant.type} if form.typed else {}
    return {**typed, _group_key(form): _group_of(variant), "data": [record] if form.array else record}


def _of_lines(form: Form, variant: Variant) -> list[Schema]:
    """Newline-delimited records have no wrapper; what it says is said in the query."""
    needless = _needless(form, variant)
    said = {_group_key(form): ("the group", _group_of(variant), needless)}
    if form.typed:
        said = {"type": ("the type", variant.type, False), **said}
    return [
        {
            "name": name,
            "in": "query",
            "description": f"With `{Format.LINES.value}` alone, which has no wrapper: {what} of all lines"
            f"{'' if optional else ', required there'}.",
            "schema": {"type": "string"},
            "example": example,
        }
        for name, (what, example, optional) in said.items()
    ]
