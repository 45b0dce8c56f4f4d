"""The product as it runs for real, on servers of its own: what a fault is done to, and what puts it up again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

import psycopg

from router.catalog import facts
from router.cli.dev.program import Program
from router.cli.dev.wire import answers, call, get_json
from router.cli.embedded import EmbeddedPostgres, EmbeddedValkey
from router.cli.keys import new_access_key
from router.cli.ports import free_port
from router.cli.process import Process
from router.ledger.base import AccessKey, Audit
from router.ledger.migrate import migrate
from router.ledger.postgres import PostgresLedger
from router.queue import queue_names
from router.vault import Vault
from tests.faults import shop
from tests.faults.load import Account, Load
from tests.faults.proxy import Line, Proxy
from tests.faults.shop import Group, Token
from tests.support.processes import children

ROOT = Path(__file__).parents[2]
FRAGILE = Path(__file__).with_name("fragile")
ROUTER = (sys.executable, "-c", "from router.cli import main; main()")
START_WITHIN = 90.0
STOP_WITHIN = 75.0
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


OWED = """
SELECT jsonb_strip_nulls(to_jsonb(p) - 'opened_times' || to_jsonb(d) || jsonb_build_object(
    'hint', to_jsonb(h) - 'ids' - 'requests', 'blocked_until', a.blocked_until, 'state', e.state, 'now', now(),
    'attempts', e.attempts -> -1)) AS what
