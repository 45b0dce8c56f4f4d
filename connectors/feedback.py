"""What providers tell us later about what was delivered: their webhooks, read into one shape.

Pure: bytes in, facts out. Which integration a webhook belongs to, the secret in its path, storing and passing on are
the receiver's. A connector whose provider tells something has its parser as the attribute `feedback`; a parser raises
FeedbackError, which says what is wrong and never repeats the body.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any

Options = Mapping[str, Any]
Parser = Callable[[Mapping[str, str], bytes, Options], "Sequence[Feedback]"]


class FeedbackError(ValueError):
    """The webhook is not the provider's, or not one that can be read. `forged` tells the two apart."""

    def __init__(self, message: str, forged: bool = False) -> None:
        super().__init__(message)
        self.forged = forged


@dataclass(frozen=True, slots=True)
class Feedback:
    """One thing that a provider says has happened.

    event: in our words, the values of `SENDIOS_EVENTS` and `ONBOARDING_EVENTS`; unknown when there is none for it.
    original: in the provider's. at: aware, UTC; None when the provider does not say.
    delivery_id, provider_id, client_user_id, email_hash: whatever there is to find the delivery by, the surest first:
        the id we sent along, the provider's id of the person, the client's, SHA-256 (hex) of the lower-case address.
    detail: what else is worth showing; never an address, a name or free text about a person.
    signed_at: when the provider signed it, verified; aware, UTC; None when it does not sign, or there was no secret.
    email: the address itself, to look its owner up by; it is never kept and never shown.
    """

    event: str
    original: str
    at: datetime | None
    delivery_id: str | None = None
    provider_id: str | None = None
    client_user_id: str | None = None
    email_hash: str | None = None
    detail: Mapping[str, str | int] = field(default_factory=dict)
    signed_at: datetime | None = None
    email: str | None = field(default=None, repr=False, compare=False)


def email_hash(email: str) -> str:
    return sha256(email.strip().lower().encode("utf-8", "replace")).hexdigest()


def admitted(address: str, options: Options) -> bool:
    """Whether a webhook may come from this IP address: any, unless the option `feedback_sources` names networks."""
    sources = options.get("feedback_sources") or ()
    if not sources:
        return True
    try:
        found = ip_address(address)
    except ValueError:  # a Unix socket's peer has none
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in ip_network(source, strict=False) for source in sources)


# ---- Sendios (contracts.md §2.4) -------------------------------------------------------------------------------------

SENDIOS_EVENTS = {
    "created": "created",
    "queue": "queued",
    "sent": "sent",
    "lost": "undelivered",  # follows `sent`; a `sent` that nothing follows was delivered
    "open": "opened",
    "click": "clicked",
    "reject": "rejected",
    "unsubscribe": "unsubscribed",
}
SENDIOS_DETAIL = (
    "event_id",
    "project_id",
    "reg_type",
    "reason",
    "mail_id",
    "type_id",
    "category_id",
    "template_id",
    "campaign_id",
    "source_id",
    "mail_source_id",
    "split_group",
)


def sendios(headers: Mapping[str, str], body: bytes, options: Options) -> Sequence[Feedback]:  # noqa: ARG001 (the port's)
    """Mail events. There is no signature: what the secret in the path and `admitted` let through is believed."""
    events = _decode(body)
    if isinstance(events, dict) and "event" not in events:
        events = list(events.values())  # an object with the events under their index
    events = events if isinstance(events, list) else [events]
    return [_sendios_event(event) for event in events]


def _sendios_event(event: Any) -> Feedback:
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        raise FeedbackError("an event of Sendios must be an object with its name in `event`")
    meta, user = _dict(event.get("meta")), _dict(event.get("user"))
    email = event.get("email") or user.get("email")
    return Feedback(
        event=SENDIOS_EVENTS.get(event["event"], "unknown"),
        original=event["event"],
        at=_moment(event.get("ts")),
        delivery_id=_text(meta.get("router_message_id")),
        provider_id=_text(event.get("user_id") or user.get("id")),
        client_user_id=_text(event.get("client_user_id")),
        email_hash=email_hash(email) if isinstance(email, str) else None,
        email=email if isinstance(email, str) else None,
        detail={name: event[name] for name in SENDIOS_DETAIL if isinstance(event.get(name), str | int)},
    )


# ---- Digital Onboarding (contracts.md §3.3) --------------------------------------------------------------------------

ONBOARDING_EVENTS = {"contact.updated": "updated"}

# The option `webhook_signed` → the bytes that are signed: the vendor publishes the header, not what it is made over.
SIGNED: Mapping[str, Callable[[str, bytes], bytes]] = {
    "dotted": lambda at, body: f"{at}.".encode() + body,
    "joined": lambda at, body: at.encode() + body,
    "body": lambda _, body: body,
}


def digitalonboarding(headers: Mapping[str, str], body: bytes, options: Options) -> Sequence[Feedback]:
    """Contact updates, whatever content type they say they have.

    With secrets configured the header `x-signature: t=<Unix seconds>,s0=<hex>,s1=<hex>` must have a signature by one of
    them; whether `signed_at`, its time, is recent enough is the receiver's to judge.
    """
    at = _signature_time(headers, body, options)
    event = _decode(body)
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise FeedbackError("an event of Digital Onboarding must be an object with its name in `type`")
    word = ONBOARDING_EVENTS.get(event["type"], "unknown")
    signed_at = at if options.get("webhook_secrets") else None
    return [Feedback(word, event["type"], at, provider_id=_text(event.get("contact_id")), signed_at=signed_at)]


def _signature_time(headers: Mapping[str, str], body: bytes, options: Options) -> datetime | None:
    """The time in the header, trusted when secrets are configured."""
    header = next((value for name, value in headers.items() if name.lower() == "x-signature"), "")
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    at, keys = parts.get("t", ""), options.get("webhook_secrets") or ()
    if not keys:
        return _moment(at)
    given = [parts[name].lower().encode() for name in ("s0", "s1") if parts.get(name)]
    if _moment(at) is None or not given:
        raise FeedbackError("x-signature: must be t=<seconds>,s0=<hex>,s1=<hex>", forged=True)
    signed = SIGNED[options["webhook_signed"]](at, body)
    made = [hmac.new(key.encode(), signed, "sha256").hexdigest().encode() for key in keys]
    if not any(hmac.compare_digest(one, other) for one in made for other in given):
        raise FeedbackError("x-signature: made with none of the option webhook_secrets", forged=True)
    return _moment(at)


def _decode(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise FeedbackError("the body must be JSON") from None


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}  # PHP writes an empty object as []


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None


def _moment(seconds: Any) -> datetime | None:
    """Unix seconds as a moment; None for what is no such thing."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
