"""A ledger with a published set, and the few moves that every test of it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from router.ledger.base import Ledger, Letter, Selection
from router.model import (
    Accepted,
    Action,
    Attempt,
    Destination,
    DueDelivery,
    DueRecord,
    Entity,
    Environment,
    Health,
    Hint,
    Idempotency,
    NewRecord,
    NewRequest,
    Planned,
    State,
    Verdict,
    delivery_id,
    identity_key,
    new_request_id,
)

MANY = 1000
"""More hints per queue than a test has work for."""
LEASE = 30.0
WORKER = "worker-1"
CALLBACK = "-callback"
AT = datetime(2026, 3, 1, 8, 0, 0, 120_000, tzinfo=UTC)
ROUTE = Destination("acme", "", "-route", "route", "", "route", "acme/route", chunk=1000, max_hints=8)
CALLBACKS = Destination("acme", "main", CALLBACK, "callback", "webhook", "callback", "acme/callback")
_CRM = Destination("acme", "main", "crm", "deliver", "salesmanago", "deliver.salesmanago", "acme/crm")


def crm(**changes: Any) -> Destination:
    """The integration that most tests deliver to, or one like it."""
    return replace(_CRM, **changes)


def other(name: str, **changes: Any) -> Destination:
    """Another integration of the same group, with an account of its own, on the same queue."""
    return crm(**{"integration": name, "account": f"acme/{name}", **changes})


def key_of(name: str, *, entity: str = "profile", type: str = "person") -> UUID:
    """The identity key of the entity with this hard id."""
    return identity_key("acme", entity, type, [name])


def record(name: str, **more: Any) -> NewRecord:
    """A profile with this hard id."""
    return NewRecord(data=f'{{"customer_id":"{name}"}}', key=key_of(name), **more)


def event(name: str, subject: str, **more: Any) -> NewRecord:
    """An event of the profile with the hard id `subject`."""
    return NewRecord(
        data=f'{{"event_id":"{name}"}}',
        key=key_of(name, entity="event", type="purchase"),
        subject=key_of(subject),
        subject_type="person",
        **more,
    )


def attempt(outcome: str = "delivered", **more: Any) -> Attempt:
    return Attempt(**{"at": AT, "ms": 12.34, "outcome": outcome, **more})


def verdict(delivery: DueDelivery | UUID, state: State = State.DELIVERED, **more: Any) -> Verdict:
    """A verdict as an attempt with the fitting outcome would lead to it."""
    id = delivery if isinstance(delivery, UUID) else delivery.delivery_id
    if "attempt" not in more and state is not State.PENDING:
        more["attempt"] = attempt(_OUTCOMES[state], reason=_REASONS.get(state, ""))
    if state is State.RETRYING:
        more.setdefault("again_in", 60.0)
    return Verdict(id, state, **more)


_OUTCOMES = {
    State.DELIVERED: "delivered",
    State.RETRYING: "retryable",
    State.DEAD: "rejected",
    State.UNKNOWN: "unknown",
}
_REASONS = {State.RETRYING: "503", State.DEAD: "no such field", State.UNKNOWN: "no answer"}


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self._now

    def later(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


@dataclass
class Kit:
    """later: lets so many seconds pass, for everything that the ledger has."""

    ledger: Ledger
    later: Callable[[float], None]
    numbers: dict[str, int] = field(default_factory=dict)
    _digests: Any = field(default_factory=lambda: count(1))

    def publish(self, *destinations: Destination, route: Destination = ROUTE) -> None:
        """Put these destinations in force, with the client's route and its callbacks."""
        digest = f"sha256:{next(self._digests)}"
        self.ledger.publish(digest, {"acme/client.yaml": digest}, [route, CALLBACKS, *destinations], "ada", "a test")
        self.numbers = {known.integration: number for number, known in self.ledger.destinations().items()}

    def request(self, *records: NewRecord | str, callback: bool = False, **changes: Any) -> NewRequest:
        """A request with these records, profiles where only a hard id is named."""
        given = NewRequest(
            request_id=new_request_id(),
            client="acme",
            environment=Environment.PRODUCTION,
            surface="v2",
            group="main",
            entity=Entity.PROFILE,
            type="person",
            action=Action.UPSERT,
            mapping_version="sha256:1",
            credential="AKIDEXAMPLE",
            route=self.numbers["-route"],
            callback=self.numbers[CALLBACK] if callback else None,
            records=[record(each) if isinstance(each, str) else each for each in records],
        )
        return replace(given, **changes)

    def accept(self, *records: NewRecord | str, callback: bool = False, **changes: Any) -> Accepted:
        return self.ledger.accept(self.request(*records, callback=callback, **changes))

    def claim(self, hints_per_queue: int = MANY) -> list[Hint]:
        return self.ledger.claim(hints_per_queue)

    def start(self, hint: Hint) -> list[DueDelivery]:
        return list(self.ledger.start_deliver(hint.hint_id, WORKER, LEASE)[1])

    def finish(self, hint: Hint | int, *verdicts: Verdict, done: bool = True, **health: Any) -> int:
        number = hint if isinstance(hint, int) else hint.hint_id
        return self.ledger.finish(number, verdicts, Health(**health), done=done)

    def plan(self, *integrations: str, state: State = State.PENDING) -> None:
        """Plan everything that waits for it into these integrations (`crm` unless named)."""
        for hint in self.ledger.claim(MANY):
            assert hint.task == "route", "claim deliveries before you plan"
            self.plan_hint(hint, *integrations, state=state)

    def plan_hint(self, hint: Hint, *integrations: str, state: State = State.PENDING) -> None:
        records = self.ledger.start_route(hint.hint_id, WORKER, LEASE)
        names = integrations or ("crm",)
        self.ledger.planned(hint.hint_id, [self.planned(each, name, state=state) for each in records for name in names])

    def planned(self, record: DueRecord, integration: str, *, state: State = State.PENDING) -> Planned:
        number = self.numbers[integration]
        return Planned(
            delivery_id=delivery_id(record.record_id, number),
            record_id=record.record_id,
            destination=number,
            operation="upsert_contact",
            state=state,
            payload='{"contact":{}}' if state is State.PENDING else None,
            reason="" if state is State.PENDING else "a rule said no",
        )

    def accept_and_plan(self, *records: NewRecord | str, callback: bool = False, **changes: Any) -> Accepted:
        accepted = self.accept(*records, callback=callback, **changes)
        self.plan()
        return accepted

    def given(self, hints_per_queue: int = MANY) -> list[tuple[Hint, list[DueDelivery]]]:
        """What is due now, claimed and started."""
        return [(hint, self.start(hint)) for hint in self.claim(hints_per_queue)]

    def only(self) -> tuple[Hint, list[DueDelivery]]:
        """The one chunk that is due now, claimed and started."""
        (given,) = self.given()
        return given

    def end_all(self, state: State = State.DELIVERED) -> None:
        """Finish everything that is due now."""
        for hint, deliveries in self.given():
            self.finish(hint, *(verdict(each, state) for each in deliveries))

    def failed(self) -> list[Letter]:
        """What is dead or unknown."""
        return self.ledger.letters(Selection(), 1000)

    def document(self, accepted: Accepted | UUID) -> dict[str, Any]:
        found = self.ledger.document(accepted if isinstance(accepted, UUID) else accepted.request_id)
        assert found is not None
        return found

    def states(self, accepted: Accepted) -> list[str]:
        """The states of a request's deliveries, record by record."""
        records: Sequence[Mapping[str, Any]] = self.document(accepted)["records"]
        return [delivery["status"] for record in records for delivery in record["deliveries"]]

    def callbacks(self, accepted: Accepted) -> list[str]:
        """The kinds of a request's callbacks."""
        return [callback["type"] for callback in self.document(accepted)["callbacks"]]


def idempotency(key: str, body: bytes = b"1") -> Idempotency:
    return Idempotency(key, body.ljust(32, b"0"))


def names_of(deliveries: Sequence[DueDelivery], accepted: Accepted) -> list[int]:
    """Which of the request's entities these deliveries are of, in their order."""
    return [accepted.datatalks_ids.index(each.ordering_key) for each in deliveries]


def fresh_key() -> UUID:
    return uuid4()
