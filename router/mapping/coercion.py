"""From a contract's type to a provider's: what may stand where, and what must be done to it on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from router.mapping.functions import Function, number, text
from router.mapping.kinds import TEXTUAL, Kind, Type
from router.mapping.targets import Form, Target


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done to a value; None ends the way."""

    name: str
    run: Function


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a type cannot stand at a target, with what would help."""

    why: str


Coercion = Step | None | Unfit

_TO_TEXT = Step("as text", text)
_TO_NUMBER = Step("as a number", number)

_SINGLE: dict[Form, dict[Kind, Step | None]] = {
    Form.TEXT: {
        **dict.fromkeys((*TEXTUAL, Kind.DECIMAL)),
        **dict.fromkeys((Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN), _TO_TEXT),
    },
    Form.INTEGER: {Kind.INTEGER: None},
    Form.NUMBER: {Kind.INTEGER: None, Kind.NUMBER: None, Kind.DECIMAL: _TO_NUMBER},
    Form.BOOLEAN: {Kind.BOOLEAN: None},
    Form.DATE: {Kind.DATE: None},
    Form.DATETIME: {Kind.DATE: None, Kind.DATETIME: None},
}

_HINTS: dict[tuple[Form, Kind], str] = {
    (Form.INTEGER, Kind.NUMBER): "add transform round",
    (Form.INTEGER, Kind.DECIMAL): "add transform round",
    (Form.INTEGER, Kind.BOOLEAN): "add transform integer",
    (Form.INTEGER, Kind.STRING): "add transform integer",
    (Form.INTEGER, Kind.DATE): "add format epoch or epoch_ms",
    (Form.INTEGER, Kind.DATETIME): "add format epoch or epoch_ms",
    (Form.NUMBER, Kind.STRING): "add transform number",
    (Form.NUMBER, Kind.DATETIME): "add format epoch or epoch_ms",
    (Form.BOOLEAN, Kind.STRING): "add transform boolean",
    (Form.BOOLEAN, Kind.ENUM): "add transform lookup or boolean",
    (Form.BOOLEAN, Kind.INTEGER): "add transform boolean",
    (Form.DATE, Kind.DATETIME): "add transform date",
    (Form.DATE, Kind.STRING): "add transform parse",
    (Form.DATETIME, Kind.STRING): "add transform parse",
}


def coerce(given: Type, target: Target) -> Coercion:
    """The step that makes a value of a type fit the target; None when it does as it is."""
    match target.form:
        case Form.ANY:
            return None
        case Form.OBJECT:
            return Unfit(f"takes an object, not {given}; write {{each: […]}}, {{map: …}} or dotted targets")
        case Form.LIST:
            return _items(given, target.item)
    if given.kind is Kind.LIST:
        return Unfit(f"takes {target.form}, not a {given}; add transform join or first")
    fitting = _SINGLE[target.form]
    if given.kind in fitting:
        return fitting[given.kind]
    hint = _HINTS.get((target.form, given.kind))
    return Unfit(f"takes {target.form}, not {given}" + (f"; {hint}" if hint else ""))


def _items(given: Type, item: Target | None) -> Coercion:
    if given.kind is not Kind.LIST:
        return Unfit(f"takes a list, not {given}; write {{list: […]}}")
    step = coerce(given.item, item) if item else None
    if not isinstance(step, Step):
        return Unfit(f"takes a list in which each item {step.why}") if isinstance(step, Unfit) else None
    run = step.run
    return Step(step.name, lambda values: [run(value) for value in values])


def type_of(constant: Any) -> Type | None:
    """The type of a constant of the file; None for null, an empty list, and what is no single type."""
    if isinstance(constant, list):
        kinds = {_KINDS[type(item)] for item in constant if type(item) in _KINDS}
        return Type(Kind.LIST, kinds.pop()) if len(kinds) == 1 else None
    kind = _KINDS.get(type(constant))
    return Type(kind) if kind else None


_KINDS: dict[type, Kind] = {str: Kind.STRING, int: Kind.INTEGER, float: Kind.NUMBER, bool: Kind.BOOLEAN}
