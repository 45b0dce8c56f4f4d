"""The answers of Parcelvoy's server, headers included (contracts.md §4.1, §4.8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from router.http.answers import Answer, Headers
from router.http.errors import Refusal
from router.http.wire import Inbound
from router.model import compact

METHODS = "GET,HEAD,PUT,POST,DELETE,PATCH"
VARY = ("Vary", "Origin")
CORS = (VARY, ("Access-Control-Allow-Origin", "*"))
BROKEN = {"status": "error", "error": "An error occurred with this request."}
NO_KEY = {"status": "error", "error": "Authorization error.", "code": 1000}
NO_SCOPE = {"status": "error", "error": "Access denied.", "code": 1007}
NO_PROJECT = {"status": "error", "error": "The requested project does not exist.", "code": 6000}
_JSON = ("Content-Type", "application/json; charset=utf-8")
_TEXT = ("Content-Type", "text/plain; charset=utf-8")


def told(body: Mapping[str, Any], status: int, headers: Headers = CORS) -> Answer:
    """JSON, as compact as its server writes it."""
    text = compact(body)
    return Answer(status, text.encode(), (*headers, _JSON))


def text(inbound: Inbound, body: str, status: int, headers: Headers = CORS) -> Answer:
    """Plain text, of which a HEAD is not even told the type."""
    if inbound.method == "HEAD":
        return Answer(status, b"", tuple(headers))
    return Answer(status, body.encode(), (*headers, _TEXT))


def nothing(headers: Headers = CORS) -> Answer:
    """204: an empty body without a type."""
    return Answer(204, b"", tuple(headers))


def preflight(inbound: Inbound) -> Answer:
    """To a browser that asks before it calls, on any path."""
    wanted = inbound.environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS")
    asked = [("Access-Control-Allow-Headers", wanted)] if wanted else []
    return nothing((*CORS, ("Access-Control-Allow-Methods", METHODS), *asked))


def not_allowed(inbound: Inbound, methods: Iterable[str]) -> Answer:
    """A known path, another method. A plain OPTIONS is told the methods, too."""
    allow = ("Allow", ", ".join(methods))
    if inbound.method == "OPTIONS":
        return text(inbound, "", 200, (VARY, allow))
    return text(inbound, "Method Not Allowed", 405, (*CORS, allow))


def unknown_path(inbound: Inbound) -> Answer:
    return text(inbound, "Not Found", 404, (VARY,) if inbound.method == "OPTIONS" else CORS)


def refusal(refused: Refusal) -> Answer:
    """An exception in this API's words, the first fault alone. A fault of a record is a 422 here."""
    status = 422 if refused.status == 400 else refused.status
    return told({"status": "error", "error": refused.messages[0]}, status, (*CORS, *refused.headers.items()))
