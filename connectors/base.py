"""What every connector promises: commands in, one outcome for each of them out, in the same order.

A connector speaks; it does not decide. It builds a provider's request, sends it through the `Wire` it was given, and
says what happened. It keeps no state but its options, never sleeps, never retries beyond one attempt, and knows neither
the ledger nor the queue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from marshmallow import Schema


class Kind(StrEnum):
    """What one attempt meant, by how the record recovers from it."""

    DELIVERED = "delivered"  # it is there
    RETRYABLE = "retryable"  # may work later; certain to do no harm if repeated
    LIMITED = "limited"  # told to slow down: the whole account waits, not this delivery alone
    REJECTED = "rejected"  # this record can never work
    REFUSED = "refused"  # credentials or configuration: no record can work now
    UNKNOWN = "unknown"  # sent, no answer, and a repeat could duplicate an effect


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one command.

    reason: one sentence for support staff; never a secret, never a whole record.
    status: the HTTP status, None when no answer came.
    errors: provider's field → what is wrong with it.
    retry_after: seconds the provider asked us to wait (a lower bound for the next attempt).
    retry_in: seconds until the next attempt where the provider's nature, not the schedule, decides (contracts.md §6.1).
    """

    kind: Kind
    reason: str = ""
    status: int | None = None
    provider_id: str | None = None
    warnings: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    retry_in: float | None = None

    @property
    def delivered(self) -> bool:
        return self.kind is Kind.DELIVERED


@dataclass(frozen=True, slots=True)
class Command:
    """One record for one operation.

    id: the delivery's id, the same on every attempt: the idempotency key wherever a provider takes one.
    payload: the mapped record, nested (`contact.email` → {"contact": {"email": …}}), JSON values only.
    attempt: 1 for the first. age: seconds since the first attempt began, 0.0 on the first.
    accepted_at: when the router accepted the record (aware, UTC): the event time where the payload has none.
    """

    id: str
    payload: Mapping[str, Any]
    attempt: int = 1
    age: float = 0.0
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a connector can do.

    fields: the target fields as a marshmallow schema (nested schemas for dotted targets; `required=True` where the
        provider insists; `metadata={"description": …}`). Unknown fields are refused unless its Meta includes them.
    batch: how many commands one `send` may carry by default; 1 means the provider has no batch.
    batch_cap: the most an integration may configure.
    repeat_safe: repeating a call that may have been executed does no harm (an upsert by key). False: an ambiguous
        answer is `unknown`, never retried blindly.
    entities: which entities may be sent with it (`profile`, `event`, `inventory`, `device`, `alias`).
    removes: it deletes the record at the provider; a client's DELETE becomes this operation.
    """

    fields: type[Schema]
    entities: frozenset[str]
    batch: int = 1
    batch_cap: int = 1
    repeat_safe: bool = True
    removes: bool = False
    description: str = ""


class Headers(Protocol):
    """What an answer's headers are asked, in whatever case."""

    def __contains__(self, name: str, /) -> bool: ...
    def __getitem__(self, name: str, /) -> str: ...
    def get(self, name: str, /) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's HTTP answer, its body capped in size.

    retry_after: seconds, from the Retry-After header in either of its forms; None when absent or unreadable.
    """

    status: int
    headers: Headers
    body: bytes
    retry_after: float | None = None

    def json(self) -> Any:
        """The decoded body; raises ValueError when it is not JSON."""
        import json

        return json.loads(self.body)


class Wire(Protocol):
    """The one seam to the network (`connectors.http`), with the account's kept-alive session behind it."""

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | None = None,
        sign: Callable[[str, str, Mapping[str, str], bytes], Mapping[str, str]] | None = None,
    ) -> Answer:
        """One HTTP request within the total deadline; redirects are not followed.

        `json` is serialised once, compactly, as UTF-8; `data` is sent as it is. `sign(method, url, headers, body)`
        returns headers to add, computed over the exact bytes sent.
        Raises `errors.NotSent` when the request certainly did not leave, `errors.NoAnswer` when it may have.
        """
        ...


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and the moment (aware, UTC) after which it must not be used."""

    value: str
    expires_at: datetime


class Tokens(Protocol):
    """Bearer tokens shared by every process that serves the same account."""

    def get(self, fetch: Callable[[], Token], stale: str | None = None) -> str:
        """The cached token, or a fresh one from `fetch` when there is none, it has expired, or it equals `stale`."""
        ...


class Connector(Protocol):
    """A provider. Constructed once per integration: `Connector(options, wire, tokens)`.

    options: the schema of what an integration configures; a secret has `metadata={"secret": True}`.
    operations: what it can do, by name.
    masked: names of body members and query parameters that carry credentials, shown as `***` wherever a request is.

    Whose provider tells later what became of things has one more attribute, `feedback`: a `connectors.feedback.Parser`.
    Whose account has lists that mappings name has a method `catalogues`: see `connectors.catalogues`.
    """

    options: ClassVar[type[Schema]]
    operations: ClassVar[Mapping[str, Operation]]
    masked: ClassVar[frozenset[str]]

    def __init__(self, options: Mapping[str, Any], wire: Wire, tokens: Tokens) -> None: ...

    def send(self, operation: str, commands: Sequence[Command]) -> Sequence[Outcome]:
        """One attempt for every command: an outcome for each, in the same order. Raises nothing it could say."""
        ...
