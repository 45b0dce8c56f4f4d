"""The callbacks that a client is sent, as OpenAPI webhooks (Standard Webhooks; api.md §5). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router import callback
from router.http.openapi import examples
from router.http.openapi.status import SCHEMAS, ref

_MEANINGS: Mapping[str, str] = {
    "request.completed": "Every delivery of a request has ended, none of them badly.",
    "request.completed_with_errors": "Every delivery of a request has ended, some dead or unknown.",
    "delivery.dead": "A delivery was refused for good, or tried as often as it may be.",
    "delivery.unknown": "A delivery may or may not have arrived, and doing it again could do it twice.",
    "delivery.recovered": "A delivery that was dead or unknown has arrived after all.",
    callback.FEEDBACK: "A provider told something about a delivery: opened, clicked, bounced, unsubscribed …",
}
_RESPONSES: Mapping[str, Mapping[str, str]] = {
    "2XX": {"description": "Received."},
    "410": {"description": "Send no more: the subscription ends."},
    "default": {"description": "Not received: it is sent again, on a schedule that grows from seconds to a day."},
}


def _header(name: str, description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": True, "description": description, "schema": schema}


_HEADERS = [
    _header("webhook-id", "The same whenever it is sent again.", {"type": "string"}),
    _header("webhook-timestamp", "Seconds since 1970, of this attempt.", {"type": "integer"}),
    _header(
        "webhook-signature",
        "`v1,` and the base64 of an HMAC-SHA256 over `webhook-id.webhook-timestamp.body`; one for each key, "
        "separated by spaces.",
        {"type": "string"},
    ),
]


def webhooks() -> dict[str, Any]:
    """By the event's name."""
    return {event: {"post": _post(event)} for event in callback.EVENTS}


def _post(event: str) -> dict[str, Any]:
    content = {"schema": _schema(event), "examples": {"callback": {"value": examples.notice(event)}}}
    return {
        "operationId": event,
        "summary": _MEANINGS[event],
        "description": "To the callback URL of the group, or else the client's: https, at a public address. Redirects "
        "are not followed.",
        "tags": ["Callbacks"],
        "parameters": _HEADERS,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": dict(_RESPONSES),
    }


def _schema(event: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": event},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": _data(event),
        },
    }


def _data(event: str) -> Mapping[str, Any]:
    """The status document, and what it is about where that is not the whole request."""
    if event.startswith("request."):
        return ref("Request")
    about: dict[str, Any] = {
        "deliveryId": {"type": "string", "format": "uuid", "description": "The delivery that it is about."}
    }
    if event == callback.FEEDBACK:
        about["feedback"] = {"oneOf": [ref("Feedback"), {"type": "null"}], "description": "What was told."}
    whole = SCHEMAS["Request"]
    return {
        **whole,
        "required": [*whole["required"], *about],
        "properties": {**whole["properties"], **about},
    }
