"""Channels by destination: built from the set in force and its secrets, kept while neither changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard

from marshmallow import ValidationError

from connectors.base import Token, Tokens, Wire
from connectors.http import HttpWire
from router import callback, catalog, logs
from router.config import CALLBACK, Config, Snapshot
from router.ledger.base import Ledger, LedgerError
from router.mapping import Integration
from router.model import Destination, DueDelivery
from router.settings import Settings
from router.vault import Unreadable, Vault
from workers import policies
from workers.channel import AT_ONCE, Channel

FRESH_FOR = 2.0

log = logs.get(__name__)


class Misconfigured(Exception):
    """A destination that cannot be called as it is configured. The message says what is missing and where."""


class Channels:
    """Builds and keeps channels. What cannot be built refuses its deliveries with the reason; they park until it can."""

    def __init__(self, ledger: Ledger, config: Config, vault: Vault, settings: Settings) -> None:
        self._ledger = ledger
        self._config = config
        self._vault = vault
        self._settings = settings
        self._built: dict[int, tuple[tuple[int, int], Channel]] = {}
        self._secrets_version = (0.0, -1)

    def of(self, destination: int) -> Channel:
        """The channel of a destination's number, as configured now."""
        snapshot = self._config.current()
        version = (snapshot.publication.number, self._secrets())
        known = self._built.get(destination)
        if known is not None and known[0] == version:
            return known[1]
        try:
            channel = self._build(snapshot, snapshot.destinations[destination], destination)
        except (Misconfigured, Unreadable, catalog.UnknownConnector) as fault:
            channel = Channel(policies.of(snapshot, destination), broken=str(fault))
        except ValidationError as error:
            faults = "; ".join(f"{name}: {texts}" for name, texts in sorted(error.messages_dict.items()))
            channel = Channel(policies.of(snapshot, destination), broken=f"options: {faults}")
        self._built[destination] = (version, channel)
        return channel

    def _secrets(self) -> int:
        checked, version = self._secrets_version
        if time.monotonic() - checked > FRESH_FOR:
            version = self._ledger.secrets_version()
            self._secrets_version = (time.monotonic(), version)
        return version

    def _build(self, snapshot: Snapshot, place: Destination, number: int) -> Channel:
        if place.kind == CALLBACK:
            return self._callbacks(snapshot, place)
        integration = policies.integration_of(snapshot, number)
        if integration is None:
            raise Misconfigured(f"{place.name} is no longer in the mapping set; publish one that has it")
        options = self._options(place, integration)
        wire = self._wire(options)
        tokens = SharedTokens(self._ledger, self._vault, place.account)
        return Channel(
            policies.of(snapshot, number),
            catalog.build(place.connector, options, wire, tokens),
            place.account,
            place.requests_per_second,
            min(AT_ONCE, integration.budget.concurrent or AT_ONCE),
            batches=snapshot.set.batches(integration),
            preview=lambda operation, payload: catalog.preview(place.connector, options, operation, payload),
        )

    def _callbacks(self, snapshot: Snapshot, place: Destination) -> Channel:
        target = snapshot.set.clients[place.client].groups[place.group].callback
        if target is None:
            raise Misconfigured(f"{place.name} has no callback any more")
        options = catalog.load(
            place.connector,
            {
                "url": self._resolved(target.url),
                "secret": self._opened(place.client, target.secret),
                "timeout": 15.0,
            },
        )
        return Channel(
            policies.of(snapshot, 0),
            catalog.build(place.connector, options, self._wire(options), SharedTokens(self._ledger, self._vault, "")),
            preview=lambda operation, payload: catalog.preview(place.connector, options, operation, payload),
            body=self._body,
        )

    def _body(self, delivery: DueDelivery) -> Mapping[str, Any]:
        document = self._ledger.document(delivery.request_id)
        if document is None:
            raise LedgerError("the request of this callback is gone")
        return callback.body(delivery.payload, document, datetime.now(UTC))

    def _options(self, place: Destination, integration: Integration) -> Mapping[str, Any]:
        given = {name: self._resolved(value) for name, value in integration.options.items()}
        for option, secret in integration.secrets.items():
            given[option] = self._opened(place.client, secret)
        return catalog.load(place.connector, given)

    def _resolved(self, value: Any) -> Any:
        """An option's value, with a link's address put in where it names one."""
        return value.resolve(self._settings.links) if hasattr(value, "resolve") else value

    def _opened(self, client: str, name: str) -> str:
        sealed = self._ledger.secret(client, name)
        if sealed is None:
            raise Misconfigured(f"secret {name!r} of client {client} is not set; run `router secrets set {client} {name}`")
        return self._vault.open(sealed)

    def _wire(self, options: Mapping[str, Any]) -> Wire:
        return HttpWire(
            options.get("connect_timeout", 5.0),
            options.get("timeout", 20.0),
            allow_private=self._settings.allow_private_targets,
            ca_bundle=self._settings.ca_bundle,
        )


class SharedTokens(Tokens):
    """Bearer tokens kept in the ledger, encrypted, so that all processes of an account use one."""

    def __init__(self, ledger: Ledger, vault: Vault, account: str) -> None:
        self._ledger = ledger
        self._vault = vault
        self._account = account
        self._lock = threading.Lock()
        self._held: Token | None = None

    def get(self, fetch: Callable[[], Token], stale: str | None = None) -> str:
        with self._lock:
            if _usable(self._held, stale):
                return self._held.value
            self._held = self._stored()
            if not _usable(self._held, stale):
                self._held = fetch()
                self._ledger.keep_token(self._account, self._vault.seal(self._held.value), self._held.expires_at)
            return self._held.value

    def _stored(self) -> Token | None:
        found = self._ledger.token(self._account)
        return Token(self._vault.open(found[0]), found[1]) if found else None


def _usable(token: Token | None, stale: str | None) -> TypeGuard[Token]:
    return token is not None and token.value != stale and token.expires_at > datetime.now(UTC)
