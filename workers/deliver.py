"""Deliver a chunk: start, send what may go at once, judge, keep the outcomes in bulk. No transaction is held meanwhile.

Deliveries of one ordering key go one after the other, and behind one that must be tried again the rest of its key is
handed back. Calls whose repeat could do harm are marked as leaving before they leave: what a crash cuts then ends
`unknown`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from connectors.base import Kind, Outcome
from router import logs
from router.judge import health, judge
from router.ledger.base import LedgerError, Unavailable
from router.model import FINAL, DueDelivery, Health, State, Verdict
from workers.channel import AT_ONCE, LONGEST_SEND, Channel
from workers.lease import Held
from workers.patience import KEEP_TRYING, persist

if TYPE_CHECKING:
    from workers.services import Tools

PATIENCE = 2.0
"""Seconds that a call waits for its account's budget; past that the rest of the chunk is handed back."""
CHUNK_TIME = 20.0
"""Seconds after which no further call of a chunk begins; what is left is handed back."""
FLUSH_AFTER = 5.0
"""Seconds after which outcomes are kept although the chunk goes on."""
AT_MOST = CHUNK_TIME + LONGEST_SEND + KEEP_TRYING
"""Seconds after which a worker process is stuck, and killed by its parent."""
NOT_CONFIGURED_WAIT = 5.0
REPLAY_WAVE = 0.05
"""Seconds from one wave of a replay's calls to its next: a destination that answers at once would otherwise make a
replay take all of the machine, which others need for what is live. Where a wave takes as long anyway, it costs nothing.
"""

log = logs.get(__name__)

_Call = Sequence[DueDelivery]
_Sent = tuple[_Call, Sequence[Outcome], datetime, float]
"""A call, what it brought, when it began and how many milliseconds it took."""


@dataclass(slots=True)
class _Chunk:
    held: Held
    channel: Channel
    tools: Tools
    began: float
    flushed: float
    verdicts: list[Verdict] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    blocked: set[UUID] = field(default_factory=set)
    enough: bool = False


def deliver(hint_id: int, tools: Tools) -> None:
    """Deliver what the hint names; a stale hint does nothing."""
    asked = tools.leases.clock()
    number, deliveries = tools.ledger.start_deliver(hint_id, tools.worker, tools.leases.seconds)
    if not deliveries:
        log.debug("stale hint", hint=hint_id)
        return
    with tools.leases.holding(hint_id, asked) as held:
        try:
            channel = tools.channel(number)
        except LedgerError as fault:
            log.warning("handed back unsent", hint=hint_id, why=str(fault))
            _hand_back(held, deliveries, tools)
            return
        now = time.monotonic()
        chunk = _Chunk(held, channel, tools, now, now)
        _send_all(chunk, deliveries)
        _keep(chunk, done=True)


def _hand_back(held: Held, deliveries: Sequence[DueDelivery], tools: Tools) -> None:
    """Without a configuration there is nobody to be blamed, and nothing to hurry for."""
    later = [Verdict(each.delivery_id, State.PENDING, NOT_CONFIGURED_WAIT) for each in deliveries]
    persist(lambda: tools.ledger.finish(held.hint_id, later, Health(), done=True), held.hint_id)


def _send_all(chunk: _Chunk, deliveries: Sequence[DueDelivery]) -> None:
    for calls in _slices(deliveries, chunk):
        if not _may_leave(chunk, calls):
            return
        began = time.monotonic()
        for call, outcomes, at, ms in _send(chunk, calls):
            _judge(chunk, call, outcomes, at, ms)
        if deliveries[0].replayed:
            time.sleep(max(began + REPLAY_WAVE - time.monotonic(), 0.0))


@cache
def _callers() -> ThreadPoolExecutor:
    """The threads of this process that make calls; it delivers one chunk at a time."""
    return ThreadPoolExecutor(AT_ONCE, "caller")


def _slices(deliveries: Sequence[DueDelivery], chunk: _Chunk) -> Iterator[deque[_Call]]:
    """Calls that may be under way together: no key twice, none behind one that is blocked, one operation a call.

    Whoever makes one takes it out; what is left in there comes again. Those that are marked before they leave come no
    more at a time than leave at once, and so do a replay's, which is slow on purpose.
    """
    waiting = list(deliveries)
    at_once = chunk.channel.at_once
    while waiting:
        wave: dict[str, list[DueDelivery]] = {}
        seen: set[UUID] = set()
        later = []
        for delivery in waiting:
            key = delivery.ordering_key
            if key in chunk.blocked:
                continue
            if key in seen:
                later.append(delivery)
                continue
            seen.add(key)
            wave.setdefault(delivery.operation, []).append(delivery)
        calls: deque[_Call] = deque(
            group[at : at + size]
            for operation, group in wave.items()
            for size in [chunk.channel.batch(operation)]
            for at in range(0, len(group), size)
        )
        few = deliveries[0].replayed or bool(_marked(chunk, calls))
        while calls and not _over(chunk):
            some = deque(calls.popleft() for _ in range(min(at_once, len(calls)))) if few else calls
            yield some
            if few:
                calls.extendleft(reversed(some))
        if calls:
            return
        waiting = later


