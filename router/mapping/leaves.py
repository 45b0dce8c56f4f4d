"""From a written rule for one value to a compiled one: its source, its transforms, and its fit to the target."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from router.mapping.coercion import Step, Unfit, coerce, type_of
from router.mapping.contract import Field
from router.mapping.faults import suggest
from router.mapping.formats import compile_format
from router.mapping.functions import text
from router.mapping.kinds import NUMERIC, TEXTUAL, Kind, Type
from router.mapping.load import Node
from router.mapping.rules import Leaf, Run
from router.mapping.scope import Scope
from router.mapping.targets import Spot
from router.mapping.transform import UNSET
from router.mapping.transforms import TRANSFORMS


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule whose value and its type are known, but not yet where it goes."""

    leaf: Leaf
    type: Type


def draft(node: Node, scope: Scope) -> Draft | None:
    """A rule of the kinds `from` (also as a bare field name) and `value`; None, with a fault, when it cannot be."""
    if node.is_map and node.get("value"):
        return _constant(node, scope)
    return _sourced(node if node.is_map else replace(node, value={"from": node}, keys={"from": node.at}), scope)


def settle(drafted: Draft, node: Node, spot: Spot, scope: Scope) -> Leaf | None:
    """The rule made to fit its target; None, with a fault, when it cannot."""
    step = coerce(drafted.type, spot.target)
    if isinstance(step, Unfit):
        scope.sheet.error(node.at, f"{scope.place}: '{spot.name}' {step.why}")
        return None
    leaf = replace(drafted.leaf, steps=(*drafted.leaf.steps, step)) if step else drafted.leaf
    if not leaf.sources:
        return _settled_constant(leaf, node, spot, scope)
    _try_known_values(drafted, node, spot, scope)
    written = node.get("default") if node.is_map else None
    return leaf if written is None else _with_default(leaf, written, spot, scope)


def words(node: Node) -> str:
    """The rule as one line, the same for every way to write the same."""
    plain = {"from": node.raw} if not node.is_map else node.plain()
    steps = [step.plain() for step in _steps(node)] if node.is_map else []
    if steps:
        plain["transform"] = [name if arg is UNSET else {name: arg} for one in steps for name, arg in one.items()]
    return json.dumps(plain, ensure_ascii=False, sort_keys=True)


# ---- constants -------------------------------------------------------------------------------------------------------


def _constant(node: Node, scope: Scope) -> Draft | None:
    written = node.get("value")
    assert written is not None
    constant = written.plain()
    if constant is None and node.plain("omit_null") is not False:
        scope.sheet.error(written.at, "a value of null is only sent with omit_null: false")
        return None
    given = type_of(constant)
    if given is None and constant is not None:
        scope.sheet.error(written.at, "the items of a list are of one type, and there is at least one")
        return None
    leaf = Leaf(node.at, words(node), (), lambda _: constant, nullable=constant is None)
    return Draft(leaf, given or Type(Kind.STRING))


def _settled_constant(leaf: Leaf, node: Node, spot: Spot, scope: Scope) -> Leaf | None:
    """Computed once, and tried against what the provider takes."""
    value = leaf.run()({})
    if value is not None and (wrong := spot.target.wrong(value)):
        scope.sheet.error(node.at, f"{scope.place}: '{spot.name}' cannot be {_quoted(value)}: {wrong}")
        return None
    return replace(leaf, start=lambda _: value, steps=())


def _with_default(leaf: Leaf, written: Node, spot: Spot, scope: Scope) -> Leaf | None:
    default = written.plain()
    given = type_of(default)
    step = coerce(given, spot.target) if given else Unfit("takes items of one type, and at least one")
    if isinstance(step, Unfit):
        scope.sheet.error(written.at, f"{scope.place}: the default does not fit: '{spot.name}' {step.why}")
        return None
    value = step.run(default) if step else default
    if wrong := spot.target.wrong(value):
        scope.sheet.error(written.at, f"{scope.place}: '{spot.name}' cannot be {_quoted(value)}: {wrong}")
        return None
    return replace(leaf, default=value, nullable=False)


