"""What tells about the service itself, as OpenAPI. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.http.openapi.answers import headers, refusals

_DIGEST = f"sha256:{'3fa1b2c4' * 8}"


def _told(description: str, members: Mapping[str, Any]) -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": list(members),
        "properties": {name: {"type": "string"} for name in members},
    }
    content = {"application/json": {"schema": schema, "examples": {"told": {"value": dict(members)}}}}
    return {"description": description, "headers": headers(), "content": content}


def _get(operation: str, summary: str, responses: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    shared = {"operationId": operation, "tags": ["Service"], "summary": summary, "security": []}
    return {"get": {**shared, **more, "responses": dict(responses)}}


def paths() -> dict[str, dict[str, Any]]:
    """The operations by path."""
    away = _told("It cannot keep anything at the moment.", {"status": "unavailable", "reason": "the ledger is away"})
    away["headers"] = headers("RetryAfter")
    ready = _told("It can take calls in.", {"status": "ready", "mappingVersion": _DIGEST})
    described = {
        "description": "OpenAPI 3.1.",
        "headers": headers(),
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    page = {"description": "A page.", "headers": headers(), "content": {"text/html": {"schema": {"type": "string"}}}}
    of_client = {
        "parameters": [
            {
                "name": "client",
                "in": "query",
                "description": "With the contracts of this client, which signs the call.",
                "schema": {"type": "string"},
            }
        ],
        "security": [{}, {"sigv4": []}],
    }
    return {
        "/healthz": _get("isAlive", "Whether this process lives", {"200": _told("It does.", {"status": "ok"})}),
        "/readyz": _get("isReady", "Whether it can take calls in", {"200": ready, "503": away}),
        "/openapi.json": _get(
            "describe", "This description", {"200": described, **refusals(403, 404, 500, 503)}, **of_client
        ),
        "/docs": _get(
            "read", "This description, as a page", {"200": page, **refusals(403, 404, 500, 503)}, **of_client
        ),
    }
