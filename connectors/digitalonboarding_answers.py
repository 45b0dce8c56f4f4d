"""What an answer of Digital Onboarding means: contracts.md §3.2 and §3.5, the statuses as tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Answer, Command, Kind, Outcome
from connectors.outcomes import excerpt

UNREADABLE = 0  # a success whose body is neither empty nor JSON: something else has answered

# A status, or else its class → what it means for a contact, for a journey (which has no key), and for a token.
CONTACTS: Mapping[int, Kind] = {
    UNREADABLE: Kind.RETRYABLE,
    2: Kind.DELIVERED,
    3: Kind.REFUSED,
    401: Kind.REFUSED,  # the second time, with a fresh token
    403: Kind.REFUSED,
    408: Kind.RETRYABLE,
    429: Kind.LIMITED,
    4: Kind.REJECTED,
    5: Kind.RETRYABLE,
}
JOURNEYS = {**CONTACTS, UNREADABLE: Kind.UNKNOWN, 408: Kind.UNKNOWN, 5: Kind.UNKNOWN}
TOKENS = {**CONTACTS, 4: Kind.REFUSED}  # whatever is wrong with asking for a token, no record can work

# The lists of a batch's answer → what became of the contacts in them.
LISTS = {"new_contacts": "created", "existing_contacts": "updated"}

_ADDRESS = re.compile(r"[^\s\"'<>(),;:]+@[^\s\"'<>(),;:]+")


def read(answer: Answer, table: Mapping[int, Kind]) -> tuple[Any, Outcome]:
    """The decoded body (None when there is none) and what the answer means for everything that was sent with it."""
    body, status = None, answer.status
    if answer.body:
        try:
            body = answer.json()
        except (ValueError, RecursionError):
            status = UNREADABLE if status // 100 == 2 else status
    kind = table.get(status) or table[status // 100]
    if kind is Kind.DELIVERED:
        return body, Outcome(kind, status=answer.status)
    reason = f"Digital Onboarding answered {answer.status}: {_anonymous(excerpt(answer.body))}"
    return body, Outcome(kind, reason, answer.status, errors=_errors(body), retry_after=answer.retry_after)


def single(body: Any, status: int) -> Outcome:
    """A contact by itself comes back as it now is: created in the moment of its last update, or by a 201."""
    contact = body if isinstance(body, dict) else {}
    inserted, updated = contact.get("inserted_at"), contact.get("updated_at")
    word = "created" if status == 201 or (inserted and inserted == updated) else "updated" if inserted else ""
    return Outcome(Kind.DELIVERED, word, status, provider_id=_id(contact))


def batch(commands: Sequence[Command], body: Any, status: int) -> list[Outcome]:
    """Every contact of a batch comes back in one of two lists, under its unique_id, which is the address by default."""
    if not isinstance(body, dict) or not LISTS.keys() & body.keys():
        untold = ("the answer does not tell new contacts from existing ones",)
        return [Outcome(Kind.DELIVERED, status=status, warnings=untold) for _ in commands]
    told = {
        key: Outcome(Kind.DELIVERED, word, status, provider_id=_id(contact))
        for name, word in LISTS.items()
        for contact in body.get(name) or ()
        for key in ((contact.get("unique_id"), None), (None, _address(contact)))
    }
    missing = Outcome(Kind.RETRYABLE, "the answer to the batch does not name this contact", status)
    return [told.get(_key(command.payload), missing) for command in commands]


def _key(contact: Mapping[str, Any]) -> tuple[Any, Any]:
    """By what a contact that was sent is recognised: an address only without a unique_id, and in any case."""
    return (contact["unique_id"], None) if contact.get("unique_id") else (None, _address(contact))


def _address(contact: Mapping[str, Any]) -> str:
    return str(contact.get("email") or contact.get("unique_id")).casefold()


def _id(contact: Mapping[str, Any]) -> str | None:
    return str(contact["id"]) if contact.get("id") else None


def _errors(body: Any) -> dict[str, str]:
    """Field → what is wrong with it, where the body says so; no shape of it is published."""
    found = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(found, dict):
        return {}
    told = {name: text if isinstance(text, list) else [text] for name, text in found.items()}
    return {str(name): _anonymous("; ".join(map(str, texts))) for name, texts in told.items()}


def _anonymous(text: str) -> str:
    return _ADDRESS.sub("***", text)
