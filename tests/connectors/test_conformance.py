"""What every connector promises, held against every connector that is registered, over real sockets.

A connector needs nothing here but its line in the registry and a stand-in with `CREDENTIALS` and `SAMPLES`.
"""

from __future__ import annotations

import inspect
import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from marshmallow import Schema
from marshmallow.fields import Nested

from connectors.base import Command, Connector, Kind, Outcome, Token, Wire
from connectors.dry import DryTokens, DryWire, Stopped
from connectors.http import HttpWire
from connectors.registry import connector, load
from connectors.sandbox import registry as sandboxes
from connectors.sandbox.server import Sandbox
from connectors.tokens import MemoryTokens
from tests.connectors.line import Line, Peer, Script
from tests.connectors.speaking import options, stand_in

NAMES = sorted(load())
OPERATIONS = [(name, operation) for name in NAMES for operation in connector(name).operations]
ENTITIES = frozenset({"profile", "event", "inventory", "device", "alias"})

each_connector = pytest.mark.parametrize("name", NAMES)
each_operation = pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=map("-".join, OPERATIONS))


class SeenTokens(MemoryTokens):
    """Remembers every token there was, to look for it where it should not be."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def get(self, fetch: Callable[[], Token], stale: str | None = None) -> str:
        token = super().get(fetch, stale)
        self.seen.add(token)
        return token


class Subject:
    """One operation of one connector, with what it was configured with."""

    def __init__(self, name: str, operation: str, base_url: str, wire: Wire) -> None:
        self.operation = operation
        self.promise = connector(name).operations[operation]
        self.options = options(name, base_url)
        self.tokens = SeenTokens()
        self.connector: Connector = connector(name)(self.options, wire, self.tokens)
        self.sample = stand_in(name).SAMPLES[operation]

    def send(self, *payloads: Mapping[str, Any]) -> list[Outcome]:
        made = [Command(f"delivery-{number}", payload) for number, payload in enumerate(payloads or (self.sample,))]
        return list(self.connector.send(self.operation, made))

    @property
    def secrets(self) -> set[str]:
        return secrets(type(self.connector), self.options) | self.tokens.seen

    @property
    def unanswered(self) -> Kind:
        return Kind.RETRYABLE if self.promise.repeat_safe else Kind.UNKNOWN


def secrets(kind: type[Connector], configured: Mapping[str, Any]) -> set[str]:
    named = [name for name, field in kind.options().fields.items() if field.metadata.get("secret")]
    values = [configured[name] for name in named if configured.get(name)]
    return {str(each) for value in values for each in (value if isinstance(value, list) else [value])}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.clear()
    return running


@pytest.fixture
def wire() -> Iterator[HttpWire]:
    made = HttpWire(5, 5, allow_private=True)
    yield made
    made.close()


@pytest.fixture
def hasty() -> Iterator[HttpWire]:
    made = HttpWire(0.3, 0.3, allow_private=True)
    yield made
    made.close()


# ---- what it declares ------------------------------------------------------------------------------------------------


def test_every_connector_has_a_stand_in() -> None:
    assert sandboxes.load().keys() == load().keys()


@each_connector
def test_its_options(name: str) -> None:
    fields = connector(name).options().fields
    assert {"connect_timeout", "timeout"} < fields.keys()
    assert {"base_url", "url"} & fields.keys()
    assert all(field.metadata.get("description") for field in fields.values()), "each says what it is for"
    assert secrets(connector(name), options(name, "https://example.com")), "no provider is open to everyone"


@each_operation
def test_its_operations(name: str, operation: str) -> None:
    promise = connector(name).operations[operation]
    assert promise.entities
    assert promise.entities <= ENTITIES
    assert 1 <= promise.batch <= promise.batch_cap
    assert promise.description
    assert promise.fields().validate(stand_in(name).SAMPLES[operation]) == {}


@each_connector
def test_it_never_sleeps_and_reads_no_environment(name: str) -> None:
    module = connector(name).__module__
    parts = [each for each in sys.modules if each == module or each.startswith(f"{module}_")]
    source = "\n".join(inspect.getsource(sys.modules[each]) for each in parts)
    assert "sleep(" not in source
    assert "environ" not in source
    assert "getenv" not in source


# ---- what it says ----------------------------------------------------------------------------------------------------


@each_operation
def test_a_sample_is_delivered(sandbox: Sandbox, wire: HttpWire, name: str, operation: str) -> None:
    [outcome] = Subject(name, operation, sandbox.url_of(name), wire).send()
    assert (outcome.kind, outcome.retry_after, outcome.retry_in) == (Kind.DELIVERED, None, None), outcome.reason
    assert sandbox.received(name)


@each_operation
def test_one_outcome_for_each_in_order(sandbox: Sandbox, wire: HttpWire, name: str, operation: str) -> None:
    subject = Subject(name, operation, sandbox.url_of(name), wire)
    outcomes = subject.send({"no such field": [[]]}, subject.sample)
    assert len(outcomes) == 2
    assert outcomes[1].delivered
    assert list(subject.connector.send(operation, [])) == []


def spoilt(schema: Schema, payload: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The payload with a null, and with a list, in the place of each field that there is, one at a time."""
    for name, field in schema.fields.items():
        yield {**payload, name: None}
        yield {**payload, name: [[]]}
        if isinstance(field, Nested):
            inner = payload.get(name)
            for each in spoilt(field.schema, inner if isinstance(inner, dict) else {}):
                yield {**payload, name: each}


