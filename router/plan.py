"""What a record leads to: a delivery for each integration of its group. Pure: same record and set, same plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from router.judge import SET_ASIDE
from router.mapping import MappingSet, Skipped
from router.model import DueRecord, Planned, State, compact, delivery_id

Numbers = Callable[[str, str, str], int | None]


def plan(record: DueRecord, mapping: MappingSet, numbers: Numbers) -> list[Planned]:
    """The deliveries of one record under the mapping set it was accepted with.

    numbers: (client, group, integration) → the destination's number; what has none any more is left out.
    """
    plans = []
    for step in mapping.routes(record.client, record.group, record.entity, record.type, record.action):
        number = numbers(record.client, record.group, step.integration.name)
        if number is None:
            continue
        state, payload, reason = _mapped(step.map, record)
        plans.append(
            Planned(
                delivery_id=delivery_id(record.record_id, number),
                record_id=record.record_id,
                destination=number,
                operation=step.operation,
                state=state,
                payload=payload,
                reason=reason,
            )
        )
    return plans


def _mapped(map: Callable[[Mapping[str, Any]], Any], record: DueRecord) -> tuple[State, str | None, str]:
    if record.suspicion >= SET_ASIDE:
        return State.DEAD, None, "set aside: its worker died again and again while planning it"
    result = map(record.data)
    if isinstance(result, Skipped):
        return State.SKIPPED, None, result.reason
    return State.PENDING, compact(result.payload), ""
