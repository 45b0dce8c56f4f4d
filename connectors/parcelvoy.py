"""Parcelvoy: users, devices and events of a self-hosted server (contracts.md §4).

Everything is queued there: a 204 means taken, not done. A batch is taken or refused whole, for its first fault.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from marshmallow import Schema

from connectors import parcelvoy_fields as fields
from connectors.base import Answer, Command, Kind, Operation, Outcome, Tokens, Wire
from connectors.errors import WireError
from connectors.outcomes import delivered, excerpt, halving, invalid, of_failure, refused, rejected, retryable

MAX_BODY = 1_048_576  # bytes, inclusive; more is answered like a failure of the server's own (contracts.md §4.8)
MAX_QUERY = 6_000  # proxies take a request line of 8 KiB
UNKNOWN_KEY = 6000

# 400 and 401 are also what it answers while its own database or broker is away: tried three times in two minutes, and
# only then believed (contracts.md §4.8, §6.1.1). Seconds after the first try and after the second.
PATIENCE = (30.0, 90.0)


@dataclass(frozen=True, slots=True)
class Route:
    """many: it takes an array. queried: it takes ids in the query and no body."""

    method: str
    path: str
    many: bool = False
    queried: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A command as it is sent: its JSON, or its part of a query."""

    command: Command
    sent: bytes


ROUTES: Mapping[str, Route] = {
    "upsert_user": Route("PATCH", "/users", many=True),
    "alias_user": Route("POST", "/alias"),
    "register_device": Route("POST", "/devices"),
    "post_event": Route("POST", "/events", many=True),
    "delete_user": Route("DELETE", "/users", many=True, queried=True),
}
IDENTIFY = Route("POST", "/identify")
ALONE = rejected("one at a time")


class Parcelvoy:
    options: ClassVar[type[Schema]] = fields.Options
    masked: ClassVar[frozenset[str]] = frozenset()
    operations: ClassVar[Mapping[str, Operation]] = {
        "upsert_user": Operation(
            fields.User, frozenset({"profile"}), 100, 500, description="create a user, or update what is given"
        ),
        "alias_user": Operation(
            fields.Alias, frozenset({"alias", "profile"}), description="give an anonymous user an id, once"
        ),
        "register_device": Operation(
            fields.Device, frozenset({"device"}), description="a user's device, for push notifications"
        ),
        "post_event": Operation(
            fields.Event, frozenset({"event"}), 100, 500, repeat_safe=False, description="something a user did"
        ),
        "delete_user": Operation(
            fields.Deletion,
            frozenset({"profile"}),
            100,
            500,
            removes=True,
            description="delete a user and their events",
        ),
    }
    _schemas: ClassVar[Mapping[str, Schema]] = {name: each.fields() for name, each in operations.items()}

    def __init__(self, options: Mapping[str, Any], wire: Wire, tokens: Tokens) -> None:  # noqa: ARG002 (the port's)
        self._wire = wire
        self._root = options["base_url"] + "/api/client"
        self._key = {"Authorization": f"Bearer {options['api_key']}"}
        self._secret = options["api_key"].startswith("sk_")
        self._deduplicates = options["deduplicates"]

    def send(self, operation: str, commands: Sequence[Command]) -> Sequence[Outcome]:
        faults = [self._schemas[operation].validate(command.payload) for command in commands]
        good = [command for command, fault in zip(commands, faults, strict=True) if not fault]
        answers = iter(self._send(operation, good))
        return [invalid(fault) if fault else next(answers) for fault in faults]

    def _send(self, operation: str, commands: Sequence[Command]) -> Sequence[Outcome]:
        route = ROUTES[operation]
        if not self._secret and operation == "upsert_user":
            route = IDENTIFY
        elif not self._secret and operation == "delete_user":
            return [refused("deleting users needs a secret key (sk_…), and this is a public one")] * len(commands)
        repeat_safe = self.operations[operation].repeat_safe or self._deduplicates
        items = [Item(command, _written(operation, command)) for command in commands]
        return halving(items, lambda batch: self._call(route, batch, repeat_safe))

    def _call(self, route: Route, batch: Sequence[Item], repeat_safe: bool) -> Sequence[Outcome] | Outcome:
        if len(batch) > 1 and not route.many:
            return ALONE
        parts = [item.sent for item in batch]
        query = "?" + b"&".join(parts).decode() if route.queried else ""
        body = b"" if route.queried else b"[" + b",".join(parts) + b"]" if route.many else parts[0]
        headers = self._key if route.queried else {**self._key, "Content-Type": "application/json"}
        if len(body) > MAX_BODY or (len(query) > MAX_QUERY and len(batch) > 1):
            return rejected(f"larger than {MAX_BODY} bytes, which the server does not take")
        try:
            answer = self._wire.call(route.method, self._root + route.path + query, headers=headers, data=body)
        except WireError as error:
            return of_failure(error, repeat_safe)
        return judge(answer, [item.command for item in batch])


def _written(operation: str, command: Command) -> bytes:
    payload = command.payload
    if operation == "delete_user":
        return b"user_id=" + quote(payload["external_id"], safe="").encode()
    if operation == "post_event":
        payload = {"distinct_id": command.id, **payload}
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


_WRONG_URL = (Kind.REFUSED, "base_url is not that of a Parcelvoy server")
_FAILED = (Kind.RETRYABLE, "the server failed")
MEANING: Mapping[int, tuple[Kind, str]] = {  # contracts.md §4.6
    401: (Kind.REFUSED, "the key is refused"),
    403: (Kind.REFUSED, "the key may not do this"),
    404: _WRONG_URL,
    405: _WRONG_URL,
    408: _FAILED,
    425: _FAILED,
    429: (Kind.LIMITED, "told to slow down"),
}
OTHERWISE: Mapping[int, tuple[Kind, str]] = {
    2: (Kind.DELIVERED, ""),
    3: _WRONG_URL,
    4: (Kind.REJECTED, "refused"),
    5: _FAILED,
}
TRANSIENT = frozenset({400, 401})


def judge(answer: Answer, commands: Sequence[Command]) -> Sequence[Outcome] | Outcome:
    """What an answer means: one outcome stands for all the commands, of which REJECTED asks for halves."""
    status = answer.status
    kind, words = MEANING.get(status) or OTHERWISE.get(status // 100, _FAILED)
    if kind is Kind.DELIVERED:
        return delivered(status=status)
    error = _error(answer)
    if status == 404 and error.get("code") == UNKNOWN_KEY:
        words = "the key is unknown or revoked"
    said = error.get("error")
    shown = excerpt(said if isinstance(said, str) else answer.body)
    reason = f"{words}: {status} {shown}".strip()
    verdict = Outcome(kind, reason, status, retry_after=answer.retry_after)
    if status not in TRANSIENT:
        return verdict
    if kind is Kind.REJECTED and len(commands) > 1 and any(map(_tried, commands)):
        return verdict
    verdicts = [verdict if _tried(command) else _patiently(command, verdict) for command in commands]
    account = status == 401 and all(each == verdicts[0] for each in verdicts)
    return verdicts[0] if account else verdicts  # one ends what goes one by one: the next would be told the same


def _tried(command: Command) -> bool:
    return command.attempt > len(PATIENCE)


def _patiently(command: Command, verdict: Outcome) -> Outcome:
    return retryable(verdict.reason, verdict.status, retry_in=PATIENCE[command.attempt - 1])


def _error(answer: Answer) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
