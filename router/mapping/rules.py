"""A compiled rule: how one target gets its value. The fast function and the explained one share its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from router.mapping.coercion import Step
from router.mapping.conditions import Condition
from router.mapping.faults import Mark

Values = Mapping[str, Any]
Run = Callable[[Values], Any]  # the value for a record, None for none


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value. sources: the fields it is taken from, none for a constant. words: the rule as written, for comparing.

    nullable: it may be without value in a record that satisfies the contract.
    """

    at: Mark
    words: str
    sources: tuple[str, ...]
    start: Run
    steps: tuple[Step, ...] = ()
    default: Any = None
    nullable: bool = False

    def run(self) -> Run:
        start, default, steps = self.start, self.default, tuple(step.run for step in self.steps)
        if not steps and default is None:
            return start
        if len(steps) == 1:
            return _with_one_step(start, steps[0], default)

        def several(values: Values) -> Any:
            value = start(values)
            for step in steps:
                if value is None:
                    break
                value = step(value)
            return default if value is None else value

        return several


def _with_one_step(start: Run, step: Callable[[Any], Any], default: Any) -> Run:
    def one(values: Values) -> Any:
        value = start(values)
        if value is None:
            return default
        made = step(value)
        return default if made is None else made

    return one


@dataclass(frozen=True, slots=True)
class Part:
    """A rule in its place: under a key of an object, or as an item of a list (key "").

    guard: it is left out unless that holds. keep_null: null is sent where there is no value. spread: a list whose items
    become items of the list it stands in.
    """

    key: str
    rule: Leaf | Branch
    guard: Condition | None = None
    keep_null: bool = False
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """An object or a list of parts. sourced: it is left out when none of the parts with a source has a value."""

    at: Mark
    parts: tuple[Part, ...]
    is_list: bool = False
    sourced: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(source for part in self.parts for source in part.rule.sources)

    def run(self) -> Run:
        if self.is_list:
            return _listing(self.parts)
        if self.sourced and self.sources:
            return _sourced(self.parts)
        if any(part.guard or part.keep_null for part in self.parts):
            return _object(self.parts)
        return _plain_object([(part.key, part.rule.run()) for part in self.parts])


def leaves(branch: Branch, prefix: str = "") -> Iterator[tuple[str, Part, Leaf]]:
    """Every leaf with its place, by dotted target; an item of a list by its number among the list's rules."""
    for index, part in enumerate(branch.parts):
        target = f"{prefix}[{index}]" if branch.is_list else f"{prefix}.{part.key}" if prefix else part.key
        if isinstance(part.rule, Leaf):
            yield target, part, part.rule
        else:
            yield from leaves(part.rule, target)


def _plain_object(members: Sequence[tuple[str, Run]]) -> Run:
    def made(values: Values) -> dict[str, Any] | None:
        out = {}
        for key, run in members:
            value = run(values)
            if value is not None:
                out[key] = value
        return out or None

    return made


def _compiled(parts: Sequence[Part]) -> list[tuple[Part, Callable[[Values], bool] | None, Run]]:
    return [(part, part.guard.test if part.guard else None, part.rule.run()) for part in parts]


def _object(parts: Sequence[Part]) -> Run:
    members = _compiled(parts)

    def made(values: Values) -> dict[str, Any] | None:
        out = {}
        for part, holds, run in members:
            if holds is not None and not holds(values):
                continue
            value = run(values)
            if value is not None or part.keep_null:
                out[part.key] = value
        return out or None

    return made


def _sourced(parts: Sequence[Part]) -> Run:
    whole = _object(parts)
    sourced = _object(_sourced_alone(parts))
    return lambda values: whole(values) if sourced(values) else None


def _sourced_alone(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts without what is sent whatever the record holds."""
    return tuple(replace(part, keep_null=False, rule=_of_record(part.rule)) for part in parts if part.rule.sources)


def _of_record(rule: Leaf | Branch) -> Leaf | Branch:
    return rule if isinstance(rule, Leaf) else replace(rule, parts=_sourced_alone(rule.parts))


def _listing(parts: Sequence[Part]) -> Run:
    items = _compiled(parts)

    def made(values: Values) -> list[Any] | None:
        out: list[Any] = []
        for part, holds, run in items:
            if holds is not None and not holds(values):
                continue
            value = run(values)
            if value is None:
                continue
            if part.spread and isinstance(value, list):  # its default may be a single item
                out += value
            else:
                out.append(value)
        return out or None

    return made
