"""The one door to the connectors: what each can do, what a call of theirs would look like. It names none of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from connectors import registry
from connectors.base import Command, Connector, Operation, Tokens, Wire
from connectors.dry import DryTokens, DryWire, Stopped
from router.mapping import ConnectorFacts, OperationFacts


class NothingSent(Exception):
    """The connector would make no call for this payload. The message is its reason."""


@cache
def facts() -> Mapping[str, ConnectorFacts]:
    """What every connector can do, by name."""
    return MappingProxyType({name: _facts(name, kind) for name, kind in registry.load().items()})


def _facts(name: str, kind: type[Connector]) -> ConnectorFacts:
    operations = {operation: _operation(one) for operation, one in kind.operations.items()}
    return ConnectorFacts(name, kind.options, MappingProxyType(operations))


def _operation(one: Operation) -> OperationFacts:
    return OperationFacts(one.fields, one.entities, one.batch, one.batch_cap, one.repeat_safe, one.removes)


def build(connector: str, options: Mapping[str, Any], wire: Wire, tokens: Tokens) -> Connector:
    """The connector of one integration. options: secrets among them; raises marshmallow's ValidationError when wrong."""
    kind = registry.connector(connector)
    return kind(kind.options().load(options), wire, tokens)


def preview(
    connector: str, options: Mapping[str, Any], operation: str, payload: Mapping[str, Any], accepted_at: datetime
) -> dict[str, Any]:
    """The HTTP request that one record would become: {"method", "url", "headers", "body"}, every credential as `***`.

    Raises `NothingSent` with the connector's reason when it would make none.
    """
    kind = registry.connector(connector)
    loaded = kind.options().load(options)
    try:
        (outcome,) = kind(loaded, DryWire(), DryTokens()).send(
            operation, [Command("preview", payload, accepted_at=accepted_at)]
        )
    except Stopped as stopped:
        return stopped.request.masked(_secrets(kind, loaded), kind.masked)
    raise NothingSent(outcome.reason)


def _secrets(kind: type[Connector], loaded: Mapping[str, Any]) -> list[str]:
    """The values of the options that are secret."""
    found = []
    for name, one in kind.options().fields.items():
        value = loaded.get(one.attribute or name)
        if one.metadata.get("secret") and value:
            found += [str(item) for item in value] if isinstance(value, list) else [str(value)]
    return found
