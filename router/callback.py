"""What a client is told about its request: the body of a callback. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

OPERATION = "callback"
FEEDBACK = "delivery.feedback"
EVENTS = (
    "request.completed",
    "request.completed_with_errors",
    "delivery.dead",
    "delivery.unknown",
    "delivery.recovered",
    FEEDBACK,
)
PRIVATE = frozenset({"history", "callbacks"})


def alone(notice: Mapping[str, Any]) -> UUID | None:
    """The delivery that the document of a callback is about alone; None: the whole request is told.

    A mail may be opened and clicked for months: its client is not told of all the other records each time.
    """
    return UUID(notice["deliveryId"]) if notice["type"] == FEEDBACK else None


def body(notice: Mapping[str, Any], document: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The Standard Webhooks payload: `type`, `timestamp`, and the status document as `data` (api.md §5).

    notice: the planned callback, {"type": event, "deliveryId": its subject or None}, and "feedbackId" of feedback.
    document: of the delivery that is `alone`, or whole.
    """
    data = status(document)
    if notice.get("deliveryId"):
        data["deliveryId"] = notice["deliveryId"]
    if notice["type"] == FEEDBACK:
        told = (one for record in data["records"] for delivery in record["deliveries"] for one in delivery["feedback"])
        data["feedback"] = next((one for one in told if one["feedbackId"] == notice["feedbackId"]), None)
    return {"type": notice["type"], "timestamp": now.isoformat().replace("+00:00", "Z"), "data": data}


def status(document: Mapping[str, Any]) -> dict[str, Any]:
    """A request's document as its client sees it: without the attempts and the callbacks."""
    shown = {name: value for name, value in document.items() if name not in PRIVATE}
    if "records" in shown:
        shown["records"] = [
            {**record, "deliveries": [_without(each) for each in record["deliveries"]]} for record in shown["records"]
        ]
    return shown


def _without(delivery: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in delivery.items() if name not in PRIVATE}
