"""How the controls run: under gunicorn as the product configures it, but with gunicorn's own threads, and on the same
servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from router.cli.dev.program import Program
from router.cli.dev.wire import answers
from router.cli.keys import new_access_key
from router.cli.ports import free_port
from router.vault import Vault
from tests.bench.ground import Ground, Pipeline, python
from tests.bench.product import GUNICORN, SLOTS

STOCK = ("--worker-class", "gthread")
QUIET = ("--without-gossip", "--without-mingle", "--loglevel=WARNING")
_SCHEMA = Path(__file__).with_name("naive.sql")


@contextmanager
def bare(ground: Ground, worker: Sequence[str] = STOCK) -> Iterator[Pipeline]:
    """The bare Flask route. worker: gunicorn's options for one other than the product's; none, for that one."""
    port = free_port()
    programs = {"receiver": _web("bare", _server(port), ground, worker)}
    with ground.running(programs):
        yield Pipeline("", port, "AKIDEXAMPLE", "none", programs)


@contextmanager
def naive(ground: Ground, *, workers: bool = True) -> Iterator[Pipeline]:
    """The hand-written pipeline, on an empty database. workers: without them, only its receiver runs."""
    with ground.database() as database_url:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(_SCHEMA.read_text())
        port, (access_key_id, secret) = free_port(), new_access_key()
        env = _server(port) | {
            "NAIVE_DATABASE_URL": database_url,
            "NAIVE_BROKER_URL": ground.broker_url,
            "NAIVE_SINK_URL": ground.sink.url,
            "NAIVE_KEY": access_key_id,
            "NAIVE_SECRET": secret,
        }
        programs = {"receiver": _web("naive", env, ground)}
        if workers:
            worker = ("celery", "-A", "tests.bench.controls.naive:celery", "worker", "-n", "naive@%h", "-c", str(SLOTS))
            programs["workers"] = python("naive_worker", (*worker, *QUIET), env, ground.directory)
        with ground.running(programs):
            yield Pipeline(database_url, port, access_key_id, secret, programs)


def _web(name: str, env: dict[str, str], ground: Ground, worker: Sequence[str] = STOCK) -> Program:
    ready = answers(f"http://127.0.0.1:{env['ROUTER_PORT']}/", 404)
    return python(name, (*GUNICORN, *worker, f"tests.bench.controls.{name}:app"), env, ground.directory, ready=ready)


def _server(port: int) -> dict[str, str]:
    """What the product's gunicorn configuration reads; of it the controls use the port."""
    return {
        "ROUTER_DATABASE_URL": "postgresql://none",
        "ROUTER_BROKER_URL": "memory://",
        "ROUTER_SECRET_KEYS": Vault.new_key(),
        "ROUTER_PORT": str(port),
    }
