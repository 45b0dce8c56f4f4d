"""A wire that sends nothing: what production would have sent, for staging and for previews."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from connectors.base import Token
from connectors.request import HttpRequest, Sign, prepare

__all__ = ["DryTokens", "DryWire", "HttpRequest", "Stopped"]


class Stopped(Exception):
    """The call that was about to be made. A connector lets it pass; whoever rehearses catches it."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__("stopped before the wire")
        self.request = request


class DryWire:
    """A `base.Wire` that raises `Stopped` with the first request, complete to its signature."""

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | None = None,
        sign: Sign | None = None,
    ) -> NoReturn:
        raise Stopped(prepare(method, url, headers=headers, json=json, data=data, sign=sign))


class DryTokens:
    """`base.Tokens` that fetches none, so that a rehearsal stops at the call that matters."""

    def get(self, fetch: Callable[[], Token], stale: str | None = None) -> str:  # noqa: ARG002 (the port's)
        return "dry-run"
