"""The sandbox's side of the sockets: HTTP/1.1 with keep-alive, a thread per connection, and the faults of the line.

Heads are parsed by hand because `http.server` spends more on one than a whole call here may cost.
"""

from __future__ import annotations

import io
import json
import logging
import socket
import socketserver
import struct
import threading
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Protocol

from connectors.sandbox.base import Call, Reply
from connectors.sandbox.scenario import SERVED, fault

MAX_LINE = 1 << 16
MAX_BODY = 64 << 20
_NO_BODY = frozenset({204, 304})

log = logging.getLogger(__name__)


class Site(Protocol):
    """Who answers: asked for the mode as soon as the address is known, and for the reply once all is read."""

    def take(self, prefix: str) -> tuple[str, Mapping[str, Any]]: ...
    def ask(self, prefix: str, call: Call, mode: str) -> Reply: ...


class Listener(socketserver.ThreadingTCPServer):
    """Accepts connections on 127.0.0.1:port from `start` to `close`."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, port: int, site: Site) -> None:
        self.site = site
        self.stopping = threading.Event()
        self._open: set[Any] = set()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="sandbox", daemon=True)
        super().__init__(("127.0.0.1", port), _Connection)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop accepting, cut every open connection, and wait until their threads have let go of them."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.stopping.set()
        with self._changed:
            for connection in self._open:
                _hang_up(connection)
            self._changed.wait_for(lambda: not self._open, timeout=5)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()


class _BadRequestError(Exception):
    """What came is not HTTP, or more of it than is taken."""


class _Connection(socketserver.StreamRequestHandler):
    """One client's connection: request after request until either side has had enough."""

    disable_nagle_algorithm = True
    rbufsize = MAX_LINE
    server: Listener

    def handle(self) -> None:
        try:
            while self._exchange():
                pass
        except _BadRequestError as error:
            self._write(encode(Reply(400, {"error": str(error)}, {"Connection": "close"})))
        except (ConnectionError, EOFError):
            pass  # the client left in the middle

    def _exchange(self) -> bool:
        """One request and its answer; False when the connection is done with."""
        line = self.rfile.readline(MAX_LINE)
        if not line:
            return False
        method, target, version = _request_line(line)
        prefix, path, query = split_target(target)
        mode, details = self.server.site.take(prefix)
        if mode == "down":
            return self._reset()
        headers = _read_headers(self.rfile)
        if headers.get("expect", "").lower() == "100-continue":
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _read_body(self.rfile, headers)
        if mode == "hang":
            return self._wait_for_the_client_to_leave()
        if mode == "slow":
            self.server.stopping.wait(details.get("seconds", 1.0))
        url = f"http://{headers.get('host', '')}{target}"
        reply = fault(mode, details) or self._ask(prefix, Call(method, path, query, headers, body, url), mode)
        if mode == "commit_then_drop":
            return False
        self._write(encode(reply, head_only=method == "HEAD"))
        return version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"

    def _ask(self, prefix: str, call: Call, mode: str) -> Reply:
        try:
            return self.server.site.ask(prefix, call, "ok" if mode in SERVED else mode)
        except Exception as error:  # ours: it must look like one, and not end the thread
            log.exception("sandbox: %s failed at %s %s", prefix, call.method, call.path)
            return Reply(500, {"error": f"the sandbox itself failed: {type(error).__name__}"})

    def _write(self, data: bytes) -> None:
        self.connection.sendall(data)

    def _reset(self) -> bool:
        """Close so that the client sees a reset, whatever it was still sending."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        return False

    def _wait_for_the_client_to_leave(self) -> bool:
        while self.connection.recv(MAX_LINE):
            pass
        return False


def split_target(target: str) -> tuple[str, str, str]:
    """`/name/rest?query` → name, `/rest`, query; nothing is decoded."""
    path, _, query = target.partition("?")
    prefix, _, rest = path.lstrip("/").partition("/")
    return prefix, "/" + rest, query


def encode(reply: Reply, head_only: bool = False) -> bytes:
    """A reply as the bytes of an HTTP/1.1 answer."""
    content_type, body = _content(reply.body)
    headers = {"Content-Type": content_type, **reply.headers, "Content-Length": str(len(body))}
    if reply.status in _NO_BODY:
        headers, body = dict(reply.headers), b""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {reply.status} {_phrase(reply.status)}\r\n{fields}\r\n".encode("latin-1")
    return head if head_only else head + body


def _content(body: Any) -> tuple[str, bytes]:
    if body is None:
        return "text/plain", b""
    if isinstance(body, bytes):
        return "application/octet-stream", body
    if isinstance(body, str):
        return "text/plain; charset=utf-8", body.encode()
    return "application/json", json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


@lru_cache(maxsize=256)
def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


@lru_cache(maxsize=1024)
def _request_line(line: bytes) -> tuple[str, str, str]:
    parts = line.decode("latin-1").split()
    if len(parts) != 3 or not parts[1].startswith("/") or not parts[2].startswith("HTTP/1."):
        raise _BadRequestError("not an HTTP/1.1 request line with a path")
    return parts[0], parts[1], parts[2]


def _read_headers(stream: io.BufferedIOBase) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := stream.readline(MAX_LINE)) not in {b"\r\n", b"\n"}:
        if not line:
            raise EOFError
        name, value = _header(line)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
        if len(headers) > 200:
            raise _BadRequestError("more than 200 headers")
    return headers


@lru_cache(maxsize=4096)
def _header(line: bytes) -> tuple[str, str]:
    """Cached because clients repeat themselves; it also lets the kept calls share their strings."""
    name, colon, value = line.decode("latin-1").partition(":")
    if not colon or not name or not name.isascii() or name != name.strip():
        raise _BadRequestError("a header line is not `name: value`")
    return name.lower(), value.strip()


def _read_body(stream: io.BufferedIOBase, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _read_chunks(stream)
    try:
        length = int(headers.get("content-length", "0"))
    except ValueError:
        raise _BadRequestError("Content-Length is not a number") from None
    return _read(stream, length)


def _read_chunks(stream: io.BufferedIOBase) -> bytes:
    body = bytearray()
    while True:
        try:
            size = int(stream.readline(MAX_LINE).partition(b";")[0], 16)
        except ValueError:
            raise _BadRequestError("a chunk's size is not a hexadecimal number") from None
        body += _read(stream, size, already=len(body))
        stream.readline(MAX_LINE)  # the end of the chunk or, after the last one, of a body without trailers
        if size == 0:
            return bytes(body)


def _read(stream: io.BufferedIOBase, length: int, already: int = 0) -> bytes:
    if not 0 <= length <= MAX_BODY - already:
        raise _BadRequestError(f"a body may have at most {MAX_BODY} bytes")
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client was quicker
