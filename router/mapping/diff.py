"""`diff A B`: what differs between two sets, by target field and by word, not by text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from router.mapping.config import ClientConfig, Group, Integration, Webhook
from router.mapping.contract import Contract
from router.mapping.rules import leaves
from router.mapping.sets import Entry, MappingSet, Program, Route


class Place(NamedTuple):
    """What a change is about.

    subject: `profile.person` or the like, "" for `client.yaml`. integration: "" for the contract. item: a target field,
    a contract's field or a word.
    """

    client: str
    group: str
    subject: str
    integration: str
    item: str

    def __str__(self) -> str:
        head = "/".join(filter(None, (self.client, self.group)))
        return " ".join(filter(None, (head, self.subject, self.integration, self.item)))


@dataclass(frozen=True, slots=True)
class Change:
    """before, after: how it is written, None where it is not there."""

    place: Place
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.place}: {self.after}"
        if self.after is None:
            return f"- {self.place}: {self.before}"
        return f"~ {self.place}: {self.before} → {self.after}"


def diff(before: MappingSet, after: MappingSet) -> tuple[Change, ...]:
    """Every difference, by client, group, subject, integration and item. Empty when the sets mean the same."""
    old, new = dict(_told(before)), dict(_told(after))
    places = sorted(old.keys() | new.keys())
    return tuple(Change(one, old.get(one), new.get(one)) for one in places if old.get(one) != new.get(one))


def _told(mappings: MappingSet) -> Iterator[tuple[Place, str]]:
    for client in mappings.clients.values():
        yield from _of_client(client)
    for (client_name, group), entries in mappings.entries.items():
        for (entity, type_), entry in entries.items():
            subject = ".".join(filter(None, (entity, type_)))
            for integration, item, text in _of_entry(entry):
                yield Place(client_name, group, subject, integration, item), text


def _of_client(client: ClientConfig) -> Iterator[tuple[Place, str]]:
    for group in client.groups.values():
        for integration, item, text in _of_group(group):
            yield Place(client.name, group.key, "", integration, item), text


def _of_group(group: Group) -> Iterator[tuple[str, str, str]]:
    yield "", "group", group.key
    if group.callback:
        yield from (("", f"callback.{name}", text) for name, text in _of_webhook(group.callback))
    for integration in group.integrations.values():
        yield from ((integration.name, name, text) for name, text in _of_integration(integration))


def _of_webhook(webhook: Webhook) -> Iterator[tuple[str, str]]:
    for name, value in asdict(webhook).items():
        yield name, _json(value)


def _of_integration(integration: Integration) -> Iterator[tuple[str, str]]:
    for name, value in asdict(integration).items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", _json(one)) for key, one in value.items())
        elif name not in ("name", "account"):
            yield name, _json(value)


def _of_entry(entry: Entry) -> Iterator[tuple[str, str, str]]:
    yield from (("", item, text) for item, text in _of_contract(entry.contract))
    for prefix, routes in (("", entry.routes), ("remove ", entry.removals)):
        for route in routes:
            for item, text in _of_route(route):
                yield route.integration.name, prefix + item, text


def _of_contract(contract: Contract) -> Iterator[tuple[str, str]]:
    yield "hard_id", ", ".join(contract.hard_id)
    if contract.profile:
        yield "profile", f"{contract.profile.type or 'contact'} by {', '.join(contract.profile.fields)}"
    for field in contract.fields.values():
        zone = f" in {field.type.zone.key}" if field.type.zone.key != "UTC" else ""
        values = f" of {'|'.join(field.type.values)}" if field.type.values else ""
        flags = (" optional" if field.optional else "") + (" personal" if field.personal else "")
        yield f"field {field.name}", f"{field.type}{values}{zone}{flags}"


def _of_route(route: Route) -> Iterator[tuple[str, str]]:
    program: Program | None = route.program
    if program is None:
        return
    yield "operation", program.operation
    if program.when:
        yield "when", program.when.told
    for target, _part, leaf in leaves(program.fields):
        yield target, leaf.words


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
