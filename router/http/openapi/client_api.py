"""The client API, as OpenAPI (contracts.md §4). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router.http import client_answers, client_schemas
from router.http.client_api import NO_NOTIFICATIONS
from router.http.client_schemas import Batch, Shape, fault
from router.http.errors import AWAY, BROKEN, SENTENCES
from router.http.openapi import client_bodies
from router.http.openapi.answers import IDEMPOTENCY_KEY, headers
from router.http.openapi.client_bodies import TRACK, schema_of
from router.http.openapi.contracts import KEEPABLE, Schema
from router.http.openapi.status import ref

ROOT = "/api/client"
_ERROR: Schema = {
    "type": "object",
    "description": "What is wrong: the first fault alone.",
    "required": ["status", "error"],
    "properties": {"status": {"const": "error"}, "error": {"type": "string"}, "code": {"type": "integer"}},
}
SCHEMAS: Mapping[str, Schema] = {**client_bodies.SCHEMAS, "ClientError": _ERROR}


@dataclass(frozen=True, slots=True)
class Ingestion:
    """A path that takes a body."""

    summary: str
    body: Shape | Batch
    example: Any
    description: str = ""

    @property
    def sentence(self) -> str:
        """What an empty body is answered with."""
        return fault(self.body, [] if isinstance(self.body, Batch) else {}) or ""


_USER = "c-12345"
_EVENT = {"external_id": _USER, "name": "Product Purchased", "data": {"product_id": 12345, "price": 49.99}}
_POSTS: Mapping[str, Ingestion] = {
    "alias": Ingestion(
        "Join an anonymous id to a user",
        client_schemas.ALIAS,
        {"external_id": _USER, "anonymous_id": "5f0e4a6c-2f9b-4f57-8a4e-4d3f1f3f8a90"},
        "What comes with the anonymous id alone from then on is the user's, and is delivered with the external id.",
    ),
    "identify": Ingestion(
        "Create or update a user",
        client_schemas.IDENTIFY,
        {
            "external_id": _USER,
            "email": "ada@example.com",
            "timezone": "Europe/Stockholm",
            "locale": "sv",
            "data": {"first_name": "Ada", "has_completed_onboarding": True},
        },
    ),
    "devices": Ingestion(
        "Register a device",
        client_schemas.DEVICE,
        {
            "external_id": _USER,
            "device_id": "5e356e66-03aa-4926-a322-d7f5c89049c1",
            "token": "45d2e0c7bbb649679723a96d92d0fa305e356e66",
            "os": "iOS 16.3",
            "model": "iPhone15,2",
            "app_build": "465",
            "app_version": "1.2.4",
        },
    ),
    "events": Ingestion(
        "Send events",
        client_schemas.EVENTS,
        [_EVENT],
        "An event with a `distinct_id` that was sent before is the same event.",
    ),
    "segment": Ingestion(
        "Send what Segment sends",
        client_schemas.SEGMENT,
        [{"type": "track", "userId": _USER, "event": "Product Viewed", "properties": {"sku": "A-1"}}],
        "Messages of the types `alias`, `identify` and `track`; others are taken and ignored.",
    ),
}
_TRACK = Ingestion(
    "Send one event, as the JavaScript SDK does",
    TRACK,
    {"event": "Product Viewed", "external_id": _USER, "data": {"sku": "A-1"}},
)
_PATCH = Ingestion(
    "Create or update users",
    client_schemas.USERS,
    [{"external_id": _USER, "email": "ada@example.com", "data": {"tier": "gold"}}],
)


def responses() -> dict[str, Schema]:
    """The answers to calls that were not kept, by name."""
    return {f"Client{status}": each for status, each in _REFUSALS.items()}


def paths(strict: bool) -> dict[str, dict[str, Any]]:
    """The operations by path. strict: as Parcelvoy's server has them, without what only its SDKs know."""
    posts = _POSTS if strict else {**_POSTS, "track": _TRACK}
    found: dict[str, dict[str, Any]] = {
        f"{ROOT}/{name}": {"post": _ingesting("post", name, each)} for name, each in posts.items()
    }
    found[f"{ROOT}/users"] = {"patch": _ingesting("patch", "users", _PATCH, secret=True), "delete": _DELETE}
    return found if strict else {**found, **_NOTIFICATIONS}


