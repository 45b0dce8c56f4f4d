"""A small simulation of the queueing in `design.md` §4: `python -m tests.bench.simulate`.

Time is counted here, not measured, and chance is seeded: the same figures every time, on any machine. It checks claims
about the shape of things: that chunks grow with the load, that a light load is quick, that an overload is worked off
once it ends (and is not, where leases begin with the giving), and that a destination that hangs does not delay others.
"""

from __future__ import annotations

import heapq
import random
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count

Action = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where records go: planning, or a destination. Times are seconds.

    hints: that may be outstanding; None is without bound. chunk: the most records of one. per_hint, per_record: what
    they take a worker. then: where records go next. rate: records that come a second, until a time.
    """

    queue: str
    hints: int | None = 4
    chunk: int = 64
    per_hint: float = 0.006
    per_record: float = 0.004
    then: str | None = None
    rate: float = 0.0
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class World:
    """workers: of each queue. every: seconds between claims.

    lease_at_giving: seconds after which a hint that was given, not started, is given again while the first one still
    lies in its queue; None: leases begin when work begins, so nothing is ever given twice.
    """

    places: dict[str, Place]
    workers: dict[str, int]
    every: float = 0.015
    lease_at_giving: float | None = None


@dataclass(slots=True, eq=False)
class _Hint:
    place: str
    records: list[int]
    given_at: float
    stale: bool = False


@dataclass(slots=True)
class Seen:
    """When each record came and was done, where, and how large chunks were."""

    came: dict[int, float] = field(default_factory=dict)
    done: dict[int, float] = field(default_factory=dict)
    last: dict[int, str] = field(default_factory=dict)
    chunks: dict[str, list[int]] = field(default_factory=dict)

    def wait(self, share: float, place: str) -> float:
        """Seconds that this share of the records that were done at a place did not exceed."""
        waits = sorted(at - self.came[n] for n, at in self.done.items() if self.last[n] == place)
        return waits[min(int(len(waits) * share), len(waits) - 1)]

    def rate(self, since: float, until: float) -> float:
        """Records done a second in that time."""
        return sum(since <= at < until for at in self.done.values()) / (until - since)

    def chunk(self, place: str) -> float:
        """The mean size."""
        return sum(self.chunks[place]) / len(self.chunks[place])


class Simulation:
    """Clients, a dispatcher and workers."""

    def __init__(self, world: World, *, seed: int = 7) -> None:
        self._world = world
        self._rng = random.Random(seed)
        self._now = 0.0
        self._agenda: list[tuple[float, int, Action]] = []
        self._order, self._numbers = count(), count()
        self._due: dict[str, deque[int]] = {name: deque() for name in world.places}
        self._given: dict[str, dict[_Hint, None]] = {name: {} for name in world.places}
        self._queues: dict[str, deque[_Hint]] = {queue: deque() for queue in world.workers}
        self._idle = dict(world.workers)
        self.seen = Seen(chunks={name: [] for name in world.places})

    def run(self, until: float) -> Seen:
        for name, place in self._world.places.items():
            if place.rate:
                self._come(name)
        self._claim()
        while self._agenda and self._agenda[0][0] <= until:
            self._now, _, action = heapq.heappop(self._agenda)
            action()
        return self.seen

    def _in(self, delay: float, action: Action) -> None:
        heapq.heappush(self._agenda, (self._now + delay, next(self._order), action))

    def _come(self, name: str) -> None:
        place = self._world.places[name]
        gap = self._rng.expovariate(place.rate)
        if self._now + gap <= place.until:
            self._in(gap, lambda: self._arrive(name))

    def _arrive(self, name: str) -> None:
        number = next(self._numbers)
        self.seen.came[number] = self._now
        self._due[name].append(number)
        self._come(name)

    def _claim(self) -> None:
        for name, place in self._world.places.items():
            self._give_again(name)
            due, given = self._due[name], self._given[name]
            while due and (place.hints is None or len(given) < place.hints):
                hint = _Hint(name, [due.popleft() for _ in range(min(place.chunk, len(due)))], self._now)
                given[hint] = None
                self._queues[place.queue].append(hint)
            self._work(place.queue)
        self._in(self._world.every, self._claim)

    def _give_again(self, name: str) -> None:
        lease, given = self._world.lease_at_giving, self._given[name]
        while lease is not None and given and self._now - (first := next(iter(given))).given_at > lease:
            del given[first]
            first.stale = True
            self._due[name].extend(first.records)

    def _work(self, queue: str) -> None:
        while self._queues[queue] and self._idle[queue]:
            self._idle[queue] -= 1
            hint = self._queues[queue].popleft()
            place = self._world.places[hint.place]
            if hint.stale:  # it is found to be so, and dropped
                self._in(place.per_hint, lambda: self._free(queue))
                continue
            self.seen.chunks[hint.place].append(len(hint.records))
            took = place.per_hint + place.per_record * len(hint.records)
            self._in(took, lambda one=hint: self._finish(one))  # type: ignore[misc]

    def _finish(self, hint: _Hint) -> None:
        place = self._world.places[hint.place]
        if not hint.stale:
            del self._given[hint.place][hint]
            for number in hint.records:
                if place.then is not None:
                    self._due[place.then].append(number)
                else:
                    self.seen.done.setdefault(number, self._now)
                    self.seen.last[number] = hint.place
        self._free(place.queue)

    def _free(self, queue: str) -> None:
        self._idle[queue] += 1
        self._work(queue)


# ---- claims ----------------------------------------------------------------------------------------------------------

# Two workers, whose times are assumed: six milliseconds for a hint and four for each delivery in it, made one by one.
CRM = Place("deliver")
PLAN = Place("route", chunk=200, per_record=0.0005, then="crm")
CAPACITY = 2 / (CRM.per_record + CRM.per_hint / CRM.chunk)
SLOW = replace(CRM, per_record=0.04, chunk=64)
SLOW_CAPACITY = 4 / (SLOW.per_record + SLOW.per_hint / SLOW.chunk)


def _under(share: float) -> Seen:
    """Half a minute of a share of what two workers can do, planned and delivered."""
    places = {"plan": replace(PLAN, rate=CAPACITY * share, until=30.0), "crm": CRM}
    return Simulation(World(places, {"route": 1, "deliver": 2})).run(45.0)


@cache
def chunks_grow() -> tuple[bool, str]:
    """Chunks grow with the load: a few records when it is light, full ones when it is heavy."""
    sizes = {share: _under(share).chunk("crm") for share in (0.05, 0.5, 0.95)}
    told = ", ".join(f"{share:.0%}: {size:.1f} records" for share, size in sizes.items())
    return sizes[0.05] < 2 < sizes[0.5] < sizes[0.95], told


@cache
def light_is_quick() -> tuple[bool, str]:
    """At a fifth of the load, half are delivered within 60 ms, and all but one in a hundred within 250 ms."""
    seen = _under(0.2)
    p50, p99 = seen.wait(0.5, "crm"), seen.wait(0.99, "crm")
    return p50 < 0.06 and p99 < 0.25, f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"


@cache
def overload_ends() -> tuple[bool, str]:
    """Three times what can be done, for half a minute: it goes on at over four fifths of it, and is worked off."""
    seen = _overloaded(SLOW, None)
    rate = seen.rate(30.0, 60.0) / SLOW_CAPACITY
    left = len(seen.came) - len(seen.done)
    return rate > 0.8 and left == 0, f"{rate:.0%} of the capacity in the half minute after, {left} left at the end"


@cache
def leases_from_giving_collapse() -> tuple[bool, str]:
    """With unbounded hints whose lease begins when they are given, the same overload never ends."""
    seen = _overloaded(replace(SLOW, hints=None, chunk=1), 5.0)
    rate = seen.rate(30.0, 60.0) / SLOW_CAPACITY
    left = len(seen.came) - len(seen.done)
    return rate < 0.2 and left > 0, f"{rate:.0%} of the capacity in the half minute after, {left} left at the end"


def _overloaded(place: Place, lease: float | None) -> Seen:
    places = {"crm": replace(place, rate=3 * SLOW_CAPACITY, until=30.0)}
    return Simulation(World(places, {"deliver": 4}, lease_at_giving=lease)).run(150.0)


@cache
def hanging_is_isolated() -> tuple[bool, str]:
    """An account whose calls take 30 seconds holds its own hints, and delays another of its queue by less than half."""
    healthy = replace(CRM, rate=CAPACITY * 0.3, until=60.0)
    hanging = Place("deliver", chunk=8, per_hint=30.0, rate=20.0, until=60.0)
    alone = Simulation(World({"crm": healthy}, {"deliver": 8})).run(90.0).wait(0.95, "crm")
    beside, unbounded = (
        Simulation(World({"crm": healthy, "hangs": replace(hanging, hints=hints)}, {"deliver": 8})).run(90.0)
        for hints in (4, None)
    )
    p95, worst = beside.wait(0.95, "crm"), unbounded.wait(0.95, "crm")
    told = f"p95 {alone * 1000:.0f} ms alone, {p95 * 1000:.0f} ms beside it, {worst * 1000:.0f} ms without a bound"
    return p95 < 1.5 * alone < worst, told


@cache
def bursts_are_shared() -> tuple[bool, str]:
    """Half a minute's work that one client sends at once delays another client of its queue by two seconds at most."""
    steady = replace(CRM, rate=CAPACITY * 0.2, until=30.0)
    burst = replace(CRM, rate=CAPACITY * 10, until=3.0)
    bounded, unbounded = (
        Simulation(World({"bursts": replace(burst, hints=hints), "crm": steady}, {"deliver": 2})).run(60.0)
        for hints in (4, None)
    )
    p95, worst = bounded.wait(0.95, "crm"), unbounded.wait(0.95, "crm")
    return p95 < 2.0 < worst, f"p95 {p95 * 1000:.0f} ms beside it, {worst * 1000:.0f} ms without a bound on hints"


CLAIMS: Sequence[Callable[[], tuple[bool, str]]] = (
    chunks_grow,
    light_is_quick,
    overload_ends,
    leases_from_giving_collapse,
    hanging_is_isolated,
    bursts_are_shared,
)


def answers() -> Iterator[tuple[str, bool, str]]:
    """Every claim, whether it holds, and its figures."""
    for claim in CLAIMS:
        yield claim.__doc__ or "", *claim()


if __name__ == "__main__":
    for claim, holds, told in answers():
        print(f"{'✔' if holds else '✘'} {claim}\n    {told}")
    sys.exit(0)
