"""How an answer goes out: its head and body in one write, where gunicorn has two, with a date made once a second."""

from __future__ import annotations

import time
from functools import lru_cache

from gunicorn.http.wsgi import Response
from gunicorn.util import http_date


class OneWrite(Response):
    """gunicorn's response, whose head waits for the first of the body, or for the end."""

    def send_headers(self) -> None:
        if self.headers_sent:
            return
        major, minor = self.req.version or (1, 1)
        lines = [
            f"HTTP/{major}.{minor} {self.status}",
            f"Server: {self.version}",
            f"Date: {_date(int(time.time()))}",
            f"Connection: {'close' if self.should_close() else 'keep-alive'}",
            *(["Transfer-Encoding: chunked"] if self.chunked else []),
            *[f"{name}: {value}" for name, value in self.headers],
            "\r\n",
        ]
        self._head = "\r\n".join(lines).encode("latin-1")
        self.headers_sent = True

    def close(self) -> None:
        self.send_headers()
        self._send_head()
        super().close()

    def _emit_body(self, data: bytes) -> None:
        if self.chunked:
            self._send_head()
            super()._emit_body(data)  # type: ignore[misc]  # newer than the stubs
        else:
            self._send_head(data)

    def _send_head(self, body: bytes = b"") -> None:
        """With what comes of the body at once; it goes but once."""
        whole, self._head = self._head + body, b""
        if whole:
            self.sock.sendall(whole)


@lru_cache(1)
def _date(second: int) -> str:
    return http_date(second)
