"""The nouns, as frozen values. No I/O."""

from __future__ import annotations

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


FINAL = frozenset(
    {State.DELIVERED, State.DEAD, State.UNKNOWN, State.SKIPPED, State.SUPPRESSED, State.CANCELLED}
)
FAILED = frozenset({State.DEAD, State.UNKNOWN})


class Lane(StrEnum):
    LIVE = "live"
    RETRY = "retry"
    REPLAY = "replay"


# ---- ids -------------------------------------------------------------------------------------------------------------
# A request's id is a UUIDv7. A record's id and a delivery's id are UUIDv8 that begin with the request's first 92 bits (but
# for the version), then say which record (14 bits) and which destination (20 bits, 0 for the record itself). So all rows
# of a request lie side by side in one index, which is also the key the tables are partitioned by.

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
