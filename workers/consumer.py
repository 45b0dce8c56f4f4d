"""Celery's consumer without what a channel for hints does not need."""

from __future__ import annotations

import time
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

TOLD_EVERY = 0.25
"""Seconds between two messages that tell of what the tasks do."""
TOLD_AT_ONCE = 1000
"""Events in such a message at most."""
_UNUSED = ":DelayedDelivery"
"""On quorum queues it declares 28 exchanges and as many queues, for tasks with an ETA. Ours have none."""
_STEPS = tuple(step for step in CeleryConsumer.Blueprint.default_steps if not str(step).endswith(_UNUSED))


class Consumer(CeleryConsumer):
    """What `worker_consumer` names.

    From a Redis, which need not hold anything back to keep a worker from taking too much, hints are taken for good: to
    write down there that one is out, and that it is not any more, costs as much as all else about it. Whatever happens
    to one, the ledger gives it again.
    """

    Blueprint = type("Blueprint", (CeleryConsumer.Blueprint,), {"default_steps": _STEPS})
    hub: Any
    event_dispatcher: Any
    _flush_events: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._told_at = 0.0
        self._for_good = bool(self.app.conf.worker_disable_prefetch)
        for queue in self.app.amqp.queues.consume_from.values() if self._for_good else ():
            queue.no_ack = True

    def call_soon_ack(self, p: Any, *arguments: Any, **named: Any) -> Any:
        celerys: Any = super()
        return p if self._for_good else celerys.call_soon_ack(p, *arguments, **named)

    def on_send_event_buffered(self) -> Any:
        """Three events of a task would otherwise be three messages."""
        if self.hub and time.monotonic() - self._told_at >= TOLD_EVERY:
            self._told_at = time.monotonic()
            self.event_dispatcher.buffer_limit = TOLD_AT_ONCE
            self.hub.call_later(TOLD_EVERY, self._flush_events)
