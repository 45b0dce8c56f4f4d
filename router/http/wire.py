"""What came over the wire, as it came: the raw target, every header, the body up to its limit."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote
from uuid import UUID

import flask
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers.response import Response

from router.http.sigv4 import SignedRequest
from router.model import Environment, new_request_id

STAGING_HOST = "staging."


class Request(flask.Request):
    """A call with its id. surface, client, credential: as far as they are known, for what is kept of a refusal."""

    surface: str = "service"
    client: str | None = None
    credential: str | None = None

    @cached_property
    def request_id(self) -> UUID:
        return new_request_id()

    @property
    def from_staging_host(self) -> bool:
        return str(self.environ.get("HTTP_HOST", "")).startswith(STAGING_HOST)


def current() -> Request:
    """The call that is being answered."""
    request: Request = flask.request  # type: ignore[assignment]
    return request


def environment_of(request: Request, staged: bool) -> Environment:
    """Staging by the route's prefix or by the host's name."""
    return Environment.STAGING if staged or request.from_staging_host else Environment.PRODUCTION


def read_body(environ: dict[str, Any], limit: int) -> bytes:
    """The body as sent; raises `RequestEntityTooLarge`, before reading it where its length is told."""
    length = environ.get("CONTENT_LENGTH")
    stream = environ["wsgi.input"]
    if length:
        if int(length) > limit:
            raise RequestEntityTooLarge
        body: bytes = stream.read(int(length))
        return body
    if not environ.get("wsgi.input_terminated"):
        return b""
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise RequestEntityTooLarge
    return body


def signed_request(environ: dict[str, Any], body: bytes) -> SignedRequest:
    """What the signature was made over."""
    headers = {_header(key): value for key, value in environ.items() if key[:5] == "HTTP_"}
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if value := environ.get(key):
            headers[_header(key)] = value
    return SignedRequest(environ["REQUEST_METHOD"], raw_target(environ), headers, body)


@lru_cache(1024)
def _header(key: str) -> str:
    return key.removeprefix("HTTP_").replace("_", "-").lower()


def raw_target(environ: dict[str, Any]) -> str:
    """The request target before any decoding. gunicorn has it as RAW_URI, others as REQUEST_URI, some not at all."""
    target: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    if target.startswith("/"):
        return target
    if "://" in target:  # the absolute form, which proxies are sent
        path = target.partition("://")[2].partition("/")[2]
        return f"/{path}"
    query = environ.get("QUERY_STRING")
    path = quote(environ.get("PATH_INFO", "/"), encoding="latin-1")
    return f"{path}?{query}" if query else path


def with_request_id(response: Response, request_id: UUID) -> Response:
    response.headers.setdefault("X-Request-Id", str(request_id))
    return response
