"""What connectors say, in words they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from connectors.base import Kind, Outcome
from connectors.errors import NotSent, WireError


def delivered(provider_id: str | None = None, status: int | None = None, warnings: Sequence[str] = ()) -> Outcome:
    return Outcome(Kind.DELIVERED, status=status, provider_id=provider_id, warnings=tuple(warnings))


def rejected(reason: str, status: int | None = None, errors: Mapping[str, str] | None = None) -> Outcome:
    return Outcome(Kind.REJECTED, reason, status, errors=errors or {})


def retryable(
    reason: str, status: int | None = None, retry_after: float | None = None, retry_in: float | None = None
) -> Outcome:
    return Outcome(Kind.RETRYABLE, reason, status, retry_after=retry_after, retry_in=retry_in)


def limited(reason: str, status: int | None = None, retry_after: float | None = None) -> Outcome:
    return Outcome(Kind.LIMITED, reason, status, retry_after=retry_after)


def refused(reason: str, status: int | None = None) -> Outcome:
    return Outcome(Kind.REFUSED, reason, status)


def unknown(reason: str, status: int | None = None) -> Outcome:
    return Outcome(Kind.UNKNOWN, reason, status)


def of_failure(error: WireError, repeat_safe: bool) -> Outcome:
    """A call without an answer: retryable when nothing had left or a repeat does no harm, otherwise unknown."""
    if repeat_safe or isinstance(error, NotSent):
        return retryable(str(error))
    return unknown(str(error))


def excerpt(said: bytes | str, limit: int = 300) -> str:
    """The beginning of what a provider said on one printable line, for a `reason`."""
    text = said if isinstance(said, str) else said[: limit * 4].decode("utf-8", "replace")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def invalid(messages: Mapping[str, Any]) -> Outcome:
    """A record that an operation's schema refuses, from marshmallow's messages: the provider is not asked."""
    errors = dict(_flat(messages))
    return rejected("; ".join(f"{name}: {words}" for name, words in errors.items()), errors=errors)


def _flat(messages: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, found in messages.items():
        if isinstance(found, Mapping):
            yield from _flat(found, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", " ".join(map(str, found)).rstrip(".")


Record = TypeVar("Record")

_STOPS = frozenset({Kind.RETRYABLE, Kind.LIMITED, Kind.REFUSED, Kind.UNKNOWN})


def halving(
    records: Sequence[Record],
    call: Callable[[Sequence[Record]], Sequence[Outcome] | Outcome],
    limit_of_calls: int | None = None,
) -> list[Outcome]:
    """An outcome for each record, from a `call` that may refuse a whole batch for a bad one among them.

    A record is a command, or what the connector made of it. `call` answers with an outcome for each, or with one for
    all of what it was given. One REJECTED for several means that the batch was refused whole: it is split in halves
    until the bad record is alone. After any other single failure nothing more is sent: the provider is not well, and
    the rest is better tried later. The same when `limit_of_calls` is used up.
    """
    outcomes: list[Outcome] = []
    waiting = [records] if records else []
    calls = 0
    while waiting:
        batch = waiting.pop()
        if calls == limit_of_calls:
            outcomes += [retryable("not sent: the provider refuses batch after batch")] * len(batch)
            continue
        calls += 1
        answer = call(batch)
        if not isinstance(answer, Outcome):
            outcomes += answer
        elif answer.kind is Kind.REJECTED and len(batch) > 1:
            middle = len(batch) // 2
            waiting += [batch[middle:], batch[:middle]]
        else:
            outcomes += [answer] * len(batch)
            if answer.kind in _STOPS:
                outcomes += [_unsent(answer)] * sum(map(len, waiting))
                break
    return outcomes


def _unsent(failure: Outcome) -> Outcome:
    kind = Kind.RETRYABLE if failure.kind is Kind.UNKNOWN else failure.kind
    return replace(failure, kind=kind, reason=f"not sent, because of those before it: {failure.reason}")