FROM due AS d JOIN destinations AS p USING (destination_id) LEFT JOIN accounts AS a USING (account)
LEFT JOIN hints AS h USING (hint_id) LEFT JOIN deliveries AS e ON e.delivery_id = d.id ORDER BY d.seq LIMIT 10
"""


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

    def stop(self, name: str) -> float:
        """SIGTERM, and the seconds it took to end in good order; it stays down."""
        self._down.add(name)
        began = time.monotonic()
        self.kill(name, signal.SIGTERM)
        self.until(lambda: self.programs[name].poll() is not None, STOP_WITHIN, f"{name} ends")
        return time.monotonic() - began

    def start(self, name: str) -> None:
        """Again, after `stop`."""
        self.programs[name].leave_behind()
        self.programs[name].start()
        self._down.discard(name)

    def be_well(self) -> None:
        """What was done to it is undone: all runs, nothing is owed, providers answer and have forgotten."""
        for line in self.lines.values():
            line.be(Line.PASS)
            line.delay(0.0)
        for each in get_json(f"{self.sandbox}/_/providers")["providers"]:
            self.scenario(each["connector"], "ok")
        self.await_ready()
        self.until(lambda: self.owed() == 0, START_WITHIN, "nothing is owed from before")
        status, _ = call("DELETE", f"{self.sandbox}/_/received")
        assert status == 200

    # ---- what goes through it

    def people(self, number: int) -> list[Token]:
        """The first record of so many people whom nobody has seen yet."""
        return [Token(next(self._people)) for _ in range(number)]

    def load(
        self,
        tokens: Sequence[Token],
        *,
        rate: float,
        each: int = 1,
        group: str = shop.MAIN,
        kinds: Mapping[Token, str] = MappingProxyType({}),
        senders: int = 8,
    ) -> Load:
        """A client that posts these at so many calls a second, `each` records a call.

        kinds: of odd ones. senders: calls in flight together.
        """
        calls = [tokens[at : at + each] for at in range(0, len(tokens), each)]
        return Load(self.account, calls, group=group, rate=rate, kinds=kinds, senders=senders)

    def scenario(self, connector: str, mode: str, **details: Any) -> None:
        """How a provider behaves from now on."""
        import json

        wish = json.dumps({"connector": connector, "mode": mode, **details}).encode()
        status, said = call(
            "POST", f"{self.sandbox}/_/scenario", headers={"Content-Type": "application/json"}, body=wish
        )
        assert status == 200, said

    def received(self, integration: str) -> list[dict[str, Any]]:
        """The calls that its provider accepted, oldest first. Webhooks share a provider, and are told by their path."""
        connector = shop.connector_of(integration)
        hook = connector in shop.HOOKS
        connector = "webhook" if hook else connector
        status, said = call("GET", f"{self.sandbox}/_/received?connector={connector}", timeout=120.0)
        assert status == 200
        found: list[dict[str, Any]] = json.loads(said)["received"]
        return [each for each in found if each["path"] == f"/{integration}"] if hook else found

    def mode(self, connector: str) -> str:
        """How a provider behaves."""
        return str(self._provider(connector)["mode"])

    def calls(self, connector: str) -> int:
        """How often a provider was called, whatever it answered."""
        return int(self._provider(connector)["calls"])

    def _provider(self, connector: str) -> dict[str, Any]:
        told: list[dict[str, Any]] = get_json(f"{self.sandbox}/_/providers")["providers"]
        return next(each for each in told if each["connector"] == connector)

    def query(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        """Rows of the ledger, past any proxy."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(sql.encode(), params)
            return cursor.fetchall() if cursor.description else []

    def audit(self) -> Audit:
        """Of everything there is, over a connection that no fault was done to."""
        with closing(PostgresLedger(self.database_url, size=1)) as ledger:
            return ledger.audit()

    def command(self, *arguments: str) -> str:
        """What a command of the product said."""
        done = subprocess.run([*ROUTER, *arguments], env=self.env, cwd=ROOT, check=True, capture_output=True, text=True)
        return done.stdout

    def owed(self) -> int:
        """How much is still to be planned, delivered or called back."""
        return int(self.query("SELECT count(*) FROM due")[0][0])

    def claimed(self) -> int:
        """The number of the last hint that was made."""
        return int(self.query("SELECT last_value FROM hint_seq")[0][0])

    def latency(self, load: Load, integrations: Sequence[str], share: float) -> float:
        """Seconds from accepted to delivered, which this share of a load's deliveries did not exceed."""
        sql = """SELECT percentile_cont(%s) WITHIN GROUP (ORDER BY extract(epoch FROM d.finished_at - r.received_at))
            FROM deliveries AS d JOIN requests AS r USING (request_id) JOIN destinations AS p USING (destination_id)
            WHERE d.request_id = ANY(%s) AND p.integration = ANY(%s)"""
        return float(self.query(sql, share, list(set(load.accepted.values())), list(integrations))[0][0])

    def drain(self, within: float) -> None:
        """Until nothing is owed any more."""
        try:
            self.until(lambda: self.owed() == 0, within, "nothing is owed")
        except AssertionError as error:
            for row in self.query(OWED):
                error.add_note(str(row))
            raise

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
        self._web_port, self._sandbox_port = free_port(), free_port()
        self.sandbox = f"http://127.0.0.1:{self._sandbox_port}"
        self.publish()
        access_key_id, secret = new_access_key()
        sealed = Vault([self._vault_key]).seal(secret)
        with closing(PostgresLedger(self.database_url, size=1)) as ledger:
            ledger.add_access_key(AccessKey(access_key_id, shop.CLIENT, sealed, datetime.now(UTC)))
        self.account = Account(f"127.0.0.1:{self._web_port}", access_key_id, secret)

    def publish(self, fields: Sequence[str] = (), **more: Group) -> None:
        """Put the mapping set in force, with more fields in the contract or more groups than there were."""
        directory = self.directory / "mappings"
        for path, text in shop.documents({**self.shape.groups, **more}, self.shape.timeout, fields).items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text)
        self.command("mappings", "publish", str(directory), "--message", "a fault", "--author", "tests")

    def _give_secrets(self) -> None:
        """The accounts of the sandboxes."""
        known = get_json(f"{self.sandbox}/_/credentials")["credentials"]
        vault = Vault([self._vault_key])
        with closing(PostgresLedger(self.database_url, size=1)) as ledger:
            for name, (connector, option) in shop.SECRETS.items():
                ledger.set_secret(shop.CLIENT, name, vault.seal(known[connector][option]))

    @property
    def env(self) -> dict[str, str]:
        """What its processes and commands are started with."""
        clean = {name: text for name, text in os.environ.items() if not name.startswith(("ROUTER_", "PG"))}
        return clean | {
            "PYTHONPATH": str(FRAGILE),
            "ROUTER_DATABASE_URL": self._urls["postgres"],
            "ROUTER_BROKER_URL": self._urls["broker"],
            "ROUTER_SECRET_KEYS": self._vault_key,
            "ROUTER_PORT": str(self._web_port),
            "ROUTER_ALLOW_PRIVATE_TARGETS": "true",
            "ROUTER_LEASE": str(self.shape.lease),
            "ROUTER_LINK_SANDBOX_URL": self.sandbox,
        }

    def _programs(self) -> dict[str, Program]:
        def python(name: str, *arguments: str, **more: Any) -> Program:
            log = self.directory / f"{name}.log"
            return Program((sys.executable, "-m", *arguments), log, self.env, ROOT, **more)

        queues = ",".join(queue_names([*facts(), "fragile"]))
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
            "sandbox": python("sandbox", "connectors.sandbox", "--port", str(self._sandbox_port), ready=listing),
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