def _try_known_values(drafted: Draft, node: Node, spot: Spot, scope: Scope) -> None:
    """All that an enum or a table can give is tried against what the provider takes."""
    taken = spot.target.item or spot.target
    step = coerce(drafted.type.item, taken)
    for value in drafted.type.values:
        made = step.run(value) if isinstance(step, Step) else value
        if wrong := taken.wrong(made):
            scope.sheet.error(node.at, f"{scope.place}: '{spot.name}' cannot be {_quoted(made)}: {wrong}")


def _quoted(value: Any) -> str:
    return f"'{text(value)}'" if not isinstance(value, list) else str(value)


# ---- sources and transforms ------------------------------------------------------------------------------------------


def _sourced(node: Node, scope: Scope) -> Draft | None:
    written = node.get("from")
    if written is None:
        return None
    named = written.nodes() if written.is_list else (written,)
    taken = [scope.take(name) for name in named]
    fields = [one for one in taken if one is not None]
    if len(fields) < len(named) or not fields:
        return None
    start, given = _gather(fields) if written.is_list else (_get(fields[0].name), fields[0].type)
    applied = _apply(node, given, scope)
    if applied is None:
        return None
    steps, made = applied
    nullable = all(one.name not in scope.ensured for one in fields)
    leaf = Leaf(node.at, words(node), tuple(one.name for one in fields), start, steps, nullable=nullable)
    return Draft(leaf, made)


def _get(name: str) -> Run:
    return lambda values: values.get(name)


def _gather(fields: Sequence[Field]) -> tuple[Run, Type]:
    """Several fields as one list of what has a value; lists are joined in. As text where their types differ."""
    kinds = {one.type.item.kind for one in fields}
    if len(kinds) == 1:
        given, same = fields[0].type.listed(), True
    elif kinds <= TEXTUAL or not kinds <= NUMERIC - {Kind.DECIMAL}:
        given, same = Type(Kind.LIST, Kind.STRING), kinds <= TEXTUAL
    else:
        given, same = Type(Kind.LIST, Kind.NUMBER), True
    names = [one.name for one in fields]

    def gathered(values: Mapping[str, Any]) -> list[Any] | None:
        out: list[Any] = []
        for name in names:
            value = values.get(name)
            if isinstance(value, list):
                out += value
            elif value is not None:
                out.append(value)
        return (out if same else [text(value) for value in out]) or None

    return gathered, given


def _steps(node: Node) -> tuple[Node, ...]:
    written = node.get("transform")
    if written is None:
        return ()
    return written.nodes() if written.is_list else (written,)


def _apply(node: Node, given: Type, scope: Scope) -> tuple[tuple[Step, ...], Type] | None:
    """The steps of `transform` and `format`, and the type they end with; None, with a fault, when one does not fit."""
    steps: list[Step] = []
    for written in _steps(node):
        ((name, argument),) = written.items()
        made = _transform(name, argument, given, scope)
        if made is None:
            return None
        step, given = made
        steps.append(step)
    if pattern := node.get("format"):
        formatted = compile_format(pattern.raw, given.item)
        if isinstance(formatted, str):
            scope.sheet.error(pattern.at, formatted)
            return None
        run, item = formatted
        if given.kind is Kind.LIST:
            run, given = _to_each(run), item.listed()
        else:
            given = item
        steps.append(Step(f"format: {pattern.raw}", run))
    return tuple(steps), given


def _to_each(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda values: [run(value) for value in values]


def _transform(name: str, written: Node, given: Type, scope: Scope) -> tuple[Step, Type] | None:
    transform = TRANSFORMS[name]
    argument = transform.default if written.value is UNSET else written.plain()
    shown = name if written.value is UNSET else f"{name}: {json.dumps(argument, ensure_ascii=False)}"
    if transform.table:
        if argument not in scope.tables:
            scope.sheet.error(written.at, f"unknown table '{argument}'{suggest(argument, scope.tables)}")
            return None
        argument = scope.tables[argument]
    fitted = transform.fit(given, argument)
    if fitted is None:
        takes = ", ".join(sorted(transform.takes))
        scope.sheet.error(written.at, f"transform '{name}' does not take {given}; it takes {takes}")
        return None
    run, made = fitted
    return Step(shown, run), made
