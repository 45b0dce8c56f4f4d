"""The process that stands in for the providers, over real sockets, with a provider that repeats what it hears."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPConnection, RemoteDisconnected
from typing import Any, ClassVar

import pytest

from connectors.sandbox.base import Call, Reply
from connectors.sandbox.received import Received
from connectors.sandbox.registry import PROVIDERS
from connectors.sandbox.scenario import WishError
from connectors.sandbox.server import Sandbox


class Echo:
    name: ClassVar[str] = "echo"
    masked: ClassVar[frozenset[str]] = frozenset({"apiKey", "token"})
    modes: ClassVar[frozenset[str]] = frozenset({"upside_down"})

    def __init__(self) -> None:
        self.handled = 0

    def handle(self, call: Call, mode: str) -> Reply:
        self.handled += 1
        if call.path == "/broken":
            raise RuntimeError("a fault of the stand-in")
        if call.path == "/nothing":
            return Reply(204, accepted=True)
        if mode == "reject":
            return Reply(422, {"error": "told to"})
        seen = {"method": call.method, "path": call.path, "query": call.query, "url": call.url, "mode": mode}
        return Reply(200, seen | {"body": call.body.decode()}, {"X-Echo": "1"}, accepted=True)

    def clear(self) -> None:
        self.handled = 0


class Other(Echo):
    name: ClassVar[str] = "other"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(providers={"echo": Echo, "other": Other}) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[HTTPConnection]:
    connection = connect(sandbox)
    yield connection
    connection.close()


def connect(sandbox: Sandbox) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", int(sandbox.url.rpartition(":")[2]), timeout=10)


def call(client: HTTPConnection, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and decoded body of one request; a dict is sent as JSON."""
    data = json.dumps(body) if isinstance(body, dict) else body
    client.request(method, path, body=data, headers=headers)
    answer = client.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text and answer.headers.get_content_type() == "application/json" else text


