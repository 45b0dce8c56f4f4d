"""The product as it runs for real, on servers of its own: what a fault is done to, and what puts it up again."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from router.catalog import facts
from router.cli.dev.program import Program
from router.cli.dev.wire import answers, call, get_json
from router.cli.embedded import EmbeddedPostgres, EmbeddedValkey
from router.cli.keys import new_access_key
from router.cli.ports import free_port
from router.cli.process import Process
from router.ledger.base import AccessKey
from router.ledger.migrate import migrate
from router.ledger.postgres import PostgresLedger
from router.publish import publish
from router.queue import queue_names
from router.vault import Vault
from tests.faults import shop
from tests.faults.load import Account, Load
from tests.faults.proxy import Proxy
from tests.faults.shop import Group, Token
from tests.support.processes import children

ROOT = Path(__file__).parents[2]
START_WITHIN = 90.0
_LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Shape:
    """How the product is run. Seconds: lease of a hint, timeout of a call. slots: worker processes of each worker.

    proxied: between the product and its servers lies a line that can be made bad.
    """

    lease: float
    timeout: float
    workers: int = 2
    slots: int = 4
    proxied: bool = False
    groups: Mapping[str, Group] = field(default_factory=dict)


class NotUp(Exception):
    """A program did not come up; the message holds the end of its log."""


class House:
    """Everything running, between `with`. Only the main thread may tend it: its children end with the thread."""

    def __init__(self, directory: Path, shape: Shape) -> None:
        self.directory = directory
        self.shape = shape
        self.programs: dict[str, Program] = {}
        self.lines: dict[str, Proxy] = {}
        self.ended: list[str] = []
        self._left_behind: list[Process] = []
        self._down: set[str] = set()
        self._people = count(1)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._stack = stack
            self._start_servers()
            self._publish_and_give_keys()
            stack.callback(self._stop_programs)
            self.programs = self._programs()
            for program in self.programs.values():
                program.start()
            self.await_ready()
            self._give_secrets()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    # ---- keeping it up

    def tend(self) -> None:
        """Start again what has died, unless it is to stay down."""
        for name, program in self.programs.items():
            if name not in self._down and (status := program.poll()) is not None:
                self.ended.append(f"{name}: {status}")
                if (left := program.leave_behind()) is not None:
                    self._left_behind.append(left)
                program.start()

    def until(self, condition: Callable[[], Any], within: float, what: str) -> None:
        """Tend the house until the condition holds."""
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within:.0f} s: {what}")
            self.tend()
            time.sleep(_LOOK)

    def wait(self, seconds: float) -> None:
        """Let it work for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.tend()
            time.sleep(min(_LOOK, left))

    def every(self, seconds: float, during: Callable[[], bool]) -> Iterator[int]:
        """Numbers from 0, one each so many seconds, for as long as `during` says."""
        for number in count():
            self.wait(seconds)
            if not during():
                return
            yield number

    def await_ready(self, names: Sequence[str] | None = None) -> None:
        """Until the programs (all of them) are ready."""
        deadline = time.monotonic() + START_WITHIN
        for name in names or list(self.programs):
            while not (program := self.programs[name]).is_ready():
                if time.monotonic() > deadline:
                    tail = "\n".join(program.said().strip().splitlines()[-20:])
                    raise NotUp(f"{name} is not ready after {START_WITHIN:.0f} s:\n{tail}")
                self.tend()
                time.sleep(_LOOK)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """A signal for one program's first process; its children live on as long as they can."""
        os.kill(self.programs[name].pid, number)

    def kill_tree(self, name: str) -> None:
        """SIGKILL for a program with all of its processes, at once."""
        self.programs[name].kill()

    def kill_child(self, name: str, which: int) -> None:
        """SIGKILL for one of a program's child processes."""
        if found := children(self.programs[name].pid):
            os.kill(found[which % len(found)], signal.SIGKILL)

    def stop(self, name: str) -> None:
        """SIGTERM, and then SIGKILL where that takes too long; it stays down."""
        self._down.add(name)
        self.programs[name].stop()

    def start(self, name: str) -> None:
        self._down.discard(name)
        self.programs[name].start()

    # ---- what goes through it

    def people(self, number: int) -> list[Token]:
        """The first record of so many people whom nobody has seen yet."""
        return [Token(next(self._people)) for _ in range(number)]

    def load(self, tokens: Sequence[Token], *, group: str = shop.MAIN, rate: float, each: int = 1) -> Load:
        """A client that posts these at so many calls a second, `each` records a call."""
        calls = [tokens[at : at + each] for at in range(0, len(tokens), each)]
        return Load(self.account, calls, group=group, rate=rate)

    def scenario(self, connector: str, mode: str, **details: Any) -> None:
        """How a provider behaves from now on."""
        import json

        wish = json.dumps({"connector": connector, "mode": mode, **details}).encode()
        status, said = call(
            "POST", f"{self.sandbox}/_/scenario", headers={"Content-Type": "application/json"}, body=wish
        )
        assert status == 200, said

    def received(self, connector: str) -> list[dict[str, Any]]:
        """The calls that a provider accepted, oldest first."""
        status, said = call("GET", f"{self.sandbox}/_/received?connector={connector}", timeout=120.0)
        assert status == 200
        found: list[dict[str, Any]] = json.loads(said)["received"]
        return found

    def query(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        """Rows of the ledger, past any proxy."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(sql.encode(), params).fetchall()

    def owed(self) -> int:
        """How much is still to be planned, delivered or called back."""
        return int(self.query("SELECT count(*) FROM due")[0][0])

    # ---- building it

    def _start_servers(self) -> None:
        enter = self._stack.enter_context
        self.postgres = enter(EmbeddedPostgres(self.directory / "pg"))
        self.broker = enter(EmbeddedValkey(self.directory / "valkey"))
        self.database_url = self.postgres.url
        self._urls = {"postgres": self.postgres.url, "broker": self.broker.url}
        if self.shape.proxied:
            socket_path = str(self.postgres.data_dir / ".s.PGSQL.5432")
            port = int(self.broker.url.rpartition(":")[2].split("/")[0])
            self.lines = {
                "postgres": enter(Proxy(socket_path)),
                "broker": enter(Proxy(("127.0.0.1", port))),
            }
            self._urls = {
                "postgres": f"postgresql://router@127.0.0.1:{self.lines['postgres'].port}/postgres",
                "broker": f"redis://127.0.0.1:{self.lines['broker'].port}/0",
            }

    def _publish_and_give_keys(self) -> None:
        migrate(self.database_url)
        self._vault_key = Vault.new_key()
        self.ledger = PostgresLedger(self.database_url, size=2)
        self._stack.callback(self.ledger.close)
        self.publish()
        access_key_id, secret = new_access_key()
        sealed = Vault([self._vault_key]).seal(secret)
        self.ledger.add_access_key(AccessKey(access_key_id, shop.CLIENT, sealed, datetime.now(UTC)))
        self._web_port = free_port()
        self.account = Account(f"127.0.0.1:{self._web_port}", access_key_id, secret)

    def publish(self, fields: Sequence[str] = (), **more: Group) -> None:
        """Put the mapping set in force, with more fields in the contract or more groups than there were."""
        documents = shop.sources({**self.shape.groups, **more}, self.shape.timeout, fields)
        publish(self.ledger, documents, "tests", "")

    def _give_secrets(self) -> None:
        """The accounts of the sandboxes."""
        known = get_json(f"{self.sandbox}/_/credentials")["credentials"]
        vault = Vault([self._vault_key])
        for name, (connector, option) in shop.SECRETS.items():
            self.ledger.set_secret(shop.CLIENT, name, vault.seal(known[connector][option]))

    def _programs(self) -> dict[str, Program]:
        sandbox_port = free_port()
        self.sandbox = f"http://127.0.0.1:{sandbox_port}"
        clean = {name: text for name, text in os.environ.items() if not name.startswith(("ROUTER_", "PG"))}
        env = clean | {
            "ROUTER_DATABASE_URL": self._urls["postgres"],
            "ROUTER_BROKER_URL": self._urls["broker"],
            "ROUTER_SECRET_KEYS": self._vault_key,
            "ROUTER_PORT": str(self._web_port),
            "ROUTER_ALLOW_PRIVATE_TARGETS": "true",
            "ROUTER_LEASE": str(self.shape.lease),
            "ROUTER_LINK_SANDBOX_URL": self.sandbox,
        }

        def python(name: str, *arguments: str, **more: Any) -> Program:
            log = self.directory / f"{name}.log"
            return Program((sys.executable, "-m", *arguments), log, env, ROOT, **more)

        queues = ",".join(queue_names(facts()))
        quiet = ("-E", "--without-gossip", "--without-mingle")
        gunicorn = ("gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py"), "router.http.wsgi:app")
        stop = ((signal.SIGTERM, 75.0),)
        workers = {
            f"worker_{number}": python(
                f"worker_{number}",
                *("celery", "-A", "workers.app", "worker", "-n", f"worker_{number}@%h", "-Q", queues),
                *("-c", str(self.shape.slots), *quiet),
                ready=lambda said: " ready." in said,
                stop_steps=stop,
            )
            for number in range(1, self.shape.workers + 1)
        }
        listing = answers(f"{self.sandbox}/_/providers", 200)
        return {
            "sandbox": python("sandbox", "connectors.sandbox", "--port", str(sandbox_port), ready=listing),
            "web": python("web", *gunicorn, ready=answers(f"http://{self.account.host}/readyz", 200)),
            **workers,
            "dispatch_1": python("dispatch_1", "workers.dispatch"),
            "dispatch_2": python("dispatch_2", "workers.dispatch"),
        }

    def _stop_programs(self) -> None:
        for program in reversed(self.programs.values()):
            program.kill()
        for process in self._left_behind:
            process.kill()
