"""Send again what ended: chosen by filter, as it was or mapped anew, with what would change shown before it does."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from router.config import Snapshot
from router.ledger.base import Letter, Remapped, Selection, Steering
from router.mapping import Skipped
from router.model import Action, compact

PAGE = 500
OPERATION = "(operation)"
_ABSENT = object()  # unlike null, which is sent


@dataclass(frozen=True, slots=True)
class Change:
    """What mapping one delivery anew does to it.

    payload: the new one, None when today's mapping leaves the record out, for the reason.
    fields: the target fields that differ, dotted; `OPERATION` before them when that does.
    """

    delivery_id: UUID
    integration: str
    operation: str
    payload: str | None
    reason: str = ""
    fields: tuple[str, ...] = ()


def pages(steering: Steering, selection: Selection) -> Iterator[list[Letter]]:
    """The selected deliveries, a page at a time; those that leave the selection meanwhile do no harm."""
    after: UUID | None = None
    while page := steering.letters(selection, PAGE, after):
        yield page
        after = page[-1].delivery_id


def counted(steering: Steering, selection: Selection) -> Counter[tuple[str, str]]:
    """How many are selected, by (client/group/integration, state)."""
    return Counter(
        (f"{each.client}/{each.group}/{each.integration}", str(each.state))
        for page in pages(steering, selection)
        for each in page
    )


def changes(found: Sequence[Remapped], snapshot: Snapshot) -> list[Change]:
    """What today's mapping makes of deliveries that were planned with an earlier one."""
    return [_change(each, snapshot) for each in found]


def remapped(found: Sequence[Remapped], snapshot: Snapshot) -> dict[UUID, tuple[str, str]]:
    """The operation and payload of those that today's mapping still sends, as `Steering.replay` takes them."""
    made = changes(found, snapshot)
    return {each.delivery_id: (each.operation, each.payload) for each in made if each.payload is not None}


def _change(old: Remapped, snapshot: Snapshot) -> Change:
    action = Action(old.action)
    routes = snapshot.set.routes(old.client, old.group, old.entity, old.type, action)
    for route in routes:
        if route.integration.name != old.integration:
            continue
        contract = snapshot.set.contract(old.client, old.entity, old.type, old.group, action)
        values, problems = contract.validate(json.loads(old.data)) if contract else ({}, [])
        if problems:
            return _left_out(old, f"the record does not satisfy today's contract: {problems[0]}")
        result = route.map(values)
        if isinstance(result, Skipped):
            return _left_out(old, result.reason)
        text = compact(result.payload)
        fields = sorted(differing(json.loads(old.payload or "{}"), result.payload))
        if route.operation != old.operation:
            fields.insert(0, OPERATION)
        return Change(old.delivery_id, old.integration, route.operation, text, fields=tuple(fields))
    return _left_out(old, "today's mapping does not send it there")


def _left_out(old: Remapped, reason: str) -> Change:
    return Change(old.delivery_id, old.integration, old.operation, None, reason)


def differing(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The dotted fields in which two payloads are not the same JSON."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in before.keys() | after.keys():
            yield from differing(
                before.get(name, _ABSENT), after.get(name, _ABSENT), f"{path}.{name}" if path else str(name)
            )
    elif before != after or type(before) is not type(after):
        yield path
