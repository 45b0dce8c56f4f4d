"""How a destination's channel comes to be: from the set in force and the secrets, anew when either changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet

from connectors.base import Kind, Outcome, Token
from connectors.errors import NotSent
from connectors.http import HttpWire
from connectors.sandbox.server import Sandbox
from connectors.sandbox.webhook import SECRET
from router import callback
from router.config import CALLBACK, ROUTE, Config
from router.judge import Policy
from router.ledger.memory import MemoryLedger
from router.mapping import Source
from router.model import Action, DueDelivery, Entity, Environment, NewRecord, NewRequest, new_request_id
from router.publish import publish
from router.settings import Settings
from router.vault import Vault
from tests.router.test_judge import a_delivery
from tests.workers.floor import Told
from workers.channel import Channel
from workers.channels import Channels, SharedTokens

KEY = Fernet.generate_key().decode()
CLIENT = """
client: shop
callback: {url: {setting: sandbox_url, path: /webhook/told}, secret: callback}
groups:
  main_group:
    integrations:
"""
HOOK = (
    "      {name}: {{connector: webhook, options: {{url: {{setting: sandbox_url, path: /webhook}}}},"
    " secrets: {{secret: hook}}{more}}}\n"
)
PERSON = "entity: profile\ntype: person\nhard_id: [customer_id]\nfields: {customer_id: {type: string}}\n"


@pytest.fixture(scope="module")
def site() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(site: Sandbox) -> Sandbox:
    site.clear()
    return site


class Desk:
    """A ledger with a set, and the channels that a worker has on it. wait: lets the clock go on."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.ledger = MemoryLedger()
        self.vault = Vault([KEY])
        self.now = 100.0
        settings = Settings(
            database_url="postgresql://nowhere/",
            broker_url="memory://",
            secret_keys=(KEY,),
            allow_private_targets=True,
            links={"sandbox_url": sandbox.url},
        )
        config = Config(self.ledger, clock=self.clock)
        self.channels = Channels(self.ledger, config, self.vault, settings, clock=self.clock)

    def clock(self) -> float:
        return self.now

    def publish(self, *names: str, more: str = "") -> None:
        hooks = "".join(HOOK.format(name=name, more=more) for name in names) or "      {}\n"
        publish(
            self.ledger,
            [Source("shop/client.yaml", CLIENT + hooks), Source("shop/profile.person.yaml", PERSON)],
            "ada",
            "",
        )

    def set_secret(self, name: str, value: str = SECRET, vault: Vault | None = None) -> None:
        self.ledger.set_secret("shop", name, (vault or self.vault).seal(value))

    def accept(self) -> UUID:
        request = NewRequest(
            request_id=new_request_id(),
            client="shop",
            environment=Environment.PRODUCTION,
            surface="v2",
            group="main_group",
            entity=Entity.PROFILE,
            type="person",
            action=Action.UPSERT,
            mapping_version="sha256:1",
            credential="AKIDEXAMPLE",
            route=self.number(ROUTE),
            callback=self.number(CALLBACK),
            records=[NewRecord("{}", uuid4())],
        )
        return self.ledger.accept(request).request_id

    def number(self, integration: str) -> int:
        return next(n for n, place in self.ledger.destinations().items() if place.integration == integration)

    def send(self, integration: str, delivery: DueDelivery | None = None) -> Kind:
        (outcome,) = self.channels.of(self.number(integration)).send([delivery or a_delivery(operation="send")])
        return outcome.kind


@pytest.fixture
def desk(sandbox: Sandbox) -> Desk:
    made = Desk(sandbox)
    made.publish("hook")
    return made


def test_it_speaks_to_what_is_configured(desk: Desk, sandbox: Sandbox) -> None:
    desk.set_secret("hook")
    assert desk.send("hook") is Kind.DELIVERED
    assert len(sandbox.received("webhook")) == 1


def test_it_is_kept_while_nothing_changes(desk: Desk) -> None:
    desk.set_secret("hook")
    first = desk.channels.of(desk.number("hook"))
    desk.now += 10.0
    assert desk.channels.of(desk.number("hook")) is first


def test_it_is_built_anew_under_a_new_set(desk: Desk) -> None:
    desk.set_secret("hook")
    assert desk.channels.of(desk.number("hook")).at_once == 8
    desk.publish("hook", more=", budget: {concurrent: 2}")
    desk.now += 10.0
    assert desk.channels.of(desk.number("hook")).at_once == 2


def test_what_was_published_a_moment_ago_is_known_at_once(desk: Desk) -> None:
    desk.set_secret("hook")
    desk.channels.of(desk.number("hook"))
    desk.publish("hook", "new")
    assert desk.send("new") is Kind.DELIVERED


def test_without_its_secret_it_refuses_and_says_what_to_do(desk: Desk) -> None:
    channel = desk.channels.of(desk.number("hook"))
    (outcome,) = channel.send([a_delivery(operation="send")])
    assert outcome.kind is Kind.REFUSED
    assert "router secrets set shop hook" in outcome.reason


def test_a_secret_that_is_set_is_used_within_seconds(desk: Desk) -> None:
    assert desk.send("hook") is Kind.REFUSED
    desk.set_secret("hook")
    desk.now += 3.0
    assert desk.send("hook") is Kind.DELIVERED


def test_a_secret_under_a_key_that_is_gone_is_told(desk: Desk) -> None:
    desk.set_secret("hook", vault=Vault([Fernet.generate_key().decode()]))
    channel = desk.channels.of(desk.number("hook"))
    assert "opens with none of ROUTER_SECRET_KEYS" in channel.broken