def _ingesting(method: str, name: str, endpoint: Ingestion, secret: bool = False) -> Schema:
    content = {"schema": schema_of(endpoint.body), "examples": {name: {"value": endpoint.example}}}
    refusals = _refusals(400, 403) if secret else _refusals(400)
    return {
        "operationId": f"{method}Client{name.title()}",
        "summary": endpoint.summary,
        **({"description": endpoint.description} if endpoint.description else {}),
        **_shared(secret),
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {"204": _TAKEN, **refusals, "422": _refused(_WRONG, endpoint.sentence)},
    }


def _shared(secret: bool) -> Schema:
    return {"tags": ["Client API"], "security": [{"secretKey" if secret else "clientKey": []}]}


def _refused(description: str, told: str | Mapping[str, Any], *more: str) -> Schema:
    value = {"status": "error", "error": told} if isinstance(told, str) else told
    content = {"application/json": {"schema": ref("ClientError"), "examples": {"refused": {"value": value}}}}
    return {"description": description, "headers": headers(*more), "content": content}


_WRONG = "Something is wrong with the body."
_TAKEN: Schema = {"description": "Kept, durably. The body is empty.", "headers": headers("IdempotentReplayed")}
_ALWAYS = (401, 404, 429, 500, 503)
_REFUSALS: Mapping[int, Schema] = {
    400: _refused("The body cannot be read, or is too large.", client_answers.BROKEN),
    401: _refused("There is no key.", client_answers.NO_KEY),
    403: _refused("The key is a public one.", client_answers.NO_SCOPE),
    404: _refused("The key is unknown or was revoked.", client_answers.NO_PROJECT),
    429: _refused("More calls than were agreed on.", SENTENCES[429], "RetryAfter"),
    500: _refused("Our fault. Nothing was kept.", BROKEN),
    503: _refused("Nothing can be kept at the moment.", AWAY, "RetryAfter"),
}


def _refusals(*more: int) -> dict[str, Schema]:
    return {str(status): {"$ref": f"#/components/responses/Client{status}"} for status in sorted({*_ALWAYS, *more})}


_DELETE: Schema = {
    "operationId": "deleteClientUsers",
    "summary": "Delete users",
    **_shared(secret=True),
    "parameters": [
        {
            "name": "user_id",
            "in": "query",
            "required": True,
            "description": "A user's external id; given once for each of them.",
            "schema": {
                "type": "array",
                "items": {"type": "string", "pattern": KEEPABLE},
                "minItems": 1,
                "anyOf": [{"items": {"minLength": 1}}, {"minItems": 2}],  # a single empty one counts as none
            },
            "example": [_USER],
        },
        IDEMPOTENCY_KEY,
    ],
    "responses": {
        "204": _TAKEN,
        **_refusals(403),
        "422": _refused("No user is named.", "Must NOT have fewer than 1 items"),
    },
}
_NOTIFICATIONS: Mapping[str, Schema] = {
    f"{ROOT}/notifications": {
        "get": {
            "operationId": "listClientNotifications",
            "summary": "A user's notifications: there never are any",
            **_shared(secret=False),
            "responses": {
                "200": {
                    "description": "None.",
                    "headers": headers(),
                    "content": {
                        "application/json": {
                            "schema": {"const": dict(NO_NOTIFICATIONS)},
                            "examples": {"none": {"value": dict(NO_NOTIFICATIONS)}},
                        }
                    },
                },
                **_refusals(),
            },
        }
    },
    f"{ROOT}/notifications/{{id}}": {
        "put": {
            "operationId": "putClientNotification",
            "summary": "Mark a notification as read",
            **_shared(secret=False),
            "parameters": [
                {
                    "name": "id",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string", "minLength": 1},
                    "example": "1",
                }
            ],
            "responses": {"204": _TAKEN, **_refusals(400)},
        }
    },
}
