"""What came over the wire, as it came: the raw target, every header, the body up to its limit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import quote

import flask
from werkzeug.exceptions import RequestEntityTooLarge

from router.http.sigv4 import SignedRequest
from router.model import Environment, new_request_id

STAGING_HOST = "staging."
_KEY = "router.inbound"

Environ = dict[str, Any]


class Inbound:
    """A call and its id. surface, client, credential: as far as they are known, for what is kept of a refusal."""

    __slots__ = ("client", "credential", "environ", "id_text", "method", "path", "request_id", "surface")

    def __init__(self, environ: Environ) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = environ["PATH_INFO"]
        self.request_id = new_request_id()
        self.id_text = str(self.request_id)
        self.surface = "service"
        self.client: str | None = None
        self.credential: str | None = None
        environ[_KEY] = self

    def environment(self, staged: bool = False) -> Environment:
        """Staging by the route's prefix or by the host's name."""
        if staged or self.environ.get("HTTP_HOST", "").startswith(STAGING_HOST):
            return Environment.STAGING
        return Environment.PRODUCTION

    def body(self, limit: int) -> bytes:
        """The body as sent; raises `RequestEntityTooLarge`, before reading it where its length is told."""
        length = self.environ.get("CONTENT_LENGTH")
        stream = self.environ["wsgi.input"]
        if length:
            if int(length) > limit:
                raise RequestEntityTooLarge
            body: bytes = stream.read(int(length))
            return body
        if not self.environ.get("wsgi.input_terminated"):
            return b""
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise RequestEntityTooLarge
        return body


def current() -> Inbound:
    """The call that Flask is answering."""
    inbound: Inbound = flask.request.environ[_KEY]
    return inbound


def signed_request(environ: Environ, body: bytes) -> SignedRequest:
    """What the signature was made over."""
    headers = {_header(key): value for key, value in environ.items() if key[:5] == "HTTP_"}
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if value := environ.get(key):
            headers[_header(key)] = value
    return SignedRequest(environ["REQUEST_METHOD"], raw_target(environ), headers, body)


@lru_cache(1024)
def _header(key: str) -> str:
    return key.removeprefix("HTTP_").replace("_", "-").lower()


def raw_target(environ: Environ) -> str:
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
