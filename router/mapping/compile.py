"""From a written `map` to a compiled one: targets found, types fitted, what the provider needs made sure of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Union

from router.mapping.conditions import compile_condition
from router.mapping.faults import Mark, suggest
from router.mapping.kinds import Kind
from router.mapping.leaves import draft, settle
from router.mapping.load import Node
from router.mapping.rules import Branch, Leaf, Part, Values
from router.mapping.scope import Scope
from router.mapping.shapes import BROKEN
from router.mapping.targets import ANYTHING, Form, Spot, Target

Tree = dict[str, Union[Part, "Tree"]]  # dotted targets, key by key


def compile_map(node: Node, target: Target, scope: Scope) -> Branch:
    """A `map` onto an operation's fields. Faults go on the sheet; what they concern is left out."""
    branch = _object(node, target, "", scope)
    _check_needs(node.at, target, branch.parts, "", scope)
    return branch


def _rule(node: Node, spot: Spot, scope: Scope) -> Leaf | Branch | None:
    if node.value is BROKEN:
        return None
    if node.is_map:
        for word, make in _BRANCHES.items():
            if inner := node.get(word):
                return make(node, inner, spot, scope)
    drafted = draft(node, scope)
    return settle(drafted, node, spot, scope) if drafted else None


def _placed(key: str, node: Node, rule: Leaf | Branch, spot: Spot, scope: Scope) -> Part:
    """A rule in its place, with what was written about when and how it stands there."""
    written = node.get("when") if node.is_map else None
    guard = compile_condition(written, scope) if written else None
    keep = node.is_map and node.plain("omit_null") is False
    if keep and not (spot.target.nullable and key):
        scope.sheet.error(node.at, f"{scope.place}: '{spot.name}' does not take null")
    return Part(key, rule, guard, keep)


# ---- objects ---------------------------------------------------------------------------------------------------------


def _object(node: Node, target: Target, prefix: str, scope: Scope) -> Branch:
    """Dotted targets, each put in its place."""
    tree: Tree = {}
    for dotted, rule in node.items():
        at, name = node.keys[dotted], prefix + dotted
        way = target.locate(dotted)
        if way is None:
            known = [prefix + one for one in target.names()]
            scope.sheet.error(at, f"{scope.place} has no field '{name}'{suggest(name, known)}")
            continue
        key, last = way[-1]
        spot = Spot(name, last)
        made = _rule(rule, spot, scope)
        part = _placed(key, rule, made or Leaf(at, "", (), _nothing), spot, scope)
        if not _insert(tree, [step for step, _ in way], part):
            scope.sheet.error(at, f"'{name}' is set twice: as a whole and in part")
    return Branch(node.at, _parts(tree, node.at))


def _nothing(_values: Values) -> None:
    """Stands for a rule that could not be compiled, so that its target does not count as forgotten."""


def _insert(tree: Tree, way: Sequence[str], part: Part) -> bool:
    """False when the place is taken."""
    for key in way[:-1]:
        below = tree.setdefault(key, {})
        if isinstance(below, Part):
            return False
        tree = below
    return tree.setdefault(way[-1], part) is part


def _parts(tree: Tree, at: Mark) -> tuple[Part, ...]:
    return tuple(
        below if isinstance(below, Part) else Part(key, Branch(at, _parts(below, at))) for key, below in tree.items()
    )


def _takes_object(node: Node, word: str, spot: Spot, scope: Scope) -> bool:
    if spot.target.form in (Form.OBJECT, Form.ANY):
        return True
    scope.sheet.error(node.at, f"{scope.place}: '{spot.name}' takes {spot.target.form}, and '{word}' makes an object")
    return False


def _nested(node: Node, inner: Node, spot: Spot, scope: Scope) -> Branch | None:
    if not _takes_object(node, "map", spot, scope):
        return None
    return replace(_object(inner, spot.target, f"{spot.name}.", scope), sourced=True)


def _each(node: Node, inner: Node, spot: Spot, scope: Scope) -> Branch | None:
    """A rule of kind `from` for each field, under the field's name or the given key."""
    if not _takes_object(node, "each", spot, scope):
        return None
    named = list(inner.items()) if inner.is_map else [(field.raw, field) for field in inner.nodes()]
    parts = []
    for key, field in named:
        member, name = spot.target.member(key), f"{spot.name}.{key}"
        if member is None:
            known = [f"{spot.name}.{one}" for one in spot.target.members]
            scope.sheet.error(field.at, f"{scope.place} has no field '{name}'{suggest(name, known)}")
            continue
        shared = {word: child for word, child in node.items() if word in ("transform", "format")}
        rule = Node(field.at, {"from": field, **shared}, keys={**node.keys, "from": field.at})
        if made := _rule(rule, Spot(name, member), scope):
            parts.append(Part(key, made))
    return Branch(node.at, tuple(parts))


# ---- lists -----------------------------------------------------------------------------------------------------------


def _list(node: Node, inner: Node, spot: Spot, scope: Scope) -> Branch | None:
    if spot.target.form not in (Form.LIST, Form.ANY):
        scope.sheet.error(node.at, f"{scope.place}: '{spot.name}' takes {spot.target.form}, not a list")
        return None
    items = (_item(item, spot, index, scope) for index, item in enumerate(inner.nodes()))
    return Branch(node.at, tuple(item for item in items if item), is_list=True)


def _item(node: Node, spot: Spot, index: int, scope: Scope) -> Part | None:
    """An item; or, where a rule gives a list, the items of that list."""
    one = Spot(f"{spot.name}[{index}]", spot.target.item or ANYTHING)
    if node.is_map and not _BRANCHES.keys().isdisjoint(node.value):
        branch = _rule(node, one, scope)
        if isinstance(branch, Branch) and not branch.is_list:
            _check_needs(node.at, one.target, branch.parts, f"{one.name}.", scope)
        return _placed("", node, branch, one, scope) if branch else None
    drafted = draft(node, scope) if node.value is not BROKEN else None
    if drafted is None:
        return None
    spread = drafted.type.kind is Kind.LIST
    leaf = settle(drafted, node, spot if spread else one, scope)
    return replace(_placed("", node, leaf, one, scope), spread=spread) if leaf else None


_BRANCHES: Mapping[str, Callable[[Node, Node, Spot, Scope], Branch | None]] = {
    "map": _nested,
    "each": _each,
    "list": _list,
}


# ---- what the provider needs -----------------------------------------------------------------------------------------


def _check_needs(at: Mark, target: Target, parts: Sequence[Part], prefix: str, scope: Scope) -> None:
    """Required targets without a source are errors; those that may come out empty, and advised ones, warnings."""
    placed = {part.key: part for part in parts}
    for key, member in target.members.items():
        name = prefix + key
        part = placed.get(key)
        if part is None:
            if member.required:
                scope.sheet.error(at, f"{scope.place} needs '{name}', and nothing is mapped to it")
            elif member.advice:
                scope.sheet.warn(at, f"{scope.place}: '{name}' is not mapped: {member.advice}")
        elif isinstance(part.rule, Branch):
            if not part.rule.is_list:
                _check_needs(part.rule.at, member, part.rule.parts, f"{name}.", scope)
        elif member.required and (part.guard or (part.rule.nullable and part.rule.default is None)):
            sources = " and ".join(f"'{source}'" for source in part.rule.sources) or "its condition"
            scope.sheet.warn(
                part.rule.at,
                f"{scope.place} needs '{name}', and {sources} may have no value; "
                "add a default, or a `when` for the record",
            )
