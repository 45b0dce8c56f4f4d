"""Who calls how, and still has an answer: connections and the receiver's threads, over sockets."""

from __future__ import annotations

import http.client
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.http.test_gunicorn import answers, gunicorn
from tests.support.conditions import eventually
from tests.support.processes import children

CALL = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
MANY = 60
"""Far more than the threads of two workers."""


@pytest.fixture(scope="module")
def url(module_database_url, tmp_path_factory) -> Iterator[str]:
    with gunicorn(module_database_url, tmp_path_factory.mktemp("threads") / "log") as (url, _):
        yield url


def connect(url: str) -> socket.socket:
    where = urlsplit(url)
    return socket.create_connection((where.hostname, where.port), timeout=10)


def answered(connection: socket.socket) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(connection)
    response.begin()
    response.read()
    return response


def test_those_who_connect_and_say_nothing_keep_no_thread(url):
    with ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(connect(url))
        assert requests.get(f"{url}/healthz", timeout=5).status_code == 200


def test_those_who_stay_after_their_call_keep_no_thread(url):
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(url)) for _ in range(MANY)]
        for _ in range(3):
            for connection in connections:
                connection.sendall(CALL)
            assert {answered(connection).status for connection in connections} == {200}


def test_those_who_vanish_end_no_thread(url):
    for sent in (b"", b"POST /v2/profiles HTTP/1.1\r\nContent-Le", CALL) * MANY:
        with connect(url) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close with a reset
            connection.sendall(sent)
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(url)) for _ in range(MANY)]
        for connection in connections:
            connection.sendall(CALL)
        assert {answered(connection).status for connection in connections} == {200}


def test_several_calls_in_one_packet_are_answered_in_their_order(url):
    post = b"POST /v2/profiles HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    with connect(url) as connection, connection.makefile("rb") as stream:
        connection.sendall(CALL + post + CALL + b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        told = stream.read()
    statuses = [int(part[:3]) for part in told.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 403, 200, 404]


def test_those_whose_body_nobody_read_keep_no_thread(url):
    body = b"x" * 20_000
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(url)) for _ in range(MANY)]
        for _ in range(2):
            for connection in connections:
                connection.sendall(CALL[:-2] + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert {answered(connection).status for connection in connections} == {200}


def test_an_answer_that_breaks_off_is_not_followed_by_another(module_database_url, tmp_path):
    log = tmp_path / "log"
    with gunicorn(module_database_url, log, "--workers", "1", app="tests.http.careless:app") as (url, _):
        with connect(url) as connection, connection.makefile("rb") as stream:
            connection.sendall(CALL.replace(b"healthz", b"breaks") + CALL)
            assert stream.read().partition(b"\r\n\r\n")[2] == b"abc"
        assert requests.get(url, timeout=5).text == "abcdef"
    assert "an answer broke off" in log.read_text()


def test_a_worker_ends_after_so_many_calls_and_another_goes_on(module_database_url, tmp_path):
    options = ("--workers", "1", "--max-requests", "3")
    with gunicorn(module_database_url, tmp_path / "log", *options) as (url, process):
        first = children(process.pid)
        eventually(lambda: answers(f"{url}/healthz", 200) and other(process, first))


def other(process: subprocess.Popen[bytes], workers: list[int]) -> bool:
    """Whether it has one worker, which is not one of these."""
    return len(now := children(process.pid)) == 1 and now != workers


def test_a_connection_is_kept_while_it_is_used_and_then_closed(module_database_url, tmp_path):
    with gunicorn(module_database_url, tmp_path / "log", "--keep-alive", "2") as (url, _), ExitStack() as stack:
        connection, silent = (stack.enter_context(connect(url)) for _ in range(2))
        connection.sendall(CALL)
        assert answered(connection).headers["Connection"] == "keep-alive"
        assert connection.recv(1) == b""
        assert silent.recv(1) == b""


def test_beyond_what_a_worker_holds_connections_are_not_kept(module_database_url, tmp_path):
    # Of two threads one may answer before the other, which has answered, has its connection among those kept.
    options = ("--workers", "1", "--threads", "1", "--worker-connections", "5")
    with gunicorn(module_database_url, tmp_path / "log", *options) as (url, _), ExitStack() as stack:
        kept = []
        for _ in range(12):
            connection = stack.enter_context(connect(url))
            connection.sendall(CALL)
            kept.append(answered(connection).headers["Connection"])
        assert kept == ["keep-alive"] * 4 + ["close"] * 8


def test_told_to_end_it_answers_who_is_calling_and_who_calls_at_once(module_database_url, tmp_path):
    with gunicorn(module_database_url, tmp_path / "log", "--workers", "1") as (url, process), ExitStack() as stack:
        calling, idle, quiet = (stack.enter_context(connect(url)) for _ in range(3))
        calling.sendall(CALL[:-2])
        (worker,) = children(process.pid)
        process.send_signal(signal.SIGTERM)
        eventually(lambda: says_goodbye(idle))
        with pytest.raises(ConnectionRefusedError):
            connect(url)
        calling.sendall(CALL[-2:])
        assert says_goodbye(calling, b"")
        assert quiet.recv(1) == b""
        assert process.wait(timeout=20) == 0
        assert not Path(f"/proc/{worker}").exists()


def says_goodbye(connection: socket.socket, sent: bytes = CALL) -> bool:
    """Whether the answer ends the connection."""
    connection.sendall(sent)
    return answered(connection).headers["Connection"] == "close"
