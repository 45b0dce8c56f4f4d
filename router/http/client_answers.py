"""The answers of Parcelvoy's server, headers included (contracts.md §4.1, §4.8)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Response

from router.http.errors import Refusal
from router.http.wire import Request

METHODS = "GET,HEAD,PUT,POST,DELETE,PATCH"
CORS = {"Vary": "Origin", "Access-Control-Allow-Origin": "*"}
BROKEN = {"status": "error", "error": "An error occurred with this request."}
NO_KEY = {"status": "error", "error": "Authorization error.", "code": 1000}
NO_SCOPE = {"status": "error", "error": "Access denied.", "code": 1007}
NO_PROJECT = {"status": "error", "error": "The requested project does not exist.", "code": 6000}


def told(body: Mapping[str, Any], status: int, headers: Mapping[str, str] = CORS) -> Response:
    """JSON, as compact as its server writes it."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, content_type="application/json; charset=utf-8")


def text(body: str, status: int, headers: Mapping[str, str] = CORS) -> Response:
    return Response(body, status, headers, content_type="text/plain; charset=utf-8")


def nothing(headers: Mapping[str, str] = CORS) -> Response:
    """204: an empty body without a type."""
    response = Response(None, 204, headers)
    del response.headers["Content-Type"]
    return response


def preflight(request: Request) -> Response:
    """To a browser that asks before it calls, on any path."""
    wanted = request.headers.get("Access-Control-Request-Headers")
    asked = {"Access-Control-Allow-Headers": wanted} if wanted else {}
    return nothing({**CORS, "Access-Control-Allow-Methods": METHODS, **asked})


def not_allowed(request: Request, methods: Mapping[str, Any]) -> Response:
    """A known path, another method. A plain OPTIONS is told the methods, too."""
    allow = {"Allow": ", ".join(methods)}
    if request.method == "OPTIONS":
        return text("", 200, {"Vary": "Origin", **allow})
    return text("Method Not Allowed", 405, {**CORS, **allow})


def unknown_path(request: Request) -> Response:
    return text("Not Found", 404, {"Vary": "Origin"} if request.method == "OPTIONS" else CORS)


def refusal(_: Request, refused: Refusal) -> Response:
    """An exception in this API's words, the first fault alone. A fault of a record is a 422 here."""
    status = 422 if refused.status == 400 else refused.status
    return told({"status": "error", "error": refused.messages[0]}, status, {**CORS, **refused.headers})
