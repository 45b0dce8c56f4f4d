"""What would become of a record, field by field and byte by byte, without sending anything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marshmallow import ValidationError

from router import catalog
from router.config import Config
from router.ledger.base import LedgerError, Steering
from router.mapping import Entry, Mapped, MappingSet, Route
from router.mapping.lineage import Explanation, explain
from router.model import Action

SECRET = "nobodys-secret"  # noqa: S105 - it stands for one


@dataclass(frozen=True, slots=True)
class Preview:
    """explanation: payloads and each field's lineage, values masked unless revealed. requests: integration → the HTTP
    request it would become, credentials masked, or why there is none."""

    explanation: Explanation
    requests: Mapping[str, Mapping[str, Any]]


def preview(
    entry: Entry,
    data: Mapping[str, Any],
    links: Mapping[str, str],
    action: Action = Action.UPSERT,
    *,
    reveal: bool = False,
) -> Preview:
    """Map a record by one file. links: the addresses that the set refers to by name; a missing one is made up."""
    explanation = explain(entry, data, action, reveal=reveal)
    if explanation.problems:
        return Preview(explanation, {})
    values, _ = entry.accepts(action).validate(data)
    requests = {route.integration.name: _request(route, values, links) for route in entry.leads(action)}
    return Preview(explanation, requests)


def of_delivery(
    steering: Steering, config: Config, delivery_id: UUID, links: Mapping[str, str], *, reveal: bool
) -> Preview:
    """The same for a past delivery, by the mapping version it was planned with. Raises `LedgerError`."""
    found = steering.replayable([delivery_id])
    if not found:
        raise LedgerError(f"there is no delivery {delivery_id} with a payload")
    (past,) = found
    action = Action(past.action)
    entry = config.set_of(past.mapping_version).entry(past.client, past.group, past.entity, past.type)
    if entry is None:
        raise LedgerError(f"mapping set {past.mapping_version} has no file for {past.entity} {past.type}")
    return preview(entry, json.loads(past.data), links, action, reveal=reveal)


def entries_of(mapping: MappingSet, file: str) -> Iterator[tuple[str, str, Entry]]:
    """(client, group, entry) of every group for which a file holds; its path may lack the beginning."""
    for (client, group), entries in mapping.entries.items():
        for entry in entries.values():
            if f"/{entry.file}".endswith(f"/{file}"):
                yield client, group, entry


def _request(route: Route, values: Mapping[str, Any], links: Mapping[str, str]) -> Mapping[str, Any]:
    result = route.map(values)
    if not isinstance(result, Mapped):
        return {"nothing_sent": result.reason}
    try:
        given = route.integration.configure(_Links(links), _Secrets())
        loaded = catalog.load(route.integration.connector, given)
    except ValidationError as error:
        return {"nothing_sent": f"options: {error.normalized_messages()}"}  # type: ignore[no-untyped-call]
    return catalog.preview(route.integration.connector, loaded, route.operation, result.payload)


class _Links(dict[str, str]):
    """Known links, and an address that says what is missing for the others."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return f"https://{name.replace('_', '-')}.invalid"


class _Secrets(dict[str, str]):
    """Something for every secret: no preview needs to know one."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return SECRET
