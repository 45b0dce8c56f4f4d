"""What a transform is, how it is written in a file, and how it fits a type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from router.mapping.faults import Sheet, suggest
from router.mapping.functions import Function
from router.mapping.kinds import Kind, Type
from router.mapping.load import Node
from router.mapping.shapes import Json, Shape

UNSET: Any = object()


@dataclass(frozen=True, slots=True)
class Example:
    """argument: UNSET when the transform is written as its bare name."""

    given: Any
    expect: Any
    argument: Any = UNSET


@dataclass(frozen=True, slots=True)
class Transform:
    """One transform of the closed list.

    takes: the kinds it can be given. gives: from the type it is given, and the argument, to the type it makes.
    make: from the argument to the function. default: the argument of the bare name; UNSET where one must be written.
    table: the argument names a table of the file, and `make` gets the table.
    """

    doc: str
    takes: frozenset[Kind]
    gives: Callable[[Type, Any], Type]
    make: Callable[[Any], Function]
    examples: tuple[Example, ...]
    argument: Shape | None = None
    default: Any = UNSET
    table: bool = False

    @property
    def bare(self) -> bool:
        """May be written as its name alone."""
        return self.argument is None or self.default is not UNSET

    def fit(self, given: Type, argument: Any) -> tuple[Function, Type] | None:
        """The function for values of a type, and the type it makes; None where it does not suit the type.

        A transform of single values is done to each item of a list; items left without a value are dropped.
        """
        if given.kind in self.takes:
            return self.make(argument), self.gives(given, argument)
        item = given.item
        if given.kind is not Kind.LIST or item.kind not in self.takes:
            return None
        made = self.gives(item, argument)
        return None if made.kind is Kind.LIST else (_every(self.make(argument)), made.listed())


def _every(function: Function) -> Function:
    def items(values: list[Any]) -> list[Any]:
        return [made for value in values if (made := function(value)) is not None]

    return items


@dataclass(frozen=True, slots=True)
class StepShape:
    """A transform in a file: `trim`, or a map with its argument, `{truncate: 20}`."""

    transforms: Mapping[str, Transform]

    def read(self, node: Node, sheet: Sheet) -> Node | None:
        """As a map of the name to its argument, a scalar without value for the bare name."""
        if node.is_map and len(node.value) != 1:
            sheet.error(node.at, "a transform with its argument is a map of one word, such as {truncate: 20}")
            return None
        name = next(iter(node.value)) if node.is_map else node.raw
        at = node.keys[name] if node.is_map else node.at
        if node.is_list or name not in self.transforms:
            known = suggest(name, self.transforms)
            sheet.error(at, "a list is not a transform" if node.is_list else f"unknown transform '{name}'{known}")
            return None
        transform = self.transforms[name]
        argument = node.get(name) if node.is_map else None
        if argument is None:
            if not transform.bare:
                sheet.error(at, f"transform '{name}' needs an argument: {{{name}: …}}")
                return None
        elif transform.argument is None:
            sheet.error(argument.at, f"transform '{name}' takes no argument")
            return None
        elif (argument := transform.argument.read(argument, sheet)) is None:
            return None
        return replace(node, value={name: argument or Node(at, UNSET)}, keys={name: at})

    def json(self) -> Json:
        bare = [name for name, transform in self.transforms.items() if transform.bare]
        called = {
            name: {**transform.argument.json(), "description": transform.doc}
            for name, transform in self.transforms.items()
            if transform.argument is not None
        }
        one = {"type": "object", "properties": called, "additionalProperties": False, "minProperties": 1}
        return {"anyOf": [{"enum": bare}, {**one, "maxProperties": 1}]}
