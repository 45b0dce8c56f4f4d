"""What an answer of SALESmanago means: contracts.md §1.3, §1.6, §1.7 and §6.1.3 as tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from connectors.base import Answer, Command, Kind, Outcome
from connectors.outcomes import excerpt

# "Retryable (few), then permanent": a page instead of an answer is usually a proxy's, for a while.
TRIES_OF_A_PAGE = 5


class Seen(StrEnum):
    """What there was to see."""

    DONE = "done"
    REFUSED = "refused for what the request says"
    CREDENTIALS = "credentials refused"
    SLOW_DOWN = "told to slow down"
    BLOCKED = "Cloudflare blocks our address or User-Agent"
    ELSEWHERE = "not the API: is the base URL right?"
    FAILED = "the server failed"
    PAGE = "a page instead of an answer"


# What was seen → (an operation that may be repeated, one that may not). PAGE has an exception in `failure`.
MEANING: Mapping[Seen, tuple[Kind, Kind]] = {
    Seen.REFUSED: (Kind.REJECTED, Kind.REJECTED),
    Seen.CREDENTIALS: (Kind.REFUSED, Kind.REFUSED),
    Seen.SLOW_DOWN: (Kind.LIMITED, Kind.LIMITED),
    Seen.BLOCKED: (Kind.REFUSED, Kind.REFUSED),
    Seen.ELSEWHERE: (Kind.REFUSED, Kind.REFUSED),
    Seen.FAILED: (Kind.RETRYABLE, Kind.UNKNOWN),
    Seen.PAGE: (Kind.RETRYABLE, Kind.UNKNOWN),
}

# A status, or else its class, whatever the body says.
STATUSES: Mapping[int, Seen] = {404: Seen.ELSEWHERE, 429: Seen.SLOW_DOWN, 3: Seen.ELSEWHERE, 5: Seen.FAILED}

# v3's reasonCodes; any other is for what the request says.
TRIMMED = 12  # a warning
CODES: Mapping[int, Seen] = {10: Seen.CREDENTIALS, TRIMMED: Seen.DONE}

# v2 has no codes, only words, and nobody publishes the limits.
WORDS = (
    (re.compile(r"\brate limit", re.IGNORECASE), Seen.SLOW_DOWN),
    (re.compile(r"\bnot authenticated\b", re.IGNORECASE), Seen.CREDENTIALS),
)

_CLOUDFLARE = re.compile(rb"\b10[12]0\b")
_ADDRESS = re.compile(r"[^\s\"'<>(),;:|]+@[^\s\"'<>(),;:|]+")


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer, read. said: the provider's words without addresses. body: the decoded object, {} when it is none."""

    seen: Seen
    answer: Answer
    said: str
    body: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_v2(answer: Answer) -> Reading:
    """The envelope of §1.3: refusals come as 200 too, and only `success: true` is a success."""
    body = _object(answer)
    message = (body or {}).get("message") or []
    notes = tuple(map(_anonymous, message if isinstance(message, list) else [message]))
    said = "; ".join(notes) or _anonymous(excerpt(answer.body))
    if seen := _by_status(answer, said):
        return Reading(seen, answer, said, errors=_values(body or {}))
    if body is None:
        return Reading(_of_a_page(answer, said), answer, said)
    if body.get("success") is True:
        return Reading(Seen.DONE, answer, said, body, notes=notes)
    return Reading(_by_words(said) or Seen.REFUSED, answer, said, body, _values(body))


def read_v3(answer: Answer) -> Reading:
    """The problems of §1.6, in either of their forms; a wrong key is a 400 there."""
    body = _object(answer)
    problems = list(_problems(body or {}))
    said = "; ".join(words for _, words in problems) or _anonymous(excerpt(answer.body))
    found = {CODES.get(code, Seen.REFUSED) for code, _ in problems}
    if answer.status < 500 and Seen.CREDENTIALS in found:
        return Reading(Seen.CREDENTIALS, answer, said)
    seen = _by_status(answer, said) or (Seen.REFUSED if Seen.REFUSED in found else None)
    if seen:
        errors = dict(_field_and_words(words) for code, words in problems if code != TRIMMED and "|" in words)
        return Reading(seen, answer, said, errors=errors)
    if body is None:
        return Reading(_of_a_page(answer, said), answer, said)
    return Reading(Seen.DONE, answer, said, body, notes=tuple(words for _, words in problems))


def failure(reading: Reading, command: Command, repeat_safe: bool) -> Outcome:
    """What anything but success means for a command."""
    kind = MEANING[reading.seen][0 if repeat_safe else 1]
    if reading.seen is Seen.PAGE and kind is Kind.RETRYABLE and command.attempt >= TRIES_OF_A_PAGE:
        kind = Kind.REJECTED
    status = reading.answer.status
    reason = f"SALESmanago answered {status} ({reading.seen}): {reading.said}"
    return Outcome(kind, reason, status, errors=reading.errors, retry_after=reading.answer.retry_after)


def _object(answer: Answer) -> Mapping[str, Any] | None:
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _by_status(answer: Answer, said: str) -> Seen | None:
    """What the status decides; None below 300."""
    seen = STATUSES.get(answer.status) or STATUSES.get(answer.status // 100)
    if seen or answer.status < 400:
        return seen
    if answer.status == 403 and _CLOUDFLARE.search(answer.body):
        return Seen.BLOCKED
    return _by_words(said) or Seen.REFUSED


def _of_a_page(answer: Answer, said: str) -> Seen:
    """Of a success that is no JSON object. HTML is never clear, whatever its words."""
    return Seen.PAGE if answer.body.lstrip().startswith(b"<") else _by_words(said) or Seen.PAGE


def _by_words(said: str) -> Seen | None:
    return next((seen for words, seen in WORDS if words.search(said)), None)


def _values(body: Mapping[str, Any]) -> dict[str, str]:
    """`values: {field: text or [text]}`, which some refusals carry."""
    values = body.get("values")
    if not isinstance(values, dict):
        return {}
    return {
        name: _anonymous("; ".join(map(str, each)) if isinstance(each, list) else each) for name, each in values.items()
    }


def _problems(body: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """(reasonCode, words) of `problems: [{reasonCode, message}]` or `reasonCode, messages: [text]`."""
    found = body.get("problems")
    if not isinstance(found, list):
        told = body.get("messages")
        messages = told if isinstance(told, list) and told else [told or ""]
        found = [{"reasonCode": body.get("reasonCode"), "message": each} for each in messages]
    for each in found:
        code = each.get("reasonCode") if isinstance(each, dict) else None
        if code is not None:
            yield int(code) if str(code).isdecimal() else 0, _anonymous(each.get("message") or f"reasonCode {code}")


def _field_and_words(message: str) -> tuple[str, str]:
    """`name|min:0|max:256|text` or `price:number|text` → the field, and all that is said about it."""
    name, _, words = message.partition("|")
    return name.partition(":")[0], words


def _anonymous(words: Any) -> str:
    return _ADDRESS.sub("***", str(words))
