"""The preview of records, as OpenAPI. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.http.openapi.answers import REQUEST_ID, headers, refusals, refused
from router.http.openapi.contracts import Schema
from router.http.openapi.examples import MAPPING_VERSION
from router.http.openapi.records import any_of, wrapped, wrapper
from router.http.openapi.status import ref
from router.http.openapi.variants import Variant
from router.http.preview import PATH, told
from router.http.signed import Format
from router.http.wrapper import Form
from router.mapping.lineage import Done, Explained, Explanation, FieldLineage
from router.preview import Preview

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}


def _object(members: Mapping[str, Schema], description: str = "") -> Schema:
    words = {"description": description} if description else {}
    return {"type": "object", **words, "required": list(members), "properties": dict(members)}


def _list(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


_STEP = _object({"step": _TEXT, "before": {}, "after": {}})
_FIELD = _object(
    {
        "target": _TEXT,
        "sources": _list(_TEXT, "The record's fields that it is made of; none for a constant."),
        "rule": _TEXT | {"description": "Where the mapping says so: file:line:column."},
        "steps": _list(_STEP, "What the rule does, with the value before and after."),
        "value": {},
        "absent": _TEXT_OR_NULL | {"description": "Why it is not sent; null when it is."},
    }
)
_INTEGRATION = _object(
    {
        "integration": _TEXT,
        "connector": _TEXT,
        "operation": _TEXT,
        "skipped": _TEXT_OR_NULL | {"description": "Why the record does not go there; null when it does."},
        "payload": {"type": ["object", "null"]},
        "fields": _list(_FIELD, "Each field of the payload, and those that are absent."),
        "request": {
            "type": ["object", "null"],
            "description": "The HTTP request that it would become, with credentials masked.",
        },
        "notSent": _TEXT_OR_NULL | {"description": "Why there is no request."},
    }
)
_RECORD = _object(
    {
        "problems": _list(_object({"field": _TEXT, "message": _TEXT}), "Why the record would be refused."),
        "integrations": _list(_INTEGRATION, "What each would get; none when there are problems."),
        "nowhere": {
            "type": "object",
            "additionalProperties": _TEXT,
            "description": "The record's fields that are not sent anywhere, and why.",
        },
    }
)
SCHEMAS: Mapping[str, Schema] = {
    "Preview": _object(
        {
            "requestId": {"type": "string", "format": "uuid"},
            "groupKey": _TEXT,
            "entity": _TEXT,
            "type": _TEXT,
            "mappingVersion": _TEXT,
            "records": _list(_RECORD, "In the order of the call."),
        },
        "What would become of records.",
    )
}
_PAYLOAD = {"email": "ada@example.com"}
_EXPLANATION = Explanation(
    "profile.person.yaml",
    (),
    (
        Explained(
            "crm",
            "webhook",
            "send",
            _PAYLOAD,
            "",
            (
                FieldLineage(
                    "email",
                    ("email",),
                    "profile.person.yaml:12:7",
                    (Done("lower", "Ada@example.com", "ada@example.com"),),
                    "ada@example.com",
                ),
            ),
        ),
    ),
    {"shoe": "not in the contract"},
)
_REQUEST = {"method": "POST", "url": "https://crm.example.com/people", "headers": {}, "body": _PAYLOAD}
_EXAMPLE: Mapping[str, Any] = {
    "requestId": str(REQUEST_ID),
    "groupKey": "main_group",
    "entity": "profile",
    "type": "person",
    "mappingVersion": MAPPING_VERSION,
    "records": [told(Preview(_EXPLANATION, {"crm": _REQUEST}))],
}


def paths(variants: Sequence[Variant]) -> dict[str, dict[str, Any]]:
    """The operation by its path."""
    bodies, shown = [], {}
    for each in variants:
        form = Form(typed=bool(each.type))
        named = f"{each.entity.value}: {each.title}"
        bodies.append(_body(form, each) | {"title": named})
        shown[named] = {"value": {"entity": each.entity.value, **wrapped(form, each, each.example)}}
    answer = {"schema": ref("Preview"), "examples": {"previewed": {"value": dict(_EXAMPLE)}}}
    return {
        PATH: {
            "post": {
                "operationId": "previewRecords",
                "tags": ["v2"],
                "summary": "What would become of records",
                "description": "By the mappings in force: each integration's payload, where each of its fields comes "
                "from, and the request that it would become. Nothing is kept, nothing is sent. A record that does not "
                "fit its contract is not refused: its problems are told.",
                "security": [{"sigv4": []}],
                "requestBody": {
                    "required": True,
                    "content": {Format.JSON.value: {"schema": any_of(bodies), "examples": shown}},
                },
                "responses": {
                    "200": {
                        "description": "What would become of each record.",
                        "headers": headers(),
                        "content": {"application/json": answer},
                    },
                    "400": refused("groupKey: 'south' is not known; this client has main_group"),
                    **refusals(403, 413, 429, 500, 503),
                },
            }
        }
    }


def _body(form: Form, variant: Variant) -> Schema:
    """The wrapper of the surface that the records are meant for, with their entity."""
    whole = wrapper(form, variant, ref(variant.name))
    members = {name: each for name, each in whole["properties"].items() if name != "datatalksId"}
    return {
        **whole,
        "required": ["entity", *whole["required"]],
        "properties": {"entity": {"const": variant.entity.value}, **members},
    }
