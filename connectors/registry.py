"""Which connectors there are: ours by the lines below, others' by the entry-point group `router.connectors`."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType

from connectors.base import Connector
from connectors.datatalks import DataTalks
from connectors.digitalonboarding import DigitalOnboarding
from connectors.parcelvoy import Parcelvoy
from connectors.salesmanago import Salesmanago
from connectors.sendios import Sendios
from connectors.webhook import Webhook

GROUP = "router.connectors"

REGISTRY: dict[str, type[Connector]] = {
    "datatalks": DataTalks,
    "digitalonboarding": DigitalOnboarding,
    "parcelvoy": Parcelvoy,
    "salesmanago": Salesmanago,
    "sendios": Sendios,
    "webhook": Webhook,
}


class UnknownConnector(LookupError):
    """No connector has this name. The message names those there are."""


class BadPlugin(Exception):
    """A package offers a connector that cannot be used. The message names the package."""


@cache
def load() -> Mapping[str, type[Connector]]:
    """Every connector by its name. Raises BadPlugin."""
    found = dict(REGISTRY)
    for entry in entry_points(group=GROUP):
        origin = f"the connector {entry.name!r} ({entry.value})"
        if entry.name in found:
            raise BadPlugin(f"{origin} has a name that is taken; rename it or uninstall its package")
        try:
            offered = entry.load()
        except Exception as error:  # another package's import may raise anything
            raise BadPlugin(f"{origin} cannot be imported: {type(error).__name__}: {error}") from error
        missing = [name for name in ("options", "operations", "masked", "send") if not hasattr(offered, name)]
        if missing:
            raise BadPlugin(f"{origin} is not a connector: it has no {', '.join(missing)}")
        found[entry.name] = offered
    return MappingProxyType(found)


def connector(name: str) -> type[Connector]:
    """The connector of that name. Raises UnknownConnector, BadPlugin."""
    known = load()
    if name in known:
        return known[name]
    close = get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise UnknownConnector(f"there is no connector {name!r}{hint} (known: {', '.join(sorted(known))})")
