"""From a file's `deliver` to the routes of one group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from router.mapping.compile import compile_map
from router.mapping.conditions import compile_condition
from router.mapping.config import Group, Integration
from router.mapping.contract import Contract
from router.mapping.facts import ConnectorFacts, Connectors, OperationFacts
from router.mapping.faults import Sheet, suggest
from router.mapping.load import Node
from router.mapping.scope import Scope, Table
from router.mapping.sets import Mapped, Program, Route, Skipped
from router.mapping.targets import of_schema
from router.model import Entity

_V1 = {Entity.CONTACT: Entity.PROFILE, Entity.PRODUCT: Entity.INVENTORY}  # v1's names of the same things


def known_as(entity: Entity) -> Entity:
    """What an operation calls an entity."""
    return _V1.get(entity, entity)


@dataclass(frozen=True, slots=True)
class Written:
    """A mapping file that has been read. group: "" for the client's. used: fields that rules and conditions name."""

    file: str
    client: str
    group: str
    node: Node
    contract: Contract
    tables: Mapping[str, Table]
    used: set[str] = field(default_factory=set)


def routes_of(
    written: Written, group: Group, connectors: Connectors, sheet: Sheet
) -> tuple[tuple[Route, ...], tuple[Route, ...]]:
    """A group's routes for records and for deletes, in the order of `client.yaml`; faults go on the sheet."""
    deliver = dict(written.node.under("deliver"))
    routes, removals = [], []
    for name, integration in group.integrations.items():
        node = deliver.get(name)
        if node is None:
            continue
        facts = connectors[integration.connector]
        scope = _scope(written, group, integration, sheet)
        routes.append(_route(integration, _program(node, facts, scope, written.contract)))
        removal = node.get("remove")
        others = scope.fields.keys() - set(written.contract.hard_id)
        hidden = {**scope.hidden, **dict.fromkeys(others, "a delete carries the hard id alone")}
        program = _program(removal, facts, replace(scope, hidden=hidden), written.contract, True) if removal else None
        removals.append(_route(integration, program))
    return tuple(routes), tuple(removals)


def _scope(written: Written, group: Group, integration: Integration, sheet: Sheet) -> Scope:
    declared = {name for name, _ in written.node.under("fields")}
    return Scope(
        sheet,
        written.contract.fields,
        written.tables,
        hidden=dict.fromkeys(declared - written.contract.fields.keys(), ""),
        ensured=frozenset(written.contract.hard_id),
        uncleared="" if integration.personal_data else f"integration '{integration.name}' of group '{group.key}'",
        used=written.used,
    )


def _program(
    node: Node, facts: ConnectorFacts, scope: Scope, contract: Contract, removal: bool = False
) -> Program | None:
    operation, written = node.get("operation"), node.get("map")
    if operation is None or written is None:
        return None
    found = facts.operations.get(operation.raw)
    if found is None:
        known = suggest(operation.raw, facts.operations)
        scope.sheet.error(operation.at, f"{facts.name} has no operation '{operation.raw}'{known}")
        return None
    _check_operation(operation, found, contract.entity, removal, scope.sheet)
    condition = node.get("when")
    when = compile_condition(condition, scope) if condition else None
    ensured = when.ensures if when else frozenset(scope.fields if condition else ())  # a broken one may ensure anything
    scope = replace(scope, place=f"{facts.name}.{operation.raw}", ensured=scope.ensured | ensured)
    target = of_schema(found.fields)
    return Program(operation.raw, when, compile_map(written, target, scope), frozenset(target.needs()))


def _check_operation(node: Node, facts: OperationFacts, entity: Entity, removal: bool, sheet: Sheet) -> None:
    known = known_as(entity)
    if known not in facts.entities:
        takes = ", ".join(sorted(facts.entities))
        sheet.error(node.at, f"operation '{node.raw}' is not for {known}; it is for {takes}")
    if removal and not facts.removes:
        sheet.warn(node.at, f"operation '{node.raw}' does not delete the record")


def _route(integration: Integration, program: Program | None) -> Route:
    operation = program.operation if program else ""
    if not integration.enabled:
        return Route(integration, operation, _skip("the integration is disabled"), program)
    if program is None:
        return Route(integration, operation, _skip("the mapping says nothing about deletes"))
    return Route(integration, operation, run_of(program), program)


def _skip(reason: str) -> Callable[[Mapping[str, Any]], Skipped]:
    skipped = Skipped(reason)
    return lambda _values: skipped


def run_of(program: Program) -> Callable[[Mapping[str, Any]], Mapped | Skipped]:
    payload_of = program.fields.run()
    test = program.when.test if program.when else None
    unwanted = Skipped(f"sent only when {program.when.told}" if program.when else "")
    empty = Skipped("none of the mapped fields has a value")

    def mapped(values: Mapping[str, Any]) -> Mapped | Skipped:
        if test is not None and not test(values):
            return unwanted
        payload = payload_of(values)
        return Mapped(payload) if payload else empty

    return mapped
