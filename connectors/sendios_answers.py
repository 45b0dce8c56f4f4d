"""What an answer of Sendios means: contracts.md §2.2, §2.5 and §6.1.6 as tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from connectors.base import Answer, Command, Kind, Outcome
from connectors.outcomes import delivered, excerpt, rejected, retryable


class Seen(StrEnum):
    """What there was to see."""

    DONE = "done"
    ABSENT = "the envelope says that somebody is not there"
    ELSEWHERE = "not an answer of Sendios's API"
    INVALID = "refused for what the request says"
    CREDENTIALS = "credentials refused"
    SLOW_DOWN = "told to slow down"
    FAILED = "the server failed"
    UNREADABLE = "success without JSON"


@dataclass(frozen=True, slots=True)
class Traits:
    """What decides how an operation recovers.

    mails: every accepted call mails a person, so nothing ambiguous may be repeated.
    needs_user: only a mail creates a user, some seconds later, so a missing one is worth waiting for.
    erases: a user who is not there is what was wanted.
    """

    mails: bool = False
    needs_user: bool = False
    erases: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer, read. said: the provider's words without addresses; data: the envelope's, {} when it has none."""

    seen: Seen
    said: str
    answer: Answer
    data: Mapping[str, Any]
    errors: Mapping[str, str]


# What was seen → (an operation that may be repeated, a mail). ABSENT and UNREADABLE have exceptions in `outcome`.
MEANING: Mapping[Seen, tuple[Kind, Kind]] = {
    Seen.DONE: (Kind.DELIVERED, Kind.DELIVERED),
    Seen.ABSENT: (Kind.REJECTED, Kind.REJECTED),
    Seen.ELSEWHERE: (Kind.REFUSED, Kind.REFUSED),
    Seen.INVALID: (Kind.REJECTED, Kind.REJECTED),
    Seen.CREDENTIALS: (Kind.REFUSED, Kind.REFUSED),
    Seen.SLOW_DOWN: (Kind.LIMITED, Kind.LIMITED),
    Seen.FAILED: (Kind.RETRYABLE, Kind.UNKNOWN),
    Seen.UNREADABLE: (Kind.RETRYABLE, Kind.UNKNOWN),
}

# What a status means whatever the body says, and what it means without Sendios's envelope; otherwise words decide.
ALWAYS = {
    401: Seen.CREDENTIALS,
    403: Seen.CREDENTIALS,
    408: Seen.FAILED,
    429: Seen.SLOW_DOWN,
    3: Seen.ELSEWHERE,
    5: Seen.FAILED,
}
BARE = {404: Seen.ELSEWHERE, 2: Seen.UNREADABLE, 4: Seen.INVALID}

# Where there is no code there are only words: how `data.error` begins or what it contains.
BY_WORDS = (
    (re.compile(r"\A(authorization base64|forbidden)", re.IGNORECASE), Seen.CREDENTIALS),
    (re.compile(r"\bnot found\b", re.IGNORECASE), Seen.ABSENT),
)

# A success that did less than one may think: the member of `data` that is false, and what that means.
NOTES = {
    "queued": "Sendios did not queue the mail",
    "result": "Sendios stored nothing",
    "unsub": "the user was unsubscribed already",
    "valid": "the address is not valid",
}

_ADDRESS = re.compile(r"[^\s\"'<>(),;:]+@[^\s\"'<>(),;:]+")


def read(answer: Answer) -> Reading:
    """What the answer says; never an address, which error texts of Sendios repeat."""
    envelope = _envelope(answer)
    data = envelope.get("data") if envelope else None
    data = data if isinstance(data, dict) else {}
    said, errors = _complaint(envelope or {}, data)
    seen = _by_status(ALWAYS, answer.status)
    if seen is None:
        seen = _by_envelope(answer.status, said, errors) if envelope is not None else _by_status(BARE, answer.status)
    return Reading(seen or Seen.INVALID, said or _anonymous(excerpt(answer.body)), answer, data, errors)


def outcome(reading: Reading, command: Command, traits: Traits, user_wait: float) -> Outcome:
    """What became of the command."""
    answer = reading.answer
    if reading.seen is Seen.DONE:
        return delivered(_provider_id(command, reading.data), answer.status, _warnings(reading.data))
    if reading.seen is Seen.ABSENT and traits.needs_user:
        return _await_user(answer.status, command, traits, user_wait)
    kind = MEANING[reading.seen][traits.mails]
    if reading.seen is Seen.UNREADABLE and kind is Kind.RETRYABLE and command.attempt > 1:
        kind = Kind.REFUSED  # twice in a row: this is not Sendios's API, or not today, and no record can work
    reason = f"Sendios answered {answer.status} ({reading.seen}): {reading.said}"
    return Outcome(kind, reason, answer.status, errors=reading.errors, retry_after=answer.retry_after)


def _await_user(status: int, command: Command, traits: Traits, user_wait: float) -> Outcome:
    """At least two seconds apart, growing, until the user has had `user_wait` seconds (contracts.md §6.1.6)."""
    if command.age < user_wait:
        wait = max(2.0, min(command.age / 2, user_wait - command.age))
        return retryable(
            "the user does not exist at Sendios yet: a mail creates them within seconds", status, retry_in=wait
        )
    if traits.erases:
        return delivered(status=status, warnings=("the user does not exist at Sendios: there was nothing to erase",))
    return rejected("the user does not exist at Sendios, and only a mail sent to them creates one", status)


def _envelope(answer: Answer) -> Mapping[str, Any] | None:
    """The decoded body when Sendios wrote it. A refusal needs a member of its own: gateways also answer in JSON."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    return body if answer.status < 300 or "_meta" in body or "data" in body else None


def _complaint(envelope: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    """The words of an error and its fields, both empty when nothing says error."""
    found = data.get("errors") or envelope.get("errors")
    errors = {str(name): _anonymous(str(text)) for name, text in found.items()} if isinstance(found, dict) else {}
    words = data.get("error") or envelope.get("error") or (data.get("message") or "errors" if found else "")
    meta = envelope.get("_meta")
    if not words and isinstance(meta, dict) and str(meta.get("status") or "SUCCESS").upper() != "SUCCESS":
        words = data.get("message") or "status ERROR without a reason"
    return _anonymous(str(words)), errors


def _by_status(meanings: Mapping[int, Seen], status: int) -> Seen | None:
    """By the status itself, or else by its class."""
    return meanings.get(status) or meanings.get(status // 100)


def _by_envelope(status: int, said: str, errors: Mapping[str, str]) -> Seen:
    if status < 300 and not said:
        return Seen.DONE
    if not errors:
        for words, seen in BY_WORDS:
            if words.search(said):
                return seen
    return Seen.ABSENT if status == 404 else Seen.INVALID


def _provider_id(command: Command, data: Mapping[str, Any]) -> str | None:
    found = data.get("user_id") or command.payload.get("user_id")
    return None if found is None else str(found)


def _warnings(data: Mapping[str, Any]) -> tuple[str, ...]:
    found = [text for name, text in NOTES.items() if data.get(name) is False]
    if found and data.get("reason"):
        found[0] += f": {_anonymous(str(data['reason']))}"
    if isinstance(data.get("email"), str) and isinstance(data.get("orig"), str) and data["email"] != data["orig"]:
        found.append("Sendios corrects the address to another one")
    return tuple(found)


def _anonymous(text: str) -> str:
    return _ADDRESS.sub("***", text)
