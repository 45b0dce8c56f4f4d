"""The nouns, as frozen values. No I/O."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class Entity(StrEnum):
    PROFILE = "profile"
    EVENT = "event"
    INVENTORY = "inventory"
    DEVICE = "device"
    ALIAS = "alias"
    CONTACT = "contact"  # v1
    PRODUCT = "product"  # v1


class Environment(StrEnum):
    PRODUCTION = "production"
    STAGING = "staging"


class Action(StrEnum):
    UPSERT = "upsert"
    DELETE = "delete"


class RequestStatus(StrEnum):
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    REJECTED = "rejected"


class State(StrEnum):
    """A delivery's state. `sending` and `parked` are read off its hint and its destination; the others are stored."""

    PENDING = "pending"
    SENDING = "sending"
    RETRYING = "retrying"
    PARKED = "parked"
    DELIVERED = "delivered"
    DEAD = "dead"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"


FINAL = frozenset({State.DELIVERED, State.DEAD, State.UNKNOWN, State.SKIPPED, State.SUPPRESSED, State.CANCELLED})
FAILED = frozenset({State.DEAD, State.UNKNOWN})


# How much a worker's end adds to the suspicion that a record it held kills its workers: seen by its parent, or only a
# lease that lapsed.
SEEN_DEATH = 5
SILENCE = 2


class Lane(StrEnum):
    LIVE = "live"
    RETRY = "retry"
    REPLAY = "replay"


# ---- ids -------------------------------------------------------------------------------------------------------------
# A request's id is a UUIDv7. A record's id and a delivery's id are UUIDv8 that begin with the request's first 94 bits
# (but for the version), then say which record (14 bits) and which destination (20 bits, 0 for the record itself). So
# all rows of a request lie side by side in one index, which is also the key the tables are partitioned by.

MAX_RECORDS = 1 << 14
MAX_DESTINATIONS = 1 << 20
_LOW = (1 << 34) - 1


