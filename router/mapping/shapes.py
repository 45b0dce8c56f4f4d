"""The forms that a part of a file can have: each reads a node, tells every fault, and describes itself as JSON Schema.

What is read comes back without its ill-formed parts, so that whoever reads on need not look twice, and a fault in one
place does not hide those in others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from router.mapping.faults import Sheet, suggest
from router.mapping.load import Node

Json = dict[str, Any]
BROKEN: Any = object()


class Shape(Protocol):
    def read(self, node: Node, sheet: Sheet) -> Node | None:
        """The node without its ill-formed parts, None when nothing is left of it; faults go on the sheet."""
        ...

    def json(self) -> Json:
        """The same as JSON Schema (2020-12)."""
        ...


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value of JSON's scalar types. what: how a message calls it."""

    what: str
    types: tuple[type, ...]
    test: Callable[[Any], bool] = lambda _: True
    more: Json = field(default_factory=dict)

    def read(self, node: Node, sheet: Sheet) -> Node | None:
        if type(node.value) in self.types and self.test(node.value):
            return node
        quote = "; put it in quotes" if self.types == (str,) and type(node.value) in (int, float, bool) else ""
        sheet.error(node.at, f"{_shown(node)} is not {self.what}{quote}")
        return None

    def json(self) -> Json:
        names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
        types = [names[one] for one in self.types]
        return {"type": types[0] if len(types) == 1 else types, **self.more}


def text(what: str = "text", pattern: str = ".+") -> Scalar:
    """Text that matches the pattern as a whole; by default any but the empty one."""
    whole = re.compile(pattern, re.DOTALL)
    more = {"minLength": 1} if pattern == ".+" else {"pattern": f"^(?:{pattern})$"}
    return Scalar(what, (str,), lambda value: whole.fullmatch(value) is not None, more)


def whole(minimum: int) -> Scalar:
    return Scalar(f"a whole number from {minimum}", (int,), lambda value: value >= minimum, {"minimum": minimum})


def positive() -> Scalar:
    more = {"exclusiveMinimum": 0}
    return Scalar("a number above 0", (int, float), lambda value: value > 0, more)


FLAG = Scalar("true or false", (bool,))
SCALAR = Scalar("a single value", (str, int, float, bool))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a closed list of words."""

    noun: str
    words: tuple[str, ...]

    def read(self, node: Node, sheet: Sheet) -> Node | None:
        if node.value in self.words and node.is_text:
            return node
        sheet.error(node.at, f"unknown {self.noun} {_shown(node)}{suggest(node.raw, self.words)}")
        return None

    def json(self) -> Json:
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose items have one shape."""

    item: Shape
    least: int = 1

    def read(self, node: Node, sheet: Sheet) -> Node | None:
        if not node.is_list:
            sheet.error(node.at, f"{_shown(node)} is not a list")
            return None
        if len(node.value) < self.least:
            sheet.error(node.at, "the list is empty")
        items = (self.item.read(child, sheet) for child in node.value)
        return replace(node, value=tuple(child for child in items if child is not None))

    def json(self) -> Json:
        return {"type": "array", "items": self.item.json(), **({"minItems": self.least} if self.least else {})}


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map from names of the author's choice to one shape."""

    item: Shape
    least: int = 1
    name: Scalar = field(default_factory=text)

    def read(self, node: Node, sheet: Sheet) -> Node | None:
        if not node.is_map:
            sheet.error(node.at, f"{_shown(node)} is not a map")
            return None
        if len(node.value) < self.least:
            sheet.error(node.at, "the map is empty")
        read = {}
        for key, child in node.items():
            named = self.name.read(Node(node.keys[key], key, key), sheet)
            kept = self.item.read(child, sheet)
            if named is not None and kept is not None:
                read[key] = kept
        return replace(node, value=read)

    def json(self) -> Json:
        names = {"propertyNames": self.name.json()} if "pattern" in self.name.more else {}
        least = {"minProperties": self.least} if self.least else {}
        return {"type": "object", "additionalProperties": self.item.json(), **names, **least}


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a block, and what may follow it."""

    name: str
    shape: Shape
    doc: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A map with a closed list of words. noun: how a message calls it ("a field")."""

    noun: str
    words: tuple[Word, ...]

    def read(self, node: Node, sheet: Sheet) -> Node | None:
        if not node.is_map:
            sheet.error(node.at, f"{_shown(node)} is not {self.noun}, which is a map")
            return None
        known = {word.name: word for word in self.words}
        for key in node.value.keys() - known.keys():
            sheet.error(node.keys[key], f"unknown word '{key}' in {self.noun}{suggest(key, known)}")
        read = {}
        for word in self.words:
            if (child := node.get(word.name)) is None:
                if word.required:
                    sheet.error(node.at, f"{self.noun} needs '{word.name}'")
            elif (kept := word.shape.read(child, sheet)) is not None:
                read[word.name] = kept
        return replace(node, value=read)

    def json(self) -> Json:
        return {
            "type": "object",
            "properties": {word.name: {**word.shape.json(), "description": word.doc} for word in self.words},
            "required": [word.name for word in self.words if word.required],
            "additionalProperties": False,
        }


