"""What a stand-in of a provider promises, and what it is given: one parsed HTTP call in, one reply out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request as it arrived.

    path: percent-encoded as sent, begins with "/", without the connector's prefix and without the query.
    query: raw, without the "?"; "" when there is none.
    headers: names in lower case; a repeated header's values joined by ", ".
    url: the whole address as the client wrote it, prefix and query included (signatures are computed over it).
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    url: str

    def json(self) -> Any:
        """The decoded body; raises ValueError when it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back.

    body: a dict or list is sent as JSON, str and bytes as they are, None as nothing.
    accepted: the provider took the call, so it is kept and shown by `GET /_/received`.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    accepted: bool = False


class Provider(Protocol):
    """A stand-in that keeps what it accepts and refuses what the real one refuses.

    masked: members of bodies and queries shown as `***`; Authorization, API-KEY and Cookie headers always are.
    modes: its own scenarios beside `reject` and `refuse_credentials`, which every provider has. The server keeps the
        others (`connectors.sandbox.scenario.SERVED`) to itself, so `handle` sees one of its own, or "ok".
    """

    name: ClassVar[str]
    masked: ClassVar[frozenset[str]]
    modes: ClassVar[frozenset[str]] = frozenset()

    def handle(self, call: Call, mode: str) -> Reply:
        """Answer one call. Called under one lock per provider, so it needs none of its own, and must be quick."""
        ...

    def clear(self) -> None:
        """Forget everything but the demo account."""
        ...
