"""Plan a chunk of records: start, plan each, keep all plans in one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router import logs
from router.plan import plan

if TYPE_CHECKING:
    from workers.services import Tools

LEASE = 15.0

log = logs.get(__name__)


def route(hint_id: int, tools: Tools) -> None:
    """Plan what the hint names; a stale hint does nothing."""
    records = tools.ledger.start_route(hint_id, tools.worker, LEASE)
    if not records:
        log.debug("stale hint", hint=hint_id)
        return
    numbers = tools.config.current().number
    plans = [each for record in records for each in plan(record, tools.config.set_of(record.mapping_version), numbers)]
    tools.ledger.planned(hint_id, plans)