@each_operation
def test_any_payload_is_answered(sandbox: Sandbox, wire: HttpWire, name: str, operation: str) -> None:
    subject = Subject(name, operation, sandbox.url_of(name), wire)
    for payload in spoilt(subject.promise.fields(), subject.sample):
        assert [type(outcome) for outcome in subject.send(payload, subject.sample)] == [Outcome] * 2, payload


@each_operation
def test_it_says_who_it_is(sandbox: Sandbox, wire: HttpWire, name: str, operation: str) -> None:
    Subject(name, operation, sandbox.url_of(name), wire).send()
    agents = {
        value
        for call in sandbox.received(name)
        for header, value in call["headers"].items()
        if header.lower() == "user-agent"
    }
    assert len(agents) == 1
    assert agents.pop().startswith("integration-router/")


STATUSES = (300, 301, 302, 307, 308, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 415, 418, 422, 425, 429)
FAILURES = (500, 501, 502, 503, 504, 520, 599)
NOT_AFTER_A_FAILURE = {Kind.DELIVERED, Kind.REJECTED, Kind.REFUSED}


@each_operation
def test_every_status_has_a_meaning(sandbox: Sandbox, wire: HttpWire, name: str, operation: str) -> None:
    subject = Subject(name, operation, sandbox.url_of(name), wire)
    subject.send()
    said = {}
    for status in STATUSES + FAILURES:
        sandbox.scenario(name, "error", status=status)
        [said[status]] = subject.send()
    assert {status for status, outcome in said.items() if outcome.delivered or not outcome.reason} == set()
    assert {status for status, outcome in said.items() if outcome.status != status} == set()
    assert {status for status in FAILURES if said[status].kind in NOT_AFTER_A_FAILURE} == set()
    assert said[429].kind is Kind.LIMITED
    assert {said[status].kind for status in (301, 302, 307, 308)} <= {Kind.REFUSED, Kind.REJECTED}


@each_operation
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_it_honours_retry_after(sandbox: Sandbox, wire: HttpWire, name: str, operation: str, form: str) -> None:
    subject = Subject(name, operation, sandbox.url_of(name), wire)
    subject.send()
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=3600), usegmt=True)
    told = "3600" if form == "seconds" else then
    sandbox.scenario(name, "rate_limited", retry_after=told)
    [limited] = subject.send()
    sandbox.scenario(name, "error", status=503, retry_after=told)
    [failed] = subject.send()
    assert limited.kind is Kind.LIMITED
    assert {3000 < (outcome.retry_after or 0) <= 3600 for outcome in (limited, failed)} == {True}


# ---- what had left ---------------------------------------------------------------------------------------------------


@each_operation
def test_what_was_not_sent_may_be_sent_again(name: str, operation: str) -> None:
    def nowhere(host: str, port: int) -> list[str]:
        return []

    wire = HttpWire(1, 1, allow_private=True, resolve=nowhere)
    outcomes = Subject(name, operation, "http://nowhere.test", wire).send(*[stand_in(name).SAMPLES[operation]] * 2)
    assert {outcome.kind for outcome in outcomes} == {Kind.RETRYABLE}
    assert {outcome.status for outcome in outcomes} == {None}


