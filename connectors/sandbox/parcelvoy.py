"""Parcelvoy as contracts.md §4 found it running: its statuses, its sentences, and what becomes of what it takes.

Modes beside those of every provider: `broken` answers as production does while its broker is full (400), `locked_out`
as while its database is away (401), and `deduplicating` ignores an event whose `distinct_id` it has seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote

from connectors.sandbox.base import Call, Reply
from connectors.sandbox.parcelvoy_body import UnreadableError, read
from connectors.sandbox.parcelvoy_project import Project
from connectors.sandbox.parcelvoy_rules import SCHEMAS, TOO_FEW, fault

PUBLIC, SECRET, SUPPORT = "pk_demo-4e1b-public", "sk_demo-9c2f-secret", "sk_demo-77aa-support"  # SUPPORT may not write
CREDENTIALS: dict[str, Any] = {"api_key": SECRET}
SAMPLES: dict[str, dict[str, Any]] = {
    "upsert_user": {
        "external_id": "c-12345",
        "email": "ada@example.com",
        "timezone": "Europe/Stockholm",
        "data": {"tier": "gold"},
    },
    "alias_user": {"external_id": "c-12345", "anonymous_id": "a-1"},
    "register_device": {
        "external_id": "c-12345",
        "device_id": "5e356e66-03aa-4926-a322-d7f5c89049c1",
        "token": "45d2e0c7bbb649679723",
        "os": "iOS 16.3",
        "model": "iPhone15,2",
        "app_build": "465",
        "app_version": "1.2.4",
    },
    "post_event": {"external_id": "c-12345", "name": "Product Purchased", "data": {"sku": "A-1", "price": 49.99}},
    "delete_user": {"external_id": "c-12345"},
}

CORS = {"Access-Control-Allow-Origin": "*", "Vary": "Origin"}
PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
GENERIC = "An error occurred with this request."
Refusal = tuple[int, str, int | None]
UNAUTHORIZED = (401, "Authorization error.", 1000)
DENIED = (403, "Access denied.", 1007)
NO_PROJECT = (404, "The requested project does not exist.", 6000)
NOT_EDITOR = (403, "Minimum project role editor is required", None)

TOLD: Mapping[str, Refusal] = {
    "refuse_credentials": UNAUTHORIZED,
    "locked_out": UNAUTHORIZED,
    "broken": (400, GENERIC, None),
    "reject": (422, "The value of `0/name` must be a string.", None),
}

ROUTES: Mapping[str, tuple[str, ...]] = {
    "/alias": ("POST",),
    "/identify": ("POST",),
    "/devices": ("POST",),
    "/events": ("POST",),
    "/segment": ("POST",),
    "/users": ("GET", "PATCH", "DELETE"),
    "/users/:id": ("GET", "DELETE"),
    "/users/:id/events": ("GET",),
}


class Parcelvoy:
    name: ClassVar[str] = "parcelvoy"
    masked: ClassVar[frozenset[str]] = frozenset()
    modes: ClassVar[frozenset[str]] = frozenset({"broken", "locked_out", "deduplicating"})

    def __init__(self) -> None:
        self.project = Project()

    def clear(self) -> None:
        self.project = Project()

    def handle(self, call: Call, mode: str) -> Reply:
        if call.method == "OPTIONS" and "access-control-request-method" in call.headers:
            return _preflight(call)
        try:
            body = read(call)
        except UnreadableError:  # without the CORS headers that everything else has
            return Reply(400, {"status": "error", "error": GENERIC})
        reply = self._answer(call, body, mode)
        return Reply(reply.status, reply.body, CORS | dict(reply.headers), reply.accepted)

    def _answer(self, call: Call, body: Any, mode: str) -> Reply:
        route, user_id = _route(call.path)
        name = f"{call.method} {route}"
        if route is None or call.method not in ROUTES[route]:
            return _elsewhere(call, route)
        if refusal := TOLD.get(mode) or _refusal(call, route):
            return _error(*refusal)
        if name in SCHEMAS and (wrong := fault(SCHEMAS[name], body)):
            return _error(422, wrong)
        if user_id is not None and not self.project.find(user_id):
            return _elsewhere(call, None)
        return self._show(route, user_id) if call.method == "GET" else self._take(name, call, body, user_id, mode)

    def _take(self, name: str, call: Call, body: Any, user_id: str | None, mode: str) -> Reply:
        refusal: tuple[int, str] | None = None
        match name:
            case "POST /identify":
                self.project.identify(body)
            case "PATCH /users":
                for user in body:
                    self.project.identify(user)
            case "POST /alias":
                self.project.alias(body)
            case "POST /devices":
                self.project.register(body)
            case "POST /events":
                self.project.track(body, deduplicate=mode == "deduplicating")
            case "POST /segment":
                refusal = (400, GENERIC) if any(map(_breaks, body)) else None
            case "DELETE /users":
                ids = parse_qs(call.query, keep_blank_values=True).get("user_id", [])
                refusal = (422, TOO_FEW) if ids in ([], [""]) else None
                self.project.delete([] if refusal else ids)
            case "DELETE /users/:id":
                self.project.delete([str(user_id)])
        return _error(*refusal) if refusal else Reply(204, accepted=True)

    def _show(self, route: str, user_id: str | None) -> Reply:
        if user_id is None:
            return _page(self.project.users)
        if route == "/users/:id":
            return Reply(200, self.project.find(user_id))
        return _page(self.project.events_of(user_id))


def _route(path: str) -> tuple[str | None, str | None]:
    """The route of a path and the id in it. Case does not matter, nor does one slash at the end."""
    parts = path.removesuffix("/").split("/")
    if [part.lower() for part in parts[:3]] != ["", "api", "client"] or not all(parts[1:]):
        return None, None
    rest = parts[3:]
    user_id = unquote(rest[1]) if len(rest) > 1 else None
    pattern = "/" + "/".join(":id" if index == 1 else part.lower() for index, part in enumerate(rest))
    return (pattern, user_id) if pattern in ROUTES else (None, None)


def _refusal(call: Call, route: str) -> Refusal | None:
    """Who calls comes before what they may do."""
    scheme, _, key = call.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not key.startswith(("pk_", "sk_")):
        return UNAUTHORIZED
    if key not in {PUBLIC, SECRET, SUPPORT}:
        return NO_PROJECT
    if route.startswith("/users"):
        if key == PUBLIC:
            return DENIED
        if key == SUPPORT and call.method != "GET":
            return NOT_EDITOR
    return None


def _breaks(item: Mapping[str, Any]) -> bool:
    """Whether a Segment call makes the server fail: it reads an identify's context without looking."""
    context = item.get("context")
    return item["type"] == "identify" and not (
        isinstance(context, dict) and isinstance(context.get("locale"), str | None)
    )


def _preflight(call: Call) -> Reply:
    headers = {"Access-Control-Allow-Methods": "GET,HEAD,PUT,POST,DELETE,PATCH"}
    asked = call.headers.get("access-control-request-headers")
    return Reply(204, None, CORS | headers | ({"Access-Control-Allow-Headers": asked} if asked else {}))


def _elsewhere(call: Call, route: str | None) -> Reply:
    """No such path, or not with this method; neither needs a key."""
    if route is None:
        return Reply(404, "Not Found", PLAIN)
    allow = {"Allow": ", ".join(ROUTES[route])}
    return Reply(200, None, allow) if call.method == "OPTIONS" else Reply(405, "Method Not Allowed", PLAIN | allow)


def _page(results: list[Any]) -> Reply:
    return Reply(200, {"results": results, "nextCursor": None, "limit": 25})


def _error(status: int, error: str, code: int | None = None) -> Reply:
    return Reply(status, {"status": "error", "error": error} | ({} if code is None else {"code": code}))
