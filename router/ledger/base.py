"""The ledger's port: everything the router keeps. Implemented by `postgres` and, for tests, by `memory`.

Each method is one durable statement unless it says otherwise: when it returns, it is kept; when it raises
`Unavailable`, it may or may not be. All times are the ledger's own clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from router.ledger.feedback import Feedback
from router.model import (
    Accepted,
    BreakerNews,
    Destination,
    DueDelivery,
    DueRecord,
    Health,
    Hint,
    NewRequest,
    Planned,
    Rejected,
    State,
    TakenOver,
    Trouble,
    Verdict,
)


class LedgerError(Exception):
    """Something the ledger refuses."""


class Unavailable(LedgerError):
    """The ledger is away, or whether it kept something is not known. Nothing may be acknowledged."""


class PinConflict(LedgerError):
    """A record's hard id already belongs to another entity than the datatalksId sent along. index: the record's."""

    def __init__(self, index: int) -> None:
        self.index = index
        super().__init__(f"data[{index}]: the hard id already belongs to another datatalksId")


class IdempotencyMismatch(LedgerError):
    """The Idempotency-Key was used before, for something else."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A SigV4 key pair. secret: encrypted. A key counts while it is neither revoked nor expired."""

    access_key_id: str
    client: str
    secret: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClientApiKey:
    """A bearer key of one group. name: its first characters, which may be shown. scope: `public` or `secret`."""

    name: str
    client: str
    group: str
    scope: str
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """A mapping set put in force. number grows by one with each. documents: path → text."""

    number: int
    digest: str
    author: str
    message: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of requests is narrowed by; None does not narrow. since: inclusive; until: exclusive; both aware."""

    status: str | None = None
    group: str | None = None
    entity: str | None = None
    type: str | None = None
    datatalks_id: UUID | None = None
    integration: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """Whether the ledger balances for the requests received in a time range.

    accepted: records accepted. expected: deliveries they must have led to, unplanned records counted once.
    by_state: deliveries (and `unplanned` records) by state. differences: what does not add up, by record id.
    """

    accepted: int
    expected: int
    by_state: Mapping[str, int]
    differences: Sequence[str]

    @property
    def difference(self) -> int:
        return len(self.differences)


@dataclass(frozen=True, slots=True)
class Place:
    """A destination as operators see it. waiting: everything still owed, in flight included. in_flight: being sent."""

    number: int
    client: str
    group: str
    integration: str
    kind: str
    connector: str
    account: str
    enabled: bool
    paused_at: datetime | None
    paused_by: str | None
    breaker: str
    breaker_reason: str | None
    breaker_since: datetime | None
    catching_up: bool
    blocked_until: datetime | None
    waiting: int
    in_flight: int
    oldest_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which deliveries are meant; None does not narrow. reason: a part of it, in either case. Times: of acceptance."""

    states: Sequence[State] = (State.DEAD, State.UNKNOWN)
    destinations: Sequence[int] | None = None
    reason: str | None = None
    entity: str | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    request_id: UUID | None = None
    deliveries: Sequence[UUID] | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery in a list of them, without its payload. mapped: whether it has one; without, none can be repeated."""

    delivery_id: UUID
    request_id: UUID
    client: str
    group: str
    integration: str
    entity: str
    type: str
    operation: str
    state: State
    reason: str
    attempts: int
    received_at: datetime
    finished_at: datetime | None
    mapped: bool


@dataclass(frozen=True, slots=True)
class Remapped:
    """What mapping a delivery's record anew takes: payload as it was planned, data as it was accepted (JSON texts).

    payload: None when it was set aside while it was planned.
    """

    delivery_id: UUID
    client: str
    group: str
    integration: str
    entity: str
    type: str
    action: str
    operation: str
    mapping_version: str
    payload: str | None = field(repr=False)
    data: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it was accepted. data: JSON text."""

    record_id: UUID
    request_id: UUID
    client: str
    group: str
    entity: str
    type: str
    action: str
    data: str = field(repr=False)


class Intake(Protocol):
    """What the receiver keeps."""

    def accept(self, request: NewRequest) -> Accepted:
        """Identify, keep and queue a request, all or nothing, durable on return.

        Raises `PinConflict`, `IdempotencyMismatch`, `Unavailable`.
        """
        ...

    def known_as(self, keys: Sequence[UUID], group: str) -> Mapping[UUID, str]:
        """Of these `identity_key`s those that another profile joined in this group, with what it is known as there.

        The latest join counts, and only that: what was joined to what is known by another name now keeps its own. Who
        was deleted in the group lends nobody its name any more.
        """
        ...

    def reject(self, rejected: Rejected) -> None:
        """Keep why a call was refused."""
        ...

    def take_turn(self, client: str, rate: float) -> float:
        """Seconds the client must wait before its next request at `rate` requests per second; 0.0: it may go on now."""
        ...


