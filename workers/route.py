"""Plan a chunk of records: start, plan each, keep all plans in one statement, give out what may go."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from router import logs
from router.config import Snapshot
from router.ledger.base import Unavailable
from router.model import FINAL, DueRecord, Planned, State, delivery_id
from router.plan import plan
from workers.channel import where
from workers.patience import persist

if TYPE_CHECKING:
    from workers.services import Tools

log = logs.get(__name__)


def route(hint_id: int, tools: Tools) -> None:
    """Plan what the hint names; a stale hint does nothing."""
    asked = tools.leases.clock()
    records = tools.ledger.start_route(hint_id, tools.worker, tools.leases.seconds)
    if not records:
        log.debug("stale hint", hint=hint_id)
        return
    with tools.leases.holding(hint_id, asked):
        plans = [each for record in records for each in persist(partial(_plans, record, tools), hint_id)]
        persist(lambda: tools.ledger.planned(hint_id, plans), hint_id)
    tools.onward(sorted({each.destination for each in plans if each.state not in FINAL}))


def _plans(record: DueRecord, tools: Tools) -> list[Planned]:
    """A record's deliveries. One that cannot be planned is set aside, and does not hold up the others.

    Raises `Unavailable`.
    """

    def number(client: str, group: str, integration: str) -> int | None:
        # One that we do not know comes from a set that is newer than ours.
        known = tools.config.current().number(client, group, integration)
        return known or tools.config.renewed().number(client, group, integration)

    try:
        return plan(record, tools.config.set_of(record.mapping_version), number)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence: our bug loses nothing
        log.error("record not planned", record=str(record.record_id), where=where(error), kind=type(error).__name__)
        reason = f"our fault: {type(error).__name__} at {where(error)} while planning"
        return _set_aside(record, tools.config.current(), reason)


def _set_aside(record: DueRecord, snapshot: Snapshot, reason: str) -> list[Planned]:
    """Dead at every integration of its group, for what its plan would have been is not known."""
    return [
        Planned(delivery_id(record.record_id, number), record.record_id, number, "", State.DEAD, reason=reason)
        for number, place in snapshot.destinations.items()
        if (place.client, place.group, place.kind) == (record.client, record.group, "deliver") and place.enabled
    ]