def raw(sandbox: Sandbox, sent: bytes) -> bytes:
    """Everything that comes back on a connection of its own, until the server closes it."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_the_first_segment_names_the_provider_and_the_rest_is_its_path(
    sandbox: Sandbox, client: HTTPConnection
) -> None:
    status, seen = call(client, "PUT", "/echo/a%2Fb/c%20d?x=1&y=%20", b"hello", Host="here:1")
    assert status == 200
    assert seen == {
        "method": "PUT",
        "path": "/a%2Fb/c%20d",
        "query": "x=1&y=%20",
        "url": "http://here:1/echo/a%2Fb/c%20d?x=1&y=%20",
        "mode": "ok",
        "body": "hello",
    }


@pytest.mark.parametrize("path", ["/echo", "/echo/"])
def test_a_bare_prefix_is_the_path_slash(client: HTTPConnection, path: str) -> None:
    assert call(client, "GET", path)[1]["path"] == "/"


def test_an_unknown_provider_is_a_404_that_lists_those_there_are(client: HTTPConnection) -> None:
    status, body = call(client, "POST", "/nobody/x", {})
    assert (status, body["providers"]) == (404, ["echo", "other"])


def test_a_connection_is_kept_for_many_requests_and_survives_a_fault_of_the_provider(client: HTTPConnection) -> None:
    assert call(client, "GET", "/echo/one")[0] == 200
    used = client.sock
    assert call(client, "GET", "/echo/broken") == (500, {"error": "the sandbox itself failed: RuntimeError"})
    assert call(client, "GET", "/echo/nothing") == (204, b"")
    assert call(client, "HEAD", "/echo/three")[0] == 200
    assert call(client, "POST", "/echo/four", b"x" * 100_000)[0] == 200
    assert client.sock is used


WIRE = {
    "chunked": (
        b"POST /echo/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"3\r\nabc\r\n4;q=1\r\ndefg\r\n0\r\n\r\n",
        b'"body":"abcdefg"',
    ),
    "expects to be told to continue": (
        b"POST /echo/x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",
    ),
    "HTTP/1.0 is closed after one": (b"GET /echo/x HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 OK"),
    "not a request line": (b"hello\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
    "not a header": (b"GET /echo/x HTTP/1.1\r\nhello\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
    "not a length": (b"GET /echo/x HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
    "too long": (b"GET /echo/x HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
    "not a chunk": (b"GET /echo/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", b"HTTP/1.1 400 Bad Request"),
}


@pytest.mark.parametrize(("sent", "expected"), WIRE.values(), ids=WIRE)
def test_http_as_it_comes(sandbox: Sandbox, sent: bytes, expected: bytes) -> None:
    assert expected in raw(sandbox, sent)


def test_a_request_cut_short_is_not_received(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(b"POST /echo/x HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert sandbox.provider("echo").handled == 0


def test_what_was_accepted_is_listed_without_credentials(sandbox: Sandbox, client: HTTPConnection) -> None:
    body = {"apiKey": "hidden", "list": [{"token": "hidden", "name": "shown"}]}
    call(
        client,
        "POST",
        "/echo/a?token=hidden&b=%20",
        body,
        Authorization="hidden",
        **{"Api-Key": "hidden"},
        Cookie="hidden",
    )
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    call(client, "POST", "/echo/b", "grant=x&token=hidden", **form)
    call(client, "POST", "/echo/c", "just text")
    status, answer = call(client, "GET", "/_/received?connector=echo")
    assert status == 200
    assert "hidden" not in json.dumps(answer)
    first, second, third = answer["received"]
    assert (first["connector"], first["method"], first["path"]) == ("echo", "POST", "/a")
    assert first["query"] == "token=***&b=%20"
    assert first["body"] == {"apiKey": "***", "list": [{"token": "***", "name": "shown"}]}
    assert first["headers"]["authorization"] == first["headers"]["api-key"] == first["headers"]["cookie"] == "***"
    assert first["at"].endswith("Z")
    assert second["body"] == "grant=x&token=***"
    assert third["body"] == "just text"
    assert answer["received"] == sandbox.received("echo")


def test_what_was_refused_is_not_listed(sandbox: Sandbox, client: HTTPConnection) -> None:
    sandbox.scenario("echo", "reject")
    assert call(client, "POST", "/echo/x", {})[0] == 422
    assert sandbox.received("echo") == []
    assert sandbox.calls("echo") == 1


def test_received_of_all_providers_in_order_and_forgotten_one_by_one(sandbox: Sandbox, client: HTTPConnection) -> None:
    for path in ("/echo/1", "/other/2", "/echo/3"):
        call(client, "POST", path)
    assert [each["path"] for each in call(client, "GET", "/_/received")[1]["received"]] == ["/1", "/2", "/3"]
    call(client, "DELETE", "/_/received?connector=echo")
    assert [each["path"] for each in sandbox.received()] == ["/2"]
    call(client, "DELETE", "/_/received")
    assert sandbox.received() == []
    assert sandbox.provider("echo").handled == 2


def test_clear_makes_it_as_just_started(sandbox: Sandbox, client: HTTPConnection) -> None:
    call(client, "POST", "/echo/1")
    sandbox.scenario("echo", "error")
    sandbox.clear()
    assert call(client, "GET", "/_/providers")[1]["providers"] == [
        {"connector": "echo", "mode": "ok", "calls": 0, "accepted": 0},
        {"connector": "other", "mode": "ok", "calls": 0, "accepted": 0},
    ]
    assert sandbox.provider("echo").handled == 0


@pytest.mark.parametrize(
    ("calls", "size", "left"), [(3, 1 << 20, ["/7", "/8", "/9"]), (100, 25, ["/8", "/9"])], ids=["calls", "bytes"]
)
def test_only_the_latest_are_kept_but_all_are_counted(calls: int, size: int, left: list[str]) -> None:
    received = Received("echo", (), calls, size)
    for number in range(10):
        received.add(Call("POST", f"/{number}", "", {}, b"0123456789", ""), 0.0)
    assert [each.path for each, _ in received.kept()] == left
    assert received.total == 10


ANSWERS = {
    "error": ({}, 503, {}),
    "error, 500": ({"status": 500}, 500, {}),
    "rate_limited": ({}, 429, {"Retry-After": "1"}),
    "rate_limited until": (
        {"retry_after": "Wed, 21 Oct 2099 07:28:00 GMT"},
        429,
        {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"},
    ),
    "garbage": ({}, 200, {"Content-Type": "text/html; charset=utf-8"}),
}


@pytest.mark.parametrize(("details", "status", "headers"), ANSWERS.values(), ids=ANSWERS)
def test_a_scenario_answers_for_the_provider_and_ends(
    sandbox: Sandbox, client: HTTPConnection, request: pytest.FixtureRequest, details: Any, status: int, headers: Any
) -> None:
    mode = request.node.callspec.id.partition(",")[0].partition(" ")[0]
    wish = {"connector": "echo", "mode": mode, "for": 2, **details}
    assert call(client, "POST", "/_/scenario", wish) == (200, {"connector": "echo", "mode": mode, "for": 2})
    for _ in range(2):
        client.request("POST", "/echo/x", body=b"{}")
        answer = client.getresponse()
        answer.read()
        assert answer.status == status
        assert headers.items() <= dict(answer.headers).items()
    assert sandbox.provider("echo").handled == 0
    assert call(client, "POST", "/other/x")[0] == 200
    assert call(client, "POST", "/echo/x")[1]["mode"] == "ok"


def test_slow_answers_as_usual_after_a_while(sandbox: Sandbox, client: HTTPConnection) -> None:
    sandbox.scenario("echo", "slow", seconds=0.01)
    assert call(client, "GET", "/echo/x")[1]["mode"] == "ok"


def test_down_is_a_reset_before_anything_is_handled(sandbox: Sandbox, client: HTTPConnection) -> None:
    sandbox.scenario("echo", "down", 1)
    with pytest.raises((ConnectionError, BadStatusLine)):
        call(client, "POST", "/echo/x", b"x" * 1000)
    client.close()
    assert sandbox.provider("echo").handled == 0
    assert call(client, "POST", "/echo/x")[0] == 200


def test_commit_then_drop_keeps_the_call_and_says_nothing(sandbox: Sandbox, client: HTTPConnection) -> None:
    sandbox.scenario("echo", "commit_then_drop", 1)
    with pytest.raises(RemoteDisconnected):
        call(client, "POST", "/echo/x", {"a": 1})
    client.close()
    assert [each["body"] for each in sandbox.received("echo")] == [{"a": 1}]


def test_hang_never_answers_and_lets_go_when_the_client_leaves_or_the_sandbox_closes() -> None:
    with Sandbox(providers={"echo": Echo}) as sandbox:
        sandbox.scenario("echo", "hang")
        port = int(sandbox.url.rpartition(":")[2])
        leaver, stayer = (socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(2))
        for each in (leaver, stayer):
            each.sendall(b"GET /echo/x HTTP/1.1\r\n\r\n")
        leaver.close()
        assert select.select([stayer], [], [], 0.05)[0] == []
    assert stayer.recv(100) == b""
    stayer.close()
    assert sandbox.provider("echo").handled == 0


def test_a_mode_of_the_providers_own_reaches_it(sandbox: Sandbox, client: HTTPConnection) -> None:
    sandbox.scenario("echo", "upside_down", 1)
    assert [call(client, "GET", "/echo/x")[1]["mode"] for _ in range(2)] == ["upside_down", "ok"]


WISHES = {
    "no JSON": (b"{", "Expecting"),
    "no object": (b"[]", "body"),
    "no mode": ({"connector": "echo"}, "mode"),
    "no such connector": ({"connector": "nobody", "mode": "ok"}, "echo, other"),
    "no such mode": ({"connector": "echo", "mode": "sideways"}, "upside_down"),
    "no number": ({"connector": "echo", "mode": "error", "for": "3"}, "for:"),
    "zero": ({"connector": "echo", "mode": "error", "for": 0}, "for:"),
    "unknown detail": ({"connector": "echo", "mode": "error", "code": 500}, "status"),
    "detail of the wrong type": ({"connector": "echo", "mode": "error", "status": "x"}, "status: 'x' is not a int"),
}


@pytest.mark.parametrize(("wish", "hint"), WISHES.values(), ids=WISHES)
def test_a_wish_that_cannot_be_is_a_400_that_says_why(client: HTTPConnection, wish: Any, hint: str) -> None:
    status, body = call(client, "POST", "/_/scenario", wish)
    assert status == 400
    assert hint in body["error"]
    assert call(client, "POST", "/echo/x")[0] == 200


def test_controls_that_do_not_exist_are_404(client: HTTPConnection) -> None:
    assert call(client, "GET", "/_/nothing")[0] == 404


def test_a_name_nobody_has_is_refused_by_its_methods_too(sandbox: Sandbox) -> None:
    with pytest.raises(WishError, match="echo, other"):
        sandbox.received("nobody")


def test_thousands_of_calls_from_many_threads_are_all_received_once(sandbox: Sandbox) -> None:
    def run(worker: int) -> None:
        connection = connect(sandbox)
        for number in range(250):
            assert call(connection, "POST", f"/echo/{worker}/{number}", {"n": number})[0] == 200
        connection.close()

    threads = [threading.Thread(target=run, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each["path"] for each in sandbox.received("echo")}) == sandbox.calls("echo") == 2000


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_the_process_says_when_it_is_ready_and_stops_when_told(how: signal.Signals) -> None:
    command = [sys.executable, "-m", "connectors.sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = int(line.split("127.0.0.1:")[1].split()[0])
        client = HTTPConnection("127.0.0.1", port, timeout=10)
        assert call(client, "GET", "/_/providers")[0] == 200
        os.kill(process.pid, how)
        assert process.wait(10) == 0
        client.close()


def test_a_port_that_is_taken_is_said(sandbox: Sandbox) -> None:
    port = sandbox.url.rpartition(":")[2]
    command = [sys.executable, "-m", "connectors.sandbox", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr


def test_each_provider_tells_its_demo_account() -> None:
    with Sandbox() as sandbox:
        connection = connect(sandbox)
        told = call(connection, "GET", "/_/credentials")[1]["credentials"]
        connection.close()
    assert {name: bool(options) for name, options in told.items()} == dict.fromkeys(PROVIDERS, True)