class Traces(Protocol):
    """What can be read back."""

    def document(
        self, request_id: UUID, client: str | None = None, delivery: UUID | None = None
    ) -> dict[str, Any] | None:
        """The status document of api.md §5 with every attempt, or None when the client has no such request.

        With `delivery`: of this one of its deliveries alone, without callbacks.
        """
        ...

    def documents(self, client: str | None, filters: Filters, limit: int, before: UUID | None) -> list[dict[str, Any]]:
        """Requests without their records, newest first, older than `before`."""
        ...

    def recorded(self, since: datetime, limit: int, after: UUID | None = None) -> list[Kept]:
        """A page of the records accepted since then, in the order of their ids, from after one of them."""
        ...

    def find(self, prefix: str) -> list[UUID]:
        """Up to ten ids of requests that begin with these characters (hyphens optional)."""
        ...

    def identified(self, keys: Sequence[UUID]) -> list[UUID]:
        """The datatalksIds of those of these `identity_key`s that are known, each once."""
        ...

    def audit(self, since: datetime | None = None, until: datetime | None = None) -> Audit:
        """Count everything in the range, and name what does not add up."""
        ...


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whether it is worth while to claim. due: something may be. crowded: a hint waits for workers who are all busy;
    one that has waited for longer than they take says nothing, for there may be none for its queue."""

    due: bool
    crowded: bool


class Work(Protocol):
    """What is due, given out, started and finished. A hint's number fences all that is done under it."""

    def outlook(self, hints_per_queue: int, apart: float = 0.0) -> Outlook:
        """A glance at what `claim` would find, for a third of what that costs."""
        ...

    def claim(self, hints_per_queue: int, apart: float = 0.0) -> list[Hint]:
        """Give out what is due, fairly and within every bound, and again what nobody started in time.

        apart: seconds from a destination's turn to its next; meanwhile its chunks fill.
        """
        ...

    def claim_onward(self, hints_per_queue: int, apart: float, destinations: Sequence[int]) -> list[Hint]:
        """`claim` for these destinations alone, and for none where it is crowded; what nobody started in time is given
        again all the same."""
        ...

    def expired(self) -> list[int]:
        """Numbers of the hints whose lease ran out: their process is gone, or no longer speaks."""
        ...

    def start_route(self, hint_id: int, worker: str, lease: float) -> list[DueRecord]:
        """Begin planning. Empty: a stale or doubled hint, nothing to do."""
        ...

    def planned(self, hint_id: int, plans: Sequence[Planned]) -> None:
        """Keep the plans of all records of the hint, and end it. Under a hint that is no longer ours: nothing."""
        ...

    def start_deliver(self, hint_id: int, worker: str, lease: float) -> tuple[int, list[DueDelivery]]:
        """Begin delivering: the destination's number and its deliveries in order. Empty: nothing to do."""
        ...

    def leaving(self, hint_id: int, deliveries: Sequence[UUID], lease: float) -> bool:
        """Mark deliveries whose repeat could do harm as `sending`, before their call leaves; renews the lease.

        False: the hint is no longer ours; nothing may be sent.
        """
        ...

    def slot(self, account: str, calls_per_second: float, patience: float) -> float | None:
        """Take the account's next call: seconds to wait before making it. None: longer than `patience`, not taken."""
        ...

    def finish(self, hint_id: int, verdicts: Sequence[Verdict], health: Health, *, done: bool) -> int:
        """Keep what became of deliveries, settle their requests, and with `done` end the hint.

        Deliveries of the hint without a verdict are handed back when it ends. Returns how many verdicts were kept:
        fewer than given when the hint is no longer ours.
        """
        ...

    def lost(self, hint_id: int) -> None:
        """The process that had started this hint is known to be dead: let others take it over at once."""
        ...

    def take_over(self, hint_id: int) -> TakenOver | None:
        """Take an expired hint over to judge its deliveries, under a new number: `finish` that with `done`.

        None: somebody else did, or it was a route hint, whose records are due again.
        """
        ...

    def troubled(self) -> list[Trouble]:
        """Destinations whose breaker is not closed, or that have failed lately."""
        ...

    def switch(self, destination: int, was: str, state: str, opened_times: int, reason: str | None) -> str | None:
        """Set a breaker, unless it left the state `was` meanwhile, and count afresh. Returns the destination's name."""
        ...

    def breaker_news(self) -> list[BreakerNews]:
        """Breakers that opened or closed since this was last asked, by anyone: each change is told once."""
        ...

    def unstarted(self, queues: Sequence[str]) -> list[int]:
        """Numbers of the hints that were given to these queues and that nobody has started."""
        ...

    def keep_house(self, retention_days: int) -> None:
        """Make the partitions of the coming weeks, drop those past retention, forget expired idempotency keys."""
        ...


