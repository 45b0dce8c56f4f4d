"""YAML text → located nodes. Scalars as YAML 1.2 reads them, and none of what makes YAML unsafe or surprising.

`NO`, `on`, `12:30` and `1985-12-10` stay text. Anchors, aliases, tags, several documents and duplicate keys are
refused, and so are files over 256 KB or nested deeper than a mapping can be. Every node knows its line and column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from router.mapping.faults import Mark, Sheet

MAX_BYTES = 256 * 1024
MAX_DEPTH = 24


@dataclass(frozen=True, slots=True)
class Source:
    """One file. path: below the set's directory, part of the set's identity. root: only for showing it."""

    path: str
    text: str
    root: str = ""

    @property
    def shown(self) -> str:
        shown = f"{self.root}/{self.path}" if self.root else self.path
        return shown.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A scalar, a list (tuple of nodes) or a map (dict of nodes), with its place.

    raw: a scalar's text as written. keys: where each key of a map stands.
    """

    at: Mark
    value: Any
    raw: str = ""
    keys: Mapping[str, Mark] = field(default_factory=dict)

    @property
    def is_map(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, tuple)

    @property
    def is_text(self) -> bool:
        return isinstance(self.value, str)

    def get(self, word: str) -> Node | None:
        """The node under a key of a map; None where there is none."""
        found: Node | None = self.value.get(word)
        return found

    def items(self) -> Iterator[tuple[str, Node]]:
        return iter(self.value.items())

    def under(self, word: str) -> Iterator[tuple[str, Node]]:
        """The items of the map under a key, none where it is absent."""
        node = self.get(word)
        return node.items() if node else iter(())

    def nodes(self, word: str | None = None) -> tuple[Node, ...]:
        """A list's nodes; with a word, those of the list under that key, none where it is absent."""
        node = self if word is None else self.get(word)
        return node.value if node else ()

    def plain(self, word: str | None = None, default: Any = None) -> Any:
        """As JSON-like values, without places; with a word, of the node under that key."""
        node = self if word is None else self.get(word)
        if node is None:
            return default
        if node.is_map:
            return {key: child.plain() for key, child in node.items()}
        if node.is_list:
            return [child.plain() for child in node.value]
        return node.value


class _Stop(Exception):
    """Nothing after this place can be read."""

    def __init__(self, at: Mark, message: str) -> None:
        super().__init__(message)
        self.at = at


def parse(source: Source, sheet: Sheet) -> Node | None:
    """The file's one document. None, with at least one fault on the sheet, when it cannot be read."""
    start = Mark(source.shown)
    if len(source.text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        sheet.error(start, f"larger than {MAX_BYTES // 1024} KB")
        return None
    try:
        source.text.encode()
    except UnicodeEncodeError as error:
        before = source.text[: error.start]
        sheet.error(Mark(source.shown, before.count("\n") + 1, error.start - before.rfind("\n")), "not UTF-8")
        return None
    try:
        return _Reader(source.shown, sheet).document(source.text)
    except _Stop as stop:
        sheet.error(stop.at, str(stop))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Mark(source.shown, mark.line + 1, mark.column + 1) if mark else start
        sheet.error(at, f"not YAML: {error.problem or error.context}")
    except yaml.YAMLError as error:
        sheet.error(start, f"not YAML: {' '.join(str(error).split())}")
    return None


class _Reader:
    """Builds nodes from the parser's events, where an alias is still an alias and has a place."""

    def __init__(self, file: str, sheet: Sheet) -> None:
        self._file = file
        self._sheet = sheet

    def document(self, text: str) -> Node:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.CSafeLoader))
        next(self._events)  # the stream's start
        first = next(self._events)
        if not isinstance(first, yaml.DocumentStartEvent):
            raise _Stop(Mark(self._file), "the file is empty")
        root = self._node(next(self._events), depth=1)
        next(self._events)  # the document's end
        extra = next(self._events)
        if isinstance(extra, yaml.DocumentStartEvent):
            raise _Stop(self._mark(extra), "a second document; a file holds one")
        return root

    def _mark(self, event: Any) -> Mark:
        return Mark(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _node(self, event: Any, depth: int) -> Node:
        at = self._mark(event)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _Stop(at, "anchors and aliases are not part of the language; write it out")
        if event.tag is not None:
            raise _Stop(at, f"tags are not part of the language: {event.tag}")
        if isinstance(event, yaml.ScalarEvent):
            return Node(at, self._scalar(event, at), event.value)
        if depth >= MAX_DEPTH:
            raise _Stop(at, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(at, tuple(self._rest(yaml.SequenceEndEvent, depth)))
        return self._map(at, depth)

    def _rest(self, end: type, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), end):
            yield self._node(event, depth + 1)

    def _map(self, at: Mark, depth: int) -> Node:
        values: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        children = self._rest(yaml.MappingEndEvent, depth)
        for key in children:
            value = next(children)
            if key.is_map or key.is_list or not key.raw:
                self._sheet.error(key.at, "a key must be text")
            elif key.raw in values:
                self._sheet.error(key.at, f"'{key.raw}' is already set in line {keys[key.raw].line}")
            else:
                values[key.raw], keys[key.raw] = value, key.at
        return Node(at, values, keys=keys)

    def _scalar(self, event: Any, at: Mark) -> Any:
        if not event.implicit[0]:  # quoted, or a block
            return event.value
        try:
            return resolve(event.value)
        except ValueError:
            self._sheet.error(at, f"'{event.value[:40]}' is not a number that can be used; quote it if it is text")
            return None


_CORE = (  # YAML 1.2.2 §10.3.2
    (re.compile(r"~|null|Null|NULL|"), lambda _: None),
    (re.compile(r"true|True|TRUE"), lambda _: True),
    (re.compile(r"false|False|FALSE"), lambda _: False),
    (re.compile(r"[-+]?[0-9]+"), lambda text: _bounded(int(text))),
    (re.compile(r"0o[0-7]+"), lambda text: _bounded(int(text[2:], 8))),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: _bounded(int(text[2:], 16))),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), lambda text: _bounded(float(text))),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda _: _bounded(float("inf"))),
)


_FIRST = frozenset(("", *"~nNtTfF-+.0123456789"))  # what anything but text begins with


def resolve(text: str) -> str | int | float | bool | None:
    """A plain scalar by the core schema of YAML 1.2; ValueError for a number that JSON or 64 bits cannot hold."""
    if text[:1] in _FIRST:
        for pattern, read in _CORE:
            if pattern.fullmatch(text):
                return read(text)
    return text


def _bounded(number: Any) -> Any:
    if isinstance(number, float) and number - number != 0.0:
        raise ValueError("not finite")
    if isinstance(number, int) and not -(2**63) <= number < 2**63:
        raise ValueError("more than 64 bits")
    return number