@dataclass(frozen=True, slots=True)
class OneOf:
    """A map whose kind is told by exactly one of some words; each kind is a block of its own."""

    noun: str
    blocks: Mapping[str, Block]
    whole: frozenset[str] = frozenset()  # the kinds of which nothing is read when there is a fault in them

    def read(self, node: Node, sheet: Sheet) -> Node | None:
        if not node.is_map:
            sheet.error(node.at, f"{_shown(node)} is not {self.noun}, which is a map")
            return None
        kinds = [kind for kind in self.blocks if kind in node.value]
        if len(kinds) == 1:
            return self._read_as(kinds[0], node, sheet)
        names = ", ".join(self.blocks)
        known = {word.name for block in self.blocks.values() for word in block.words}
        for key in node.value.keys() - known:
            sheet.error(node.keys[key], f"unknown word '{key}' in {self.noun}{suggest(key, sorted(known))}")
        if kinds:
            told = " and ".join(f"'{kind}'" for kind in kinds)
            sheet.error(node.at, f"{self.noun} has {told}; it takes one of {names}")
        elif node.value.keys() <= known:
            sheet.error(node.at, f"{self.noun} needs one of {names}")
        return None

    def _read_as(self, kind: str, node: Node, sheet: Sheet) -> Node | None:
        """By the kind's block; a word of another kind is told apart from an unknown one."""
        block = self.blocks[kind]
        own = {word.name for word in block.words}
        others = {word.name for other in self.blocks.values() for word in other.words} - own
        for key in node.value.keys() & others:
            sheet.error(node.keys[key], f"'{key}' does not go with '{kind}' in {self.noun}")
        rest = replace(node, value={key: child for key, child in node.items() if key not in others})
        return (Unbroken(block) if kind in self.whole else block).read(rest, sheet)

    def json(self) -> Json:
        return {"oneOf": [block.json() for block in self.blocks.values()]}


@dataclass(frozen=True, slots=True)
class ByForm:
    """A shape for each form that the node may have: text, list, map."""

    what: str
    text: Shape | None = None
    list: Shape | None = None
    map: Shape | None = None

    def read(self, node: Node, sheet: Sheet) -> Node | None:
        shape = self.map if node.is_map else self.list if node.is_list else self.text
        if shape is None:
            sheet.error(node.at, f"{_shown(node)} is not {self.what}")
            return None
        return shape.read(node, sheet)

    def json(self) -> Json:
        return {"anyOf": [shape.json() for shape in (self.text, self.list, self.map) if shape is not None]}


@dataclass(frozen=True, slots=True)
class Unbroken:
    """A part that must not seem to be absent: where it cannot be read there is `BROKEN` in its place.

    partly: what is left of it after a fault will do.
    """

    shape: Shape
    partly: bool = False

    def read(self, node: Node, sheet: Sheet) -> Node:
        before = len(sheet.faults)
        kept = self.shape.read(node, sheet)
        return kept if kept and (self.partly or len(sheet.faults) == before) else Node(node.at, BROKEN)

    def json(self) -> Json:
        return self.shape.json()


@dataclass(frozen=True, slots=True)
class Ref:
    """A named shape, so that a shape can hold itself."""

    name: str
    shapes: Mapping[str, Shape]

    def read(self, node: Node, sheet: Sheet) -> Node | None:
        return self.shapes[self.name].read(node, sheet)

    def json(self) -> Json:
        return {"$ref": f"#/$defs/{self.name}"}


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value, for the part that looks closer at it. A map or list of the author's data."""

    def read(self, node: Node, sheet: Sheet) -> Node | None:  # noqa: ARG002 (the port's)
        return node

    def json(self) -> Json:
        return {}


def _shown(node: Node) -> str:
    if node.is_map:
        return "a map"
    if node.is_list:
        return "a list"
    if node.value is None:
        return "nothing"
    return f"'{node.raw[:60]}'"