def new_request_id() -> UUID:
    """A UUIDv7 whose 12 bits after the milliseconds are the fraction of that millisecond (RFC 9562 §6.2, method 3)."""
    ns = time.time_ns()
    ms, rest = divmod(ns, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    rand = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    return UUID(int=(ms << 80) | (7 << 76) | (fraction << 64) | (2 << 62) | rand)


def record_id(request_id: UUID, index: int) -> UUID:
    """The id of a request's record, by its index (0 … 16383)."""
    if not 0 <= index < MAX_RECORDS:
        raise ValueError(f"record index {index} is not between 0 and {MAX_RECORDS - 1}")
    prefix = request_id.int & ~_LOW & ~(0xF << 76)
    return UUID(int=prefix | (8 << 76) | (index << 20))


def delivery_id(record: UUID, destination: int) -> UUID:
    """The id of a record's delivery to a destination (1 … 1048575): the same whenever it is planned again."""
    if not 0 < destination < MAX_DESTINATIONS:
        raise ValueError(f"destination {destination} is not between 1 and {MAX_DESTINATIONS - 1}")
    return UUID(int=record.int | destination)


def record_index(id: UUID) -> int:
    """Which record of its request a record's or delivery's id names."""
    return (id.int & _LOW) >> 20


def record_of(delivery: UUID) -> UUID:
    """The record that a delivery carries."""
    return UUID(int=delivery.int & ~(MAX_DESTINATIONS - 1))


def ids_of(request_id: UUID) -> tuple[UUID, UUID]:
    """The lowest and the highest id that a record or delivery of this request can have."""
    low = record_id(request_id, 0)
    return low, UUID(int=low.int | _LOW)


# ---- what is accepted ------------------------------------------------------------------------------------------------


compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""JSON text without spaces. One encoder for all: `json.dumps` makes one each time."""


def identity_key(client: str, entity: str, type: str, hard_id: Sequence[str]) -> UUID:
    """What an entity is found by: the first 128 bits of a SHA-256 over all its parts."""
    text = f"[{','.join([compact(part) for part in (client, entity, type, *hard_id)])}]"
    return UUID(bytes=hashlib.sha256(text.encode()).digest()[:16])


@dataclass(frozen=True, slots=True)
class NewRecord:
    """One entity of a request, validated.

    data: the values of the contract's fields, as JSON text.
    key: its `identity_key`. subject: the `identity_key` of the profile it belongs to (events), which orders it.
    pinned: the datatalksId that the client sent along. joins: an identity that shall be this one from now on (alias).
    known_as: what the client calls the joined one from now on, within the group.
    """

    data: str
    key: UUID
    subject: UUID | None = None
    subject_type: str = ""
    pinned: UUID | None = None
    joins: UUID | None = None
    known_as: str | None = None


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The client's Idempotency-Key and a SHA-256 over what it stands for (method, path, query, body). days: how long it
    is kept."""

    key: str
    fingerprint: bytes
    days: float = 1.0


@dataclass(frozen=True, slots=True)
class NewRequest:
    """One call to be kept.

    route: the number of the client's routing destination; callback: that of the group's callback, if it has one.
    credential: the access key's or client API key's public name.
    """

    request_id: UUID
    client: str
    environment: Environment
    surface: str
    group: str
    entity: str
    type: str
    action: Action
    mapping_version: str
    credential: str
    route: int
    callback: int | None
    records: Sequence[NewRecord]
    idempotency: Idempotency | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was kept: with `replayed`, the earlier request of the same Idempotency-Key."""

    request_id: UUID
    datatalks_ids: tuple[UUID, ...]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """A call that was refused, kept for tracing: why, and never what it carried."""

    request_id: UUID
    client: str | None
    surface: str
    credential: str | None
    status: int
    messages: Sequence[str]


# ---- what is due -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hint:
    """A chunk of due work of one destination, given to a queue. A message carries its number and its requests' ids.

    task: `route` or `deliver`. again: it was given before and nobody started it.
    """

    hint_id: int
    task: str
    queue: str
    destination: str
    requests: tuple[UUID, ...]
    size: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class DueRecord:
    """A record to be planned, with what its request says about it."""

    record_id: UUID
    request_id: UUID
    client: str
    environment: Environment
    group: str
    entity: str
    type: str
    action: Action
    mapping_version: str
    data: Mapping[str, Any]
    suspicion: int = 0


@dataclass(frozen=True, slots=True)
class Planned:
    """One record's delivery to one destination. state: `pending`, or `skipped` with the reason.

    payload: the mapped record as JSON text, None when skipped.
    """

    delivery_id: UUID
    record_id: UUID
    destination: int
    operation: str
    state: State
    payload: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery to be attempted.

    attempts: how many have been made, without those for which its account was not ready (`UNCOUNTED`).
    age: seconds since the first of all, 0.0 before it.
    suspicion: that it kills its workers (`judge.SET_ASIDE`).
    sending: its call was marked as leaving, and never finished.
    replayed: a person asked for it once more, and it goes beside what is live.
    """

    delivery_id: UUID
    request_id: UUID
    client: str
    group: str
    environment: Environment
    ordering_key: UUID
    operation: str
    payload: Mapping[str, Any]
    mapping_version: str
    accepted_at: datetime
    attempts: int = 0
    age: float = 0.0
    suspicion: int = 0
    sending: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Destination:
    """Where deliveries go, with what the dispatcher must know of it. The ledger numbers them, once and for ever.

    kind: `route` (the planning of a client's records), `deliver`, or `callback`.
    account: what budgets are counted by; integrations of one account share it.
    chunk: how many deliveries one hint may carry; batch: how many one call does. max_hints: how many hints of it may be
    outstanding.
    release_rate: deliveries per second after a pause or an open breaker, until it has caught up.
    order_limit: seconds after which a delivery gives way to later ones of its key.
    """

    client: str
    group: str
    integration: str
    kind: str
    connector: str
    queue: str
    account: str
    chunk: int = 32
    batch: int = 1
    max_hints: int = 4
    requests_per_second: float | None = None
    records_per_second: float | None = None
    release_rate: float = 200.0
    order_limit: float = 3600.0
    enabled: bool = True

    @property
    def name(self) -> str:
        """`client/group/integration`, as people write it."""
        return f"{self.client}/{self.group}/{self.integration}"


UNCOUNTED = ("limited", "refused")
"""Outcomes that say nothing about the delivery, and use up nothing of its schedule."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, as it is kept. at: aware, UTC. ms: how long the call took. request: what staging would have sent."""

    at: datetime
    ms: float
    outcome: str
    status: int | None = None
    reason: str = ""
    provider_id: str | None = None
    warnings: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    request: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an attempt meant for a delivery.

    state: a final state, `retrying` (again in `again_in` seconds), or `pending` (not tried: handed back).
    suspicion: how much the attempt's end adds to the suspicion that this record kills its workers.
    """

    delivery_id: UUID
    state: State
    again_in: float | None = None
    attempt: Attempt | None = None
    suspicion: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    """What a chunk's outcomes say about its destination.

    blocked_for: seconds in which its account must not be called; 0 if it may be.
    refused: why credentials or configuration were refused.
    """

    delivered: int = 0
    failed: int = 0
    blocked_for: float = 0.0
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A hint whose worker is gone. seen: its parent saw it die; else it only fell silent."""

    hint_id: int
    destination: int
    seen: bool
    deliveries: Sequence[DueDelivery]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A destination that is not well. since: seconds in this state. lately: seconds since the first of those
    that failed. reason: why the breaker is not closed."""

    destination: int
    breaker: str
    since: float
    opened_times: int
    delivered: int
    failed: int
    lately: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BreakerNews:
    """A breaker that opened or closed, by whatever hand. integration: its name in full. state: the new one."""

    integration: str
    state: str
    reason: str | None
    at: datetime
