"""A server that does to a connection whatever a test says, byte by byte, plain or under TLS."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

Script = Callable[["Peer"], None]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Peer:
    """One accepted connection."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        self.connection = connection
        self.number = number  # 1 for the first connection of the server
        self._buffer = bytearray()

    def request(self) -> tuple[str, dict[str, str], bytes]:
        """One request read to its end: request line, headers (lower case), body. Raises EOFError when there is none."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        length = int(headers.get("content-length", 0))
        while len(self._buffer) < length:
            self._more()
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return line, headers, body

    def answer(self, data: bytes = OK) -> None:
        self.connection.sendall(data)

    def reset(self) -> None:
        """Close so that the other side sees a reset, not an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def closed_within(self, seconds: float) -> bool:
        """Whether the other side leaves; it is expected to say nothing more."""
        self.connection.settimeout(seconds)
        try:
            return not self.connection.recv(1)
        except TimeoutError:
            return False

    def wait_until_left(self) -> None:
        while self.connection.recv(65536):
            pass

    def _more(self) -> None:
        data = self.connection.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data


class Line:
    """Runs `script` for every connection to 127.0.0.1; what clients do to it is not its concern."""

    def __init__(
        self, script: Script, tls: ssl.SSLContext | None = None, family: socket.AddressFamily = socket.AF_INET
    ):
        self._script = script
        self._tls = tls
        self._server = socket.create_server(("127.0.0.1" if family == socket.AF_INET else "::1", 0), family=family)
        self.port = int(self._server.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/path"
        self._peers: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    @property
    def connections(self) -> int:
        return len(self._peers)

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(5)
        self._server.close()
        for peer in self._peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            self._peers.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, len(self._peers)), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            self._script(Peer(connection, number))
        except (OSError, EOFError):
            pass
        finally:
            connection.close()
