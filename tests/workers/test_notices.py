"""Operators are told of breakers at an address of theirs, and whoever tells never waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Command, Kind, Outcome
from connectors.sandbox.server import Sandbox
from connectors.sandbox.webhook import SECRET
from router.model import BreakerNews
from router.settings import BadSettings, Settings
from router.vault import Vault
from tests.support.conditions import eventually
from tests.workers.running import works_on
from workers import notices
from workers.notices import Notices

NEWS = BreakerNews("shop/main/crm", "open", "30 of 30 deliveries failed", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as serving:
        yield serving


def settings(**changes: Any) -> Settings:
    return Settings(database_url="postgresql://x", broker_url="memory://", secret_keys=(Vault.new_key(),), **changes)


def messages(sandbox: Sandbox) -> list[Any]:
    return list(sandbox.provider("webhook").messages.values())


@pytest.fixture
def told(sandbox: Sandbox) -> Iterator[Notices]:
    opened = notices.of(settings(operator_webhook=sandbox.url_of("webhook"), operator_webhook_secret=SECRET))
    yield opened
    opened.close()


def test_a_message_arrives_signed(sandbox: Sandbox, told: Notices) -> None:
    told.tell(NEWS)
    assert eventually(lambda: messages(sandbox)) == [
        {
            "type": "breaker.open",
            "timestamp": "2026-01-02T03:04:05Z",
            "data": {
                "integration": "shop/main/crm",
                "state": "open",
                "reason": "30 of 30 deliveries failed",
                "since": "2026-01-02T03:04:05Z",
            },
        }
    ]


class Receiver:
    """Answers as it is told to, and remembers what came. gate: closed while it hangs."""

    def __init__(self, *kinds: Kind) -> None:
        self.kinds = list(kinds)
        self.came: list[Command] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, command: Command) -> Outcome:
        self.came.append(command)
        self.gate.wait(30)
        return Outcome(self.kinds.pop(0) if self.kinds else Kind.DELIVERED)


def test_what_does_not_arrive_is_tried_again_under_its_id() -> None:
    receiver = Receiver(Kind.RETRYABLE, Kind.RETRYABLE)
    opened = Notices(receiver, pauses=(0.0, 0.0))
    opened.tell(NEWS)
    eventually(lambda: len(receiver.came) == 3)
    assert len({command.id for command in receiver.came}) == 1
    opened.close()


def test_what_never_arrives_makes_way() -> None:
    receiver = Receiver(Kind.RETRYABLE, Kind.REFUSED)
    opened = Notices(receiver, pauses=(0.0,))
    opened.tell(NEWS)
    opened.tell(NEWS)
    eventually(lambda: len(receiver.came) == 3)
    assert [command.id == receiver.came[0].id for command in receiver.came] == [True, True, False]
    opened.close()


def test_a_receiver_that_hangs_holds_nobody_up() -> None:
    receiver = Receiver()
    receiver.gate.clear()
    opened = Notices(receiver, pauses=(), most=2)
    opened.tell(NEWS)
    eventually(lambda: receiver.came)
    for _ in range(5):
        opened.tell(NEWS)
    assert len(receiver.came) == 1
    receiver.gate.set()
    eventually(lambda: len(receiver.came) == 3)
    opened.close()


def test_dispatchers_tell_each_change_once(tmp_path: Path, database_url: str, broker_url: str) -> None:
    with works_on(tmp_path, database_url, broker_url) as works:
        address = {
            "ROUTER_OPERATOR_WEBHOOK": works.sandbox.url_of("webhook"),
            "ROUTER_OPERATOR_WEBHOOK_SECRET": SECRET,
        }
        dispatchers = [works.dispatcher(**address) for _ in range(2)]
        ledger = works.shop.ledger
        (number,) = (place.number for place in ledger.places() if place.integration == "mail")
        ledger.switch(number, "closed", "open", 1, "30 of 30 deliveries failed")
        eventually(lambda: len(works.messages()) == 1)
        ledger.resume([number])
        eventually(lambda: len(works.messages()) == 2)
        assert [(each["type"], each["data"]["integration"], each["data"]["reason"]) for each in works.messages()] == [
            ("breaker.open", "shop/main/mail", "30 of 30 deliveries failed"),
            ("breaker.closed", "shop/main/mail", None),
        ]
        assert sum(each.said().count('"event": "breaker"') for each in dispatchers) == 2


def test_nobody_needs_to_be_told() -> None:
    opened = notices.of(settings())
    opened.tell(NEWS)
    opened.close()


@pytest.mark.parametrize(
    ("url", "secret", "fault"),
    [
        ("ftp://ops.example", SECRET, "ROUTER_OPERATOR_WEBHOOK: "),
        ("https://ops.example", "canary", "ROUTER_OPERATOR_WEBHOOK_SECRET: "),
    ],
    ids=["address", "secret"],
)
def test_what_cannot_be_used_stops_the_start(url: str, secret: str, fault: str) -> None:
    with pytest.raises(BadSettings) as caught:
        notices.of(settings(operator_webhook=url, operator_webhook_secret=secret))
    assert [each.startswith(fault) for each in caught.value.faults] == [True]
    assert "canary" not in str(caught.value)
