"""A compiled set of mappings: what a client may send, and what becomes of it for each integration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.mapping.conditions import Condition
from router.mapping.config import ClientConfig, Group, Integration
from router.mapping.contract import Contract
from router.mapping.rules import Branch
from router.model import Action


@dataclass(frozen=True, slots=True)
class Mapped:
    """payload: nested, JSON values only, in the order of the file."""

    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Skipped:
    """reason: one sentence, the same for every record that the same rule leaves out."""

    reason: str


@dataclass(frozen=True, slots=True)
class Program:
    """What a file says for one integration and action.

    fields: the payload, rule by rule. needs: the dotted targets without which the provider takes nothing.
    """

    operation: str
    when: Condition | None
    fields: Branch
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Route:
    """One integration that a record goes to.

    operation: "" where nothing is said about deletes. map: from a record's values, as its contract kept them, to
    what is sent; it raises nothing for a record that satisfies the contract.
    """

    integration: Integration
    operation: str
    map: Callable[[Mapping[str, Any]], Mapped | Skipped] = field(repr=False)
    program: Program | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as it holds for one group. file: as it is shown to people. examples: records of its own, as sent."""

    file: str
    contract: Contract
    removal: Contract
    routes: tuple[Route, ...]
    removals: tuple[Route, ...]
    examples: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    def accepts(self, action: Action) -> Contract:
        """The contract of an action: a delete carries the hard id alone."""
        return self.removal if action is Action.DELETE else self.contract

    def leads(self, action: Action) -> tuple[Route, ...]:
        return self.removals if action is Action.DELETE else self.routes


@dataclass(frozen=True, slots=True)
class MappingSet:
    """All clients' configuration, contracts and mappings, as published under one digest. Shared by threads.

    entries: by client and group, then by entity and type. A type is "" for v1, which has none; None is taken as "".
    """

    digest: str
    clients: Mapping[str, ClientConfig]
    entries: Mapping[tuple[str, str], Mapping[tuple[str, str], Entry]] = field(repr=False)

    def groups(self, client: str) -> Mapping[str, Group]:
        """A client's groups by their keys; none for an unknown client."""
        found = self.clients.get(client)
        return found.groups if found else {}

    def types(self, client: str, entity: str, group: str | None = None) -> list[str]:
        """The types that a client, or one of its groups, may send of an entity, sorted; "" among them where v1 may."""
        keys = self.groups(client) if group is None else [group]
        return sorted({type_ for key in keys for kind, type_ in self.entries.get((client, key), {}) if kind == entity})

    def contract(
        self, client: str, entity: str, type_: str | None, group: str, action: Action = Action.UPSERT
    ) -> Contract | None:
        """What a client's group may send; None when it has no such entity and type."""
        found = self.entry(client, group, entity, type_)
        return found.accepts(action) if found else None

    def routes(
        self, client: str, group: str, entity: str, type_: str | None, action: Action = Action.UPSERT
    ) -> tuple[Route, ...]:
        """The integrations that a record goes to, in the order of `client.yaml`; none for what is unknown."""
        found = self.entry(client, group, entity, type_)
        return found.leads(action) if found else ()

    def entry(self, client: str, group: str, entity: str, type_: str | None) -> Entry | None:
        """The file that holds for a client's group, its contract and its routes."""
        return self.entries.get((client, group), {}).get((entity, type_ or ""))
