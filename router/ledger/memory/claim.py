"""What is given out: the rules of the claim, one step after the other (`postgres.claim_sql.CLAIM` in one statement)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from router.ledger.memory.store import LONG_AGO, Due, GivenHint, Store, Target
from router.ledger.pace import REPLAY_CHUNK, spacing
from router.ledger.ranges import id_at

LANES = ((0, 1), (1, 4), (2, 8))
"""Each lane and its weight: the higher, the fewer of it in a claim."""
AHEAD = 0.25
"""Seconds of a rate that may be given out ahead of time."""
LOOK_AGAIN = timedelta(milliseconds=30)
ALONE = 2
"""What more suspicion than this has goes in a chunk of its own."""


@dataclass(frozen=True, slots=True)
class Open:
    """A destination that may be given something. seats: of a chunk. take: how many rows at most, in all."""

    number: int
    target: Target
    seats: int
    room: int
    queue_room: int
    take: int
    replaying: bool

    @property
    def delivers(self) -> bool:
        return self.target.given.kind != "route"


@dataclass(frozen=True, slots=True)
class Seat:
    """A row that may go now, by what its key has: the place of its best, its first seq, whether it must go alone."""

    row: Due
    key_place: int
    key_seq: int
    alone: bool
    replay: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    number: int
    rows: Sequence[Due]
    place: int
    replay: bool


def claim(store: Store, hints_per_queue: int, apart: float, of: Collection[int] | None) -> list[GivenHint]:
    """Give out what is due, as new hints."""
    now = store.now()
    offers = []
    for one in _looked_at(store, list(able(store, hints_per_queue, apart, of))):
        candidates = _candidates(store, one)
        chunks = _chunks(one, _free(store, one, candidates))
        offers.append((one, len(candidates), _ranked(one, chunks)))
    given = [_give(store, one, chunk, now) for one, chunk in _fair(offers)]
    _bill(store, [(one, took) for one, took, _ in offers], given, now)
    return given


def _looked_at(store: Store, those: Sequence[Open]) -> Iterator[Open]:
    """Of each queue as many as it has room for, those who were served longest ago, and a few more by luck."""
    for queue in sorted({one.target.given.queue for one in those}):
        rivals = [one for one in those if one.target.given.queue == queue]
        turns = sorted(rivals, key=lambda one: (one.target.given_at, one.number))
        lucky = sorted(rivals, key=lambda _: store.luck())
        for one in rivals:
            if one in turns[: one.queue_room] or one in lucky[: (one.queue_room + 3) // 4]:
                yield replace(one, take=min(one.take, one.seats * (1 + one.queue_room // len(rivals))))


def _has_turn(store: Store, destination: int, apart: float) -> bool:
    """Whether its last turn was so many seconds ago, or lies ahead, where only a clock that went back can put it."""
    target, now = store.targets.get(destination), store.now()
    return target is not None and not now - timedelta(seconds=apart) < target.given_at <= now


def able(store: Store, hints_per_queue: int, apart: float, of: Collection[int] | None) -> Iterator[Open]:
    """Destinations of which something is due that may go now, and how much. of: which alone."""
    by_target = Counter(hint.destination for hint in store.hints.values())
    by_queue = Counter(hint.queue for hint in store.hints.values())
    replaying = {hint.destination for hint in store.hints.values() if hint.replay}
    for number in sorted({row.destination for row in store.due.values() if row.hint_id is None}):
        target = store.targets.get(number)
        if of is not None and number not in of:
            continue
        if target is None or not _has_turn(store, number, apart) or not _may_be_called(store, target):
            continue
        halved = target.breaker == "half_open"
        seats = 1 if halved else target.given.chunk
        room = (1 if halved else target.given.max_hints) - by_target[number]
        queue_room = hints_per_queue - by_queue[target.given.queue]
        if room > 0 and queue_room > 0:
            take = min([seats * min(room, queue_room), *_allowances(store, target)])
            one = Open(number, target, seats, room, queue_room, take, number in replaying)
            if take > 0 and _candidates(store, one):
                yield one


def _may_be_called(store: Store, target: Target) -> bool:
    blocked_until = store.account(target.given.account).blocked_until
    return (
        target.given.enabled and target.paused_at is None and target.breaker != "open" and blocked_until <= store.now()
    )


def _allowances(store: Store, target: Target) -> Iterator[int]:
    given, account, now = target.given, store.account(target.given.account), store.now()
    if given.requests_per_second is not None:
        yield given.batch * _allowed(given.requests_per_second, account.requests_next_at, now)
    if given.records_per_second is not None:
        yield _allowed(given.records_per_second, account.records_next_at, now)
    if target.catching_up:
        yield _allowed(given.release_rate, target.release_next_at, now)


def _allowed(rate: float, spent_until: datetime, now: datetime) -> int:
    """What fits between the moment up to which a rate is spent and a little ahead of now."""
    ahead = max(AHEAD, 1.0 / rate) - (max(spent_until, now) - now).total_seconds()
    return math.floor(ahead * rate + 0.001)


def _candidates(store: Store, one: Open) -> list[Due]:
    """The oldest due of each lane, in shares."""
    now, luck = store.now(), {lane: store.luck() for lane, _ in LANES}
    waiting = sorted(
        (row for row in store.due.values() if row.destination == one.number and row.hint_id is None),
        key=lambda row: (row.due_at, row.seq),
    )
    shares: list[tuple[float, int, Due]] = []
    for lane, weight in LANES:
        if lane == 2 and one.replaying:
            continue
        most = min(one.take, REPLAY_CHUNK) if lane == 2 else one.take
        turn = [row for row in waiting if row.lane == lane and row.due_at <= now][:most]
        shares += [(weight * (nth - luck[lane]), lane, row) for nth, row in enumerate(turn, 1)]
    return [row for _, _, row in sorted(shares, key=lambda share: share[:2])[: one.take]]


def _free(store: Store, one: Open, candidates: Sequence[Due]) -> Iterator[Seat]:
    """What may go now of each key; what is held up behind another is looked at again later."""
    places = {row.id: place for place, row in enumerate(candidates)}
    for key, grouped in groupby(sorted(candidates, key=lambda row: (row.ordering_key, row.seq)), _key):
        members = list(grouped)
        head = _first(store, one, one.number, key, members) if one.delivers else None
        unplanned = _first(store, one, one.target.route, key, members)
        free = [row for row in members if _before(row, head) and _before(row, unplanned)]
        for row in members[len(free) :]:
            until = LONG_AGO if _before(row, head) or head is None else _until(head, one)
            row.due_at = max(until, store.now() + LOOK_AGAIN)
        if free:
            place, alone = min(places[row.id] for row in free), max(row.suspicion for row in free) > ALONE
            replay = all(row.lane == 2 for row in free)
            yield from (Seat(row, place, free[0].seq, alone, replay) for row in free)


def _first(store: Store, one: Open, destination: int | None, key: UUID, members: Sequence[Due]) -> Due | None:
    """The first row of the key that does not go along, and has not waited so long that it gives way."""
    gives_way = id_at(store.now() - timedelta(seconds=one.target.given.order_limit))
    rows = (
        row
        for row in store.due.values()
        if row.destination == destination and row.ordering_key == key and row.seq < members[-1].seq
        if row.id > gives_way and row not in members
    )
    return min(rows, key=lambda row: row.seq, default=None)


def _before(row: Due, other: Due | None) -> bool:
    return other is None or row.seq < other.seq


def _until(head: Due, one: Open) -> datetime:
    """When the head of a key moves, or gives way."""
    born = datetime.fromtimestamp((head.id.int >> 80) / 1000, tz=head.due_at.tzinfo)
    return min(head.due_at, born + timedelta(seconds=one.target.given.order_limit))


def _key(row: Due) -> UUID:
    return row.ordering_key


def _chunks(one: Open, free: Iterable[Seat]) -> list[Chunk]:
    """Rows side by side as they fit; of a key, only what fits into one chunk; a suspicious one alone."""
    seats = sorted(free, key=lambda seat: (seat.key_place, seat.row.seq))
    chunks = [
        Chunk(one.number, [seat.row], seat.key_place, seat.replay)
        for seat in seats
        if seat.alone and seat.row.seq == seat.key_seq
    ]
    for replay in (False, True):
        side = [seat for seat in seats if not seat.alone and seat.replay is replay]
        numbers: dict[UUID, int] = {}
        for nth, seat in enumerate(side):
            numbers.setdefault(seat.row.ordering_key, nth // one.seats)
        filled: dict[int, list[Seat]] = {}
        for nth, seat in enumerate(side):
            if numbers[seat.row.ordering_key] == nth // one.seats:
                filled.setdefault(nth // one.seats, []).append(seat)
        for members in filled.values():
            rows = sorted((seat.row for seat in members), key=lambda row: row.seq)
            chunks.append(Chunk(one.number, rows, min(seat.key_place for seat in members), replay))
    return chunks


def _ranked(one: Open, chunks: Sequence[Chunk]) -> list[Chunk]:
    """As many as there is room for, best first, one of replays at most."""
    ordered = sorted(chunks, key=lambda chunk: chunk.place)
    first_replay = next((chunk for chunk in ordered if chunk.replay), None)
    return [chunk for chunk in ordered[: one.room] if not chunk.replay or chunk is first_replay]


def _fair(offers: Iterable[tuple[Open, int, Sequence[Chunk]]]) -> Iterator[tuple[Open, Chunk]]:
    """Within a queue each destination's first, then each one's second: who was served longest ago begins."""
    turns = [
        (one.target.given.queue, turn, one.target.given_at, one.number, one, chunk)
        for one, _, chunks in offers
        for turn, chunk in enumerate(chunks)
    ]
    seated: Counter[str] = Counter()
    for queue, _, _, _, one, chunk in sorted(turns, key=lambda turn: turn[:4]):
        seated[queue] += 1
        if seated[queue] <= one.queue_room:
            yield one, chunk


def _give(store: Store, one: Open, chunk: Chunk, now: datetime) -> GivenHint:
    hint = GivenHint(
        hint_id=next(store.hint_numbers),
        destination=one.number,
        queue=one.target.given.queue,
        task="deliver" if one.delivers else "route",
        replay=chunk.replay,
        ids=tuple(row.id for row in chunk.rows),
        requests=tuple(sorted({row.request_id for row in chunk.rows})),
        given_at=now,
    )
    store.hints[hint.hint_id] = hint
    for row in chunk.rows:
        row.hint_id = hint.hint_id
    return hint


def _bill(store: Store, opened: Iterable[tuple[Open, int]], hints: Sequence[GivenHint], now: datetime) -> None:
    """Note who was served, and spend what was given out."""
    by_target: Mapping[int, list[GivenHint]] = {
        one: [hint for hint in hints if hint.destination == one] for one in {hint.destination for hint in hints}
    }
    for one, candidates in opened:
        if one.number not in by_target:
            continue
        target, given = one.target, one.target.given
        account = store.account(given.account)
        records = sum(len(hint.ids) for hint in by_target[one.number])
        calls = sum(math.ceil(len(hint.ids) / given.batch) for hint in by_target[one.number])
        target.given_at = now
        if target.catching_up:
            target.release_next_at = _spend(target.release_next_at, records, given.release_rate, now)
            target.catching_up = candidates >= one.take
        if given.requests_per_second is not None:
            account.requests_next_at = _spend(
                account.requests_next_at, calls, 1.0 / spacing(given.requests_per_second), now
            )
        if given.records_per_second is not None:
            account.records_next_at = _spend(account.records_next_at, records, given.records_per_second, now)


def _spend(spent_until: datetime, amount: int, rate: float, now: datetime) -> datetime:
    return max(spent_until, now) + timedelta(seconds=amount / rate)
