"""From a read `client.yaml` to the client's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, missing

from router.mapping.config import Budget, ClientConfig, Group, Integration, OnUnknown, Setting, Webhook, account_of
from router.mapping.facts import ConnectorFacts, Connectors
from router.mapping.faults import Mark, Sheet, suggest
from router.mapping.load import Node
from router.mapping.schema import SETTING
from router.mapping.targets import told

_PLAIN = ("enabled", "personal_data", "batch", "max_in_flight", "order_limit")
_SOMEWHERE = "http://setting.invalid"


def read_client(node: Node, name: str, connectors: Connectors, sheet: Sheet) -> ClientConfig:
    """The client's configuration without its ill-formed parts; every fault on the sheet. name: its directory's."""
    named = node.get("client")
    if named and named.raw != name:
        sheet.error(named.at, f"the client is '{named.raw}', and its directory is '{name}'")
    callback = _callback(node.get("callback"), sheet)
    groups = {key: _group(key, one, name, callback, connectors, sheet) for key, one in node.under("groups")}
    return ClientConfig(name, groups, callback)


def _callback(node: Node | None, sheet: Sheet) -> Webhook | None:
    if node is None or node.get("url") is None or node.get("secret") is None:
        return None
    written = node.get("url")
    assert written is not None
    if written.is_map:
        return Webhook(_setting(written), node.plain("secret"))
    if urlsplit(written.raw).scheme != "https" or not urlsplit(written.raw).hostname:
        sheet.error(written.at, f"a callback's URL begins with https://, not '{written.raw}'")
    return Webhook(written.raw, node.plain("secret"))


def _setting(node: Node) -> Setting:
    return Setting(node.plain("setting", ""), node.plain("path", ""))


def _group(
    key: str, node: Node, client: str, callback: Webhook | None, connectors: Connectors, sheet: Sheet
) -> Group:
    found = {name: _integration(name, one, client, connectors, sheet) for name, one in node.under("integrations")}
    integrations = {name: one for name, one in found.items() if one is not None}
    return Group(key, integrations, _callback(node.get("callback"), sheet) or callback)


def _integration(name: str, node: Node, client: str, connectors: Connectors, sheet: Sheet) -> Integration | None:
    written = node.get("connector")
    if written is None:
        return None
    facts = connectors.get(written.raw)
    if facts is None:
        sheet.error(written.at, f"unknown connector '{written.raw}'{suggest(written.raw, connectors)}")
        return None
    _check_batch(node, facts, sheet)
    made = Integration(
        name,
        facts.name,
        options=_options(node, facts, sheet),
        secrets=node.plain("secrets", {}),
        budget=Budget(**node.plain("budget", {})),
        schedule=tuple(node.plain("schedule", ())) or None,
        on_unknown=OnUnknown(node.plain("on_unknown", "hold")),
        **{word: node.plain(word) for word in _PLAIN if node.get(word)},
    )
    return replace(made, account=account_of(client, made, node.plain("account", "")))


def _check_batch(node: Node, facts: ConnectorFacts, sheet: Sheet) -> None:
    most = max((operation.batch_cap for operation in facts.operations.values()), default=1)
    if (written := node.get("batch")) and written.value > most:
        sheet.error(written.at, f"{facts.name} takes at most {most} records in one call, not {written.value}")


# ---- options ---------------------------------------------------------------------------------------------------------


def _options(node: Node, facts: ConnectorFacts, sheet: Sheet) -> dict[str, Any]:
    """As written, with settings as `Setting`; tried against the connector's schema with stand-ins for what is not here."""
    options: dict[str, Any] = {}
    for name, one in node.under("options"):
        if one.is_map and one.get("setting"):
            read = SETTING.read(one, sheet)
            options[name] = _setting(read) if read else Setting("")
        else:
            options[name] = one.plain()
    schema = facts.options()
    secret = {_name(one): one for one in schema.load_fields.values() if one.metadata.get("secret")}
    open_ones = {_name(one) for one in schema.load_fields.values()} - secret.keys()
    _check_names(node, "options", options, open_ones, dict.fromkeys(secret, "is a secret: name it under `secrets`"), sheet)
    _check_names(node, "secrets", node.plain("secrets", {}), set(secret), dict.fromkeys(open_ones, "is no secret"), sheet)
    _try(node, schema, options, sheet)
    return options


def _check_names(
    node: Node, word: str, given: Mapping[str, Any], known: set[str], elsewhere: Mapping[str, str], sheet: Sheet
) -> None:
    block = node.get(word)
    for name in given.keys() - known:
        assert block is not None
        why = f"'{name}' {elsewhere[name]}" if name in elsewhere else f"unknown option '{name}'{suggest(name, known)}"
        sheet.error(block.keys[name], why)


def _try(node: Node, schema: Schema, options: Mapping[str, Any], sheet: Sheet) -> None:
    """Load the options as the connector will: a URL stands in for each setting, anything for each secret."""
    given = {name: _SOMEWHERE + one.path if isinstance(one, Setting) else one for name, one in options.items()}
    for name, one in list(schema.load_fields.items()):
        if one.metadata.get("secret"):
            schema.load_fields[name] = fields.Raw(required=one.required, data_key=one.data_key, load_default=missing)
    known = {_name(one) for one in schema.load_fields.values()}
    secrets = {name: "secret" for name in node.plain("secrets", {})}
    try:
        schema.load({name: value for name, value in {**given, **secrets}.items() if name in known})
    except ValidationError as error:
        for name, messages in error.normalized_messages().items():
            why = told(messages) if name == "_schema" else f"option '{name}': {told(messages)}"
            if not isinstance(options.get(name), Setting):
                sheet.error(_where(node, name), why)


def _where(node: Node, name: str) -> Mark:
    for word in ("options", "secrets"):
        block = node.get(word)
        if block and name in block.keys:
            return block.keys[name]
    return node.at


def _name(one: fields.Field[Any]) -> str:
    return one.data_key or str(one.name)
