"""The product as the benchmark runs it: published, with keys and secrets, and its processes on the ground's servers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from router.catalog import facts
from router.cli.dev.program import Program
from router.cli.dev.wire import answers
from router.cli.keys import new_access_key, new_client_api_key
from router.cli.ports import free_port
from router.ledger.base import AccessKey, ClientApiKey
from router.ledger.migrate import migrate
from router.ledger.postgres import PostgresLedger
from router.mapping import read_tree
from router.publish import publish
from router.queue import queue_names
from router.vault import Vault
from tests.bench.ground import ROOT, Ground, Pipeline, python

CLIENT = "bench"
BEARER_GROUPS = ("app_group", "hook_group")
SECRETS = {
    "salesmanago_api_secret": "bench-secret",
    "sendios_sdk_key": "bench-sdk-key",
    "digitalonboarding_client_secret": "bench-secret",
    "callback": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "parcelvoy_api_key": "sk_bench",
    "webhook": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
}
SLOTS = os.cpu_count() or 1
"""Worker processes, the controls' too: as many as there are cores, which is Celery's own default. The sink answers at
once, so none waits; more of them only take turns, and find their caches cold."""
GUNICORN = ("gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py"))
WORKER = ("--without-gossip", "--without-mingle", "-E")


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens an installed ledger. bearers: by group."""

    vault: str = field(repr=False)
    access_key_id: str
    secret: str = field(repr=False)
    bearers: Mapping[str, str] = field(repr=False)


@contextmanager
def installed(ground: Ground, *, workers: bool = True) -> Iterator[Pipeline]:
    """The product on an empty ledger, running. workers: or its receiver alone."""
    with (
        ground.database() as database_url,
        running(ground, database_url, install(database_url), workers) as made,
    ):
        yield made


def install(database_url: str) -> Keys:
    """Make a database a ledger, published and with keys."""
    migrate(database_url)
    vault_key, now = Vault.new_key(), datetime.now(UTC)
    vault = Vault([vault_key])
    ledger = PostgresLedger(database_url, size=1)
    try:
        publish(ledger, read_tree(Path(__file__).with_name("mappings")), "bench", "the benchmark's own")
        for name, value in SECRETS.items():
            ledger.set_secret(CLIENT, name, vault.seal(value))
        access_key_id, secret = new_access_key()
        ledger.add_access_key(AccessKey(access_key_id, CLIENT, vault.seal(secret), now))
        bearers = {}
        for group in BEARER_GROUPS:
            bearers[group], digest, name = new_client_api_key("public")
            ledger.add_client_api_key(ClientApiKey(name, CLIENT, group, "public", now), digest)
    finally:
        ledger.close()
    return Keys(vault_key, access_key_id, secret, bearers)


@contextmanager
def running(ground: Ground, database_url: str, keys: Keys, workers: bool = True) -> Iterator[Pipeline]:
    """The product's processes on an installed ledger."""
    port = free_port()
    env = {
        "ROUTER_DATABASE_URL": database_url,
        "ROUTER_BROKER_URL": ground.broker_url,
        "ROUTER_SECRET_KEYS": keys.vault,
        "ROUTER_PORT": str(port),
        "ROUTER_ALLOW_PRIVATE_TARGETS": "true",
        "ROUTER_LINK_SINK_URL": ground.sink.url,
    }
    logs = ground.directory / urlsplit(database_url).path.removeprefix("/")
    programs = {**_web(port, env, logs), **(_workers(env, logs) if workers else {})}
    with ground.running(programs):
        yield Pipeline(database_url, port, keys.access_key_id, keys.secret, programs, keys.bearers)


def _web(port: int, env: Mapping[str, str], logs: Path) -> dict[str, Program]:
    ready = answers(f"http://127.0.0.1:{port}/readyz", 200)
    return {"receiver": python("receiver", (*GUNICORN, "router.http.wsgi:app"), env, logs, ready=ready)}


def _workers(env: Mapping[str, str], logs: Path) -> dict[str, Program]:
    queues = ",".join(queue_names(facts()))
    worker = ("celery", "-A", "workers.app", "worker", "-n", "bench@%h", "-Q", queues, "-c", str(SLOTS), *WORKER)
    stop = ((signal.SIGTERM, 20.0),)
    return {
        "workers": python("workers", worker, env, logs, ready=lambda said: " ready." in said, stop_steps=stop),
        "dispatchers_1": python("dispatch_1", ("workers.dispatch",), env, logs),
        "dispatchers_2": python("dispatch_2", ("workers.dispatch",), env, logs),
    }
