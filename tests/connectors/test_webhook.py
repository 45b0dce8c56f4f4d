"""Callbacks as a receiver sees them: signed so that the reference library agrees; and what each answer means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError
from standardwebhooks.webhooks import Webhook as Reference
from standardwebhooks.webhooks import WebhookVerificationError

from connectors import webhook
from connectors.base import Command, Kind, Outcome
from connectors.http import HttpWire
from connectors.sandbox.server import Sandbox
from connectors.sandbox.webhook import SAMPLES, SECRET
from connectors.tokens import MemoryTokens
from tests.connectors.line import Line, Peer

OTHER = "whsec_" + "A" * 32
PAYLOAD: dict[str, Any] = {"type": "request.completed", "data": {"name": "Åsa 🎉", "n": [1, None, {"deep": True}]}}


def connector(wire: HttpWire, url: str, **options: Any) -> webhook.Webhook:
    return webhook.Webhook(webhook.Options().load({"url": url, "secret": SECRET} | options), wire, MemoryTokens())


@pytest.fixture
def wire() -> Iterator[HttpWire]:
    made = HttpWire(2, 2, allow_private=True)
    yield made
    made.close()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def send(wire: HttpWire, url: str, payload: Any = PAYLOAD, **options: Any) -> Outcome:
    return connector(wire, url, **options).send("send", [Command("msg-1", payload)])[0]


def heard(wire: HttpWire, **options: Any) -> tuple[dict[str, str], bytes]:
    """Headers and body as they arrive at a receiver."""
    got: list[tuple[str, dict[str, str], bytes]] = []

    def keep(peer: Peer) -> None:
        got.append(peer.request())
        peer.answer()

    with Line(keep) as line:
        assert send(wire, line.url, **options).delivered
    return got[0][1], got[0][2]


# ---- signatures ------------------------------------------------------------------------------------------------------


def test_the_reference_library_verifies_it(wire: HttpWire) -> None:
    headers, body = heard(wire)
    assert Reference(SECRET).verify(body, headers) == PAYLOAD
    assert headers["webhook-id"] == "msg-1"
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("secrets", [f"{SECRET} {OTHER}", f"{OTHER}  {SECRET}"])
def test_while_a_secret_is_changed_both_verify(wire: HttpWire, secrets: str) -> None:
    headers, body = heard(wire, secret=secrets)
    assert Reference(SECRET).verify(body, headers) == Reference(OTHER).verify(body, headers) == PAYLOAD


def test_another_secret_does_not(wire: HttpWire) -> None:
    headers, body = heard(wire)
    with pytest.raises(WebhookVerificationError):
        Reference(OTHER).verify(body, headers)


def test_a_secret_needs_no_prefix(wire: HttpWire) -> None:
    headers, body = heard(wire, secret=SECRET.removeprefix("whsec_"))
    assert Reference(SECRET).verify(body, headers) == PAYLOAD


def test_headers_may_be_added(wire: HttpWire) -> None:
    assert heard(wire, headers={"X-Shop": "42"})[0]["x-shop"] == "42"


TEXT = st.text(st.characters(codec="utf-8"))


@given(st.dictionaries(TEXT, st.recursive(st.none() | st.integers() | TEXT, st.lists, max_leaves=5)))
def test_any_object_is_taken(payload: dict[str, Any]) -> None:
    assert webhook.Anything().load(payload) == payload


# ---- answers ---------------------------------------------------------------------------------------------------------


def test_a_verified_message_is_delivered_once(wire: HttpWire, sandbox: Sandbox) -> None:
    speaking = connector(wire, sandbox.url_of("webhook"))
    sandbox.scenario("webhook", "commit_then_drop", 1)
    first = speaking.send("send", [Command("msg-1", SAMPLES["send"])])[0]
    second = speaking.send("send", [Command("msg-1", SAMPLES["send"], attempt=2)])[0]
    assert (first.kind, second.kind) == (Kind.RETRYABLE, Kind.DELIVERED)
    assert sandbox.provider("webhook").messages == {"msg-1": SAMPLES["send"]}
    assert sandbox.provider("webhook").repeats == 1


@pytest.mark.parametrize(
    ("mode", "details", "kind", "status"),
    [
        ("ok", {}, Kind.DELIVERED, 204),
        ("garbage", {}, Kind.DELIVERED, 200),
        ("gone", {}, Kind.REFUSED, 410),
        ("refuse_credentials", {}, Kind.RETRYABLE, 401),
        ("reject", {}, Kind.RETRYABLE, 400),
        ("rate_limited", {}, Kind.LIMITED, 429),
        ("error", {"status": 301}, Kind.REFUSED, 301),
        ("error", {"status": 308}, Kind.REFUSED, 308),
        ("error", {"status": 403}, Kind.RETRYABLE, 403),
        ("error", {"status": 404}, Kind.RETRYABLE, 404),
        ("error", {"status": 408}, Kind.RETRYABLE, 408),
        ("error", {"status": 413}, Kind.RETRYABLE, 413),
        ("error", {"status": 425}, Kind.RETRYABLE, 425),
        ("error", {"status": 500}, Kind.RETRYABLE, 500),
        ("error", {"status": 503}, Kind.RETRYABLE, 503),
        ("hang", {}, Kind.RETRYABLE, None),
        ("down", {}, Kind.RETRYABLE, None),
        ("commit_then_drop", {}, Kind.RETRYABLE, None),
    ],
)
def test_every_answer(sandbox: Sandbox, mode: str, details: dict[str, Any], kind: Kind, status: int | None) -> None:
    sandbox.scenario("webhook", mode, **details)
    wire = HttpWire(0.5, 0.5, allow_private=True)
    outcome = send(wire, sandbox.url_of("webhook"))
    wire.close()
    assert (outcome.kind, outcome.status) == (kind, status)
    assert outcome.delivered or outcome.reason


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_passed_on(wire: HttpWire, status: int) -> None:
    def busy(peer: Peer) -> None:
        peer.request()
        peer.answer(b"HTTP/1.1 %d Busy\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n" % status)

    with Line(busy) as line:
        assert send(wire, line.url).retry_after == 9


def test_the_wrong_secret_is_told_by_the_receiver(wire: HttpWire, sandbox: Sandbox) -> None:
    outcome = send(wire, sandbox.url_of("webhook"), secret=OTHER)
    assert (outcome.kind, outcome.status) == (Kind.RETRYABLE, 401)
    assert "no signature matches" in outcome.reason


def test_a_private_address_is_not_called_by_default(sandbox: Sandbox) -> None:
    outcome = send(HttpWire(2, 2), sandbox.url_of("webhook"))
    assert outcome.kind is Kind.RETRYABLE
    assert sandbox.calls("webhook") == 0


# ---- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"secret": SECRET}, "url"),
        ({"url": "https://me:x@example.com/", "secret": SECRET}, "url"),
        ({"url": "ftp://example.com/", "secret": SECRET}, "url"),
        ({"url": "https://example.com/"}, "secret"),
        ({"url": "https://example.com/", "secret": ""}, "secret"),
        ({"url": "https://example.com/", "secret": "whsec_c2hvcnQ="}, "secret"),
        ({"url": "https://example.com/", "secret": "whsec_not base64!"}, "secret"),
        ({"url": "https://example.com/", "secret": f"{SECRET} canary!"}, "secret"),
        ({"url": "https://example.com/", "secret": SECRET, "headers": {"Webhook-Id": "1"}}, "headers"),
        ({"url": "https://example.com/", "secret": SECRET, "headers": {"Host": "1"}}, "headers"),
        ({"url": "https://example.com/", "secret": SECRET, "headers": {"a b": "1"}}, "headers"),
        ({"url": "https://example.com/", "secret": SECRET, "headers": {"X": "canary\r\n"}}, "headers"),
        ({"url": "https://example.com/", "secret": SECRET, "timeout": 0}, "timeout"),
        ({"url": "https://example.com/", "secret": SECRET, "timeout": 3600}, "timeout"),
        ({"url": "https://example.com/", "secret": SECRET, "base_url": "https://x.test"}, "base_url"),
    ],
)
def test_options_that_cannot_work(options: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        webhook.Options().load(options)
    assert list(caught.value.messages_dict) == [field]
    assert "canary" not in str(caught.value)


def test_a_url_may_have_a_query() -> None:
    options = webhook.Options().load({"url": "https://example.com/hook?token=1", "secret": SECRET})
    assert options == {
        "url": "https://example.com/hook?token=1",
        "secret": SECRET,
        "headers": {},
        "connect_timeout": 5.0,
        "timeout": 20.0,
    }
