"""Who calls: access keys (SigV4) and client API keys (Bearer), looked up in the ledger and remembered for seconds.

A key that was revoked stops within `REMEMBERED` everywhere. A key that does not exist is remembered just as long and
costs the same work, so neither the answer nor the time it takes tells the two apart.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Generic, TypeVar

from router import logs
from router.http import sigv4
from router.ledger.base import AccessKey, ClientApiKey, LedgerError, Registry
from router.vault import Vault

REMEMBERED = 2.0
MOST_REMEMBERED = 10_000
TOUCH_EVERY = 60.0

log = logs.get(__name__)
Name = TypeVar("Name")
Kept = TypeVar("Kept")


class Memory(Generic[Name, Kept]):
    """What a look-up found, or that it found nothing, for `REMEMBERED` seconds."""

    def __init__(self, find: Callable[[Name], Kept | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._find = find
        self._clock = clock
        self._kept: dict[Name, tuple[float, Kept | None]] = {}

    def get(self, name: Name) -> Kept | None:
        """Raises what the look-up raises."""
        kept = self._kept.get(name)
        now = self._clock()
        if kept is not None and now < kept[0]:
            return kept[1]
        found = self._find(name)
        if len(self._kept) >= MOST_REMEMBERED:
            self._kept = {}
        self._kept[name] = (now + REMEMBERED, found)
        return found


class AccessKeys:
    """The access keys that count, with their signing keys derived once a day."""

    def __init__(self, registry: Registry, vault: Vault, now: Callable[[], datetime]) -> None:
        self._registry = registry
        self._now = now
        self._memory = Memory(registry.access_key)
        self._touched: dict[str, float] = {}
        nobody = vault.seal(secrets.token_urlsafe(30))

        @lru_cache(4096)
        def derived(sealed: bytes, date: str, region: str) -> bytes:
            return sigv4.derive(vault.open(sealed), date, region)

        self._derived = derived
        self._nobody = nobody

    def find(self, access_key_id: str) -> AccessKey | None:
        """The key, unless it does not exist, was revoked or has expired."""
        key = self._memory.get(access_key_id)
        if key is None or key.revoked_at is not None:
            return None
        return None if key.expires_at is not None and key.expires_at <= self._now() else key

    def signing_key(self, access_key_id: str, date: str, region: str) -> bytes | None:
        """The key that signs on that day in that region, None for an access key that does not count."""
        key = self.find(access_key_id)
        derived = self._derived(key.secret if key else self._nobody, date, region)
        return derived if key else None

    def used(self, access_key_id: str) -> None:
        """Note the use in the ledger, once a minute at most."""
        now = time.monotonic()
        if now < self._touched.get(access_key_id, 0.0):
            return
        self._touched[access_key_id] = now + TOUCH_EVERY
        try:
            self._registry.touch_access_keys([access_key_id])
        except LedgerError as error:
            log.warning("the use of an access key was not noted", access_key=access_key_id, error=str(error))


class BearerKeys:
    """The client API keys, found by their SHA-256."""

    def __init__(self, registry: Registry) -> None:
        self._memory = Memory(registry.client_api_key)

    def find(self, token: str) -> ClientApiKey | None:
        """The key, unless it does not exist or was revoked."""
        key = self._memory.get(hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest())
        return None if key is None or key.revoked_at is not None else key
