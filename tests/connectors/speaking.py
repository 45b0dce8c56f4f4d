"""A connector as the router builds it, talking to its stand-in over a real socket."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
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


def kept(thing: Any) -> int:
    """How much a stand-in has of everything it keeps: one more effect makes it larger."""
    if isinstance(thing, Mapping):
        return sum(1 + kept(each) for each in thing.values())
    if isinstance(thing, list | set | deque):
        return sum(1 + kept(each) for each in thing)
    if not type(thing).__module__.startswith("connectors."):
        return 0
    names = [each.name for each in fields(thing)] if is_dataclass(thing) else list(vars(thing))
    return sum(kept(getattr(thing, name)) for name in names)
