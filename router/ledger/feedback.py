"""The ledger's port for what providers tell later about what was delivered. A part of `base.Ledger`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

MATCHED_WITHIN = 120.0
"""Seconds for which the delivery of what a provider told is looked for: outcomes are kept a little after the provider
has acted, so its news may come first."""


class MatchedBy(StrEnum):
    """How the delivery was found, the surest first; among several, the latest that was accepted before it happened."""

    DELIVERY = "delivery"  # by the id that went along with it
    PROVIDER_ID = "provider_id"  # by the provider's id of the person, which was the answer to it
    EARLIER = "earlier_feedback"  # by the person, whom earlier feedback named together with a delivery
    IDENTITY = "identity"  # by the person's id at the client or address, which is a hard id of theirs


@dataclass(frozen=True, slots=True)
class NewFeedback:
    """One thing that a provider says has happened.

    key: the same for a repeat of the same. event: in our words; original: in the provider's. at: aware.
    delivery: the id that went along. person: as the provider knows them, its id or a hash of the address.
    identities: the `identity_key`s of the records that may be that person's. detail: JSON values.
    """

    key: UUID
    event: str
    original: str
    at: datetime | None = None
    delivery: UUID | None = None
    person: str | None = None
    identities: Sequence[UUID] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptFeedback:
    """new: what was not known before. matched: how much of that belongs to a delivery; the client is told of it."""

    new: int
    matched: int


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """Feedback as it is kept. delivery_id, matched_by: None while nobody knows what it is about."""

    feedback_id: UUID
    event: str
    original: str
    at: datetime | None
    detail: Mapping[str, Any]
    received_at: datetime
    delivery_id: UUID | None
    matched_by: str | None


class Feedback(Protocol):
    """What came back. What belongs to a delivery is shown with it, and becomes a `delivery.feedback` callback."""

    def keep_feedback(self, destination: int, told: Sequence[NewFeedback]) -> KeptFeedback:
        """Keep what a destination's provider tells, and find the delivery of each. A repeat within a week is none."""
        ...

    def match_feedback(self) -> int:
        """Look again for what was not found at first, for `MATCHED_WITHIN` seconds. Returns how much was found now."""
        ...

    def feedback(self, destination: int, limit: int) -> list[FeedbackRow]:
        """What a destination's provider told, the latest first."""
        ...
