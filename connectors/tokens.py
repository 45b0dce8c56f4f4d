"""Bearer tokens kept in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from connectors.base import Token


class MemoryTokens:
    """`base.Tokens` for one account and one process. Concurrent callers wait for one fetch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token: Token | None = None

    def get(self, fetch: Callable[[], Token], stale: str | None = None) -> str:
        """See `base.Tokens.get`. What `fetch` raises is passed on, and nothing is kept."""
        with self._lock:
            token = self._token
            if token is None or token.value == stale or token.expires_at <= datetime.now(UTC):
                self._token = None
                token = self._token = fetch()
            return token.value
