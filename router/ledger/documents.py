"""What people and programs are shown of a request: the status document of api.md §5, built from rows. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from router.ledger.feedback import FeedbackRow
from router.model import FINAL, Attempt, RequestStatus, State, record_index, record_of


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request as it is kept. open: what it is still owed. failed: its deliveries that are dead or unknown."""

    request_id: UUID
    environment: str
    group: str
    entity: str
    type: str
    mapping_version: str
    received_at: datetime
    completed_at: datetime | None
    open: int
    failed: int


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery or callback as it is kept, with what is due of it (`due_at` None: nothing) and of its destination.

    attempts: as `kept` made them. payload: JSON text, of callbacks only. blocked_until: for how long the account was
    told to slow down. behind: the delivery of the same ordering key that goes first.
    """

    delivery_id: UUID
    integration: str
    connector: str
    operation: str
    state: str
    reason: str | None
    provider_id: str | None
    attempts: Sequence[Mapping[str, Any]]
    planned_at: datetime
    finished_at: datetime | None
    due_at: datetime | None
    started: bool
    enabled: bool
    paused_at: datetime | None
    paused_by: str | None
    breaker: str
    breaker_reason: str | None
    breaker_since: datetime | None
    payload: str | None
    blocked_until: datetime | None
    behind: UUID | None


@dataclass(frozen=True, slots=True)
class RejectionRow:
    """A refused call as it is kept."""

    request_id: UUID
    status: int
    messages: Sequence[str]
    received_at: datetime


def iso(moment: datetime) -> str:
    """ISO-8601 in UTC with milliseconds: `2026-01-31T08:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(text: str | None) -> str | None:
    """Text that a database takes: providers' words may hold a NUL or half a character. An empty one is None."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode() if text else None


def kept(attempt: Attempt) -> dict[str, Any]:
    """An attempt as it is kept and shown: what is empty is left out."""
    told = {
        "at": iso(attempt.at),
        "ms": round(attempt.ms, 1),
        "outcome": attempt.outcome,
        "status": attempt.status,
        "reason": attempt.reason,
        "providerId": attempt.provider_id,
        "warnings": list(attempt.warnings),
        "errors": dict(attempt.errors),
        "request": attempt.request,
    }
    return {name: _plain(value) for name, value in told.items() if value not in (None, "", [], {})}


def _plain(value: Any) -> Any:
    """A JSON value in which every text is plain."""
    if isinstance(value, str):
        return plain(value) or ""
    if isinstance(value, Mapping):
        return {_plain(name): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def status_of(open: int, failed: int) -> RequestStatus:
    """A request's status, from what it is owed and what failed."""
    if open:
        return RequestStatus.ACCEPTED
    return RequestStatus.COMPLETED_WITH_ERRORS if failed else RequestStatus.COMPLETED


def summary(row: RequestRow) -> dict[str, Any]:
    """A request without its records."""
    return {
        "requestId": str(row.request_id),
        "status": status_of(row.open, row.failed).value,
        "environment": row.environment,
        "groupKey": row.group,
        "entity": row.entity,
        "type": row.type,
        "receivedAt": iso(row.received_at),
        "completedAt": _iso(row.completed_at) if not row.open else None,
        "mappingVersion": row.mapping_version,
    }


def document(
    row: RequestRow,
    records: Iterable[tuple[UUID, UUID]],
    deliveries: Iterable[DeliveryRow],
    callbacks: Iterable[DeliveryRow],
    feedback: Iterable[FeedbackRow] = (),
) -> dict[str, Any]:
    """The whole of a request. records: (record id, datatalksId), in order; deliveries: in the order of their ids.

    feedback: of its deliveries, in the order in which it came.
    """
    shown: dict[UUID, dict[str, Any]] = {
        record_id: {"index": record_index(record_id), "datatalksId": str(datatalks_id), "deliveries": []}
        for record_id, datatalks_id in records
    }
    told: dict[UUID | None, list[dict[str, Any]]] = {}
    for one in feedback:
        told.setdefault(one.delivery_id, []).append(_feedback(one))
    for delivery in deliveries:
        whole = {**_delivery(delivery), "feedback": told.get(delivery.delivery_id, [])}
        shown[record_of(delivery.delivery_id)]["deliveries"].append(whole)
    called = sorted(((one.planned_at, _payload(one)["type"], one) for one in callbacks), key=lambda each: each[:2])
    return {
        **summary(row),
        "records": list(shown.values()),
        "callbacks": [_callback(callback) for _, _, callback in called],
    }


def rejection(row: RejectionRow) -> dict[str, Any]:
    """A call that was refused."""
    return {
        "requestId": str(row.request_id),
        "status": RequestStatus.REJECTED.value,
        "httpStatus": row.status,
        "messages": list(row.messages),
        "receivedAt": iso(row.received_at),
    }


def _delivery(row: DeliveryRow) -> dict[str, Any]:
    state, reason, since = _state(row)
    return {
        "deliveryId": str(row.delivery_id),
        "integration": row.integration,
        "connector": row.connector,
        "operation": row.operation,
        "status": state.value,
        "reason": reason,
        "since": _iso(since),
        "attempts": sum(1 for _ in _tries(row)),
        "providerId": row.provider_id,
        "deliveredAt": _iso(row.finished_at) if state is State.DELIVERED else None,
        "nextAttemptAt": _iso(row.due_at) if state in _WAITING else None,
        "error": _error(row),
        "history": [{name: attempt[name] for name in _OF_ATTEMPTS if name in attempt} for attempt in row.attempts],
    }


def _callback(row: DeliveryRow) -> dict[str, Any]:
    payload = _payload(row)
    shown = _delivery(row)
    told = {"type": payload["type"], "about": payload.get("deliveryId")}
    return told | {name: shown[name] for name in _OF_CALLBACKS}


def _feedback(row: FeedbackRow) -> dict[str, Any]:
    return {
        "feedbackId": str(row.feedback_id),
        "event": row.event,
        "original": row.original,
        "at": _iso(row.at),
        "receivedAt": iso(row.received_at),
        "matchedBy": row.matched_by,
        "detail": dict(row.detail),
    }


_OF_ATTEMPTS = ("at", "ms", "outcome", "by", "status", "reason", "providerId", "warnings", "errors", "request")
_WAITING = frozenset({State.PENDING, State.RETRYING, State.PARKED})
_OF_CALLBACKS = (
    "deliveryId",
    "status",
    "reason",
    "since",
    "attempts",
    "deliveredAt",
    "nextAttemptAt",
    "error",
    "history",
)


def _state(row: DeliveryRow) -> tuple[State, str | None, datetime | None]:
    """The state, and of one that no attempt explains also why and since when."""
    stored = State(row.state)
    if stored in FINAL:
        return stored, None if row.attempts else row.reason, None
    if row.started or stored is State.SENDING:
        return State.SENDING, None, None
    if not row.enabled:
        return State.PARKED, "no published mapping names its integration", None
    if row.paused_at is not None:
        return State.PARKED, f"paused by {row.paused_by}" if row.paused_by else "paused", row.paused_at
    if row.breaker == "open":
        return State.PARKED, row.breaker_reason, row.breaker_since
    return stored, _held_up(row), None


def _held_up(row: DeliveryRow) -> str | None:
    """Why it does not go yet, but for its own time; the nearest reason."""
    if row.blocked_until is not None:
        return f"the provider asked to be left alone until {iso(row.blocked_until)}"
    if row.breaker == "half_open":
        return f"one call at a time is tried after a failure: {row.breaker_reason or 'see the integration'}"
    return f"goes after delivery {row.behind} of the same record" if row.behind else None


def _error(row: DeliveryRow) -> dict[str, Any] | None:
    """What the last attempt failed with, unless it is there by now."""
    if row.state == State.DELIVERED:
        return None
    failed = next((one for one in _tries(row, last_first=True) if one["outcome"] != "delivered"), None)
    if failed is not None:
        return {"reason": failed.get("reason", ""), "status": failed.get("status"), "errors": failed.get("errors", {})}
    if row.state in (State.DEAD, State.UNKNOWN):
        return {"reason": row.reason or "", "status": None, "errors": {}}
    return None


def _tries(row: DeliveryRow, *, last_first: bool = False) -> Iterator[Mapping[str, Any]]:
    """The history without what people did to the delivery, which is told by `by`."""
    history = reversed(row.attempts) if last_first else row.attempts
    return (one for one in history if "by" not in one)


def _payload(row: DeliveryRow) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(row.payload or "{}")
    return payload


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
