"""A connector as the router builds it, talking to its stand-in over a real socket."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from connectors.base import Command, Connector, Wire
from connectors.http import HttpWire
from connectors.options import HttpUrl
from connectors.registry import connector
from connectors.sandbox.registry import load
from connectors.sandbox.server import Sandbox
from connectors.tokens import MemoryTokens


def wire(timeout: float = 5.0) -> HttpWire:
    return HttpWire(connect_timeout=timeout, timeout=timeout, allow_private=True)


def stand_in(name: str) -> Any:
    """The module of a provider's sandbox, with its CREDENTIALS and SAMPLES."""
    return sys.modules[load()[name].__module__]


def options(name: str, base_url: str, **more: Any) -> Mapping[str, Any]:
    """Loaded options of the demo account, with every address among them at this one. One of None is left out."""
    schema = connector(name).options()
    places = [place for place, field in schema.fields.items() if isinstance(field, HttpUrl)]
    told = dict.fromkeys(places, base_url) | stand_in(name).CREDENTIALS | more
    loaded: Mapping[str, Any] = schema.load({option: value for option, value in told.items() if value is not None})
    return loaded


def speaking(name: str, sandbox: Sandbox, wire: Wire, **more: Any) -> Connector:
    return connector(name)(options(name, sandbox.url_of(name), **more), wire, MemoryTokens())


def commands(*payloads: Mapping[str, Any], attempt: int = 1) -> list[Command]:
    return [Command(f"delivery-{number}", payload, attempt) for number, payload in enumerate(payloads)]
