"""One request sent through, and what is told about it: what a newcomer sees first."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from router.cli.dev.accounts import GROUP
from router.cli.dev.wire import get_json
from router.cli.send import post
from router.ledger.base import Traces

PERSON: Mapping[str, Any] = {
    "type": "person",
    "groupKey": GROUP,
    "data": {
        "customer_id": "c-1001",
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "postal_code": "111 17",
        "address": "Drottninggatan 1",
    },
}
_PATIENCE = 20.0
_OPEN = frozenset({"pending", "sending", "retrying"})


@dataclass(frozen=True, slots=True)
class Access:
    """How the demo client calls the receiver."""

    receiver: str
    region: str
    access_key_id: str
    secret: str


def show(
    access: Access, sandbox: str, traces: Traces, wait: Callable[[float], None], say: Callable[[str], None]
) -> str:
    """Send one record of the demo client, follow it and tell; its requestId. wait: as `Signals.wait`, and may raise."""
    say(f"Demo: POST /v2/profiles (SigV4, groupKey {GROUP})")
    begun = time.monotonic()
    status, answer = post(
        f"{access.receiver}/v2/profiles",
        json.dumps(PERSON).encode(),
        "application/json",
        access_key_id=access.access_key_id,
        secret=access.secret,
        region=access.region,
    )
    took = (time.monotonic() - begun) * 1000
    if status != 200:
        say(f"   {status} {'; '.join(answer['messages'])}")
        return str(answer["requestId"])
    request_id = UUID(answer["requestId"])
    say(f"   200 accepted   requestId {request_id}   {took:.0f} ms")
    document = _settled(traces, request_id, wait)
    deliveries = " · ".join(_delivery(each) for record in document["records"] for each in record["deliveries"])
    say(f"   {deliveries or 'not planned yet'}{_took(document)}")
    for callback in document["callbacks"]:
        verified = _received(sandbox, str(request_id))
        say(f"   callback {callback['type']} {callback['status']}{', signature verified' if verified else ''}")
    return str(request_id)


def curl(access: Access) -> str:
    """The same call to paste into a terminal."""
    return (
        f"curl {access.receiver}/v2/profiles --aws-sigv4 aws:amz:{access.region}:execute-api \\\n"
        f"        --user '{access.access_key_id}:{access.secret}' -H 'Content-Type: application/json' \\\n"
        f"        -d '{json.dumps(PERSON)}'"
    )


def _settled(traces: Traces, request_id: UUID, wait: Callable[[float], None]) -> dict[str, Any]:
    """The request's document once nothing of it is on its way, or as it stands when patience ends."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        document = traces.document(request_id)
        if document is None:
            raise LookupError(f"the ledger does not know request {request_id}")
        deliveries = [each for record in document["records"] for each in record["deliveries"]] + document["callbacks"]
        settled = document["completedAt"] and not any(each["status"] in _OPEN for each in deliveries)
        if settled or time.monotonic() > deadline:
            return document
        wait(0.02)


def _delivery(delivery: Mapping[str, Any]) -> str:
    why = f" ({delivery['reason']})" if delivery.get("reason") and delivery["status"] != "delivered" else ""
    return f"{delivery['integration']} {delivery['status']}{why}"


def _took(document: Mapping[str, Any]) -> str:
    if document["completedAt"] is None:
        return ""
    took = datetime.fromisoformat(document["completedAt"]) - datetime.fromisoformat(document["receivedAt"])
    return f"   {took.total_seconds() * 1000:.0f} ms"


def _received(sandbox: str, request_id: str) -> bool:
    """Whether the webhook's sandbox, which refuses a wrong signature, took a message about the request."""
    received = get_json(f"{sandbox}/_/received?connector=webhook")["received"]
    return any(request_id in json.dumps(each["body"]) for each in received)
