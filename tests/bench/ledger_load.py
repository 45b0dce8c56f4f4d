"""Work done on the ledger alone, through its port, without HTTP, broker or destinations: what each statement costs it.

One connection, so that PostgreSQL's CPU can be told by statement, in nanoseconds, from its one backend.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import psycopg

from router.config import ROUTE, Config
from router.ledger.postgres import PostgresLedger
from router.mapping import MappingSet
from router.model import (
    Action,
    Attempt,
    Entity,
    Environment,
    Health,
    NewRecord,
    NewRequest,
    State,
    Verdict,
    identity_key,
    new_request_id,
)
from router.plan import plan
from tests.bench.people import person

T = TypeVar("T")
CLIENT, GROUP = "bench", "main_group"
LEASE = 60.0
MANY = 1000


@dataclass(slots=True)
class Spent:
    """Calls of one method, seconds they took, and seconds of PostgreSQL's CPU."""

    calls: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


@dataclass(slots=True)
class Clerk:
    """Does what receivers, dispatchers and workers do to the ledger, one after the other. spent: by method."""

    ledger: PostgresLedger
    config: Config
    backend: int
    spent: dict[str, Spent] = field(default_factory=dict)

    def accept(self, numbers: Sequence[int], size: int = 1) -> None:
        """Accept people, so many in a request."""
        for at in range(0, len(numbers), size):
            self._timed("accept", partial(self.ledger.accept, self._request(numbers[at : at + size])))

    def work(self, deliveries: int) -> int:
        """Plan and deliver until so many deliveries are done or nothing is due. Returns how many were done."""
        done = 0
        while done < deliveries:
            hints = self._timed("claim", lambda: self.ledger.claim(MANY))
            if not hints:
                return done
            for hint in hints:
                if hint.task == "route":
                    self._route(hint.hint_id)
                else:
                    done += self._deliver(hint.hint_id)
        return done

    def _route(self, hint: int) -> None:
        records = self._timed("start_route", lambda: self.ledger.start_route(hint, "clerk", LEASE))
        numbers = self.config.current().number
        plans = [each for one in records for each in plan(one, self._set(), numbers)]
        self._timed("planned", lambda: self.ledger.planned(hint, plans))

    def _deliver(self, hint: int) -> int:
        _, deliveries = self._timed("start_deliver", lambda: self.ledger.start_deliver(hint, "clerk", LEASE))
        attempt = Attempt(datetime.now(UTC), 12.5, "delivered", 200, provider_id="7a1c0c52-9d0e-4d2b-9a55-2f0f8a7f1e11")
        verdicts = [Verdict(each.delivery_id, State.DELIVERED, attempt=attempt) for each in deliveries]
        health = Health(delivered=len(verdicts))
        return self._timed("finish", lambda: self.ledger.finish(hint, verdicts, health, done=True))

    def _set(self) -> MappingSet:
        return self.config.current().set

    def _request(self, numbers: Sequence[int]) -> NewRequest:
        snapshot = self.config.current()
        contract = snapshot.set.contract(CLIENT, Entity.PROFILE, "person", GROUP)
        route = snapshot.number(CLIENT, "", ROUTE)
        assert contract is not None
        assert route is not None
        return NewRequest(
            request_id=new_request_id(),
            client=CLIENT,
            environment=Environment.PRODUCTION,
            surface="v2",
            group=GROUP,
            entity=Entity.PROFILE,
            type="person",
            action=Action.UPSERT,
            mapping_version=snapshot.publication.digest,
            credential="bench",
            route=route,
            callback=None,
            records=[_record(number) for number in numbers],
        )

    def _timed(self, name: str, call: Callable[[], T]) -> T:
        spent = self.spent.setdefault(name, Spent())
        cpu, began = _on_cpu(self.backend), time.monotonic()
        result = call()
        spent.seconds += time.monotonic() - began
        spent.cpu += _on_cpu(self.backend) - cpu
        spent.calls += 1
        return result


def _record(number: int) -> NewRecord:
    data = person(number)
    key = identity_key(CLIENT, Entity.PROFILE, "person", [str(data["customer_id"])])
    return NewRecord(json.dumps(data, ensure_ascii=False, separators=(",", ":")), key)


def _on_cpu(pid: int) -> float:
    """Seconds that a process has run."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


@contextmanager
def clerk(database_url: str) -> Iterator[Clerk]:
    """On a ledger that is migrated and published."""
    ledger = PostgresLedger(database_url, size=1)
    ledger.ping()
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'router' AND datname = current_database()"
        ).fetchone()
    assert row is not None
    try:
        yield Clerk(ledger, Config(ledger), row[0])
    finally:
        ledger.close()
