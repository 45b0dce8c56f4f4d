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
    """What a file says for one integration and action."""

    operation: str
    when: Condition | None
    fields: Branch
    run: Callable[[Mapping[str, Any]], Mapped | Skipped] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    """One integration that a record goes to.

    program: None where the file says nothing about deletes. map: from a record's values, as its contract kept them, to what is
    sent; total: it raises nothing for a record that satisfies the contract.
    """

    integration: Integration
    operation: str
    program: Program | None
    map: Callable[[Mapping[str, Any]], Mapped | Skipped] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as it holds for one group (or, without routes, for the client)."""

    file: str
    contract: Contract
    removal: Contract
    routes: tuple[Route, ...] = ()
    removals: tuple[Route, ...] = ()


Key = tuple[str, str]  # entity, type


@dataclass(frozen=True, slots=True)
class MappingSet:
    """Every client's configuration, contracts and mappings, as published under one digest. Immutable, shared by threads.

    type is "" for v1, which has none; None is taken as "".
    """

    digest: str
    clients: Mapping[str, ClientConfig]
    entries: Mapping[tuple[str, str], Mapping[Key, Entry]] = field(repr=False)  # by client and group key

    def groups(self, client: str) -> Mapping[str, Group]:
        """A client's groups by their keys; none for an unknown client."""
        found = self.clients.get(client)
        return found.groups if found else {}

    def types(self, client: str, entity: str, group: str | None = None) -> list[str]:
        """The types that a client (or one of its groups) may send, sorted; "" is among them where v1 may."""
        groups = [group] if group is not None else list(self.groups(client))
        return sorted({type_ for one in groups for kind, type_ in self.entries.get((client, one), {}) if kind == entity})

    def contract(
        self, client: str, entity: str, type_: str | None, group: str, action: Action = Action.UPSERT
    ) -> Contract | None:
        """What the client's group may send; None when it has no such entity and type. A delete carries the hard id alone."""
        entry = self.entry(client, group, entity, type_)
        if entry is None:
            return None
        return entry.removal if action is Action.DELETE else entry.contract

    def routes(
        self, client: str, group: str, entity: str, type_: str | None, action: Action = Action.UPSERT
    ) -> tuple[Route, ...]:
        """The integrations that a record goes to, in the order of `client.yaml`; none for what the set does not know."""
        entry = self.entry(client, group, entity, type_)
        if entry is None:
            return ()
        return entry.removals if action is Action.DELETE else entry.routes

    def entry(self, client: str, group: str, entity: str, type_: str | None) -> Entry | None:
        return self.entries.get((client, group), {}).get((entity, type_ or ""))
