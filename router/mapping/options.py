"""An integration's options and secrets, tried against what its connector can be configured with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields

from router.mapping.config import Setting
from router.mapping.facts import ConnectorFacts
from router.mapping.faults import Mark, Sheet, suggest
from router.mapping.load import Node
from router.mapping.schema import SETTING
from router.mapping.targets import told

_STAND_IN = "http://setting.invalid"  # for a setting, which only the host has


def read_options(node: Node, facts: ConnectorFacts, sheet: Sheet) -> dict[str, Any]:
    """The options as written, with each setting as a `Setting`; every fault on the sheet."""
    options = {name: _option(one, sheet) for name, one in node.under("options")}
    schema = facts.options()
    secrets = {_name(one) for one in schema.load_fields.values() if one.metadata.get("secret")}
    others = {_name(one) for one in schema.load_fields.values()} - secrets
    _check_names(node.get("options"), others, dict.fromkeys(secrets, "is a secret: name it under `secrets`"), sheet)
    _check_names(node.get("secrets"), secrets, dict.fromkeys(others, "is an option and no secret"), sheet)
    _try(node, schema, options, sheet)
    return options


def _option(node: Node, sheet: Sheet) -> Any:
    if not (node.is_map and node.get("setting")):
        return node.plain()
    read = SETTING.read(node, sheet)
    return Setting(read.plain("setting", ""), read.plain("path", "")) if read else Setting("")


def _check_names(block: Node | None, known: set[str], elsewhere: Mapping[str, str], sheet: Sheet) -> None:
    for name, at in block.keys.items() if block else ():
        if name in elsewhere:
            sheet.error(at, f"'{name}' {elsewhere[name]}")
        elif name not in known:
            sheet.error(at, f"unknown option '{name}'{suggest(name, sorted(known))}")


def _try(node: Node, schema: Schema, options: Mapping[str, Any], sheet: Sheet) -> None:
    """Load the options as the connector will: a URL stands in for each setting, anything for each secret."""
    for name, one in list(schema.load_fields.items()):
        if one.metadata.get("secret"):
            schema.load_fields[name] = fields.Raw(required=one.required, data_key=one.data_key)
    known = {one.data_key or name for name, one in schema.load_fields.items()}
    given = {name: _STAND_IN + one.path if isinstance(one, Setting) else one for name, one in options.items()}
    given |= dict.fromkeys(node.plain("secrets", {}), "secret")
    try:
        schema.load({name: one for name, one in given.items() if name in known})
    except ValidationError as error:
        for name, messages in error.messages_dict.items():
            why = told(messages) if name == "_schema" else f"option '{name}': {told(messages)}"
            if not isinstance(options.get(name), Setting):
                sheet.error(_where(node, name), why)


def _where(node: Node, name: str) -> Mark:
    for block in (node.get("options"), node.get("secrets")):
        if block and name in block.keys:
            return block.keys[name]
    return node.at


def _name(one: fields.Field[Any]) -> str:
    return one.data_key or str(one.name)
