"""The line between two processes, made bad on purpose: a fault that does nothing would prove nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from tests.faults.proxy import HOST, Line, Proxy


class _Echo(StreamRequestHandler):
    def handle(self) -> None:
        with suppress(ConnectionError):
            for line in self.rfile:
                self.wfile.write(line)


@pytest.fixture(scope="module")
def made() -> Iterator[Proxy]:
    """In front of a server that says everything again."""
    with ThreadingTCPServer((HOST, 0), _Echo) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        with Proxy((HOST, server.server_address[1])) as proxy:
            yield proxy
        server.shutdown()


@pytest.fixture
def proxy(made: Proxy) -> Proxy:
    """A good line."""
    made.be(Line.PASS)
    made.delay(0.0)
    return made


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), timeout=5)


def said(connection: socket.socket, word: bytes) -> bytes:
    connection.sendall(word + b"\n")
    return connection.recv(100)


def test_it_passes_on(proxy: Proxy) -> None:
    with connected(proxy) as line:
        assert said(line, b"hello") == b"hello\n"


def test_a_cut_line_is_reset_and_a_new_one_works(proxy: Proxy) -> None:
    with connected(proxy) as line:
        assert said(line, b"hello") == b"hello\n"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            line.recv(100)
    with connected(proxy) as line:
        assert said(line, b"again") == b"again\n"


def test_a_black_hole_swallows_until_it_ends(proxy: Proxy) -> None:
    with connected(proxy) as line:
        assert said(line, b"hello") == b"hello\n"
        proxy.be(Line.BLACKHOLE)
        line.settimeout(0.2)
        with pytest.raises(TimeoutError):
            said(line, b"lost?")
        with connected(proxy) as other:
            other.settimeout(0.2)
            with pytest.raises(TimeoutError):
                said(other, b"hello")
        line.settimeout(5)
        proxy.be(Line.PASS)
        assert line.recv(100) == b"lost?\n"


def test_what_is_forgotten_stays_dead_and_a_new_line_works(proxy: Proxy) -> None:
    with connected(proxy) as line:
        assert said(line, b"hello") == b"hello\n"
        proxy.forget()
        line.settimeout(0.2)
        with pytest.raises(TimeoutError):
            said(line, b"lost")
        with connected(proxy) as other:
            assert said(other, b"hello") == b"hello\n"


def test_what_refuses_takes_nobody_until_it_passes_again(proxy: Proxy) -> None:
    proxy.be(Line.REFUSE)
    with pytest.raises(ConnectionRefusedError):
        connected(proxy)
    proxy.be(Line.PASS)
    with connected(proxy) as line:
        assert said(line, b"hello") == b"hello\n"


def test_what_is_delayed_arrives(proxy: Proxy) -> None:
    proxy.delay(0.05)
    with connected(proxy) as line:
        assert said(line, b"hello") == b"hello\n"
