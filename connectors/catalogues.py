"""What an account has that mappings name, asked of its provider at a person's wish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Protocol, runtime_checkable

from connectors.base import Connector
from connectors.errors import WireError
from connectors.http import HttpWire
from connectors.tokens import MemoryTokens

Catalogues = Mapping[str, Sequence[Mapping[str, Any]]]


@runtime_checkable
class HasCatalogues(Protocol):
    """A connector whose account has lists that mappings name: templates, say."""

    def catalogues(self) -> Catalogues:
        """Kind → [{name: value}]. Raises `errors.WireError` with the reason when they cannot be had."""
        ...


def ask(kind: type[Connector], options: Mapping[str, Any], *, allow_private: bool, ca_bundle: str | None) -> Catalogues:
    """The lists of one integration's account. Raises LookupError, which says why there are none."""
    wire = HttpWire(options["connect_timeout"], options["timeout"], allow_private=allow_private, ca_bundle=ca_bundle)
    with closing(wire):
        connector = kind(options, wire, MemoryTokens())
        if not isinstance(connector, HasCatalogues):
            raise LookupError("its provider has no lists that mappings name")  # noqa: TRY004 (the caller's concern)
        try:
            return connector.catalogues()
        except WireError as error:
            raise LookupError(str(error)) from None
