"""`when`: a condition on the fields of a record, as a function of its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from router.mapping import kinds
from router.mapping.contract import Field
from router.mapping.functions import text
from router.mapping.kinds import Kind
from router.mapping.load import Node
from router.mapping.scope import Scope
from router.mapping.shapes import BROKEN

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """told: for people ("email exists"). ensures: the fields that have a value whenever it holds."""

    test: Callable[[Values], bool]
    told: str
    ensures: frozenset[str] = frozenset()


def compile_condition(node: Node, scope: Scope) -> Condition | None:
    """None, with a fault on the sheet, when the condition cannot be."""
    if node.value is BROKEN:
        return None
    if inner := node.get("not"):
        one = compile_condition(inner, scope)
        return one and Condition(_not(one.test), f"not ({one.told})")
    for word, join in (("all", _all), ("any", _any)):
        if node.get(word):
            several = [compile_condition(child, scope) for child in node.nodes(word)]
            return join([one for one in several if one is not None])
    named = node.get("field")
    found = scope.look_up(named) if named else None
    if found is None:
        return None
    if (exists := node.plain("exists")) is not None:
        return _exists(found.name, exists)
    constants = node.nodes("in") if node.get("in") else tuple(filter(None, [node.get("equals")]))
    return _is_one_of(found, [_constant(child, found, scope) for child in constants])


def _exists(name: str, wanted: bool) -> Condition:
    if wanted:
        return Condition(lambda values: values.get(name) is not None, f"{name} exists", frozenset({name}))
    return Condition(lambda values: values.get(name) is None, f"{name} has no value")


def _constant(node: Node, compared: Field, scope: Scope) -> Any:
    """In the field's kept form; a fault when the field can never have that value."""
    try:
        return kinds.check(compared.type.item)(node.value)
    except kinds.Refused as refused:
        scope.sheet.error(node.at, f"'{compared.name}' can never be '{node.raw}': {refused}")
        return None


def _is_one_of(compared: Field, constants: Sequence[Any]) -> Condition:
    name = compared.name
    key = _COMPARED.get(compared.type.item.kind, _itself)
    wanted = frozenset(key(constant) for constant in constants if constant is not None)
    told = f"{name} is {' or '.join(text(constant) for constant in constants)}"
    ensures = frozenset({name})
    if compared.type.kind is Kind.LIST:
        return Condition(lambda values: any(key(item) in wanted for item in values.get(name) or ()), told, ensures)

    def test(values: Values) -> bool:
        value = values.get(name)
        return value is not None and key(value) in wanted

    return Condition(test, told, ensures)


def _itself(value: Any) -> Any:
    return value


_COMPARED: Mapping[Kind, Callable[[Any], Any]] = {Kind.DECIMAL: Decimal, Kind.EMAIL: str.lower}


def _not(test: Callable[[Values], bool]) -> Callable[[Values], bool]:
    return lambda values: not test(values)


def _all(several: Sequence[Condition]) -> Condition:
    tests = [one.test for one in several]
    ensures = frozenset[str]().union(*(one.ensures for one in several))
    told = " and ".join(f"({one.told})" if " or " in one.told else one.told for one in several)
    return Condition(lambda values: all(test(values) for test in tests), told, ensures)


def _any(several: Sequence[Condition]) -> Condition:
    tests = [one.test for one in several]
    ensures = frozenset.intersection(*(one.ensures for one in several)) if several else frozenset[str]()
    told = " or ".join(f"({one.told})" if " and " in one.told else one.told for one in several)
    return Condition(lambda values: any(test(values) for test in tests), told, ensures)
