"""The product as the benchmark runs it: published, with keys and secrets, and its processes on the ground's servers."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

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
SECRETS = {
    "salesmanago_api_secret": "bench-secret",
    "sendios_sdk_key": "bench-sdk-key",
    "digitalonboarding_client_secret": "bench-secret",
    "callback": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "parcelvoy_api_key": "sk_bench",
    "webhook": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
}
GUNICORN = ("gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py"))
WORKER = ("--without-gossip", "--without-mingle", "-E")


@contextmanager
def installed(ground: Ground, *, slots: int = 4, workers: bool = True) -> Iterator[Pipeline]:
    """The product on an empty ledger, running. slots: worker processes. workers: without them, only the receiver
    runs."""
    with ground.database() as database_url:
        vault_key = Vault.new_key()
        access_key_id, secret, bearer = _prepare(database_url, Vault([vault_key]))
        port = free_port()
        env = {
            "ROUTER_DATABASE_URL": database_url,
            "ROUTER_BROKER_URL": ground.broker.url,
            "ROUTER_SECRET_KEYS": vault_key,
            "ROUTER_PORT": str(port),
            "ROUTER_ALLOW_PRIVATE_TARGETS": "true",
            "ROUTER_LINK_SINK_URL": ground.sink.url,
        }
        programs = _programs(
            port, env, ground.directory / database_url.rpartition("/")[2].partition("?")[0], slots, workers
        )
        with ground.running(programs):
            yield Pipeline(database_url, port, access_key_id, secret, bearer, programs)


def _prepare(database_url: str, vault: Vault) -> tuple[str, str, str]:
    migrate(database_url)
    ledger = PostgresLedger(database_url, size=1)
    try:
        publish(ledger, read_tree(Path(__file__).with_name("mappings")), "bench", "the benchmark's own")
        for name, value in SECRETS.items():
            ledger.set_secret(CLIENT, name, vault.seal(value))
        access_key_id, secret = new_access_key()
        ledger.add_access_key(AccessKey(access_key_id, CLIENT, vault.seal(secret), datetime.now(UTC)))
        bearer, digest, name = new_client_api_key("public")
        ledger.add_client_api_key(ClientApiKey(name, CLIENT, "app_group", "public", datetime.now(UTC)), digest)
    finally:
        ledger.close()
    return access_key_id, secret, bearer


def _programs(port: int, env: Mapping[str, str], logs: Path, slots: int, workers: bool) -> dict[str, Program]:
    web = {
        "receiver": python(
            "receiver",
            (*GUNICORN, "router.http.wsgi:app"),
            env,
            logs,
            ready=answers(f"http://127.0.0.1:{port}/readyz", 200),
        )
    }
    if not workers:
        return web
    queues = ",".join(queue_names(facts()))
    worker = ("celery", "-A", "workers.app", "worker", "-n", "bench@%h", "-Q", queues, "-c", str(slots), *WORKER)
    stop = ((signal.SIGTERM, 20.0),)
    return {
        **web,
        "workers": python("workers", worker, env, logs, ready=lambda said: " ready." in said, stop_steps=stop),
        "dispatchers_1": python("dispatch_1", ("workers.dispatch",), env, logs),
        "dispatchers_2": python("dispatch_2", ("workers.dispatch",), env, logs),
    }
