"""Where workers are tested: the ledger in memory, a connector that does as it is told, and tools to work with."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, cast

from marshmallow import Schema

from connectors.base import Command, Kind, Operation, Outcome, Tokens, Wire
from router.config import Config
from router.judge import Policy
from router.ledger.base import Ledger, Unavailable
from router.ledger.memory import MemoryLedger
from router.model import Accepted, Hint, NewRecord
from tests.ledger.kit import WORKER, Clock, Kit, crm
from workers.channel import Channel
from workers.deliver import deliver
from workers.lease import Leases
from workers.services import Tools

LEASE = 40.0
DELIVERED = Outcome(Kind.DELIVERED, status=200)
FAILED = Outcome(Kind.RETRYABLE, "503", status=503)
Answer = Callable[[Sequence[Command]], Sequence[Outcome]]


class Told:
    """A connector that answers as it is told, and remembers what it was asked.

    answer: what a call brings; by default everything is delivered. `upsert_contact` carries up to three and may be
    repeated, `send_mail` carries one and must not be.
    """

    options: ClassVar[type[Schema]] = Schema
    operations: ClassVar[Mapping[str, Operation]] = {
        "upsert_contact": Operation(Schema, frozenset({"profile"}), batch=3, batch_cap=3),
        "send_mail": Operation(Schema, frozenset({"profile"}), repeat_safe=False),
    }
    masked: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self, options: Mapping[str, Any] | None = None, wire: Wire | None = None, tokens: Tokens | None = None
    ):
        self.answer: Answer = lambda commands: [DELIVERED] * len(commands)
        self.calls: list[tuple[str, list[Command]]] = []
        self._lock = threading.Lock()

    def send(self, operation: str, commands: Sequence[Command]) -> Sequence[Outcome]:
        with self._lock:
            self.calls.append((operation, list(commands)))
        return self.answer(commands)

    @property
    def sent(self) -> list[list[str]]:
        """The deliveries of each call."""
        return [[command.id for command in commands] for _, commands in self.calls]


class Hung:
    """A broker that keeps what it is given, while it is there."""

    def __init__(self) -> None:
        self.given: list[Hint] = []
        self.away = False

    def give(self, hints: Sequence[Hint]) -> None:
        if self.away:
            raise OSError("nobody listens")
        self.given += hints


class Flaky:
    """A ledger that is away for the next calls of a method; `unheard`, it does what it was asked, and cannot say so.

    calls: how often each method was called.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._away: Counter[str] = Counter()
        self._unheard: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def away(self, method: str, times: int = 1, *, unheard: bool = False) -> None:
        (self._unheard if unheard else self._away)[method] += times

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._ledger, method)

        def called(*arguments: Any, **more: Any) -> Any:
            self.calls[method] += 1
            if self._away[method]:
                self._away[method] -= 1
                raise Unavailable("away")
            answer = real(*arguments, **more)
            if self._unheard[method]:
                self._unheard[method] -= 1
                raise Unavailable("away just now")
            return answer

        return called


@dataclass
class Floor:
    """kit: the ledger and its moves. clock: of the leases. channel: what deliveries go through."""

    kit: Kit
    ledger: Flaky
    leases: Leases
    told: Told
    channel: Channel
    clock: list[float]
    stops: bool = False
    accepted: list[Accepted] = field(default_factory=list)

    def tools(self) -> Tools:
        ledger = cast(Ledger, self.ledger)
        return Tools(
            ledger,
            Config(ledger),
            channel=lambda _: self.channel,
            worker=WORKER,
            leases=self.leases,
            stopping=lambda: self.stops,
            onward=lambda _: None,
            rng=lambda: 0.5,
        )

    def given(self, *records: NewRecord | str, operation: str = "upsert_contact", **changes: Any) -> Hint:
        """The hint of a chunk with these records' deliveries."""
        self.accept(*records, **changes)
        return self.planned(operation)

    def accept(self, *records: NewRecord | str, **changes: Any) -> Accepted:
        self.accepted.append(self.kit.accept(*records, **changes))
        return self.accepted[-1]

    def planned(self, operation: str = "upsert_contact") -> Hint:
        """The hint of all that is accepted and not planned yet."""
        for hint in self.kit.claim():
            assert hint.task == "route", "deliver what was planned before"
            records = self.kit.ledger.start_route(hint.hint_id, WORKER, LEASE)
            plans = [replace(self.kit.planned(each, "crm"), operation=operation) for each in records]
            self.kit.ledger.planned(hint.hint_id, plans)
        (hint,) = self.kit.claim()
        return hint

    def deliver(self, hint: Hint) -> None:
        deliver(hint.hint_id, self.tools())

    def take_over(self, hint: Hint) -> None:
        """Somebody else has it now."""
        self.kit.ledger.lost(hint.hint_id)
        assert self.kit.ledger.take_over(hint.hint_id) is not None

    def states(self) -> list[str]:
        """Of all deliveries, in the order accepted."""
        return [state for accepted in self.accepted for state in self.kit.states(accepted)]

    def history(self) -> list[dict[str, Any]]:
        """The attempts of all deliveries, in the order accepted."""
        return [attempt for delivery in self.deliveries() for attempt in delivery["history"]]

    def deliveries(self) -> list[dict[str, Any]]:
        """All of them as they are shown, in the order accepted."""
        records = (one for accepted in self.accepted for one in self.kit.document(accepted)["records"])
        return [delivery for one in records for delivery in one["deliveries"]]


@contextmanager
def floor(*, lease: float = LEASE, **channel: Any) -> Iterator[Floor]:
    """A floor whose channel has what is named."""
    clock, told, passed = Clock(), Told(), [1000.0]
    ledger = MemoryLedger(clock)
    kit = Kit(ledger, clock.later)
    kit.publish(crm())
    flaky = Flaky(ledger)
    leases = Leases(cast(Ledger, flaky), lease, clock=lambda: passed[0])
    made = Channel(**{"policy": Policy(), "connector": told, "account": "acme/crm", **channel})
    try:
        yield Floor(kit, flaky, leases, told, made, passed)
    finally:
        leases.close()
