"""Dispatchers and workers as real processes on a test's own ledger and broker, delivering to a sandbox."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from connectors.sandbox.server import Sandbox
from connectors.sandbox.webhook import SECRET
from router.cli.dev.program import Program
from router.queue import queue_names
from router.vault import Vault
from tests.support.conditions import eventually
from tests.support.shop import KEY, Shop, shop_in

ROOT = Path(__file__).parents[2]
QUEUES = ("route", "callbacks", "deliver.webhook")
assert set(QUEUES) <= set(queue_names(["webhook"]))


class Works:
    """shop: what is accepted and looked up. sandbox: what it is delivered to."""

    def __init__(self, directory: Path, shop: Shop, sandbox: Sandbox, broker_url: str) -> None:
        self.shop = shop
        self.sandbox = sandbox
        self._directory = directory
        self._broker_url = broker_url
        self._numbers = count(1)
        self._programs: list[Program] = []

    def dispatcher(self, **settings: str) -> Program:
        """One that runs, ready."""
        program = self.starting_dispatcher(**settings)
        self.await_ready(program)
        return program

    def starting_dispatcher(self, **settings: str) -> Program:
        return self._program(("workers.dispatch",), settings, ready=lambda said: '"dispatching"' in said)

    def worker(self, *queues: str, slots: int = 2, app: str = "workers.app", **settings: str) -> Program:
        """One that consumes these queues (all of them unless named), ready."""
        program = self.starting_worker(*queues, slots=slots, app=app, **settings)
        self.await_ready(program)
        return program

    def starting_worker(self, *queues: str, slots: int = 2, app: str = "workers.app", **settings: str) -> Program:
        name = f"worker_{next(self._numbers)}@%h"
        served = ("-Q", ",".join(queues or QUEUES), "-c", str(slots), "-E", "--without-gossip", "--without-mingle")
        command = ("celery", "-A", app, "worker", "-n", name, *served)
        return self._program(command, settings, ready=lambda said: " ready." in said)

    def await_ready(self, program: Program) -> None:
        eventually(lambda: program.is_ready() or program.poll() is not None, within=90)
        assert program.poll() is None, program.said()

    def exit_of(self, program: Program, within: float) -> int:
        """The status of a program that is to end by itself."""
        eventually(lambda: program.poll() is not None, within=within)
        status = program.poll()
        assert status is not None
        return status

    def messages(self) -> list[Any]:
        """What was delivered."""
        return list(self.sandbox.provider("webhook").messages.values())

    def stop(self) -> None:
        for program in reversed(self._programs):
            program.kill()

    def _program(self, command: tuple[str, ...], settings: Mapping[str, str], **more: Any) -> Program:
        clean = {name: text for name, text in os.environ.items() if not name.startswith(("ROUTER_", "PG"))}
        own = {
            "ROUTER_BROKER_URL": self._broker_url,
            "ROUTER_ALLOW_PRIVATE_TARGETS": "true",
            "ROUTER_LINK_SANDBOX_URL": self.sandbox.url,
            "ROUTER_LOG_LEVEL": "info",
        }
        log = self._directory / f"{len(self._programs)}.log"
        env = clean | self.shop.environment | own | settings
        steps = ((signal.SIGTERM, 45.0),)
        program = Program((sys.executable, "-m", *command), log, env, ROOT, stop_steps=steps, **more)
        self._programs.append(program)
        program.start()
        return program


@contextmanager
def works_on(directory: Path, database_url: str, broker_url: str) -> Iterator[Works]:
    with shop_in(database_url) as shop, Sandbox() as sandbox:
        shop.ledger.set_secret("shop", "crm", Vault([KEY]).seal(SECRET))
        works = Works(directory, shop, sandbox, broker_url)
        try:
            yield works
        finally:
            works.stop()
