"""The one door to the connectors: what each can do, what a call of theirs would look like. It names none of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from connectors import registry
from connectors.base import Command, Connector, Operation, Tokens, Wire
from connectors.dry import DryTokens, DryWire, Stopped
from connectors.feedback import Feedback, FeedbackError, Parser, admitted
from router import logs
from router.mapping import ConnectorFacts, OperationFacts

__all__ = ["Feedback", "FeedbackError", "build", "catalogues", "facts", "feedback", "load", "preview"]

log = logs.get(__name__)


@cache
def facts() -> Mapping[str, ConnectorFacts]:
    """What every connector can do, by name."""
    return MappingProxyType({name: _facts(name, kind) for name, kind in registry.load().items()})


def _facts(name: str, kind: type[Connector]) -> ConnectorFacts:
    operations = {operation: _operation(one) for operation, one in kind.operations.items()}
    summary, _, _ = (sys.modules[kind.__module__].__doc__ or "").strip().partition("\n")
    tells_back = _parser(name) is not None
    return ConnectorFacts(name, kind.options, MappingProxyType(operations), summary, tells_back)


def _operation(one: Operation) -> OperationFacts:
    return OperationFacts(
        one.fields, one.entities, one.batch, one.batch_cap, one.repeat_safe, one.removes, one.description
    )


def load(connector: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """An integration's options, secrets among them, as its connector takes them: checked, and with defaults.

    Raises marshmallow's ValidationError; LookupError for an unknown connector.
    """
    loaded: dict[str, Any] = registry.connector(connector).options().load(options)
    return loaded


def build(connector: str, loaded: Mapping[str, Any], wire: Wire, tokens: Tokens) -> Connector:
    """The connector of one integration, with options that `load` gave."""
    return registry.connector(connector)(loaded, wire, tokens)


def preview(
    connector: str,
    loaded: Mapping[str, Any],
    operation: str,
    payload: Mapping[str, Any],
    accepted_at: datetime | None = None,
) -> dict[str, Any]:
    """The HTTP request that one record would become: {"method", "url", "headers", "body"}, every credential as `***`.

    {"nothing_sent": reason} where the connector would make none. accepted_at: aware; now unless given.
    """
    kind = registry.connector(connector)
    command = Command("preview", payload, accepted_at=accepted_at or datetime.now(UTC))
    try:
        (outcome,) = kind(loaded, DryWire(), DryTokens()).send(operation, [command])
    except Stopped as stopped:
        return stopped.request.masked(_secrets(kind, loaded), kind.masked)
    return {"nothing_sent": outcome.reason}


def catalogues(
    connector: str, loaded: Mapping[str, Any], *, allow_private: bool, ca_bundle: str | None
) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """What the account has that mappings name (templates, objectives), by its kind: asked of the provider, now.

    Raises LookupError, which says why, where there is nothing to ask for or it cannot be had.
    """
    from connectors.catalogues import ask  # receivers, which never ask, do without an HTTP client

    return ask(registry.connector(connector), loaded, allow_private=allow_private, ca_bundle=ca_bundle)


def feedback(
    connector: str, loaded: Mapping[str, Any], headers: Mapping[str, str], body: bytes, address: str
) -> Sequence[Feedback]:
    """What a provider's webhook says, verified as far as the provider lets one.

    loaded: options that `load` gave. headers: by name, in any case. address: the IP address it came from. Raises
    `FeedbackError`, `forged` when it is not the provider's; LookupError when the connector's provider tells nothing.
    """
    parse = _parser(connector)
    if parse is None:
        raise LookupError(f"what {connector!r} delivers to tells nothing back")
    if not admitted(address, loaded):
        raise FeedbackError("comes from an address that is not among the option feedback_sources", forged=True)
    try:
        return parse(headers, body, loaded)
    except FeedbackError:
        raise
    except Exception as error:  # another package's parser may raise anything
        log.error("a webhook could not be parsed", connector=connector, exc_info=error)
        raise FeedbackError(f"could not be parsed: {type(error).__name__}") from error


def _parser(connector: str) -> Parser | None:
    parse: Parser | None = getattr(registry.connector(connector), "feedback", None)
    return parse


def _secrets(kind: type[Connector], loaded: Mapping[str, Any]) -> list[str]:
    """The values of the options that are secret."""
    found: list[str] = []
    for name, one in kind.options().fields.items():
        value = loaded.get(one.attribute or name)
        if one.metadata.get("secret") and value:
            found += map(str, value) if isinstance(value, list) else [str(value)]
    return found
