"""What a provider accepted: kept within bounds, and shown with its credentials masked."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.base import Call

KEPT_CALLS = 200_000
KEPT_BYTES = 256 << 20  # of bodies
MASK = "***"

_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "api-key", "x-api-key", "cookie", "x-amz-security-token"}
)


class Received:
    """The latest accepted calls of one provider; `total` counts those forgotten too. Not thread-safe."""

    def __init__(self, name: str, masked: Collection[str], calls: int = KEPT_CALLS, size: int = KEPT_BYTES) -> None:
        self.name = name
        self.total = 0
        self._masked = frozenset(name.lower() for name in masked)
        self._most_calls, self._most_bytes = calls, size
        self._kept: deque[tuple[Call, float]] = deque()
        self._bytes = 0

    def add(self, call: Call, at: float) -> None:
        """Keep a call accepted `at` (Unix time); the oldest go when they are too many or too large together."""
        self.total += 1
        self._kept.append((call, at))
        self._bytes += len(call.body)
        while len(self._kept) > self._most_calls or self._bytes > self._most_bytes:
            self._bytes -= len(self._kept.popleft()[0].body)

    def clear(self) -> None:
        self._kept.clear()
        self._bytes = self.total = 0

    def kept(self) -> list[tuple[Call, float]]:
        return list(self._kept)

    def show(self, call: Call, at: float) -> dict[str, Any]:
        """One call as `GET /_/received` lists it: JSON values only, no credentials."""
        secret_headers = _SECRET_HEADERS | self._masked
        return {
            "connector": self.name,
            "method": call.method,
            "path": call.path,
            "query": _mask_form(call.query, self._masked),
            "headers": {name: MASK if name in secret_headers else value for name, value in call.headers.items()},
            "body": _body(call, self._masked),
            "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }


def _body(call: Call, masked: Collection[str]) -> Any:
    """The body as parsed JSON, or else as text; masked either way."""
    try:
        return _mask_members(call.json(), masked)
    except (ValueError, RecursionError):
        text = call.body.decode("utf-8", "replace")
        form = "form-urlencoded" in call.headers.get("content-type", "")
        return _mask_form(text, masked) if form else text


def _mask_members(value: Any, masked: Collection[str]) -> Any:
    if isinstance(value, Mapping):
        return {name: MASK if name.lower() in masked else _mask_members(each, masked) for name, each in value.items()}
    if isinstance(value, list):
        return [_mask_members(each, masked) for each in value]
    return value


def _mask_form(text: str, masked: Collection[str]) -> str:
    """`a=1&secret=2` with the values of masked names hidden and every other byte as it was."""
    pairs = (pair.partition("=") for pair in text.split("&"))
    return "&".join(name + eq + (MASK if eq and name.lower() in masked else value) for name, eq, value in pairs)
