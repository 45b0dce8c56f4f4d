"""Channels by destination: built from the set in force and its secrets, kept while neither changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import inf
from typing import Any, TypeGuard

from marshmallow import ValidationError

from connectors.base import Token, Tokens, Wire
from connectors.http import HttpWire
from router import callback, catalog, logs
from router.config import CALLBACK, Config, Secrets, Snapshot
from router.judge import Policy
from router.ledger.base import Ledger, LedgerError
from router.model import Destination, DueDelivery
from router.publish import batch_of
from router.settings import Settings
from router.vault import Unreadable, Vault
from workers import policies
from workers.channel import AT_ONCE, LONGEST_SEND, Channel

FRESH_FOR = 2.0
TIMEOUT = 20.0
CALLBACK_TIMEOUT = 15.0

log = logs.get(__name__)


class Channels:
    """Builds and keeps channels. One that cannot be built refuses its deliveries, which park until it can."""

    def __init__(
        self,
        ledger: Ledger,
        config: Config,
        vault: Vault,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._config = config
        self._vault = vault
        self._settings = settings
        self._built: dict[int, tuple[tuple[int, int], Channel]] = {}
        self._secrets_version = (-inf, -1)

    def of(self, destination: int) -> Channel:
        """The channel of a destination's number, as configured now."""
        snapshot = self._config.current()
        if not snapshot.has(destination):
            snapshot = self._config.renewed()  # planned by somebody who read the configuration after us
        version = (snapshot.publication.number, self._secrets())
        known = self._built.get(destination)
        if known is not None and known[0] == version:
            return known[1]
        policy = policies.of(snapshot, destination)
        try:
            channel = self._build(snapshot, snapshot.destinations[destination], destination, policy)
        except (LookupError, Unreadable) as fault:
            channel = Channel(policy, broken=str(fault))
        except ValidationError as error:
            faults = "; ".join(f"{name}: {texts}" for name, texts in sorted(error.messages_dict.items()))
            channel = Channel(policy, broken=f"options: {faults}")
        self._built[destination] = (version, channel)
        return channel

    def _secrets(self) -> int:
        checked, version = self._secrets_version
        if self._clock() - checked > FRESH_FOR:
            version = self._ledger.secrets_version()
            self._secrets_version = (self._clock(), version)
        return version

    def _build(self, snapshot: Snapshot, place: Destination, number: int, policy: Policy) -> Channel:
        if place.kind == CALLBACK:
            return self._callbacks(snapshot, place, policy)
        integration = snapshot.integration(number)
        if integration is None:
            raise LookupError(f"{place.name} is no longer in the mapping set; publish one that has it")
        secrets = Secrets(self._ledger, self._vault, place.client)
        options = catalog.load(place.connector, integration.configure(self._settings.links, secrets))
        wire, tokens = self._wire(options), SharedTokens(self._ledger, self._vault, place.account)
        connector = catalog.build(place.connector, options, wire, tokens)
        return Channel(
            policy,
            connector,
            account=place.account,
            patience=_patience(options),
            calls_per_second=place.requests_per_second,
            at_once=min(AT_ONCE, integration.budget.concurrent or AT_ONCE),
            batches={each: batch_of(place.connector, each, integration) for each in connector.operations},
            preview=lambda operation, payload: catalog.preview(place.connector, options, operation, payload),
        )

    def _callbacks(self, snapshot: Snapshot, place: Destination, policy: Policy) -> Channel:
        target = snapshot.set.clients[place.client].groups[place.group].callback
        if target is None:
            raise LookupError(f"{place.name} has no callback any more")
        secret = Secrets(self._ledger, self._vault, place.client)[target.secret]
        options = catalog.load(
            place.connector,
            {"url": target.address(self._settings.links), "secret": secret, "timeout": CALLBACK_TIMEOUT},
        )
        return Channel(
            policy,
            catalog.build(place.connector, options, self._wire(options), SharedTokens(self._ledger, self._vault, "")),
            patience=_patience(options),
            preview=lambda operation, payload: catalog.preview(place.connector, options, operation, payload),
            body=self._body,
        )

    def _body(self, delivery: DueDelivery) -> Mapping[str, Any]:
        document = self._ledger.document(delivery.request_id, delivery=callback.alone(delivery.payload))
        if document is None:
            raise LedgerError("the request of this callback is gone")
        return callback.body(delivery.payload, document, datetime.now(UTC))

    def _wire(self, options: Mapping[str, Any]) -> Wire:
        return HttpWire(
            options.get("connect_timeout", 5.0),
            options.get("timeout", TIMEOUT),
            allow_private=self._settings.allow_private_targets,
            ca_bundle=self._settings.ca_bundle,
        )


def _patience(options: Mapping[str, Any]) -> float:
    """So that the last request that begins ends within `LONGEST_SEND`."""
    return max(LONGEST_SEND - float(options.get("timeout", TIMEOUT)), 1.0)


class SharedTokens(Tokens):
    """Bearer tokens kept in the ledger, encrypted, so that all processes of an account use one.

    Whoever waited here while one could not be had is told the same, instead of asking for it in turn.
    """

    def __init__(
        self, ledger: Ledger, vault: Vault, account: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._vault = vault
        self._account = account
        self._clock = clock
        self._lock = threading.Lock()
        self._held: Token | None = None
        self._failure: tuple[float, Exception] | None = None

    def get(self, fetch: Callable[[], Token], stale: str | None = None) -> str:
        asked = self._clock()
        with self._lock:
            if self._failure is not None and self._failure[0] >= asked:
                raise self._failure[1].with_traceback(None)
            if _usable(self._held, stale):
                return self._held.value
            self._held = self._stored()
            if not _usable(self._held, stale):
                self._held = self._fetched(fetch)
                self._ledger.keep_token(self._account, self._vault.seal(self._held.value), self._held.expires_at)
            return self._held.value

    def _fetched(self, fetch: Callable[[], Token]) -> Token:
        try:
            return fetch()
        except Exception as failure:
            self._failure = self._clock(), failure
            raise

    def _stored(self) -> Token | None:
        found = self._ledger.token(self._account)
        return Token(self._vault.open(found[0]), found[1]) if found else None


def _usable(token: Token | None, stale: str | None) -> TypeGuard[Token]:
    return token is not None and token.value != stale and token.expires_at > datetime.now(UTC)
