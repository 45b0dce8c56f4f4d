"""`check`: every fault of a set at once, its examples included."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from router.mapping.build import build
from router.mapping.facts import Connectors
from router.mapping.faults import Fault, Sheet
from router.mapping.load import Node, Source
from router.mapping.routes import Written
from router.mapping.sets import Mapped, MappingSet, Route
from router.model import Action


def check(sources: Iterable[Source], connectors: Connectors) -> list[Fault]:
    """All that is wrong with a set, by file and line; without an error among them it can be published.

    Examples are run once nothing else is wrong with the set.
    """
    sheet = Sheet()
    built, files = build(tuple(sources), connectors, sheet)
    if not sheet.errors():
        for written in files:
            for node in written.node.nodes("examples"):
                _check_example(node, written, built, sheet)
    return sheet.told()


def _check_example(node: Node, written: Written, built: MappingSet, sheet: Sheet) -> None:
    """The record satisfies the contract, and what is expected of each integration is what it would get."""
    given, expect = node.get("given"), node.get("expect")
    if given is None or expect is None:
        return
    action = Action.DELETE if node.plain("remove") else Action.UPSERT
    contract = written.contract.removal() if action is Action.DELETE else written.contract
    values, problems = contract.validate(given.plain())
    for problem in problems:
        sheet.error(given.keys.get(problem.field, given.at), f"example: {problem}")
    if problems:
        return
    routes = _routes(written, built, action)
    for name, expected in expect.items():
        if name not in {route.integration.name for route in routes}:
            sheet.error(expect.keys[name], f"example: nothing is delivered to '{name}'")
        for route in routes:
            if route.integration.name == name and (difference := _difference(route, values, expected)):
                sheet.error(expected.at, f"example: '{name}' {difference}")


def _routes(written: Written, built: MappingSet, action: Action) -> list[Route]:
    """Those of every group for which the file holds."""
    key = written.contract.entity.value, written.contract.type
    entries = [
        by_key[key] for (client, _), by_key in built.entries.items() if client == written.client and key in by_key
    ]
    return [route for entry in entries if entry.file == written.file for route in entry.leads(action)]


def _difference(route: Route, values: dict[str, Any], expected: Node) -> str:
    outcome = route.map(values)
    wanted = expected.plain()
    if not isinstance(outcome, Mapped):
        return "" if wanted is None else f"is skipped: {outcome.reason}"
    if wanted is None:
        return f"is not skipped; it gets {_shown(outcome.payload)}"
    return _unlike(outcome.payload, wanted, "")


def _unlike(made: Any, wanted: Any, where: str) -> str:
    """The first place where two payloads differ; empty when they are the same JSON."""
    if isinstance(made, dict) and isinstance(wanted, dict):
        for key in [*wanted, *(made.keys() - wanted.keys())]:
            place = f"{where}.{key}" if where else key
            if key not in made:
                return f"gets no '{place}', expected {_shown(wanted[key])}"
            if key not in wanted:
                return f"gets '{place}' {_shown(made[key])}, expected nothing"
            if unlike := _unlike(made[key], wanted[key], place):
                return unlike
        return ""
    return "" if _shown(made) == _shown(wanted) else f"gets '{where}' {_shown(made)}, expected {_shown(wanted)}"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
