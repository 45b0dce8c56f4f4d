"""The providers that the sandbox stands in for."""

from __future__ import annotations

from connectors.sandbox.base import Provider
from connectors.sandbox.digitalonboarding import DigitalOnboarding
from connectors.sandbox.sendios import Sendios

PROVIDERS: dict[str, type[Provider]] = {
    "digitalonboarding": DigitalOnboarding,
    "sendios": Sendios,
}
