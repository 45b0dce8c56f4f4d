"""The status document as OpenAPI: its schemas and where it is read (api.md §5). Pure.

Nothing validates these documents; tests hold the schemas against those of a real ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.http.openapi import examples
from router.http.openapi.answers import headers, refusals, refused
from router.http.status import MOST, PAGE, PATH
from router.ledger.feedback import MatchedBy
from router.model import Entity, Environment, RequestStatus, State

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_ID: Schema = {"type": "string", "format": "uuid"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(of: str) -> Schema:
    return {"type": "array", "items": ref(of)}


def _object(description: str, members: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "description": description, "required": list(members), "properties": dict(members)}


def _said(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


_SUMMARY: Mapping[str, Schema] = {
    "requestId": _ID,
    "status": {
        "enum": [each.value for each in RequestStatus if each is not RequestStatus.REJECTED],
        "description": "`accepted` until every delivery has ended.",
    },
    "environment": {"enum": [each.value for each in Environment]},
    "groupKey": _TEXT,
    "entity": {"enum": [each.value for each in Entity]},
    "type": _said(_TEXT, "Empty for v1, which has no types."),
    "receivedAt": _TIME,
    "completedAt": _TIME_OR_NULL,
    "mappingVersion": _said(_TEXT, "The mappings that were in force."),
}
SCHEMAS: Mapping[str, Schema] = {
    "RequestSummary": _object("A request without its records.", _SUMMARY),
    "Request": _object("What became of a request.", {**_SUMMARY, "records": _list("RequestRecord")}),
    "RequestRecord": _object(
        "One record of a request.",
        {
            "index": _said({"type": "integer", "minimum": 0}, "Its place in the call, from 0."),
            "datatalksId": _ID,
            "deliveries": _said(_list("Delivery"), "One for each integration; none before they are planned."),
        },
    ),
    "Delivery": _object(
        "A record's way to one integration.",
        {
            "deliveryId": _ID,
            "integration": _TEXT,
            "connector": _TEXT,
            "operation": _TEXT,
            "status": {"enum": [each.value for each in State]},
            "reason": _said(_TEXT_OR_NULL, "Why it waits or was left out, where no attempt says so."),
            "since": _TIME_OR_NULL,
            "attempts": {"type": "integer", "minimum": 0},
            "providerId": _said(_TEXT_OR_NULL, "What the provider calls the record."),
            "deliveredAt": _TIME_OR_NULL,
            "nextAttemptAt": _TIME_OR_NULL,
            "error": {"oneOf": [ref("DeliveryError"), {"type": "null"}]},
            "feedback": _said(_list("Feedback"), "What the provider told later."),
        },
    ),
    "DeliveryError": _object(
        "What the last attempt failed with.",
        {
            "reason": _TEXT,
            "status": _said({"type": ["integer", "null"]}, "The provider's HTTP status, if it answered."),
            "errors": {"type": "object", "additionalProperties": _TEXT, "description": "By field of what was sent."},
        },
    ),
    "Feedback": _object(
        "What a provider told afterwards: opened, clicked, bounced, unsubscribed …",
        {
            "feedbackId": _ID,
            "event": _TEXT,
            "original": _said(_TEXT, "The provider's own word for it."),
            "at": _TIME_OR_NULL,
            "receivedAt": _TIME,
            "matchedBy": {"enum": [each.value for each in MatchedBy]},
            "detail": {"type": "object"},
        },
    ),
    "Rejection": _object(
        "A call that was refused. What it carried was not kept.",
        {
            "requestId": _ID,
            "status": {"const": RequestStatus.REJECTED.value},
            "httpStatus": {"type": "integer"},
            "messages": {"type": "array", "items": _TEXT},
            "receivedAt": _TIME,
        },
    ),
    "RequestList": _object(
        "A page of requests, newest first.",
        {
            "requests": {"type": "array", "items": {"oneOf": [ref("RequestSummary"), ref("Rejection")]}},
            "nextCursor": _said({"type": ["string", "null"], "format": "uuid"}, "For the next page; null on the last."),
        },
    ),
    "Replayed": _object(
        "What is sent again.",
        {"requestId": _ID, "replayed": _said({"type": "integer", "minimum": 0}, "How many deliveries.")},
    ),
}


def _filter(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


_NOT_EMPTY: Schema = {"type": "string", "minLength": 1}
_FILTERS = [
    _filter("status", {"enum": [each.value for each in RequestStatus]}, "`rejected` lists calls that were refused."),
    _filter("groupKey", _NOT_EMPTY, "Of this group."),
    _filter("entity", {"enum": [each.value for each in Entity]}, "Of this kind of record."),
    _filter("type", _NOT_EMPTY, "Of this type."),
    _filter("datatalksId", _ID, "With a record of this entity."),
    _filter("integration", _NOT_EMPTY, "With a delivery to this integration."),
    _filter("since", _TIME, "Received then or later."),
    _filter("until", _TIME, "Received before then."),
    _filter("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": PAGE}, "How many at once."),
    _filter("cursor", _ID, "The `nextCursor` of the page before."),
]


def _shown(schema: Schema, description: str, **shown: Any) -> Schema:
    told = {name: {"value": value} for name, value in shown.items()}
    content = {"application/json": {"schema": schema, "examples": told}}
    return {"description": description, "headers": headers(), "content": content}


_REQUEST_ID = [
    {"name": "requestId", "in": "path", "required": True, "schema": _ID, "description": "As it was answered."}
]


def paths() -> dict[str, dict[str, Any]]:
    """The operations by path."""
    shared = {"security": [{"sigv4": []}], "tags": ["Status"]}
    return {
        PATH: {"get": {**_many(), **shared}},
        f"{PATH}/{{requestId}}": {"get": {**_one(), **shared}},
        f"{PATH}/{{requestId}}/replay": {"post": {**_replay(), **shared}},
    }


def _one() -> Schema:
    found = _shown(
        {"oneOf": [ref("Request"), ref("Rejection")]},
        "The request, or why it was refused.",
        delivered=examples.REQUEST,
        failed=examples.FAILED,
        rejected=examples.REJECTED,
    )
    return {
        "operationId": "getRequest",
        "summary": "What became of a request",
        "description": "Another client's request is as unknown as one that never was.",
        "parameters": _REQUEST_ID,
        "responses": {"200": found, **refusals(403, 404, 500, 503)},
    }


def _many() -> Schema:
    return {
        "operationId": "listRequests",
        "summary": "Requests, newest first, a page at a time",
        "parameters": _FILTERS,
        "responses": {
            "200": _shown(ref("RequestList"), "A page of them.", page=examples.LIST),
            "400": refused(f"limit: must be a number from 1 to {MOST}"),
            **refusals(403, 500, 503),
        },
    }


def _replay() -> Schema:
    return {
        "operationId": "replayRequest",
        "summary": "Send again what failed",
        "description": "Its dead and unknown deliveries, as they were.",
        "parameters": _REQUEST_ID,
        "responses": {
            "200": _shown(ref("Replayed"), "They are due again.", replayed=examples.REPLAYED),
            **refusals(403, 404, 413, 429, 500, 503),
        },
    }
