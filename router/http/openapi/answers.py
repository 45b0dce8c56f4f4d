"""What is answered, as OpenAPI: the five members of api.md §3, by status, and what every answer carries. Pure.

The examples are made by what makes the answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from router.http import sigv4
from router.http.answers import DONE, five
from router.http.errors import AWAY, BROKEN, SENTENCES
from router.http.signed import BAD_TYPE

REQUEST_ID = UUID("019a9d3c-5a40-7b21-9c11-0e4d3d5b6a77")
DATATALKS_ID = UUID("3f2a0f5e-0d57-4c0c-9d3a-6f4f7d2f0a11")
KEY = "AKIDEXAMPLE"

ANSWER: Mapping[str, Any] = {
    "type": "object",
    "description": "The same five members always, whatever happened.",
    "required": ["success", "messages", "requestId", "datatalksId", "key"],
    "properties": {
        "success": {"type": "boolean", "description": "true: kept, durably. It is delivered from here on."},
        "messages": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "maxItems": 50,
            "description": 'Everything that is wrong, each with its record and field; `[""]` when nothing is.',
        },
        "requestId": {
            "type": "string",
            "format": "uuid",
            "description": "What to look the call up by, and to quote. Also the header X-Request-Id.",
        },
        "datatalksId": {
            "type": ["string", "null"],
            "format": "uuid",
            "description": "The entity that the record is of; null when there are several, or none.",
        },
        "datatalksIds": {
            "type": "array",
            "items": {"type": "string", "format": "uuid"},
            "description": "Beside the five when the call carried an array: the entity of each record, in its order.",
        },
        "key": {"type": ["string", "null"], "description": "The access key that signed the call, once it is known."},
    },
}

_USED_BEFORE = "the Idempotency-Key was used before, with another request"
REFUSALS: Mapping[int, tuple[str, str]] = {
    403: ("The signature is missing or wrong.", sigv4.MISSING_TOKEN),
    404: ("There is no such request of yours.", f"There is no request {REQUEST_ID}."),
    413: ("The body is larger than it may be.", SENTENCES[413]),
    415: ("The body is of another type, or compressed.", BAD_TYPE),
    422: ("The Idempotency-Key was used for another request.", _USED_BEFORE),
    429: ("More calls than were agreed on.", SENTENCES[429]),
    500: ("Our fault. Nothing was kept.", BROKEN),
    503: ("Nothing can be kept at the moment, and whether this call was is not certain.", AWAY),
}
"""What a status means, and what is said with it."""
_KEY_KNOWN = frozenset({200, 400, 404, 415, 422, 429})
_HEADERS: Mapping[int, Sequence[str]] = {200: ("IdempotentReplayed",), 429: ("RetryAfter",), 503: ("RetryAfter",)}
HEADERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "RequestId": (
        "X-Request-Id",
        {"description": "The id of the call.", "required": True, "schema": {"type": "string", "format": "uuid"}},
    ),
    "RetryAfter": (
        "Retry-After",
        {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 1}},
    ),
    "IdempotentReplayed": (
        "Idempotent-Replayed",
        {
            "description": "The Idempotency-Key was known: this is the first answer again.",
            "schema": {"type": "string", "const": "true"},
        },
    ),
}
IDEMPOTENCY_KEY: Mapping[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "For 24 hours, the same call with the same key is answered as it was at first, and nothing is kept "
    "twice. Where calls are signed, it must be signed too.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}


def accepted(array: bool) -> dict[str, Any]:
    """The answer to a call that was kept. array: its records always come in one."""
    several = {"several": told(200, many=True)}
    answer = _response(200, "Kept, durably; deliveries follow.", several if array else {"one": told(200), **several})
    return answer | {
        "links": {
            "request": {
                "operationId": "getRequest",
                "parameters": {"requestId": "$response.body#/requestId"},
                "description": "What became of it.",
            }
        }
    }


def refused(*messages: str) -> dict[str, Any]:
    """The answer 400, and what may be wrong."""
    return _response(400, "Something is wrong with the call; the messages say what.", {"wrong": told(400, messages)})


def refusals(*statuses: int) -> dict[str, Any]:
    """Answers to calls that were not kept, by their statuses."""
    return {str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in statuses}


def responses() -> dict[str, dict[str, Any]]:
    """The answers that `refusals` refers to, by name."""
    return {
        f"Refused{status}": _response(status, meaning, {"refused": told(status, [sentence])})
        for status, (meaning, sentence) in REFUSALS.items()
    }


def told(status: int, messages: Sequence[str] = DONE, *, many: bool = False) -> dict[str, Any]:
    """An example of the five members."""
    key = KEY if status in _KEY_KNOWN else None
    ids = () if status != 200 else (DATATALKS_ID, UUID(int=DATATALKS_ID.int + 1)) if many else (DATATALKS_ID,)
    answer = five(status, str(REQUEST_ID), messages, key=key, datatalks_ids=ids, many=many)
    body: dict[str, Any] = json.loads(answer.body)
    return body


def headers(*names: str) -> dict[str, Any]:
    """Those that every answer carries, and these."""
    return {HEADERS[name][0]: {"$ref": f"#/components/headers/{name}"} for name in ("RequestId", *names)}


def _response(status: int, meaning: str, examples: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: {"value": value} for name, value in examples.items()}
    return {
        "description": meaning,
        "headers": headers(*_HEADERS.get(status, ())),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}, "examples": shown}},
    }


def security(regions: Sequence[str]) -> dict[str, dict[str, Any]]:
    """How calls are authenticated."""
    return {
        "sigv4": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "x-amazon-apigateway-authtype": "awsSigv4",
            "description": (
                "AWS Signature Version 4, in the Authorization header; any AWS signer will do. The service is "
                f"`execute-api`, the region {' or '.join(f'`{each}`' for each in regions)}. Signed are at least "
                "`host`, `x-amz-date`, whatever else begins with `x-amz-`, and `Idempotency-Key`. The clock may be "
                "five minutes off."
            ),
        },
        "clientKey": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "pk_… or sk_…",
            "description": "A key of the client API. A public one may only bring data in.",
        },
        "secretKey": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "sk_…",
            "description": "A secret key of the client API, which may change and delete users too.",
        },
    }
