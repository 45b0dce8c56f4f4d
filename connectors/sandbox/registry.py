"""The providers that the sandbox stands in for."""

from __future__ import annotations

from connectors.sandbox.base import Provider

PROVIDERS: dict[str, type[Provider]] = {}