def test_options_that_are_wrong_are_named_without_their_values(desk: Desk) -> None:
    desk.set_secret("hook", "not-a-webhook-secret")
    channel = desk.channels.of(desk.number("hook"))
    assert channel.broken.startswith("options: secret")
    assert "not-a-webhook-secret" not in channel.broken


def test_an_integration_that_is_gone_refuses_by_name(desk: Desk) -> None:
    number = desk.number("hook")
    desk.publish("other")
    desk.now += 10.0
    assert "shop/main_group/hook is no longer in the mapping set" in desk.channels.of(number).broken


# ---- callbacks


def a_callback(request_id: UUID) -> DueDelivery:
    payload = {"type": "request.completed", "deliveryId": None}
    return a_delivery(request_id=request_id, operation=callback.OPERATION, payload=payload)


def test_a_callback_tells_the_request_as_it_stands(desk: Desk, sandbox: Sandbox) -> None:
    desk.set_secret("callback")
    request_id = desk.accept()
    assert desk.send(CALLBACK, a_callback(request_id)) is Kind.DELIVERED
    (received,) = sandbox.received("webhook")
    assert received["path"] == "/told"
    assert received["body"].keys() == {"type", "timestamp", "data"}
    assert received["body"]["type"] == "request.completed"
    assert received["body"]["data"]["requestId"] == str(request_id)
    assert not {"history", "callbacks"} & received["body"]["data"].keys()


def test_a_callback_whose_request_is_gone_is_tried_again(desk: Desk) -> None:
    desk.set_secret("callback")
    assert desk.send(CALLBACK, a_callback(uuid4())) is Kind.RETRYABLE


def test_a_callback_without_its_secret_refuses(desk: Desk) -> None:
    assert desk.send(CALLBACK, a_callback(uuid4())) is Kind.REFUSED


def test_callbacks_go_out_one_by_one_and_may_be_repeated(desk: Desk) -> None:
    desk.set_secret("callback")
    channel = desk.channels.of(desk.number(CALLBACK))
    assert (channel.batch(callback.OPERATION), channel.repeat_safe(callback.OPERATION)) == (1, True)


# ---- time


class Asking(Told):
    """Makes one request for each command."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.wire = HttpWire(allow_private=True)
        self.answer = lambda commands: [self.ask(url) for _ in commands]

    def ask(self, url: str) -> Outcome:
        try:
            return Outcome(Kind.DELIVERED, status=self.wire.call("POST", url, json={}).status)
        except NotSent as error:
            return Outcome(Kind.RETRYABLE, str(error))


@pytest.mark.parametrize(("patience", "kind"), [(60.0, Kind.DELIVERED), (-1.0, Kind.RETRYABLE)])
def test_a_connector_begins_nothing_when_its_time_is_up(sandbox: Sandbox, patience: float, kind: Kind) -> None:
    channel = Channel(Policy(), Asking(sandbox.url_of("webhook")), patience=patience)
    assert [outcome.kind for outcome in channel.send([a_delivery(operation="upsert_contact")] * 2)] == [kind] * 2
    assert sandbox.calls("webhook") == (0 if kind is Kind.RETRYABLE else 2)


def test_the_last_request_ends_in_time(desk: Desk) -> None:
    desk.set_secret("hook")
    assert desk.channels.of(desk.number("hook")).patience == 40.0  # and twenty for the one that has begun


# ---- tokens


def token(value: str, seconds: float = 60.0) -> Token:
    return Token(value, datetime.now(UTC) + timedelta(seconds=seconds))


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


def tokens(ledger: MemoryLedger) -> SharedTokens:
    """Those of one process."""
    return SharedTokens(ledger, Vault([KEY]), "acme")


def refuse() -> Token:
    raise AssertionError("there is one already")


def test_a_token_is_fetched_once_for_all_processes(ledger: MemoryLedger) -> None:
    assert tokens(ledger).get(lambda: token("first")) == "first"
    assert tokens(ledger).get(refuse) == "first"


def test_a_token_is_kept_encrypted(ledger: MemoryLedger) -> None:
    tokens(ledger).get(lambda: token("first"))
    kept = ledger.token("acme")
    assert kept is not None
    assert b"first" not in kept[0]


def test_a_token_that_ended_is_fetched_anew(ledger: MemoryLedger) -> None:
    ours = tokens(ledger)
    ours.get(lambda: token("first", -1.0))
    assert ours.get(lambda: token("second")) == "second"


def test_who_waits_for_a_token_that_cannot_be_had_does_not_ask_in_turn(ledger: MemoryLedger) -> None:
    asked, fetched = threading.Semaphore(0), []

    def clock() -> float:
        asked.release()
        return time.monotonic()

    def fails() -> Token:
        fetched.append([asked.acquire(timeout=10) for _ in range(8)])
        raise LookupError("refused")

    ours = SharedTokens(ledger, Vault([KEY]), "acme", clock=clock)
    with ThreadPoolExecutor(8) as callers:
        told = [call.exception(20) for call in [callers.submit(ours.get, fails) for _ in range(8)]]
    assert [str(each) for each in told] == ["refused"] * 8
    assert len(fetched) == 1
    assert ours.get(lambda: token("later")) == "later"


def test_a_stale_token_is_fetched_anew_and_one_that_another_process_fetched_is_used(ledger: MemoryLedger) -> None:
    first, second = tokens(ledger), tokens(ledger)
    first.get(lambda: token("old"))
    assert second.get(refuse) == "old"
    assert first.get(lambda: token("new"), stale="old") == "new"
    assert second.get(refuse, stale="old") == "new"
