"""What would become of a record, field by field and byte by byte, without sending anything; and what became of one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import ValidationError
from marshmallow.fields import Field

from router import catalog
from router.config import Config
from router.ledger.base import LedgerError, Remapped, Selection, Steering
from router.mapping import Broken, Entry, Integration, Mapped, MappingSet, Route
from router.mapping.lineage import Explanation, explain
from router.model import Action, State
from router.replay import differing
from router.veil import veiled

STAND_INS = (  # for any secret: no preview needs to know one, but each connector wants its own form of it
    "nobodys-secret-of-some-length",
    "sk_nobodys-secret-of-some-length",
    "whsec_bm9ib2R5cyBzZWNyZXQsIGFuZCBub2JvZHkga25vd3MgaXQ=",
)


@dataclass(frozen=True, slots=True)
class Preview:
    """explanation: payloads and each field's lineage. requests: integration → the HTTP request it would become, or why
    there is none. Credentials are masked always, values unless revealed."""

    explanation: Explanation
    requests: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Past:
    """A delivery explained by the version it was planned with: of its preview, what concerns its integration.

    remapped: the target fields that it carries otherwise, since it was sent again with a later mapping.
    """

    delivery: Remapped
    preview: Preview
    remapped: tuple[str, ...]


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
    routes = entry.leads(action)
    return Preview(explanation, {one.integration.name: _rehearsed(one, values, links, reveal) for one in routes})


def of_delivery(
    steering: Steering, config: Config, delivery_id: UUID, links: Mapping[str, str], *, reveal: bool
) -> Past:
    """Why a delivery carries what it carries, or why it was skipped. Raises `LedgerError`."""
    found = steering.replayable([delivery_id])
    if not found:
        raise LedgerError(f"there is no delivery {delivery_id} of a record")
    (past,) = found
    route, entry = _planned(past, config)
    data = json.loads(past.data)
    whole = explain(entry, data, Action(past.action), reveal=reveal)
    explanation = replace(
        whole,
        integrations=tuple(one for one in whole.integrations if one.integration == past.integration),
        nowhere={name: why for name, why in whole.nowhere.items() if data[name] is not None},
    )
    if not past.payload:
        return Past(past, Preview(explanation, {}), ())
    payload = json.loads(past.payload)
    received_at = steering.letters(Selection(states=tuple(State), deliveries=[delivery_id]), 1)[0].received_at
    request = _request(route.integration, past.operation, payload, links, reveal, received_at)
    result = route.map(entry.accepts(Action(past.action)).validate(data)[0])
    mapped = result.payload if isinstance(result, Mapped) else {}
    return Past(past, Preview(explanation, {past.integration: request}), tuple(sorted(differing(mapped, payload))))


def entries_of(mapping: MappingSet, file: str) -> Iterator[tuple[str, Entry]]:
    """(group, entry) of every group for which a file holds. file: as the set shows it."""
    for (_, group), entries in mapping.entries.items():
        for entry in entries.values():
            if entry.file == file:
                yield group, entry


def _planned(past: Remapped, config: Config) -> tuple[Route, Entry]:
    """The rule and the file by which a delivery was planned."""
    version = past.mapping_version
    try:
        entry = config.set_of(version).entry(past.client, past.group, past.entity, past.type)
    except Broken as broken:
        raise LedgerError(f"mapping set {version} cannot be compiled any more:\n{broken}") from None
    for route in entry.leads(Action(past.action)) if entry else ():
        if entry and route.integration.name == past.integration:
            return route, entry
    raise LedgerError(f"mapping set {version} sends no {past.entity} {past.type} to {past.integration}")


def _rehearsed(route: Route, values: Mapping[str, Any], links: Mapping[str, str], reveal: bool) -> Mapping[str, Any]:
    result = route.map(values)
    if not isinstance(result, Mapped):
        return {"nothing_sent": result.reason}
    return _request(route.integration, route.operation, result.payload, links, reveal)


def _request(
    integration: Integration,
    operation: str,
    payload: Mapping[str, Any],
    links: Mapping[str, str],
    reveal: bool,
    accepted_at: datetime | None = None,
) -> Mapping[str, Any]:
    try:
        loaded = catalog.load(integration.connector, integration.configure(_Links(links), _secrets(integration)))
    except ValidationError as error:
        return {"nothing_sent": f"options: {error.normalized_messages()}"}  # type: ignore[no-untyped-call]  # marshmallow
    request = catalog.preview(integration.connector, loaded, operation, payload, accepted_at)
    return request if reveal else veiled(request, payload)


class _Links(dict[str, str]):
    """Known links, and an address that says what is missing for the others."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return f"https://{name.replace('_', '-')}.invalid"


def _secrets(integration: Integration) -> dict[str, str]:
    """Something for every secret, by its name."""
    schema = catalog.facts()[integration.connector].options()
    return {name: _stand_in(schema.fields[option]) for option, name in integration.secrets.items()}


def _stand_in(option: Field[Any]) -> str:
    """The first that the option takes; where it takes none of them, loading says why."""
    for each in STAND_INS:
        with suppress(ValidationError):
            option.deserialize(each)
            return each
    return STAND_INS[0]
