"""A rehearsal shows what production would send, and nothing that may not be seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Token
from connectors.dry import DryTokens, DryWire, HttpRequest, Stopped
from connectors.http import HttpWire
from connectors.tokens import MemoryTokens
from tests.connectors.line import Line, Peer

SECRET = "s3cr3t/+ü"


def rehearse(method: str = "POST", url: str = "https://api.example.com/x", **request: Any) -> HttpRequest:
    with pytest.raises(Stopped) as stopped:
        DryWire().call(method, url, **request)
    return stopped.value.request


def test_it_is_the_request_that_the_wire_would_send() -> None:
    sent: list[tuple[str, dict[str, str], bytes]] = []

    def keep(peer: Peer) -> None:
        sent.append(peer.request())
        peer.answer()

    request: dict[str, Any] = {
        "headers": {"Authorization": "Bearer x"},
        "json": {"name": "Åsa"},
        "sign": lambda method, url, headers, body: {"X-Signature": f"{method} {len(body)}"},
    }
    with Line(keep) as line:
        wire = HttpWire(2, 5, allow_private=True)
        wire.call("PUT", line.url + "/ö?q=1", **request)
        wire.close()
        dry = rehearse("PUT", line.url + "/ö?q=1", **request)
    first_line, headers, body = sent[0]
    assert first_line == f"{dry.method} {dry.url.removeprefix(f'http://127.0.0.1:{line.port}')} HTTP/1.1"
    assert headers == {name.lower(): value for name, value in dry.headers.items()} | {
        "host": f"127.0.0.1:{line.port}",
        "content-length": str(len(body)),
    }
    assert body == dry.body


@pytest.mark.parametrize(
    "name",
    ["Authorization", "proxy-authorization", "API-KEY", "X-Api-Key", "Cookie", "X-Auth-Token", "X-Client-Secret"],
)
def test_headers_that_carry_credentials_are_masked(name: str) -> None:
    assert rehearse(headers={name: "whatever"}).masked([])["headers"][name] == "***"


@pytest.mark.parametrize(
    ("request_", "shown"),
    [
        pytest.param(
            {"json": {"apiKey": "k", "sha": "1", "a": 1}}, {"apiKey": "***", "sha": "***", "a": 1}, id="members"
        ),
        pytest.param({"json": [{"deep": {"APIKEY": {"x": 1}}}]}, [{"deep": {"APIKEY": "***"}}], id="nested members"),
        pytest.param({"json": {"note": f"is {SECRET}!"}}, {"note": "is ***!"}, id="a secret inside a value"),
        pytest.param({"json": {SECRET: True}}, {"***": True}, id="a secret as a name"),
        pytest.param({"json": {"id": 4711, "n": 47, "t": True}}, {"id": "***", "n": 47, "t": True}, id="a number"),
        pytest.param({"data": f"text {SECRET}".encode()}, "text ***", id="text"),
        pytest.param({"data": b"\xff\xfe"}, "\ufffd\ufffd", id="bytes"),
        pytest.param({}, None, id="nothing"),
        pytest.param(
            {"data": b"apiKey=k&grant=a+b", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
            "apiKey=***&grant=a+b",
            id="a form",
        ),
    ],
)
def test_bodies(request_: dict[str, Any], shown: Any) -> None:
    assert rehearse(**request_).masked([SECRET, "4711", ""], {"apiKey", "sha"})["body"] == shown


def test_a_secret_in_the_url_is_masked_however_it_is_written() -> None:
    request = rehearse("GET", "https://api.example.com/s3cr3t%2F%2B%C3%BC/x?apiKey=k&q=s3cr3t%2F%2B%C3%BC&r=a%20b")
    assert request.masked([SECRET], {"apiKey"})["url"] == "https://api.example.com/***/x?apiKey=***&q=***&r=a+b"


def test_the_rest_of_a_url_is_shown_as_it_is() -> None:
    url = "https://api.example.com/a%20b?user_id=a%7Cb&user_id=c"
    assert rehearse("DELETE", url).masked([SECRET], {"apiKey"})["url"] == url


@given(st.text(min_size=4), st.text(), st.text())
def test_no_secret_is_shown(secret: str, before: str, after: str) -> None:
    request = HttpRequest(
        "POST",
        "https://api.example.com/",
        {"X-Note": f"{before}{secret}{after}"},
        f"{before}{secret}{after}".encode("utf-8", "replace"),
    )
    if not any(0xD800 <= ord(char) < 0xE000 for char in secret):
        shown = request.masked([secret])
        assert secret not in shown["headers"]["X-Note"].replace("***", "")


def test_a_request_does_not_print_itself() -> None:
    assert SECRET not in repr(rehearse(headers={"Authorization": SECRET}, json={"a": SECRET}))


# ---- tokens ----------------------------------------------------------------------------------------------------------


class Mint:
    def __init__(self, lifetime: float = 60) -> None:
        self.made = 0
        self._lifetime = timedelta(seconds=lifetime)

    def __call__(self) -> Token:
        self.made += 1
        return Token(f"token-{self.made}", datetime.now(UTC) + self._lifetime)


def test_a_rehearsal_fetches_no_token() -> None:
    mint = Mint()
    assert DryTokens().get(mint) == "dry-run"
    assert mint.made == 0


def test_a_token_is_fetched_once() -> None:
    tokens, mint = MemoryTokens(), Mint()
    assert [tokens.get(mint), tokens.get(mint)] == ["token-1", "token-1"]


def test_a_token_that_was_refused_is_replaced_once() -> None:
    tokens, mint = MemoryTokens(), Mint()
    tokens.get(mint)
    assert [tokens.get(mint, stale="token-1"), tokens.get(mint, stale="token-1")] == ["token-2", "token-2"]


def test_an_expired_token_is_replaced() -> None:
    tokens, mint = MemoryTokens(), Mint(lifetime=-1)
    assert [tokens.get(mint), tokens.get(mint)] == ["token-1", "token-2"]


def test_a_failed_fetch_leaves_nothing_behind() -> None:
    tokens, mint = MemoryTokens(), Mint()

    def fail() -> Token:
        raise ConnectionError("away")

    tokens.get(mint)
    with pytest.raises(ConnectionError):
        tokens.get(fail, stale="token-1")
    assert tokens.get(mint) == "token-2"


def test_callers_at_once_wait_for_one_fetch() -> None:
    tokens, mint, together = MemoryTokens(), Mint(), Barrier(8)

    def caller(_: int) -> str:
        together.wait(5)
        return tokens.get(mint)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(caller, range(8))) == {"token-1"}
