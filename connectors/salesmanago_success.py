"""What a success of SALESmanago says about each record of a call: ids, warnings, and the failures inside a success."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Command, Outcome
from connectors.outcomes import delivered, rejected, unknown
from connectors.salesmanago_answers import Reading

NO_ID = "SALESmanago names no id for it"
LATER = "SALESmanago accepted it as job {}, to be applied later"

_LIMIT = re.compile(r"\|max:(\d+)\b")


def one(reading: Reading, commands: Sequence[Command]) -> Sequence[Outcome]:
    """A call that carried one record."""
    body = reading.body
    found = next((body[name] for name in ("contactId", "eventId", "catalogId") if body.get(name)), None)
    return [_delivered(reading, found) for _ in commands]


def contacts(reading: Reading, commands: Sequence[Command]) -> Sequence[Outcome]:
    """`contactIds: {address: id}` of a batch."""
    if len(commands) == 1:
        return one(reading, commands)
    found = reading.body.get("contactIds")
    ids = {email.lower(): each for email, each in found.items()} if isinstance(found, dict) else {}
    emails = (str(command.payload["contact"]["email"]).lower() for command in commands)
    return [_delivered(reading, ids.get(email), *([NO_ID] if ids and email not in ids else [])) for email in emails]


def events(reading: Reading, commands: Sequence[Command]) -> Sequence[Outcome]:
    """A batch of events succeeds in part: `failedContacts` names whose failed, `failedAmount` says how many.

    More failures than names leave the unnamed in doubt, and a repeat could store them twice (contracts.md §1.7).
    """
    if len(commands) == 1:
        return one(reading, commands)
    body = reading.body
    listed = body.get("failedContacts") or []
    named = {str(each).lower() for each in listed}
    failed = [who(command.payload) in named for command in commands]
    amount = body.get("failedAmount")
    amount = amount if isinstance(amount, int) else len(named)
    in_doubt = amount > sum(failed)
    doubt = f"SALESmanago failed {amount} of {len(commands)} events and named {sum(failed)} of them: look there first"
    refused = rejected("SALESmanago could not add the event to this contact (failedContacts)", reading.answer.status)
    rest = unknown(doubt, reading.answer.status) if in_doubt else _delivered(reading, None)
    return [refused if each else rest for each in failed]


def products(reading: Reading, commands: Sequence[Command]) -> Sequence[Outcome]:
    """`productIds: [id]`, and warnings, which name a field but no product."""
    found = reading.body.get("productIds")
    ids = set(map(str, found)) if isinstance(found, list) else None
    sent = [command.payload for command in commands]
    notes = [(note, [_concerns(note, product) for product in sent]) for note in reading.notes]
    outcomes = []
    for number, product in enumerate(sent):
        key = product["productId"]
        warnings = [note for note, whose in notes if whose[number] or not any(whose)]
        stray = [NO_ID] if ids is not None and key not in ids else []
        outcomes.append(delivered(key, reading.answer.status, [*warnings, *stray]))
    return outcomes


def who(payload: Mapping[str, Any]) -> str:
    """Whose event it is, as `failedContacts` names them."""
    return str(payload.get("contactId") or payload.get("email")).lower()


def _delivered(reading: Reading, provider_id: Any, *warnings: str) -> Outcome:
    job = reading.body.get("requestId")
    later = () if job is None or provider_id else (LATER.format(job),)
    return delivered(provider_id and str(provider_id), reading.answer.status, (*reading.notes, *later, *warnings))


def _concerns(note: str, product: Mapping[str, Any]) -> bool:
    """Whether `field|max:256|text` can be about this product: it has more in that field."""
    limit = _LIMIT.search(note)
    return limit is not None and len(str(product.get(note.partition("|")[0], ""))) > int(limit[1])
