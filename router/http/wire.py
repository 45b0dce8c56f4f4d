"""What came over the wire, as it came: the raw target, every header, the body up to its limit."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import quote

import flask
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from router.http.sigv4 import SignedRequest
from router.model import Environment, new_request_id

STAGING_HOST = "staging."
MOST_NAMES = 1000
HOOKS = "/hooks/"  # below it, the paths hold secrets
FIRST_PIECE = 4096
# Seconds of CPU for a body without a length: it may come in ten thousand chunks, not in a million of one byte each.
MOST_WORK = 0.3
_TOKEN = re.compile(rf"^({HOOKS}[^/]*/).+", re.DOTALL)
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
        if not environ.get("HTTP_COOKIE", "").isascii():  # what reads cookies takes them to be UTF-8
            del environ["HTTP_COOKIE"]

    @property
    def shown_path(self) -> str:
        """The path as logs and answers may have it."""
        return _TOKEN.sub(r"\1***", self.path)[:200]

    def address(self, proxies: Sequence[str]) -> str:
        """The IP address that the call came from: beyond these networks, where the last of them says so."""
        address: str = self.environ.get("REMOTE_ADDR", "")
        told = self.environ.get("HTTP_X_FORWARDED_FOR", "").replace(",", " ").split()
        while told and _is_among(address, proxies):
            address = told.pop()
        return address

    def environment(self, staged: bool = False) -> Environment:
        """Staging by the route's prefix or by the host's name."""
        if staged or self.environ.get("HTTP_HOST", "").startswith(STAGING_HOST):
            return Environment.STAGING
        return Environment.PRODUCTION

    def body(self, limit: int) -> bytes:
        """The body as sent. Raises `RequestEntityTooLarge`, before reading it where its length is told; `BadRequest`
        when it is cut short, or its chunks are malformed or far too many."""
        length = self.environ.get("CONTENT_LENGTH")
        if length:
            if int(length) > limit:
                raise RequestEntityTooLarge
            body = self._read(int(length))
            if len(body) < int(length):
                raise BadRequest("The body is cut short.")
            return body
        return self._chunked(limit) if self.environ.get("wsgi.input_terminated") else b""

    def _chunked(self, limit: int) -> bytes:
        """In pieces that grow, so that the work is known before it is much."""
        body = bytearray()
        size, begun = FIRST_PIECE, time.thread_time()
        while piece := self._read(min(size, limit + 1 - len(body))):
            body += piece
            size *= 2
            if len(body) > limit:
                raise RequestEntityTooLarge
            if time.thread_time() - begun > MOST_WORK:
                raise BadRequest("The body comes in too many small chunks; send larger ones, or its Content-Length.")
        return bytes(body)

    def _read(self, size: int) -> bytes:
        try:
            piece: bytes = self.environ["wsgi.input"].read(size)
        except Exception as error:  # each server's reader has errors of its own, and all are about what was sent
            raise BadRequest(f"The body cannot be read: {type(error).__name__}.") from error
        return piece


def _is_among(address: str, networks: Sequence[str]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:  # a Unix socket's peer has none, and a header may hold anything
        return False
    return any(found in ip_network(network, strict=False) for network in networks)


def current() -> Inbound:
    """The call that Flask is answering."""
    inbound: Inbound = flask.request.environ[_KEY]
    return inbound


def signed_request(environ: Environ, body: bytes) -> SignedRequest:
    """What the signature was made over."""
    headers = {name: value for key, value in environ.items() if (name := _NAMES[key])}
    return SignedRequest(environ["REQUEST_METHOD"], raw_target(environ), headers, body)


class _Names(dict[str, str]):
    """The environment's keys → the headers' names in lower case, "" for what is no header."""

    def __missing__(self, key: str) -> str:
        is_header = key.startswith("HTTP_") or key in ("CONTENT_TYPE", "CONTENT_LENGTH")
        name = key.removeprefix("HTTP_").replace("_", "-").lower() if is_header else ""
        if len(self) < MOST_NAMES:
            self[key] = name
        return name


_NAMES = _Names()


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
