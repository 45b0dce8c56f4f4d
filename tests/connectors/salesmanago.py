"""SALESmanago's connector and its stand-in, as the tests of both halves use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.base import Command, Outcome
from connectors.http import HttpWire
from connectors.salesmanago import Salesmanago
from connectors.sandbox.salesmanago import CREDENTIALS, SAMPLES
from connectors.tokens import MemoryTokens

ADA = "ada@example.com"
PURCHASE = {"contactExtEventType": "PURCHASE", "date": 1767225600000}

Make = Callable[..., Salesmanago]


def connect(address: str, wires: list[HttpWire], timeout: float = 5.0, **options: Any) -> Salesmanago:
    """A connector for the demo account at this address. An option of None is left out; who calls closes `wires`."""
    told = CREDENTIALS | {"base_url": address, "base_url_v3": address, "timeout": timeout} | options
    loaded = Salesmanago.options().load({name: value for name, value in told.items() if value is not None})
    wires.append(HttpWire(timeout=timeout, allow_private=True))
    return Salesmanago(loaded, wires[-1], MemoryTokens())


def commands(payloads: Sequence[Mapping[str, Any]], attempt: int = 1) -> list[Command]:
    accepted = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Command(id=f"delivery-{number}", payload=payload, attempt=attempt, accepted_at=accepted)
        for number, payload in enumerate(payloads)
    ]


def send(connector: Salesmanago, operation: str, payload: Mapping[str, Any] | None = None, attempt: int = 1) -> Outcome:
    """What becomes of one record; the sample of its operation where none is given."""
    (outcome,) = connector.send(operation, commands([SAMPLES[operation] if payload is None else payload], attempt))
    return outcome


def contact(number: int, **more: Any) -> dict[str, Any]:
    return {"contact": {"email": f"c{number}@example.com"}, **more}


def event(email: str, **more: Any) -> dict[str, Any]:
    return {"email": email, "contactEvent": PURCHASE | more}
