"""What a message may ask for. Its arguments are a hint's number and, for people who search, its requests."""

from __future__ import annotations

from collections.abc import Sequence

from celery import shared_task

from router.queue import TASKS
from workers import services
from workers.deliver import deliver as _deliver
from workers.route import route as _route


@shared_task(name=TASKS["route"])
def route(hint_id: int, *, destination: str, requests: Sequence[str]) -> None:
    """Plan a chunk of records."""
    with services.bound(destination, requests) as tools:
        _route(hint_id, tools)


@shared_task(name=TASKS["deliver"])
def deliver(hint_id: int, *, destination: str, requests: Sequence[str]) -> None:
    """Deliver a chunk to one destination."""
    with services.bound(destination, requests) as tools:
        _deliver(hint_id, tools)
