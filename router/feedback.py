"""What providers tell us later: the secret address they post it to, and their news as the ledger keeps them.

A provider posts to `/hooks/{integration}/{token}`. The token names the destination and proves that it was told this
address: it is random, kept among the client's secrets under a name of its own, sealed by the vault. So it outlives a
change of ROUTER_SECRET_KEYS, and one address can be given up without touching another.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

from router.catalog import Feedback
from router.ledger.documents import plain
from router.ledger.feedback import NewFeedback
from router.mapping import MappingSet
from router.model import Destination, Entity, identity_key

PEOPLE = frozenset({Entity.PROFILE, Entity.CONTACT})
LONGEST = 200
"""Characters that are kept of one value."""

Kinds = Sequence[tuple[str, str]]


def secret_name(place: Destination) -> str:
    """Under which of its client's secrets the token of an integration is kept."""
    return f"hook:{place.group}/{place.integration}"


def new_token(number: int) -> str:
    """For the destination with this number."""
    return f"{number}-{secrets.token_urlsafe(24)}"


def number_of(token: str) -> int | None:
    """The destination that a token says it is for; None: it is none of ours."""
    digits = token.partition("-")[0]
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 7 else None


def path(integration: str, token: str) -> str:
    return f"/hooks/{quote(integration, safe='')}/{token}"


def people_of(mapping: MappingSet, place: Destination) -> Kinds:
    """Whom an integration's provider may speak of: (entity, type) of the people that it gets, known by one hard id."""
    return [
        kind
        for kind, entry in mapping.entries.get((place.client, place.group), {}).items()
        if kind[0] in PEOPLE
        and len(entry.contract.hard_id) == 1
        and any(route.integration.name == place.integration for route in entry.routes)
    ]


def news(told: Feedback, number: int, client: str, people: Kinds) -> NewFeedback:
    """What a destination's provider told, as the ledger keeps it: no address of anyone, no endless text."""
    return NewFeedback(
        key=_key(told, number),
        event=_short(told.event) or "unknown",
        original=_short(told.original) or "",
        at=told.at,
        delivery=_uuid(told.delivery_id),
        person=_short(told.provider_id or told.email_hash),
        identities=_identities(told, client, people),
        detail={name: _short(each) if isinstance(each, str) else each for name, each in told.detail.items()},
    )


def _key(told: Feedback, number: int) -> UUID:
    """The same for a repeat: a digest of everything that is said, for providers number their messages by no rule.

    Without a time two of the same are two: better told twice than not at all.
    """
    if told.at is None:
        return uuid4()
    named = (told.delivery_id, told.provider_id, told.client_user_id, told.email_hash)
    said: list[Any] = [number, told.original, told.at.isoformat(), *named, dict(told.detail)]
    return UUID(bytes=sha256(json.dumps(said, sort_keys=True).encode()).digest()[:16])


def _identities(told: Feedback, client: str, people: Kinds) -> list[UUID]:
    """The identities of those whose hard id is the id or the address that the provider calls the person by."""
    address = (told.email or "").strip()
    names = {plain(name) for name in (told.client_user_id, address, address.lower()) if name}
    return [identity_key(client, *kind, (name or "",)) for name in names for kind in people]


def _short(text: str | None) -> str | None:
    return plain(text[:LONGEST]) if text else None


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
