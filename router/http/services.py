"""What the receiver is given: opened once in each process, shared by its threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from router.config import Config
from router.http.auth import AccessKeys, BearerKeys
from router.http.body import JsonReader, Limits
from router.ledger.base import Ledger
from router.settings import Settings
from router.vault import Vault


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """The parts behind the routes. client_reader: for the client API, whose `data` is free."""

    settings: Settings
    ledger: Ledger
    config: Config
    access_keys: AccessKeys
    bearer_keys: BearerKeys
    reader: JsonReader
    client_reader: JsonReader
    now: Callable[[], datetime] = utc_now


def assemble(settings: Settings, ledger: Ledger, now: Callable[[], datetime] = utc_now) -> Services:
    """The services of one process on an open ledger."""
    return Services(
        settings=settings,
        ledger=ledger,
        config=Config(ledger),
        access_keys=AccessKeys(ledger, Vault(settings.secret_keys), now),
        bearer_keys=BearerKeys(ledger),
        reader=JsonReader(Limits()),
        client_reader=JsonReader(Limits(depth=32, round_integers=True)),
        now=now,
    )
