"""One process that stands in for every provider: `http://127.0.0.1:PORT/{connector}/…` is that provider's address.

`/_/…` controls it:

    GET    /_/providers                 what is served, its mode, how many calls came and how many were accepted
    GET    /_/credentials               {"credentials": {connector: options}}: the demo account of each
    GET    /_/received?connector=NAME   {"received": […]}: what was accepted, oldest first, credentials masked
    DELETE /_/received?connector=NAME   forget what was received (not the state it led to); without a name: of all
    POST   /_/scenario                  {"connector", "mode", "for"?: number of requests, …details}

HTTP/1.1 with keep-alive, a thread per connection, and a head parsed by hand: it also serves as the sink of benchmarks.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

from connectors.sandbox.base import Call, Provider, Reply
from connectors.sandbox.connection import Listener
from connectors.sandbox.received import Received
from connectors.sandbox.registry import load
from connectors.sandbox.scenario import OF_EVERY_PROVIDER, SERVED, Scenario, WishError


class Desk:
    """A provider and what the server keeps about it."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.lock = threading.Lock()
        self.received = Received(provider.name, provider.masked)
        self.scenario = Scenario()
        self.calls = 0

    def take(self) -> tuple[str, Mapping[str, Any]]:
        """Count a request and take its mode."""
        with self.lock:
            self.calls += 1
            return self.scenario.take()

    def ask(self, call: Call, mode: str) -> Reply:
        """The provider's own answer, kept if it accepted the call."""
        with self.lock:
            reply = self.provider.handle(call, mode)
            if reply.accepted:
                self.received.add(call, time.time())
        return reply


class Sandbox:
    """All the stand-ins (or these alone) on one port of 127.0.0.1, from `start` (or `with`) to `close`.

    Raises OSError when the port is taken.
    """

    def __init__(self, port: int = 0, providers: Mapping[str, type[Provider]] | None = None) -> None:
        served = load() if providers is None else providers
        self._desks = {name: Desk(provider()) for name, provider in served.items()}
        self._listener = Listener(port, self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def url_of(self, name: str) -> str:
        return f"{self.url}/{name}"

    def provider(self, name: str) -> Any:
        """The instance itself, to look at what it knows."""
        return self.desk(name).provider

    def calls(self, name: str) -> int:
        """How many requests came, whatever became of them."""
        return self.desk(name).calls

    def received(self, name: str | None = None) -> list[dict[str, Any]]:
        """What was accepted (by one provider, or by all of them), oldest first."""
        shown = []
        for desk in [self.desk(name)] if name else self._desks.values():
            with desk.lock:
                kept = desk.received.kept()
            shown += [(at, desk.received.show(call, at)) for call, at in kept]
        return [each for _, each in sorted(shown, key=lambda pair: pair[0])]

    def forget(self, name: str | None = None) -> None:
        """Forget what was received by one provider, or by all of them."""
        for desk in [self.desk(name)] if name else self._desks.values():
            with desk.lock:
                desk.received.clear()
                desk.calls = 0

    def scenario(self, name: str, mode: str, count: int | None = None, **details: Any) -> None:
        """Answer the next `count` requests (None: all) in this mode; see `Scenario.set` for the details."""
        self.tell(name, mode, count, details)

    def tell(self, name: str, mode: str, count: int | None, details: Mapping[str, Any]) -> None:
        """`scenario`, with the details as a mapping. Raises WishError when the provider has no such mode."""
        desk = self.desk(name)
        if mode not in SERVED | OF_EVERY_PROVIDER and mode not in desk.provider.modes:
            known = ", ".join(sorted(SERVED | OF_EVERY_PROVIDER | desk.provider.modes))
            raise WishError(f"mode: {name} has no {mode!r}; it has {known}")
        with desk.lock:
            desk.scenario.set(mode, count, details)

    def clear(self) -> None:
        """As just started: nothing received, no scenario, and every provider with its demo account only."""
        self.forget()
        for desk in self._desks.values():
            with desk.lock:
                desk.scenario.set("ok")
                desk.provider.clear()

    def summary(self) -> list[dict[str, Any]]:
        return [
            {"connector": name, "mode": desk.scenario.mode, "calls": desk.calls, "accepted": desk.received.total}
            for name, desk in self._desks.items()
        ]

    def credentials(self) -> dict[str, Any]:
        """The options with which a connector may talk to each provider: those of its demo account."""
        modules = {name: sys.modules[type(desk.provider).__module__] for name, desk in self._desks.items()}
        return {name: vars(module)["CREDENTIALS"] for name, module in modules.items()}

    def desk(self, name: str) -> Desk:
        """Raises WishError naming the providers there are."""
        try:
            return self._desks[name]
        except KeyError:
            raise WishError(f"connector: no {name!r} here; there are {', '.join(sorted(self._desks))}") from None

    def take(self, prefix: str) -> tuple[str, Mapping[str, Any]]:
        """The mode in which a request to `/{prefix}/…` is to be answered, and the mode's details."""
        desk = self._desks.get(prefix)
        return desk.take() if desk else ("ok", {})

    def ask(self, prefix: str, call: Call, mode: str) -> Reply:
        """The answer to a request to `/{prefix}/…`."""
        if desk := self._desks.get(prefix):
            return desk.ask(call, mode)
        if prefix == "_":
            return control(self, call)
        return Reply(404, {"error": f"no provider {prefix!r} here", "providers": sorted(self._desks)})

    def start(self) -> Self:
        self._listener.start()
        return self

    def close(self) -> None:
        """Stop serving; hanging and slow requests are cut off."""
        self._listener.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def control(sandbox: Sandbox, call: Call) -> Reply:
    """Answer a call to `/_/…`; what is wrong with it is a 400 that says so."""
    name = next(iter(parse_qs(call.query).get("connector", [])), None)
    told: Mapping[str, Callable[[], Any]] = {
        "providers": sandbox.summary,
        "credentials": sandbox.credentials,
        "received": lambda: sandbox.received(name),
    }
    about = call.path.removeprefix("/")
    try:
        match call.method, about:
            case "GET", _ if about in told:
                return Reply(200, {about: told[about]()})
            case "DELETE", "received":
                sandbox.forget(name)
                return Reply(200, {"received": []})
            case "POST", "scenario":
                return _set_scenario(sandbox, call.json())
    except (ValueError, WishError) as error:
        return Reply(400, {"error": str(error)})
    return Reply(404, {"error": f"no {call.method} /_{call.path}; see connectors/sandbox/server.py"})


def _set_scenario(sandbox: Sandbox, wish: Any) -> Reply:
    if not isinstance(wish, dict):
        raise WishError("body: must be a JSON object")
    name, mode, count = wish.pop("connector", None), wish.pop("mode", None), wish.pop("for", None)
    if not isinstance(name, str) or not isinstance(mode, str):
        raise WishError("connector, mode: both are needed, as strings")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        raise WishError("for: must be a number of requests, 1 or more")
    sandbox.tell(name, mode, count, wish)
    return Reply(200, {"connector": name, "mode": mode, "for": count})
