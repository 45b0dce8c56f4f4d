"""Refuse to start on a broker that may throw queues away without a word (reliability.md §1A L6)."""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu.exceptions import KombuError
from redis.exceptions import ResponseError

from router import logs

POLICY = "maxmemory-policy"

log = logs.get(__name__)


def check_broker(app: Celery) -> None:
    """Raises `SystemExit` where a Redis or Valkey evicts keys: a queue is one key, and has no TTL.

    A broker that is away, or lets nobody read its configuration, is warned of. Opens and closes a connection.
    """
    try:
        policy = _policy(app)
    except (OSError, KombuError) as away:
        log.warning("the broker is away; whether it evicts queues was not checked", kind=type(away).__name__)
        return
    except ResponseError as refused:
        log.warning("whether the broker evicts queues cannot be read; see that it does not", why=str(refused))
        return
    if policy is not None and policy != "noeviction" and not policy.startswith("volatile-"):
        raise SystemExit(
            f"The broker has {POLICY} {policy}: when its memory is full it drops whole queues without a word. "
            f"Set it to noeviction, and give the broker a Redis or Valkey of its own."
        )


def _policy(app: Celery) -> str | None:
    """None: not a broker that has one."""
    with app.connection_for_write() as connection:
        if connection.transport.driver_type != "redis":
            return None
        channel: Any = connection.default_channel
        found: dict[str, str] = channel.client.config_get(POLICY)
    return found.get(POLICY)
