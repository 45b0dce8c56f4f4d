"""Deliver a chunk: start, send what may go at once, judge, keep the outcomes in bulk. No transaction is held meanwhile.

Deliveries of one ordering key go one after the other, and behind one that must be tried again the rest of its key is
handed back. Calls whose repeat could do harm are marked as leaving before they leave: what a crash cuts then ends
`unknown`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from connectors.base import Kind, Outcome
from router import logs
from router.judge import health, judge
from router.ledger.base import Unavailable
from router.model import FINAL, DueDelivery, Verdict
from workers.channel import Channel

if TYPE_CHECKING:
    from workers.services import Tools

PATIENCE = 2.0
"""Seconds that a call waits for its account's budget; past that the rest of the chunk is handed back."""
CHUNK_TIME = 20.0
"""Seconds after which no further call of a chunk begins; what is left is handed back."""
FLUSH_AFTER = 5.0
"""Seconds after which outcomes are kept although the chunk goes on."""
KEEP_TRYING = 90.0
"""Seconds for which outcomes are held while the ledger is away."""

log = logs.get(__name__)


@dataclass(slots=True)
class _Chunk:
    hint_id: int
    channel: Channel
    tools: Tools
    began: float
    flushed: float
    verdicts: list[Verdict] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    held: set[UUID] = field(default_factory=set)
    ours: bool = True
    enough: bool = False


def deliver(hint_id: int, tools: Tools) -> None:
    """Deliver what the hint names; a stale hint does nothing."""
    number, deliveries = tools.ledger.start_deliver(hint_id, tools.worker, tools.lease)
    if not deliveries:
        log.debug("stale hint", hint=hint_id)
        return
    now = time.monotonic()
    chunk = _Chunk(hint_id, tools.channel(number), tools, now, now)
    with ThreadPoolExecutor(chunk.channel.at_once) as pool:
        for calls in _slices(deliveries, chunk):
            if not _may_leave(chunk, calls):
                break
            for call, sent in zip(calls, _send(pool, chunk, calls), strict=True):
                if sent is None:
                    chunk.enough = True
                else:
                    _judge(chunk, call, *sent)
    if chunk.ours:
        _keep(chunk, done=True)


def _slices(deliveries: Sequence[DueDelivery], chunk: _Chunk) -> Iterator[list[list[DueDelivery]]]:
    """Calls that may be in flight together: no key twice, none behind one that is held, one operation a call."""
    waiting = list(deliveries)
    at_once = chunk.channel.at_once
    while waiting and chunk.ours:
        wave: dict[str, list[DueDelivery]] = {}
        seen: set[UUID] = set()
        later = []
        for delivery in waiting:
            key = delivery.ordering_key
            if key in chunk.held:
                continue
            if key in seen:
                later.append(delivery)
                continue
            seen.add(key)
            wave.setdefault(delivery.operation, []).append(delivery)
        calls = [
            group[at : at + size]
            for operation, group in wave.items()
            for size in [chunk.channel.batch(operation)]
            for at in range(0, len(group), size)
        ]
        for at in range(0, len(calls), at_once):
            if chunk.enough or chunk.tools.stopping() or time.monotonic() - chunk.began > CHUNK_TIME:
                return
            yield calls[at : at + at_once]
        waiting = later


def _may_leave(chunk: _Chunk, calls: list[list[DueDelivery]]) -> bool:
    """Mark what must not be repeated blindly, renew the lease where time has passed; False: the hint is not ours."""
    careful = [each.delivery_id for call in calls for each in call if not chunk.channel.repeat_safe(each.operation)]
    waited = time.monotonic() - chunk.flushed > FLUSH_AFTER
    if chunk.verdicts and (careful or waited):
        _keep(chunk, done=False)
    if careful or waited:
        chunk.ours = chunk.tools.ledger.leaving(chunk.hint_id, careful, chunk.tools.lease)
        chunk.flushed = time.monotonic()
    if not chunk.ours:
        log.warning("hint was taken over", hint=chunk.hint_id)
    return chunk.ours


_Sent = tuple[Sequence[Outcome], datetime, float] | None


def _send(pool: ThreadPoolExecutor, chunk: _Chunk, calls: list[list[DueDelivery]]) -> list[_Sent]:
    """What each call brought; None for one that its account's budget did not allow in time."""
    channel, ledger = chunk.channel, chunk.tools.ledger

    def one(call: list[DueDelivery]) -> _Sent:
        if channel.calls_per_second is not None:
            wait = ledger.slot(channel.account, channel.calls_per_second, PATIENCE)
            if wait is None:
                return None
            time.sleep(wait)
        began, clock = datetime.now(UTC), time.monotonic()
        outcomes = channel.send(call)
        return outcomes, began, (time.monotonic() - clock) * 1000

    return [one(calls[0])] if len(calls) == 1 else list(pool.map(one, calls))


def _judge(chunk: _Chunk, call: list[DueDelivery], outcomes: Sequence[Outcome], began: datetime, ms: float) -> None:
    for delivery, outcome in zip(call, outcomes, strict=True):
        verdict = judge(
            delivery,
            outcome,
            chunk.channel.policy,
            began=began,
            ms=ms,
            rng=chunk.tools.rng,
            request=chunk.channel.previewed(delivery),
        )
        chunk.verdicts.append(verdict)
        if outcome.kind in {Kind.LIMITED, Kind.REFUSED}:
            chunk.enough = True
        if verdict.state not in FINAL:
            chunk.held.add(delivery.ordering_key)
        if outcome.kind is not Kind.DELIVERED:
            log.info("not delivered", delivery=str(delivery.delivery_id), state=str(verdict.state), why=outcome.reason)
    chunk.outcomes += outcomes


def _keep(chunk: _Chunk, *, done: bool) -> None:
    verdicts, outcomes = chunk.verdicts, chunk.outcomes
    chunk.verdicts, chunk.outcomes = [], []
    said = health(outcomes)
    kept = _persist(lambda: chunk.tools.ledger.finish(chunk.hint_id, verdicts, said, done=done), chunk.hint_id)
    if kept < len(verdicts):
        chunk.ours = False
        log.warning("outcomes came too late", hint=chunk.hint_id, lost=len(verdicts) - kept)


def _persist(keep: Callable[[], int], hint_id: int) -> int:
    """Outcomes are worth waiting for: the calls were made. Fenced, so a repeat of an unknown commit changes nothing."""
    until = time.monotonic() + KEEP_TRYING
    while True:
        try:
            return keep()
        except Unavailable as away:
            if time.monotonic() > until:
                raise
            log.warning("ledger away, outcomes held", hint=hint_id, why=str(away))
            time.sleep(0.25)
