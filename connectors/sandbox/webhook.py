"""A receiver of webhooks that verifies them as Standard Webhooks 1.0.0 tells receivers to, and knows repeats by id.

Mode `gone` answers 410: the subscription has ended.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64decode, b64encode
from typing import Any, ClassVar

from connectors.sandbox.base import Call, Reply

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 (the demo account's)
TOLERANCE = 300  # seconds

CREDENTIALS: dict[str, Any] = {"secret": SECRET}
SAMPLES: dict[str, dict[str, Any]] = {"send": {"type": "request.completed", "data": {"requestId": "r-1"}}}


class Webhook:
    name: ClassVar[str] = "webhook"
    masked: ClassVar[frozenset[str]] = frozenset()
    modes: ClassVar[frozenset[str]] = frozenset({"gone"})

    def __init__(self) -> None:
        self.messages: dict[str, Any] = {}  # webhook-id → what it said
        self.repeats = 0

    def handle(self, call: Call, mode: str) -> Reply:
        if call.method != "POST":
            return Reply(405, {"error": "POST only"}, {"Allow": "POST"})
        if mode == "gone":
            return Reply(410, {"error": "no longer subscribed"})
        fault = "told to refuse" if mode == "refuse_credentials" else _fault(call)
        if fault:
            return Reply(401, {"error": fault})
        if mode == "reject":
            return Reply(400, {"error": "told to reject"})
        try:
            message = call.json()
        except ValueError:
            return Reply(400, {"error": "the body is not JSON"})
        self.repeats += call.headers["webhook-id"] in self.messages
        self.messages[call.headers["webhook-id"]] = message
        return Reply(204, accepted=True)

    def clear(self) -> None:
        self.messages.clear()
        self.repeats = 0


def _fault(call: Call) -> str | None:
    """What is wrong with the message's signature."""
    parts = [call.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")]
    message_id, timestamp, signatures = parts
    if not all(parts):
        return "webhook-id, webhook-timestamp and webhook-signature are needed"
    if "." in message_id or not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE:
        return "the id or the timestamp is not acceptable"
    signed = f"{message_id}.{timestamp}.".encode() + call.body
    key = b64decode(SECRET.removeprefix("whsec_"))
    expected = "v1," + b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    if not any(hmac.compare_digest(expected, one) for one in signatures.split()):
        return "no signature matches"
    return None
