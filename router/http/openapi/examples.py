"""Status documents and callbacks as examples, made by what makes the real ones. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from router import callback
from router.http.openapi.answers import DATATALKS_ID, REQUEST_ID
from router.ledger.documents import DeliveryRow, RejectionRow, RequestRow, document, rejection, summary
from router.ledger.feedback import FeedbackRow, MatchedBy
from router.model import Entity, Environment, State, delivery_id, record_id

MAPPING_VERSION = f"sha256:{'3fa1b2c4' * 8}"
_AT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
_DONE_AT = _AT + timedelta(seconds=2)
_RECORD = record_id(REQUEST_ID, 0)
_FIRST, _SECOND = delivery_id(_RECORD, 1), delivery_id(_RECORD, 2)
_OPENED = UUID("8f7d0c52-94a3-4f0e-9c6d-1b1f3f9f8d20")


def _row(failed: int) -> RequestRow:
    return RequestRow(
        request_id=REQUEST_ID,
        environment=Environment.PRODUCTION,
        group="main_group",
        entity=Entity.PROFILE,
        type="person",
        mapping_version=MAPPING_VERSION,
        received_at=_AT,
        completed_at=_DONE_AT,
        open=0,
        failed=failed,
    )


def _delivery(id: UUID, name: str, operation: str, state: State, attempt: Mapping[str, Any]) -> DeliveryRow:
    return DeliveryRow(
        delivery_id=id,
        integration=name,
        connector=name,
        operation=operation,
        state=state,
        reason=None,
        provider_id=attempt.get("providerId"),
        attempts=[attempt],
        planned_at=_AT,
        finished_at=_DONE_AT,
        due_at=None,
        started=False,
        enabled=True,
        paused_at=None,
        paused_by=None,
        breaker="closed",
        breaker_reason=None,
        breaker_since=None,
        payload=None,
        blocked_until=None,
        behind=None,
    )


def _document(second: State) -> dict[str, Any]:
    sent = {"outcome": "delivered", "status": 200, "providerId": "b4d9c3e0"}
    refused = {"outcome": "rejected", "status": 422, "reason": "email: there is no such domain"}
    failed = second in (State.DEAD, State.UNKNOWN)
    opened = FeedbackRow(
        feedback_id=_OPENED,
        delivery_id=_SECOND,
        event="opened",
        original="open",
        at=_AT + timedelta(hours=1),
        received_at=_AT + timedelta(hours=1, seconds=1),
        matched_by=MatchedBy.DELIVERY,
        detail={},
    )
    return document(
        _row(int(failed)),
        [(_RECORD, DATATALKS_ID)],
        [
            _delivery(_FIRST, "salesmanago", "upsert_contact", State.DELIVERED, sent),
            _delivery(_SECOND, "sendios", "send_system", second, refused if failed else sent),
        ],
        (),
        () if failed else [opened],
    )


REQUEST = callback.status(_document(State.DELIVERED))
FAILED = callback.status(_document(State.DEAD))
REJECTED = rejection(RejectionRow(REQUEST_ID, 400, ["data.email: not a valid email address"], _AT))
REPLAYED = {"requestId": str(REQUEST_ID), "replayed": 1}
LIST = {"requests": [summary(_row(0))], "nextCursor": str(REQUEST_ID)}

_STATES = {"delivery.dead": State.DEAD, "delivery.unknown": State.UNKNOWN, "request.completed_with_errors": State.DEAD}


def notice(event: str) -> dict[str, Any]:
    """The callback of an event."""
    planned = {"type": event, "deliveryId": None if event.startswith("request.") else str(_SECOND)}
    if event == callback.FEEDBACK:
        planned["feedbackId"] = str(_OPENED)
    return callback.body(planned, _document(_STATES.get(event, State.DELIVERED)), _DONE_AT)