@each_operation
@pytest.mark.parametrize("mode", ["hang", "commit_then_drop"])
def test_what_was_sent_may_only_be_sent_again_when_that_is_safe(
    sandbox: Sandbox, hasty: HttpWire, name: str, operation: str, mode: str
) -> None:
    subject = Subject(name, operation, sandbox.url_of(name), hasty)
    subject.send()  # tokens are fetched: what follows is the operation itself
    sandbox.scenario(name, mode)
    [outcome] = subject.send()
    assert (outcome.kind, outcome.status) == (subject.unanswered, None)
    assert outcome.reason


@pytest.mark.parametrize(
    ("name", "operation"), [pair for pair in OPERATIONS if connector(pair[0]).operations[pair[1]].repeat_safe]
)
def test_what_is_safe_to_repeat_ends_delivered(sandbox: Sandbox, wire: HttpWire, name: str, operation: str) -> None:
    subject = Subject(name, operation, sandbox.url_of(name), wire)
    sandbox.scenario(name, "commit_then_drop", 1)
    [first], [second], [third] = subject.send(), subject.send(), subject.send()
    assert first.kind is Kind.RETRYABLE
    assert [second.kind, third.kind] == [Kind.DELIVERED] * 2, second.reason


def endless(peer: Peer) -> None:
    peer.request()
    peer.answer(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        peer.answer(b" " * 65536)


def dripping(peer: Peer) -> None:
    peer.request()
    peer.answer(b"HTTP/1.1 200 OK\r\n")
    while not peer.closed_within(0.02):
        peer.answer(b"X: y\r\n")


@each_operation
@pytest.mark.parametrize("script", [endless, dripping])
def test_an_answer_without_end_is_none(hasty: HttpWire, name: str, operation: str, script: Script) -> None:
    with Line(script) as line:
        subject = Subject(name, operation, line.url, hasty)
        [outcome] = subject.send()
    assert outcome.kind in {Kind.RETRYABLE, subject.unanswered}


@each_operation
def test_a_redirect_is_not_followed(wire: HttpWire, name: str, operation: str) -> None:
    def elsewhere(peer: Peer) -> None:
        peer.request()
        peer.answer(f"HTTP/1.1 307 Moved\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n".encode())

    with Line(Peer.wait_until_left) as other, Line(elsewhere) as line:
        [outcome] = Subject(name, operation, line.url, wire).send()
        assert not outcome.delivered
        assert other.connections == 0


@each_operation
def test_a_private_address_is_not_called_in_production(sandbox: Sandbox, name: str, operation: str) -> None:
    [outcome] = Subject(name, operation, sandbox.url_of(name), HttpWire(1, 1)).send()
    assert outcome.kind is Kind.RETRYABLE
    assert sandbox.calls(name) == 0


# ---- what it keeps to itself -----------------------------------------------------------------------------------------

MODES = ("ok", "reject", "refuse_credentials", "error", "rate_limited", "garbage", "commit_then_drop", "down")


@each_operation
def test_no_secret_is_told(
    sandbox: Sandbox, wire: HttpWire, caplog: pytest.LogCaptureFixture, name: str, operation: str
) -> None:
    caplog.set_level(logging.DEBUG)
    subject = Subject(name, operation, sandbox.url_of(name), wire)
    told = []
    for mode in MODES:
        sandbox.scenario(name, mode)
        told += [repr(outcome) for outcome in subject.send()]
    text = "\n".join([*told, caplog.text, repr(subject.connector), repr(subject.connector.__dict__.get("_wire"))])
    assert [secret for secret in subject.secrets if secret in text] == []


@each_operation
def test_a_rehearsal_shows_the_request_and_no_secret(name: str, operation: str) -> None:
    kind, configured = connector(name), options(name, "https://provider.example.com/base")
    rehearsing = kind(configured, DryWire(), DryTokens())
    with pytest.raises(Stopped) as stopped:
        rehearsing.send(operation, [Command("delivery-1", stand_in(name).SAMPLES[operation])])
    hidden = secrets(kind, configured)
    shown = json.dumps(stopped.value.request.masked(hidden, kind.masked), ensure_ascii=False)
    assert stopped.value.request.url.startswith("https://provider.example.com/base")
    assert [secret for secret in hidden if secret in shown] == []
