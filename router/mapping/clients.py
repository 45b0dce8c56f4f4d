"""From a read `client.yaml` to the client's configuration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from router.mapping.config import Budget, ClientConfig, Group, Integration, OnUnknown, Setting, Webhook, account_of
from router.mapping.facts import ConnectorFacts, Connectors
from router.mapping.faults import Sheet, suggest
from router.mapping.load import Node
from router.mapping.options import read_options

_PLAIN = ("enabled", "personal_data", "batch", "max_in_flight", "order_limit")


@dataclass(frozen=True, slots=True)
class ClientReader:
    """Reads one client's file; every fault goes on the sheet. name: the client's directory."""

    name: str
    connectors: Connectors
    sheet: Sheet

    def read(self, node: Node) -> ClientConfig:
        """The client's configuration without its ill-formed parts."""
        named = node.get("client")
        if named and named.raw != self.name:
            self.sheet.error(named.at, f"the client is '{named.raw}', and its directory is '{self.name}'")
        callback = self._callback(node.get("callback"))
        groups = {key: self._group(key, one, callback) for key, one in node.under("groups")}
        return ClientConfig(self.name, groups, callback)

    def _callback(self, node: Node | None) -> Webhook | None:
        url, secret = (node.get("url"), node.plain("secret")) if node else (None, None)
        if url is None or secret is None:
            return None
        if url.is_map:
            return Webhook(Setting(url.plain("setting", ""), url.plain("path", "")), secret)
        parts = urlsplit(url.raw)
        if parts.scheme != "https" or not parts.hostname:
            self.sheet.error(url.at, f"a callback's URL begins with https://, not '{url.raw}'")
        return Webhook(url.raw, secret)

    def _group(self, key: str, node: Node, callback: Webhook | None) -> Group:
        found = {name: self._integration(name, one) for name, one in node.under("integrations")}
        integrations = {name: one for name, one in found.items() if one is not None}
        return Group(key, integrations, self._callback(node.get("callback")) or callback)

    def _integration(self, name: str, node: Node) -> Integration | None:
        written = node.get("connector")
        if written is None:
            return None
        facts = self.connectors.get(written.raw)
        if facts is None:
            self.sheet.error(written.at, f"unknown connector '{written.raw}'{suggest(written.raw, self.connectors)}")
            return None
        self._check_batch(node, facts)
        made = Integration(
            name,
            facts.name,
            options=read_options(node, facts, self.sheet),
            secrets=node.plain("secrets", {}),
            budget=Budget(**node.plain("budget", {})),
            schedule=tuple(node.plain("schedule", ())) or None,
            on_unknown=OnUnknown(node.plain("on_unknown", "hold")),
            **{word: node.plain(word) for word in _PLAIN if node.get(word)},
        )
        return replace(made, account=account_of(self.name, made, node.plain("account", "")))

    def _check_batch(self, node: Node, facts: ConnectorFacts) -> None:
        most = max((operation.batch_cap for operation in facts.operations.values()), default=1)
        if (written := node.get("batch")) and written.value > most:
            self.sheet.error(written.at, f"{facts.name} takes at most {most} records in one call, not {written.value}")
