"""What a connector can do, as plain values: all that the mapping engine knows of the providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from marshmallow import Schema


@dataclass(frozen=True, slots=True)
class OperationFacts:
    """fields: the target fields. entities: names of those that may be sent with it. removes: it deletes the record."""

    fields: type[Schema]
    entities: frozenset[str]
    batch: int = 1
    batch_cap: int = 1
    repeat_safe: bool = True
    removes: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class ConnectorFacts:
    """options: the schema of what an integration configures; a secret has `metadata={"secret": True}`.

    summary: one sentence. tells_back: its provider tells later what became of things.
    """

    name: str
    options: type[Schema]
    operations: Mapping[str, OperationFacts]
    summary: str = ""
    tells_back: bool = False


Connectors = Mapping[str, ConnectorFacts]
