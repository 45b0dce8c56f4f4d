"""What a worker process holds: opened after the fork, one for all its tasks."""

from __future__ import annotations

import mmap
import os
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from celery import Celery
from structlog.contextvars import bound_contextvars

from router.config import Config
from router.ledger.base import Ledger, LedgerError
from router.ledger.postgres import PostgresLedger
from router.queue import CeleryHints
from router.settings import Settings
from router.vault import Vault
from workers.channel import Channel
from workers.channels import Channels
from workers.lease import Leases
from workers.onward import Onward


@dataclass(frozen=True, slots=True)
class Tools:
    """What the tasks work with.

    worker: how this process is called in the ledger. stopping: whether chunks are to end after the calls in flight.
    onward: gives out what is due for destinations that something was planned for.
    """

    ledger: Ledger
    config: Config
    channel: Callable[[int], Channel]
    worker: str
    leases: Leases
    stopping: Callable[[], bool]
    onward: Callable[[Sequence[int]], None]
    rng: Callable[[], float] = field(default=random.random)


# A byte that the parent shares with the children it forks: of a signal to stop only the parent is told, and a lock that
# a killed child held would never be free again.
_stop = mmap.mmap(-1, 1)
_tools: Tools | None = None


def open(settings: Settings, app: Celery) -> None:
    """Open everything; called in each worker process after the fork."""
    global _tools
    ledger = PostgresLedger(settings.database_url, size=2)
    config = Config(ledger)
    channels = Channels(ledger, config, Vault(settings.secret_keys), settings)
    name = f"{socket.gethostname()}:{os.getpid()}"
    with suppress(LedgerError):
        config.current()  # the first task should not be the one that compiles the mappings
    onward = Onward(ledger, CeleryHints(app), settings.hints_per_queue)
    _tools = Tools(ledger, config, channels.of, name, Leases(ledger, settings.lease), is_stopping, onward)


def close() -> None:
    if _tools is not None:
        _tools.leases.close()
        _tools.ledger.close()


def stop() -> None:
    """In the parent: from now on its children's chunks end after the calls in flight, and hand back the rest."""
    _stop[0] = 1


def is_stopping() -> bool:
    return bool(_stop[0])


@contextmanager
def bound(destination: str, requests: Sequence[str]) -> Iterator[Tools]:
    """The tools, with the destination and, for a single request, its id bound to every log line."""
    assert _tools is not None, "services.open() runs when the worker process starts"
    single = {"request_id": requests[0]} if len(requests) == 1 else {"requests": len(requests)}
    with bound_contextvars(destination=destination, **single):
        yield _tools
