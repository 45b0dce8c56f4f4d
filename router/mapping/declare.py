"""From the read file to its contract and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from router.mapping.contract import Contract, Field, Profile
from router.mapping.faults import Sheet, suggest
from router.mapping.kinds import NAMING, UTC, Kind, Type
from router.mapping.load import Node
from router.mapping.scope import Table
from router.model import Entity

UNTYPED = frozenset({Entity.CONTACT, Entity.PRODUCT})  # v1's own
TYPED = frozenset({Entity.PROFILE, Entity.INVENTORY})  # v1 calls them contact and product
_NEEDS: Mapping[str, Kind] = {"of": Kind.LIST, "values": Kind.ENUM, "timezone": Kind.DATETIME}


def read_contract(node: Node, sheet: Sheet) -> Contract | None:
    """The contract that a file declares; None, with faults, when it has none. Ill-formed fields are left out of it."""
    if node.get("entity") is None or node.get("fields") is None:
        return None
    entity = Entity(node.plain("entity"))
    _check_type(node, entity, sheet)
    fields = {name: _field(name, one, sheet) for name, one in node.under("fields")}
    known = {name: one for name, one in fields.items() if one is not None}
    hard_id = _names(node.nodes("hard_id"), fields, sheet)
    for name in hard_id:
        if known[name].optional:
            sheet.error(dict(node.under("fields"))[name].at, f"'{name}' is part of the hard id and cannot be optional")
    return Contract(entity, node.plain("type", ""), known, hard_id, _profile(node, fields, sheet))


def _check_type(node: Node, entity: Entity, sheet: Sheet) -> None:
    written = node.get("type")
    if written and entity in UNTYPED:
        sheet.error(written.at, f"{entity} is of v1, which has no types")
    if not written and entity in TYPED:
        sheet.error(node.at, f"{entity} needs a type")


def _field(name: str, node: Node, sheet: Sheet) -> Field | None:
    if node.get("type") is None:
        return None
    kind = Kind(node.plain("type"))
    of = node.plain("of")
    item = Kind(of) if of and kind is Kind.LIST else None
    for word, needed in _NEEDS.items():
        written = node.get(word)
        if written and needed not in (kind, item):
            sheet.error(node.keys[word], f"'{word}' is for {needed}, and '{name}' is {kind}")
    if kind is Kind.LIST and item is None:
        sheet.error(node.at, f"'{name}' is a list and needs 'of', the type of its items")
        return None
    if Kind.ENUM in (kind, item) and not node.get("values"):
        sheet.error(node.at, f"'{name}' is an enum and needs 'values'")
    personal = node.plain("personal", Kind.EMAIL in (kind, item))
    declared = Type(kind, item, tuple(node.plain("values", ())), _zone(node.get("timezone"), sheet))
    return Field(name, declared, node.plain("optional", False), personal, node.plain("description", ""))


def _zone(node: Node | None, sheet: Sheet) -> ZoneInfo:
    try:
        return ZoneInfo(node.raw) if node else UTC
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError; a directory's name an OSError
        assert node is not None
        sheet.error(node.at, f"unknown time zone '{node.raw}'")
        return UTC


def _names(nodes: Iterable[Node], fields: Mapping[str, Field | None], sheet: Sheet) -> tuple[str, ...]:
    """The fields of a hard id, all there and all of types that can name something; None is an ill-formed one."""
    nodes = list(nodes)
    names = []
    for node in nodes:
        if node.raw not in fields:
            sheet.error(node.at, f"unknown field '{node.raw}'{suggest(node.raw, fields)}")
        elif (found := fields[node.raw]) is None:
            continue
        elif found.type.kind not in NAMING:
            sheet.error(node.at, f"a hard id cannot be of type {found.type}")
        else:
            names.append(node.raw)
    for name, count in Counter(names).items():
        if count > 1:
            sheet.error(nodes[0].at, f"'{name}' is named twice")
    return tuple(dict.fromkeys(names))


def _profile(node: Node, fields: Mapping[str, Field | None], sheet: Sheet) -> Profile | None:
    written = node.get("profile")
    if written is None:
        return None
    if node.plain("entity") in (Entity.PROFILE, Entity.CONTACT):
        sheet.error(node.keys["profile"], "a profile does not belong to another one")
        return None
    entity = Entity.PROFILE if written.get("type") else Entity.CONTACT
    return Profile(entity, written.plain("type", ""), _names(written.nodes("hard_id"), fields, sheet))


def read_tables(node: Node, sheet: Sheet) -> dict[str, Table]:
    """The file's tables, each with values of one kind."""
    tables = {}
    for name, table in node.under("tables"):
        values = table.plain()
        types = {type(value) for value in values.values()}
        if len(types) > 1 and types != {int, float}:
            sheet.error(table.at, f"the values of table '{name}' are not of one type")
        tables[name] = values
    return tables
