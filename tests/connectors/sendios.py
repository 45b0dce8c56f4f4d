"""Sendios's connector and its stand-in, as the tests of both halves use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.base import Command, Outcome
from connectors.http import HttpWire
from connectors.sandbox import sendios as stand_in
from connectors.sendios import Sendios
from connectors.tokens import MemoryTokens

ADA = "ada@example.com"
SAMPLES = {
    name: {**sample, **({"email": ADA} if "email" in sample else {})} for name, sample in stand_in.SAMPLES.items()
}
MAILS = ["send_system", "send_trigger"]

Make = Callable[..., Sendios]


def connect(address: str, wires: list[HttpWire], timeout: float = 5.0, **options: Any) -> Sendios:
    """A connector for the demo account at this address. An option of None is left out; who calls closes `wires`."""
    told = stand_in.CREDENTIALS | {"base_url": address} | options
    loaded = Sendios.options().load({name: value for name, value in told.items() if value is not None})
    wires.append(HttpWire(timeout=timeout, allow_private=True))
    return Sendios(loaded, wires[-1], MemoryTokens())


def send(
    connector: Sendios,
    operation: str,
    payload: Mapping[str, Any] | None = None,
    id: str = "delivery-1",
    attempt: int = 1,
    age: float = 0.0,
) -> Outcome:
    """What becomes of one record; the sample of its operation, about Ada, where none is given."""
    told = SAMPLES[operation] if payload is None else payload
    (outcome,) = connector.send(operation, [Command(id=id, payload=told, attempt=attempt, age=age)])
    return outcome