class Steering(Protocol):
    """What a person may do to the work. `by` is who asked, kept in the history."""

    def places(self, client: str | None = None) -> list[Place]: ...

    def pause(self, destinations: Sequence[int], by: str) -> int:
        """Give out nothing more of these; what is accepted meanwhile parks. Returns how many were not paused yet."""
        ...

    def resume(self, destinations: Sequence[int]) -> int:
        """Let it out again, in order, at the destination's release rate; closes an open breaker too."""
        ...

    def letters(self, selection: Selection, limit: int, after: UUID | None = None) -> list[Letter]:
        """The selected deliveries in the order of their ids, from after one of them."""
        ...

    def replayable(self, deliveries: Sequence[UUID]) -> list[Remapped]:
        """What is needed to map these again."""
        ...

    def replay(self, deliveries: Sequence[UUID], by: str, changed: Mapping[UUID, tuple[str, str]] | None = None) -> int:
        """Send these again, as they were or with another (operation, payload).

        Returns how many: only ended ones, and none that was never mapped and is not now.
        """
        ...

    def resolve(self, deliveries: Sequence[UUID], by: str) -> int:
        """A person knows that these `unknown` ones arrived."""
        ...

    def cancel(self, deliveries: Sequence[UUID], by: str) -> int:
        """Send these no more. Returns how many: only those that are not being sent just now."""
        ...


class Registry(Protocol):
    """What is configured: keys, secrets, mapping sets, destinations, shared tokens."""

    def access_key(self, access_key_id: str) -> AccessKey | None: ...
    def access_keys(self, client: str | None = None) -> list[AccessKey]: ...
    def add_access_key(self, key: AccessKey) -> None: ...
    def revoke_access_key(self, access_key_id: str) -> bool: ...
    def touch_access_keys(self, used: Sequence[str]) -> None:
        """Note that these keys were used just now."""
        ...

    def client_api_key(self, digest: bytes) -> ClientApiKey | None: ...
    def client_api_keys(self, client: str | None = None) -> list[ClientApiKey]: ...
    def add_client_api_key(self, key: ClientApiKey, digest: bytes) -> None: ...
    def revoke_client_api_key(self, name: str) -> bool: ...

    def secret(self, client: str, name: str) -> bytes | None:
        """An integration's secret, encrypted."""
        ...

    def secrets(self, client: str | None = None) -> list[tuple[str, str, datetime]]:
        """(client, name, set at) of every secret."""
        ...

    def set_secret(self, client: str, name: str, value: bytes) -> None: ...
    def reseal(self, renew: Callable[[bytes], bytes]) -> int:
        """Put every secret and access key through `renew`, one at a time; returns how many there are."""
        ...

    def secrets_version(self) -> int:
        """Grows whenever a secret is set."""
        ...

    def publish(
        self, digest: str, documents: Mapping[str, str], destinations: Sequence[Destination], author: str, message: str
    ) -> Publication:
        """Put a mapping set in force, with the destinations it names; not a single statement, but one transaction."""
        ...

    def publication(self) -> Publication | None:
        """The set in force."""
        ...

    def publications(self, limit: int = 50) -> list[Publication]: ...
    def documents_of(self, digest: str) -> Mapping[str, str] | None:
        """A set's files: path → text."""
        ...

    def destinations(self) -> Mapping[int, Destination]:
        """Every destination there ever was, by its number."""
        ...

    def token(self, account: str) -> tuple[bytes, datetime] | None:
        """An account's shared bearer token, encrypted, and when it ends."""
        ...

    def keep_token(self, account: str, token: bytes, expires_at: datetime) -> None: ...


class Ledger(Intake, Traces, Work, Steering, Registry, Feedback, Protocol):
    """All of it."""

    def ping(self) -> None:
        """Raises `Unavailable` when the ledger cannot be written."""
        ...

    def close(self) -> None: ...
