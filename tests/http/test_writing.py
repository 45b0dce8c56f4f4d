"""An answer's bytes, write by write, on gunicorn's own request and configuration."""

from __future__ import annotations

import re
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from router.http.writing import OneWrite


class Socket:
    """Notes what is written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.writes.append(bytes(data))


def writes(
    pieces: list[bytes],
    headers: list[tuple[str, str]],
    status: str = "200 OK",
    method: str = "GET",
    version: str = "1.1",
) -> list[bytes]:
    config, socket = Config(), Socket()
    asked = f"{method} / HTTP/{version}\r\nHost: a.test\r\n\r\n".encode()
    response: Any = OneWrite(Request(config, IterUnreader([asked]), ("127.0.0.1", 1)), socket, config)
    response.start_response(status, headers)
    for piece in pieces:
        response.write(piece)
    response.close()
    return [
        re.sub(rb"Date: [^\r]+ GMT", b"Date: now", re.sub(rb"Server: [^\r]+", b"Server: s", each))
        for each in socket.writes
    ]


HEAD = b"HTTP/1.1 200 OK\r\nServer: s\r\nDate: now\r\nConnection: keep-alive\r\n"


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param([b"abc"], [HEAD + b"Content-Length: 3\r\n\r\nabc"], id="whole"),
        pytest.param([b"a", b"bc"], [HEAD + b"Content-Length: 3\r\n\r\na", b"bc"], id="in pieces"),
        pytest.param([b"", b"abc"], [HEAD + b"Content-Length: 3\r\n\r\n", b"abc"], id="with nothing first"),
        pytest.param([b"abcdef"], [HEAD + b"Content-Length: 3\r\n\r\nabc"], id="more than it says"),
        pytest.param([], [HEAD + b"Content-Length: 3\r\n\r\n"], id="nothing"),
    ],
)
def test_the_head_goes_with_the_first_of_the_body(pieces: list[bytes], expected: list[bytes]) -> None:
    assert writes(pieces, [("Content-Length", "3")]) == expected


def test_chunks_come_behind_the_head() -> None:
    assert writes([b"abc"], []) == [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n"]


def test_what_has_no_body_gets_none() -> None:
    assert writes([], [("X-A", "b")], "204 No Content") == [
        HEAD.replace(b"200 OK", b"204 No Content") + b"X-A: b\r\n\r\n"
    ]
    assert writes([b"abc"], [("Content-Length", "3")], method="HEAD") == [HEAD + b"Content-Length: 3\r\n\r\n"]


def test_an_old_caller_is_answered_in_its_version() -> None:
    (answer,) = writes([b"abc"], [("Content-Length", "3")], version="1.0")
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert b"Connection: close\r\n" in answer
