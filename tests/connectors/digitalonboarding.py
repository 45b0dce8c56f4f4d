"""Digital Onboarding's connector and its stand-in, as the tests of both halves use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.base import Command, Outcome
from connectors.digitalonboarding import DigitalOnboarding
from connectors.http import HttpWire
from connectors.sandbox.digitalonboarding import CREDENTIALS, SAMPLES
from connectors.tokens import MemoryTokens

NAME = "digitalonboarding"
ADA = SAMPLES["upsert_contact"]

Make = Callable[..., DigitalOnboarding]


def connect(
    address: str, wires: list[HttpWire], timeout: float = 5.0, tokens: MemoryTokens | None = None, **options: Any
) -> DigitalOnboarding:
    """A connector for the demo account at this address; who calls closes `wires`."""
    loaded = DigitalOnboarding.options().load(CREDENTIALS | {"base_url": address} | options)
    wires.append(HttpWire(timeout=timeout, allow_private=True))
    return DigitalOnboarding(loaded, wires[-1], tokens or MemoryTokens())


def send(connector: DigitalOnboarding, operation: str, *payloads: Mapping[str, Any]) -> list[Outcome]:
    commands = [Command(id=f"delivery-{number}", payload=payload) for number, payload in enumerate(payloads)]
    return list(connector.send(operation, commands))


def upsert(connector: DigitalOnboarding, *payloads: Mapping[str, Any]) -> list[Outcome]:
    return send(connector, "upsert_contact", *payloads)


def people(count: int) -> list[dict[str, Any]]:
    return [{"unique_id": f"c-{number}", "name_first": f"N{number}"} for number in range(count)]
