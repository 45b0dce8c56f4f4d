"""The Celery application: a channel for hints, started as `celery -A workers.app worker -Q …`. Import opens nothing."""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import Celery
from celery.exceptions import TimeLimitExceeded, WorkerLostError
from celery.signals import (
    setup_logging,
    task_failure,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)

from router import logs
from router.ledger.postgres import PostgresLedger
from router.queue import celery_settings
from router.settings import Settings
from workers.deliver import AT_MOST
from workers.safety import check_broker
from workers.watch import watching

log = logs.get(__name__)


def make_app(settings: Settings) -> Celery:
    """Celery for these settings, with the tasks known by name."""
    app = Celery("router", include=["workers.tasks"])
    app.conf.update(celery_settings(settings.broker_url))
    app.conf.task_time_limit = AT_MOST
    app.conf.worker_consumer = "workers.consumer:Consumer"
    app.steps["worker"].add(watching(settings.database_url))
    return app


settings = Settings.from_env()
app = make_app(settings)


@setup_logging.connect
def _logs(**_: Any) -> None:
    logs.configure(settings.log_level)
    # A line when a hint comes and one when it is done say what the ledger and Flower tell, for 6 % of a worker's time.
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.DEBUG if settings.log_level == "debug" else logging.WARNING)


@worker_init.connect
def _check(**_: Any) -> None:
    logs.configure(settings.log_level)  # Celery asks for it only later
    check_broker(app)


@worker_process_init.connect
def _open(**_: Any) -> None:
    from workers import services

    services.open(settings, app)


@worker_process_shutdown.connect
def _close(**_: Any) -> None:
    from workers import services

    services.close()


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    from workers import services

    services.stop()


@task_failure.connect
def _died(args: tuple[Any, ...] = (), exception: BaseException | None = None, **_: Any) -> None:
    """In the parent, when a child died under a task or was stuck: its hint need not wait for the lease to lapse."""
    if not isinstance(exception, (WorkerLostError, TimeLimitExceeded)) or not args:
        return
    log.warning("a worker process died", hint=args[0], pid=os.getpid())
    ledger = PostgresLedger(settings.database_url, size=1)
    try:
        ledger.lost(args[0])
    finally:
        ledger.close()
