"""What the ledger in memory holds: the tables as dictionaries of mutable rows, and what several rooms do to them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from router.ledger.base import AccessKey, ClientApiKey, Publication
from router.ledger.feedback import MatchedBy, NewFeedback
from router.ledger.ranges import id_at
from router.model import FAILED, FINAL, Destination, NewRequest, Rejected, State

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Request:
    """given: as it was accepted. open: what it is still owed. failed: its deliveries that are dead or unknown."""

    given: NewRequest
    received_at: datetime
    records: int
    open: int
    planned: int = 0
    failed: int = 0
    completed_at: datetime | None = None


@dataclass(slots=True)
class Record:
    record_id: UUID
    seq: int
    datatalks_id: UUID
    ordering_key: UUID
    data: str


@dataclass(slots=True)
class Delivery:
    """attempts: as `documents.kept` makes them. earlier: how many of them lie before the last replay."""

    delivery_id: UUID
    request_id: UUID
    destination: int
    operation: str
    state: State
    planned_at: datetime
    payload: str | None = None
    reason: str | None = None
    provider_id: str | None = None
    recovering: bool = False
    attempts: list[Mapping[str, Any]] = field(default_factory=list)
    earlier: int = 0
    finished_at: datetime | None = None


@dataclass(slots=True)
class Due:
    """What is owed: a record to be planned, a delivery, or a callback."""

    id: UUID
    request_id: UUID
    destination: int
    ordering_key: UUID
    seq: int
    due_at: datetime
    lane: int = 0
    suspicion: int = 0
    hint_id: int | None = None


@dataclass(slots=True)
class GivenHint:
    hint_id: int
    destination: int
    queue: str
    task: str
    replay: bool
    ids: Sequence[UUID]
    requests: tuple[UUID, ...]
    given_at: datetime
    started_at: datetime | None = None
    lease_until: datetime | None = None
    worker: str | None = None


@dataclass(slots=True)
class Target:
    """A destination with what the dispatcher knows of it."""

    given: Destination
    route: int | None = None
    paused_at: datetime | None = None
    paused_by: str | None = None
    catching_up: bool = False
    release_next_at: datetime = LONG_AGO
    breaker: str = "closed"
    breaker_reason: str | None = None
    breaker_since: datetime | None = None
    breaker_told: str = "closed"
    opened_times: int = 0
    delivered_lately: int = 0
    failed_lately: int = 0
    lately_since: datetime = LONG_AGO
    given_at: datetime = LONG_AGO


@dataclass(slots=True)
class Account:
    blocked_until: datetime = LONG_AGO
    requests_next_at: datetime = LONG_AGO
    records_next_at: datetime = LONG_AGO
    slots_next_at: datetime = LONG_AGO


@dataclass(slots=True)
class Told:
    """given: as the provider told it."""

    feedback_id: UUID
    given: NewFeedback
    destination: int
    received_at: datetime
    delivery_id: UUID | None = None
    matched_by: MatchedBy | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a request's counts change by."""

    planned: int = 0
    opened: int = 0
    failed: int = 0

    def __add__(self, other: Change) -> Change:
        return Change(self.planned + other.planned, self.opened + other.opened, self.failed + other.failed)


@dataclass(frozen=True, slots=True)
class Event:
    """Something a client is told of by a callback. subject: the delivery it is about."""

    request_id: UUID
    name: str
    subject: UUID


class Store:
    """All tables. Whoever reads or writes them holds the lock."""

    def __init__(self, clock: Callable[[], datetime], luck: Callable[[], float]) -> None:
        self.lock = threading.RLock()
        self.now = clock
        self.luck = luck
        self.seqs = count(1)
        self.hint_numbers = count(1)
        self.turns: dict[str, datetime] = {}
        self.identities: dict[UUID, UUID] = {}
        self.known_as: dict[UUID, dict[str, str | None]] = {}
        self.idempotency: dict[tuple[str, str], tuple[bytes, UUID, datetime]] = {}
        self.requests: dict[UUID, Request] = {}
        self.rejections: dict[UUID, tuple[Rejected, datetime]] = {}
        self.records: dict[UUID, Record] = {}
        self.deliveries: dict[UUID, Delivery] = {}
        self.due: dict[UUID, Due] = {}
        self.feedback: dict[UUID, Told] = {}
        self.hints: dict[int, GivenHint] = {}
        self.targets: dict[int, Target] = {}
        self.accounts: dict[str, Account] = {}
        self.access_keys: dict[str, AccessKey] = {}
        self.client_api_keys: dict[bytes, ClientApiKey] = {}
        self.secrets: dict[tuple[str, str], tuple[bytes, int, datetime]] = {}
        self.tokens: dict[str, tuple[bytes, datetime]] = {}
        self.mapping_sets: dict[str, dict[str, str]] = {}
        self.publications: list[Publication] = []

    def in_(self, seconds: float) -> datetime:
        """The moment so many seconds from now."""
        return self.now() + timedelta(seconds=seconds)

    def fresh_id(self) -> UUID:
        """An id of the present moment, a UUIDv8."""
        random = uuid4().int & ((1 << 80) - 1) & ~(0xF << 76)
        return UUID(int=id_at(self.now()).int | random | (8 << 76))

    def account(self, name: str) -> Account:
        return self.accounts.setdefault(name, Account())

    def forget(self, table: MutableMapping[UUID, Any], until: UUID) -> None:
        """Drop what was born before."""
        for id in [id for id in table if id < until]:
            del table[id]

    def held_by(self, hint: GivenHint) -> list[Due]:
        """What a hint still carries, in order."""
        rows = (self.due[id] for id in hint.ids if id in self.due)
        return sorted((row for row in rows if row.hint_id == hint.hint_id), key=lambda row: row.seq)

    def of_request(self, request_id: UUID, low: UUID, high: UUID) -> tuple[list[Record], list[Delivery]]:
        """A request's records and deliveries, in the order of their ids."""
        records = sorted((r for id, r in self.records.items() if low <= id <= high), key=lambda r: r.record_id)
        deliveries = sorted(
            (d for d in self.deliveries.values() if d.request_id == request_id), key=lambda d: d.delivery_id
        )
        return records, deliveries

    def settle(self, changes: Iterable[tuple[UUID, Change]], events: Iterable[Event]) -> None:
        """Change what requests are owed; what happened, and the end of a request, become callbacks."""
        totals: dict[UUID, Change] = {}
        for request_id, change in changes:
            totals[request_id] = totals.get(request_id, Change()) + change
        news = list(events)
        for request_id, change in totals.items():
            request = self.requests[request_id]
            request.planned += change.planned
            request.open += change.opened
            request.failed += change.failed
            for event in news:
                if event.request_id == request_id:
                    self.call_back(request_id, event.name, str(event.subject))
            if request.open == 0 and request.completed_at is None:
                request.completed_at = self.now()
                ended = "request.completed_with_errors" if request.failed else "request.completed"
                self.call_back(request_id, ended, None)

    def call_back(self, request_id: UUID, name: str, subject: str | None, **more: str) -> None:
        """Tell a request's client, if it is to be told anything."""
        callback = self.requests[request_id].given.callback
        if callback is None:
            return
        id, now = self.fresh_id(), self.now()
        payload = json.dumps({"type": name, "deliveryId": subject, **more})
        self.deliveries[id] = Delivery(id, request_id, callback, "callback", State.PENDING, now, payload)
        self.due[id] = Due(id, request_id, callback, request_id, next(self.seqs), now)


def final(state: State) -> bool:
    return state in FINAL


def failed(state: State) -> bool:
    return state in FAILED
