"""`explain`: what a record becomes for each integration, and where each field's value came from or why it has none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from router.mapping.contract import Problem
from router.mapping.rules import Branch, Leaf, Part
from router.mapping.sets import Entry, Mapped, Route
from router.model import Action

Show = Callable[[Any], Any]

OUTLINED = 60  # characters


@dataclass(frozen=True, slots=True)
class Done:
    """One step of a rule, with the value before and after it."""

    step: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class FieldLineage:
    """target: dotted. sources: the record's fields, none for a constant. rule: file:line:column.

    absent: why it is not sent, "" when it is.
    """

    target: str
    sources: tuple[str, ...]
    rule: str
    steps: tuple[Done, ...]
    value: Any
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """One integration. payload: None when the record is skipped, for the reason `skipped`."""

    integration: str
    connector: str
    operation: str
    payload: Mapping[str, Any] | None
    skipped: str
    fields: tuple[FieldLineage, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """problems: why the contract refuses the record; then nothing is mapped. nowhere: the record's fields that are not
    sent anywhere, and why."""

    file: str
    problems: tuple[Problem, ...]
    integrations: tuple[Explained, ...]
    nowhere: Mapping[str, str]


def explain(
    entry: Entry, data: Mapping[str, Any], action: Action = Action.UPSERT, *, reveal: bool = False
) -> Explanation:
    """What becomes of a record, as the client sent it or as it was kept. Values are masked unless `reveal` is set."""
    show: Show = _as_it_is if reveal else masked
    values, problems = entry.accepts(action).validate(data)
    routes = () if problems else entry.leads(action)
    explained = tuple(_explained(route, values, show) for route in routes)
    return Explanation(entry.file, tuple(problems), explained, _nowhere(entry, data, action))


def outlined(value: Any) -> Any:
    """The shape of a value: enough to see what differs between two, too little to know them.

    >>> outlined(["Ada Lovelace", "1985-12-10", 19.99, True])
    ['Xxx Xxxxxxxx', '9999-99-99', '99.99', True]
    """
    if isinstance(value, dict):
        return {key: outlined(one) for key, one in value.items()}
    if isinstance(value, list):
        return [outlined(one) for one in value]
    if value is None or value is True or value is False:
        return value
    return "".join(map(_outline, str(value)[:OUTLINED]))


def _outline(character: str) -> str:
    if character.isalpha():
        return "X" if character.isupper() else "x"
    return "9" if character.isnumeric() else character


def masked(value: Any) -> Any:
    """Enough to recognise a value by, too little to know it.

    >>> masked(["ada@example.com", 12, True])
    ['a***', '***', True]
    """
    if isinstance(value, dict):
        return {key: masked(one) for key, one in value.items()}
    if isinstance(value, list):
        return [masked(one) for one in value]
    if value is None or value is True or value is False or value == "":
        return value
    return f"{value[0]}***" if isinstance(value, str) and len(value) > 3 else "***"


def _as_it_is(value: Any) -> Any:
    return value


def _explained(route: Route, values: Mapping[str, Any], show: Show) -> Explained:
    outcome = route.map(values)
    payload = show(outcome.payload) if isinstance(outcome, Mapped) else None
    skipped = "" if isinstance(outcome, Mapped) else outcome.reason
    traced = tuple(_of_branch(route.program.fields, values, "", show)) if route.program and payload else ()
    return Explained(route.integration.name, route.integration.connector, route.operation, payload, skipped, traced)


def _nowhere(entry: Entry, data: Mapping[str, Any], action: Action) -> dict[str, str]:
    contract = entry.accepts(action)
    taken = {source for route in entry.leads(action) if route.program for source in route.program.fields.sources}
    why = {name: "not in the contract" for name in data if name not in contract.fields}
    return why | {name: "no integration takes it" for name in data if name in contract.fields and name not in taken}


# ---- fields ----------------------------------------------------------------------------------------------------------


def _of_branch(branch: Branch, values: Mapping[str, Any], prefix: str, show: Show) -> Iterator[FieldLineage]:
    traced: list[FieldLineage] = []
    for index, part in enumerate(branch.parts):
        target = f"{prefix}[{index}]" if branch.is_list else f"{prefix}.{part.key}" if prefix else part.key
        traced += _of_part(part, values, target, show)
    sourced = [one for one in traced if one.sources]
    if branch.sourced and sourced and all(one.value is None for one in sourced):
        why = f"'{prefix}' is left out: none of its fields has a value"
        traced = [replace(one, absent=one.absent or why) for one in traced]
    yield from traced


def _of_part(part: Part, values: Mapping[str, Any], target: str, show: Show) -> Iterator[FieldLineage]:
    left_out = f"sent only when {part.guard.told}" if part.guard and not part.guard.test(values) else ""
    for one in _of_rule(part.rule, values, target, show):
        absent = left_out or ("" if part.keep_null else one.absent)
        if part.spread and one.value == []:
            absent = absent or "its list is empty"
        yield replace(one, absent=absent, value=None if absent else one.value)


def _of_rule(rule: Leaf | Branch, values: Mapping[str, Any], target: str, show: Show) -> Iterator[FieldLineage]:
    if isinstance(rule, Leaf):
        return iter([_of_leaf(rule, values, target, show)])
    return _of_branch(rule, values, target, show)


def _of_leaf(leaf: Leaf, values: Mapping[str, Any], target: str, show: Show) -> FieldLineage:
    show = show if leaf.sources else _as_it_is
    value = leaf.start(values)
    absent = "" if value is not None else _no_source(leaf)
    done = []
    for step in leaf.steps:
        if value is None:
            break
        made = step.run(value)
        done.append(Done(step.name, show(value), show(made)))
        if made is None:
            absent = f"'{step.name}' has nothing for it"
        value = made
    if value is None and leaf.default is not None:
        done.append(Done("default", None, leaf.default))
        value, absent = leaf.default, ""
    return FieldLineage(target, leaf.sources, str(leaf.at), tuple(done), show(value), absent)


def _no_source(leaf: Leaf) -> str:
    names = " and ".join(f"'{name}'" for name in leaf.sources)
    return f"the record has no value for {names}" if names else "the rule sends null"
