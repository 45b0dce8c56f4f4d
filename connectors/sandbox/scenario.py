"""How a provider is told to misbehave: a mode, for a number of requests or until told otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sandbox.base import Reply

# Handled by the server, the same for every provider; all but the last two never reach it.
SERVED = frozenset({"ok", "error", "rate_limited", "garbage", "hang", "down", "slow", "commit_then_drop"})
OF_EVERY_PROVIDER = frozenset({"reject", "refuse_credentials"})

_DETAILS: Mapping[str, type] = {"seconds": float, "status": int, "retry_after": str}
HTML = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>We will be right back</h1></body></html>"


class WishError(Exception):
    """What was asked of the sandbox makes no sense; the message says which member, and what would."""


class Scenario:
    """The mode in force at one provider. Not thread-safe: the server takes from it under the provider's lock."""

    def __init__(self) -> None:
        self.mode = "ok"
        self.details: Mapping[str, Any] = {}
        self._left: int | None = None

    def set(self, mode: str, count: int | None = None, details: Mapping[str, Any] | None = None) -> None:
        """Answer the next `count` requests (None: all) in this mode, then be ok again.

        details: `seconds` of slow (1), `status` of error (503), `retry_after`, seconds or a date, of rate_limited (1)
        and of error (none). Raises WishError for any other detail.
        """
        checked = {name: _detail(name, value) for name, value in (details or {}).items()}
        self.mode, self._left, self.details = mode, count, checked

    def take(self) -> tuple[str, Mapping[str, Any]]:
        """The mode of one more request, and its details."""
        mode, details = self.mode, self.details
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                self.set("ok")
        return mode, details


def _detail(name: str, value: Any) -> Any:
    if name not in _DETAILS:
        raise WishError(f"{name}: not a detail of a scenario; there are {', '.join(_DETAILS)}")
    try:
        return _DETAILS[name](value)
    except (TypeError, ValueError):
        raise WishError(f"{name}: {value!r} is not a {_DETAILS[name].__name__}") from None


def fault(mode: str, details: Mapping[str, Any]) -> Reply | None:
    """The answer of a mode that needs no provider; None when the provider is to be asked."""
    match mode:
        case "error":
            wait = {"Retry-After": details["retry_after"]} if "retry_after" in details else {}
            return Reply(details.get("status", 503), {"error": "the sandbox was told to fail"}, wait)
        case "rate_limited":
            wait = {"Retry-After": details.get("retry_after", "1")}
            return Reply(429, {"error": "the sandbox was told to slow you down"}, wait)
        case "garbage":
            return Reply(200, HTML, {"Content-Type": "text/html; charset=utf-8"})
    return None
