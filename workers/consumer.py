"""Celery's consumer without what a channel for hints does not need."""

from __future__ import annotations

from celery.worker.consumer import Consumer as CeleryConsumer

_UNUSED = ":DelayedDelivery"
"""On quorum queues it declares 28 exchanges and as many queues, for tasks with an ETA. Ours have none."""
_STEPS = tuple(step for step in CeleryConsumer.Blueprint.default_steps if not str(step).endswith(_UNUSED))


class Consumer(CeleryConsumer):
    """What `worker_consumer` names."""

    Blueprint = type("Blueprint", (CeleryConsumer.Blueprint,), {"default_steps": _STEPS})
