"""Operators are told of breakers at an address of theirs, best effort: the log and `/metrics` say the same.

The messages are signed by Standard Webhooks through the built-in connector, in a thread of their own: whoever tells
never waits, and what does not fit or does not arrive is let go.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from marshmallow import ValidationError

from connectors.base import Command, Outcome
from connectors.dry import DryTokens
from connectors.http import HttpWire
from router import catalog, logs
from router.model import BreakerNews
from router.settings import PREFIX, BadSettings, Settings

MOST_WAITING = 100
PAUSES = (1.0, 5.0, 25.0)
"""Seconds before a message is tried again; after the last it is let go."""
_SETTINGS = {"url": "OPERATOR_WEBHOOK", "secret": "OPERATOR_WEBHOOK_SECRET"}

log = logs.get(__name__)
Send = Callable[[Command], Outcome]


class Notices:
    """send: one attempt; None: there is nobody to be told."""

    def __init__(self, send: Send | None, pauses: Sequence[float] = PAUSES, most: int = MOST_WAITING) -> None:
        self._send = send
        self._pauses = pauses
        self._waiting: queue.Queue[Command] = queue.Queue(most)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="notices", daemon=True)
        if send is not None:
            self._thread.start()

    def tell(self, news: BreakerNews) -> None:
        """Log it, and leave it to be sent; never waits."""
        log.warning("breaker", integration=news.integration, state=news.state, why=news.reason)
        if self._send is None:
            return
        try:
            self._waiting.put_nowait(Command(str(uuid4()), message(news)))
        except queue.Full:
            log.warning("operators are not told", why="too many messages wait already")

    def close(self) -> None:
        """Give up what waits. A message that is on its way is not waited for."""
        self._stop.set()

    def _work(self) -> None:
        while not self._stop.is_set():
            self._deliver(self._waiting.get())

    def _deliver(self, command: Command) -> None:
        assert self._send is not None
        for pause in (*self._pauses, None):
            outcome = self._send(command)
            if outcome.delivered:
                return
            if pause is None or self._stop.wait(pause):
                log.warning("operators are not told", why=outcome.reason)
                return


def message(news: BreakerNews) -> dict[str, Any]:
    """`breaker.open` or `breaker.closed`, in the shape of callbacks."""
    at = news.at.isoformat().replace("+00:00", "Z")
    data = {"integration": news.integration, "state": news.state, "reason": news.reason, "since": at}
    return {"type": f"breaker.{news.state}", "timestamp": at, "data": data}


def of(settings: Settings) -> Notices:
    """As configured; raises `BadSettings` when the address or its secret cannot be used."""
    if settings.operator_webhook is None:
        return Notices(None)
    try:
        options = catalog.load(
            "webhook", {"url": settings.operator_webhook, "secret": settings.operator_webhook_secret}
        )
    except ValidationError as error:
        found = sorted(error.messages_dict.items())
        raise BadSettings([f"{PREFIX}{_SETTINGS[name]}: {' '.join(map(str, told))}" for name, told in found]) from None
    # The operators' own address, which nobody else chooses: it may be inside.
    wire = HttpWire(options["connect_timeout"], options["timeout"], allow_private=True, ca_bundle=settings.ca_bundle)
    connector = catalog.build("webhook", options, wire, DryTokens())
    return Notices(lambda command: connector.send("send", [command])[0])
