"""The providers that the sandbox stands in for: ours by the lines below, others' by the group `router.sandboxes`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType

from connectors.sandbox.base import Provider
from connectors.sandbox.datatalks import DataTalks
from connectors.sandbox.digitalonboarding import DigitalOnboarding
from connectors.sandbox.parcelvoy import Parcelvoy
from connectors.sandbox.salesmanago import Salesmanago
from connectors.sandbox.sendios import Sendios
from connectors.sandbox.webhook import Webhook

GROUP = "router.sandboxes"

PROVIDERS: dict[str, type[Provider]] = {
    "datatalks": DataTalks,
    "digitalonboarding": DigitalOnboarding,
    "parcelvoy": Parcelvoy,
    "salesmanago": Salesmanago,
    "sendios": Sendios,
    "webhook": Webhook,
}


@cache
def load() -> Mapping[str, type[Provider]]:
    """Every stand-in by its connector's name; a package's is named as its entry point is."""
    return MappingProxyType({**{entry.name: entry.load() for entry in entry_points(group=GROUP)}, **PROVIDERS})
