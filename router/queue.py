"""Queue and task names, and the port by which hints are given to the broker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from amqp.exceptions import MessageNacked
from kombu.exceptions import KombuError
from redis.backoff import NoBackoff
from redis.retry import Retry

from router.model import Hint

if TYPE_CHECKING:
    from celery import Celery

ROUTE = "route"
CALLBACKS = "callbacks"
TASKS = {"route": "router.route", "deliver": "router.deliver"}
SHOWN_REQUESTS = 500
"""How many requestIds a message shows at most; the work itself is in the ledger, by the hint's number."""


def queue_of(connector: str, kind: str) -> str:
    """A destination's queue: one for planning, one for callbacks, one for each connector."""
    return {"route": ROUTE, "callback": CALLBACKS}.get(kind, f"deliver.{connector}")


def queue_names(connectors: Iterable[str]) -> list[str]:
    """Every queue there can be."""
    return [ROUTE, CALLBACKS, *(queue_of(name, "deliver") for name in sorted(connectors))]


CONFIRMED_WITHIN = 5.0
"""Seconds that a RabbitMQ has to say that it has a message: a queue without a leader says nothing, and nothing ends."""


class BrokerAway(OSError):
    """The broker did not take a message. The text names the kind of error alone: its own may hold the address."""


class Hints(Protocol):
    """Where hints are given."""

    def give(self, hints: Sequence[Hint]) -> None:
        """Publish, best effort: what is lost here is given again by the ledger. Raises nothing but `OSError`s."""
        ...


def celery_settings(broker_url: str) -> dict[str, Any]:
    """Celery as a channel for hints and nothing more: early acknowledgement, no result, no ETA, no retry."""
    return {
        "broker_url": broker_url.split("?", maxsplit=1)[0] if urlsplit(broker_url).scheme == "sentinel" else broker_url,
        "broker_transport_options": transport_options(broker_url),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_heartbeat": 10,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": False,
        "task_create_missing_queues": True,
        # On RabbitMQ: a queue that survives a node that dies.
        "task_create_missing_queue_type": "quorum",
        "task_publish_retry": True,
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.2},
        "worker_send_task_events": True,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": broker_url.startswith(("redis", "sentinel")),
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_max_tasks_per_child": 20_000,
        "worker_max_memory_per_child": 400_000,
        "worker_hijack_root_logger": False,
        "worker_detect_quorum_queues": True,
    }


def transport_options(broker_url: str) -> dict[str, Any]:
    """The broker's own settings, with short timeouts: a silent broker is left soon, its hints are given again."""
    if broker_url.startswith("amqp"):
        return {"confirm_publish": True, "read_timeout": 10, "write_timeout": 5}
    options: dict[str, Any] = {
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.2,
        "visibility_timeout": 3600,
        # There are no priorities: a worker would ask for each queue four times.
        "priority_steps": [0],
        "global_keyprefix": "router:",
    }
    query = dict(parse_qsl(urlsplit(broker_url).query))
    if urlsplit(broker_url).scheme == "sentinel" and "master_name" in query:
        options["master_name"] = query["master_name"]
        # The next Sentinel knows as much as one that does not answer: it is asked at once, not after retries.
        options["sentinel_kwargs"] = {"socket_timeout": 2, "socket_connect_timeout": 2, "retry": Retry(NoBackoff(), 0)}
    return options


class CeleryHints:
    """`Hints` on Celery. A message about one request bears its id, so that Flower finds it by that."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def give(self, hints: Sequence[Hint]) -> None:
        try:
            self._give(hints)
        except (KombuError, MessageNacked) as error:  # of which only some are `OSError`s
            raise BrokerAway(type(error.__cause__ or error).__name__) from error

    def _give(self, hints: Sequence[Hint]) -> None:
        # To a Redis all of them go at once; to others one by one.
        with (
            self._app.producer_pool.acquire(block=True, timeout=2) as producer,
            producer.batch(),  # type: ignore[attr-defined]  # newer than the stubs
        ):
            for hint in hints:
                shown = [str(request) for request in hint.requests[:SHOWN_REQUESTS]]
                self._app.send_task(
                    TASKS[hint.task],
                    args=(hint.hint_id,),
                    kwargs={"destination": hint.destination, "requests": shown},
                    queue=hint.queue,
                    task_id=task_id(hint),
                    root_id=shown[0] if len(shown) == 1 else None,
                    argsrepr=f"({hint.hint_id},)",
                    kwargsrepr=f"{hint.destination} {' '.join(shown)}",
                    producer=producer,
                    confirm_timeout=CONFIRMED_WITHIN,
                )


def task_id(hint: Hint) -> str:
    """One request's planning is `<requestId>`, its delivery `<requestId>.<integration>.<hint>`; else the hint's own."""
    if len(hint.requests) != 1:
        return f"{hint.task}.{hint.hint_id}"
    request = str(hint.requests[0])
    if hint.task == "route" and not hint.again:
        return request
    return f"{request}.{hint.destination.rsplit('/', 1)[-1]}.{hint.hint_id}"
