"""A worker or dispatcher that ends, or stands still, at a given step: `python -m tests.faults.crash URL EFFECTS`.

Steps are what leaves a trace: a statement, a message, a call. For each line that it is told,
`<stage> <steps> <fate> <argument>`, it forks a process that carries the stage out and after so many steps meets its
fate: `SIGKILL` or `SIGSTOP`. It answers with the status: `CUT`, `STILL`, or `DONE` when the stage had not so many.
After `STILL` it wakes the process with the next line, whatever that says, and answers with its end.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from marshmallow import Schema

from connectors.base import Command, Kind, Operation, Outcome
from router import callback, logs
from router.accept import Call, accept
from router.config import CALLBACK, Config
from router.judge import Policy
from router.ledger.postgres import PostgresLedger
from router.ledger.postgres.line import Line
from router.ledger.postgres.pool import ALL_ANSWERED_WITHIN, Database
from router.model import Accepted, Action, DueDelivery, Entity, Environment, Hint, Idempotency, new_request_id
from router.queue import CALLBACKS
from tests.faults.shop import CLIENT, connector_of
from workers.channel import Channel
from workers.check import check_hints
from workers.deliver import deliver
from workers.dispatch import Dispatcher
from workers.lease import Leases
from workers.notices import Notices
from workers.onward import Onward
from workers.route import route
from workers.services import Tools

DONE, BROKEN, CUT, STILL = 0, 1, -signal.SIGKILL, -signal.SIGSTOP
LEASE = 30.0
PEOPLE = ("ada", "grace", "ada")
"""Of the records of a call: one person comes twice, so their order counts."""
BATCH = {"salesmanago": 3}
"""How many one call carries, for the others it is one."""


class Steps:
    """Counts them; when none is left the process meets its fate."""

    def __init__(self, left: int | None = None, fate: signal.Signals = signal.SIGKILL) -> None:
        self._left, self._fate = left, fate
        self.taken(0)

    def taken(self, steps: int = 1) -> None:
        if self._left is not None:
            self._left -= steps
            if self._left == 0:
                signal.pthread_kill(threading.get_ident(), self._fate)


@dataclass
class _Watched:
    """A connection, each of whose statements is a step."""

    line: Line
    steps: Steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self.line, name)

    def execute(self, *arguments: Any, **more: Any) -> Any:
        return self._taken(self.line.execute(*arguments, **more))

    def start(self, *arguments: Any) -> Any:
        return self._taken(self.line.start(*arguments))

    def rows(self, *arguments: Any) -> Any:
        return self._taken(self.line.rows(*arguments))

    def in_turn(self, *arguments: Any) -> Any:
        return self._taken(self.line.in_turn(*arguments))

    def _taken(self, answer: Any) -> Any:
        self.steps.taken()
        return answer


class _Counted(Database):
    def __init__(self, url: str, steps: Steps) -> None:
        super().__init__(url, size=2)
        self._steps = steps

    @contextmanager
    def connection(self, within: float = ALL_ANSWERED_WITHIN) -> Iterator[Any]:
        with super().connection(within) as line:
            yield _Watched(line, self._steps)


class Counted(PostgresLedger):
    def __init__(self, url: str, steps: Steps) -> None:
        super().__init__(url)
        self._db = _Counted(url, steps)


@dataclass
class World:
    """Everything outside: what is done there stays done. A connector that does it, and says that it did."""

    effects: Path
    integration: str
    steps: Steps
    options: ClassVar[type[Schema]] = Schema
    operations: ClassVar[Mapping[str, Operation]] = {
        "upsert_contact": Operation(Schema, frozenset({"profile"}), batch=1, batch_cap=3),
        "send_system": Operation(Schema, frozenset({"profile"}), repeat_safe=False),
    }
    masked: ClassVar[frozenset[str]] = frozenset()

    def send(self, operation: str, commands: Sequence[Command]) -> Sequence[Outcome]:
        with self.effects.open("a") as done:
            done.writelines(f"{self.integration} {command.id}\n" for command in commands)
        self.steps.taken()
        return [Outcome(Kind.DELIVERED, status=200)] * len(commands)


@dataclass
class Queues:
    """A broker."""

    steps: Steps
    given: list[Hint] = field(default_factory=list)

    def give(self, hints: Sequence[Hint]) -> None:
        for hint in hints:
            self.given.append(hint)
            self.steps.taken()


@dataclass
class Process:
    """What a worker or dispatcher holds, with calls that go out one after the other. hints: to where planners give."""

    ledger: PostgresLedger
    config: Config
    effects: Path
    steps: Steps = field(default_factory=Steps)
    hints: Queues | None = None

    @contextmanager
    def tools(self) -> Iterator[Tools]:
        with closing(Leases(self.ledger, LEASE)) as leases:
            yield Tools(self.ledger, self.config, self._channel, "tests:1", leases, lambda: False, self._onward)

    def dispatch(self) -> list[Hint]:
        """A whole turn; returns what was given."""
        queues = Queues(self.steps)
        Dispatcher(self.ledger, queues, self.config, Notices(None), hints_per_queue=8, retention_days=90).turn()
        return queues.given

    def work(self, hint: Hint) -> None:
        with self.tools() as tools:
            (route if hint.task == "route" else deliver)(hint.hint_id, tools)

    def _onward(self, destinations: Sequence[int]) -> None:
        if self.hints is not None:
            Onward(self.ledger, self.hints, hints_per_queue=8)(destinations)

    def _channel(self, number: int) -> Channel:
        place = self.config.current().destinations[number]
        return Channel(
            Policy(),
            World(self.effects, place.integration, self.steps),
            account=place.account,
            calls_per_second=place.requests_per_second,
            at_once=1,
            batches={"upsert_contact": BATCH.get(connector_of(place.integration), 1)},
            body=self._body if place.kind == CALLBACK else None,
        )

    def _body(self, delivery: DueDelivery) -> Mapping[str, Any]:
        document = self.ledger.document(delivery.request_id)
        assert document is not None
        return callback.body(delivery.payload, document, datetime.now(UTC))


def call(process: Process, said: str) -> Accepted:
    """What a client posts, again and again with the same key until it hears that it was accepted. said: group:key."""
    group, key = said.split(":")
    records = [{"customer_id": f"{name}-{key}", "email": f"{name}@shop.example", "name": name} for name in PEOPLE]
    given = Call(
        request_id=new_request_id(),
        client=CLIENT,
        credential="AKIDEXAMPLE",
        environment=Environment.PRODUCTION,
        surface="v2",
        entity=Entity.PROFILE,
        action=Action.UPSERT,
        type="person",
        group=group,
        records=records,
        joins=[None, f"ada-{key}", None],
        many=True,
        idempotency=Idempotency(key, key.encode().ljust(32, b"0")),
    )
    return accept(given, process.config.current(), process.ledger)


def _judge(process: Process, _: str) -> None:
    check_hints(process.ledger, lambda _: Policy())


STAGES: Mapping[str, Callable[[Process, str], object]] = {
    "accept": call,
    "dispatch": lambda process, _: process.dispatch(),
    "judge": _judge,
    "work": lambda process, hint: process.work(_hint(hint)),
}


def _hint(said: str) -> Hint:
    number, task = said.split(":")
    return Hint(int(number), task, CALLBACKS, "", (UUID(int=0),), 1)


def configured(url: str) -> Config:
    """The set in force, which is never looked up again; the ledger it came from is closed."""
    with closing(PostgresLedger(url, size=1)) as ledger:
        config = Config(ledger, clock=lambda: 0.0)
        config.current()
    return config


def main(url: str, effects: Path) -> None:
    logs.configure("error")
    config = configured(url)
    for line in sys.stdin:
        stage, left, fate, argument = line.split()
        pid = os.fork()
        if pid == 0:
            status = BROKEN
            try:
                steps = Steps(int(left), signal.Signals[fate])
                STAGES[stage](Process(Counted(url, steps), config, effects, steps, Queues(steps)), argument)
                status = DONE
            finally:
                os._exit(status)
        status = os.waitpid(pid, os.WUNTRACED)[1]
        if os.WIFSTOPPED(status):
            print(STILL, flush=True)
            sys.stdin.readline()
            os.kill(pid, signal.SIGCONT)
            status = os.waitpid(pid, 0)[1]
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