def _over(chunk: _Chunk) -> bool:
    """Whether no further call may begin."""
    return chunk.enough or chunk.tools.stopping() or time.monotonic() - chunk.began > CHUNK_TIME


def _may_leave(chunk: _Chunk, calls: Collection[_Call]) -> bool:
    """Keep what there is to keep, and mark what must not be repeated blindly; False: nothing more may be sent."""
    careful = _marked(chunk, calls)
    if chunk.verdicts and (careful or time.monotonic() - chunk.flushed > FLUSH_AFTER):
        _keep(chunk, done=False)
    try:
        if careful or not chunk.held.ours:
            chunk.tools.leases.renew(chunk.held, careful)
    except Unavailable as away:
        log.warning("ledger away, nothing more is sent", hint=chunk.held.hint_id, why=str(away))
        return False
    if chunk.held.lost:
        log.warning("hint was taken over", hint=chunk.held.hint_id)
    return not chunk.held.lost


def _marked(chunk: _Chunk, calls: Collection[_Call]) -> list[UUID]:
    """What is marked before any of these leaves. Calls that wait for their account's turn are marked then."""
    return [] if chunk.channel.calls_per_second else [each for call in calls for each in _careful(chunk, call)]


def _careful(chunk: _Chunk, call: _Call) -> list[UUID]:
    return [each.delivery_id for each in call if not chunk.channel.repeat_safe(each.operation)]


_STOPS = frozenset({Kind.LIMITED, Kind.REFUSED})
"""What is true of the whole account."""


def _send(chunk: _Chunk, calls: deque[_Call]) -> list[_Sent]:
    """Make calls until there are none, or outcomes must be kept, or there is a reason to stop.

    A thread that is done with one takes the next: to hand each of them out costs more than most calls do.
    """
    made: list[_Sent] = []
    unmade: list[_Call] = []
    until = time.monotonic() + FLUSH_AFTER

    def some() -> None:
        while time.monotonic() < until and not unmade and chunk.held.ours and not _over(chunk):
            try:
                call = calls.popleft()
            except IndexError:
                return
            if sent := _one(chunk, call):
                made.append(sent)
            else:
                unmade.append(call)

    others = [_callers().submit(some) for _ in range(min(chunk.channel.at_once, len(calls)) - 1)]
    try:
        some()
    except BaseException:
        chunk.enough = True
        raise
    finally:
        wait(others)
    for each in others:
        each.result()
    chunk.enough = chunk.enough or bool(unmade)
    return made


def _one(chunk: _Chunk, call: _Call) -> _Sent | None:
    """None: it was not made."""
    try:
        if not _in_turn(chunk, call):
            return None
        began, clock = datetime.now(UTC), time.monotonic()
        outcomes = chunk.channel.send(call)
    except Unavailable as away:
        log.warning("ledger away, call not made", hint=chunk.held.hint_id, why=str(away))
        return None
    if any(outcome.kind in _STOPS for outcome in outcomes):
        chunk.enough = True  # at once: others wait for their turn in this moment
    return call, outcomes, began, (time.monotonic() - clock) * 1000


def _in_turn(chunk: _Chunk, call: _Call) -> bool:
    """Wait for the account's next call. False: it is too far off, or the hint is no longer ours for certain."""
    channel = chunk.channel
    if channel.calls_per_second:
        wait = chunk.tools.ledger.slot(channel.account, channel.calls_per_second, PATIENCE)
        if wait is None:
            return False
        time.sleep(wait)
        if chunk.enough:
            return False
        if careful := _careful(chunk, call):
            return chunk.tools.leases.renew(chunk.held, careful)
    return chunk.held.ours


def _judge(chunk: _Chunk, call: _Call, outcomes: Sequence[Outcome], began: datetime, ms: float) -> None:
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
        if verdict.state not in FINAL:
            chunk.blocked.add(delivery.ordering_key)
        if outcome.kind is not Kind.DELIVERED:
            log.info("not delivered", delivery=str(delivery.delivery_id), state=str(verdict.state), why=outcome.reason)
    chunk.outcomes += outcomes


def _keep(chunk: _Chunk, *, done: bool) -> None:
    """Write down what became of the calls so far; what comes too late is of no account."""
    verdicts, outcomes = chunk.verdicts, chunk.outcomes
    chunk.verdicts, chunk.outcomes, chunk.flushed = [], [], time.monotonic()
    said, hint_id = health(outcomes), chunk.held.hint_id
    kept = persist(lambda: chunk.tools.ledger.finish(hint_id, verdicts, said, done=done), hint_id)
    if kept < len(verdicts):
        log.warning("outcomes came too late, or were kept before", hint=hint_id, outcomes=len(verdicts) - kept)
        if not done:
            persist(lambda: chunk.tools.leases.renew(chunk.held), hint_id)
