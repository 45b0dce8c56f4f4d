"""One load, measured: what was answered how fast, what was delivered when, what it cost, and that all arrived."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.bench import usage
from tests.bench.calls import Call
from tests.bench.driver import Pace, Sent, send
from tests.bench.sink import Seen, Sink

QUIET = 30.0
"""Seconds without a new delivery after which the rest counts as missing."""


class Unproven(Exception):
    """Records are missing, or requests were refused: the figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds."""

    p50: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, nanoseconds: Iterable[int]) -> Percentiles:
        ordered = sorted(nanoseconds)
        last = len(ordered) - 1
        return cls(*(round(ordered[round(last * share)] / 1e6, 2) for share in (0.5, 0.95, 0.99, 1.0)))


@dataclass(frozen=True, slots=True)
class Answered:
    """requests and records accepted, and how fast. per_second: requests."""

    requests: int
    records: int
    seconds: float
    per_second: float
    latency_ms: Percentiles


@dataclass(frozen=True, slots=True)
class Delivered:
    """seconds: from the first request to the last delivery. latency: from a request's 200 to a delivery of its record;
    whole: to the last of its record's deliveries. repeats: deliveries made more than once."""

    records: int
    deliveries: int
    calls: int
    seconds: float
    per_second: float
    latency_ms: Percentiles
    whole_ms: Percentiles
    repeats: int


@dataclass(frozen=True, slots=True)
class Cost:
    """cpu_ms: milliseconds of CPU per record, by group of processes; total_ms: of all but the driver and the sink.

    memory_mb: the most that each group had. ledger: what the ledger's counters grew by, per record.
    """

    cpu_ms: Mapping[str, float]
    total_ms: float
    memory_mb: Mapping[str, float]
    ledger: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    answered: Answered
    cost: Cost
    delivered: Delivered | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured. groups: processes by name. settled: are all outcomes kept? books: counters of the ledger."""

    address: tuple[str, int]
    groups: Mapping[str, Sequence[int]]
    sink: Sink
    settled: Callable[[], bool]
    books: Callable[[], Mapping[str, float]] = dict


def measure(bench: Bench, calls: Sequence[Call], pace: Pace, destinations: int) -> Measured:
    """Send the calls, and wait until every record has reached so many destinations; 0: for their answers alone.

    Raises `Unproven`.
    """
    records = sum(len(call.numbers) for call in calls)
    bench.sink.take()
    books, before, outside = bench.books(), _cpu(bench.groups), usage.cpu([bench.sink.pid])
    with usage.Peak(bench.groups) as peak:
        sent = send(bench.address, [call.wire for call in calls], pace)
        _check_answers(sent)
        if destinations:
            _await(bench.sink, records * destinations)
            _settle(bench.settled)
        after, outside = _cpu(bench.groups), usage.cpu([bench.sink.pid]) - outside
    cpu = {name: after[name] - before[name] for name in bench.groups} | {"driver": sent.cpu, "sink": outside}
    per_record = {name: round(seconds * 1000 / records, 3) for name, seconds in cpu.items()}
    spent = {name: round((value - books[name]) / records, 3) for name, value in bench.books().items()}
    total = round(sum(per_record[name] for name in bench.groups), 3)
    memory = {name: round(peak.bytes[name] / 2**20, 1) for name in bench.groups}
    cost = Cost(per_record, total, memory, spent)
    return Measured(
        _answered(sent, records),
        cost,
        _delivered(bench.sink.take(), sent, calls, destinations) if destinations else None,
    )


def pooled(turns: Sequence[Measured]) -> Measured:
    """Several loads of one kind as one: counts and seconds together, costs by record, of each percentile the middle."""
    answered = [turn.answered for turn in turns]
    delivered = [turn.delivered for turn in turns if turn.delivered]
    return Measured(
        _answered_in_all(answered), _cost_in_all(turns), _delivered_in_all(delivered) if delivered else None
    )


def _answered_in_all(turns: Sequence[Answered]) -> Answered:
    requests, seconds = sum(turn.requests for turn in turns), sum(turn.seconds for turn in turns)
    latency = _middle([turn.latency_ms for turn in turns])
    records = sum(turn.records for turn in turns)
    return Answered(requests, records, round(seconds, 3), round(requests / seconds, 1), latency)


def _delivered_in_all(turns: Sequence[Delivered]) -> Delivered:
    records, seconds = sum(turn.records for turn in turns), sum(turn.seconds for turn in turns)
    return Delivered(
        records=records,
        deliveries=sum(turn.deliveries for turn in turns),
        calls=sum(turn.calls for turn in turns),
        seconds=round(seconds, 3),
        per_second=round(records / seconds, 1),
        latency_ms=_middle([turn.latency_ms for turn in turns]),
        whole_ms=_middle([turn.whole_ms for turn in turns]),
        repeats=sum(turn.repeats for turn in turns),
    )


def _cost_in_all(turns: Sequence[Measured]) -> Cost:
    costs = [turn.cost for turn in turns]
    weights = [turn.answered.records for turn in turns]

    def mean(figures: Sequence[float]) -> float:
        return round(sum(f * weight for f, weight in zip(figures, weights, strict=True)) / sum(weights), 3)

    return Cost(
        cpu_ms={name: mean([cost.cpu_ms[name] for cost in costs]) for name in costs[0].cpu_ms},
        total_ms=mean([cost.total_ms for cost in costs]),
        memory_mb={name: max(cost.memory_mb[name] for cost in costs) for name in costs[0].memory_mb},
        ledger={name: mean([cost.ledger[name] for cost in costs]) for name in costs[0].ledger},
    )


def _middle(turns: Sequence[Percentiles]) -> Percentiles:
    return Percentiles(
        median(turn.p50 for turn in turns),
        median(turn.p95 for turn in turns),
        median(turn.p99 for turn in turns),
        max(turn.most for turn in turns),
    )


def _cpu(groups: Mapping[str, Sequence[int]]) -> dict[str, float]:
    return {name: usage.cpu(pids) for name, pids in groups.items()}


def _check_answers(sent: Sent) -> None:
    refused = {status: count for status, count in Counter(sent.statuses).items() if not 200 <= status < 300}
    if refused:
        raise Unproven(f"requests were refused, by status: {refused}")


def _await(sink: Sink, wanted: int) -> None:
    seen, since = sink.count(), time.monotonic()
    while seen < wanted:
        time.sleep(0.1)
        now = sink.count()
        if now > seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > QUIET:
            raise Unproven(f"{wanted - seen} of {wanted} deliveries did not arrive")


def _settle(settled: Callable[[], bool]) -> None:
    deadline = time.monotonic() + QUIET
    while not settled():
        if time.monotonic() > deadline:
            raise Unproven("everything was delivered, but not all outcomes are kept")
        time.sleep(0.1)


def _answered(sent: Sent, records: int) -> Answered:
    count = len(sent.due)
    return Answered(
        count, records, round(sent.seconds, 3), round(count / sent.seconds, 1), Percentiles.of(sent.latencies)
    )


def _delivered(seen: Seen, sent: Sent, calls: Sequence[Call], destinations: int) -> Delivered:
    """Every record at every destination, or `Unproven`."""
    accepted = {number: at for call, at in zip(calls, sent.answered, strict=True) for number in call.numbers}
    first: dict[tuple[int, int], int] = {}
    for number, place, at in zip(seen.numbers, seen.places, seen.times, strict=True):
        first.setdefault((number, place), at)
    strangers = {number for number, _ in first} - accepted.keys()
    missing = len(accepted) * destinations - len(first)
    if strangers or missing:
        raise Unproven(f"{missing} deliveries are missing, {len(strangers)} were of records that nobody sent")
    whole: dict[int, int] = {}
    for (number, _), at in first.items():
        whole[number] = max(whole.get(number, 0), at)
    seconds = (max(seen.times) - min(sent.due)) / 1e9
    return Delivered(
        records=len(accepted),
        deliveries=len(first),
        calls=seen.calls,
        seconds=round(seconds, 3),
        per_second=round(len(accepted) / seconds, 1),
        latency_ms=Percentiles.of(max(at - accepted[number], 0) for (number, _), at in first.items()),
        whole_ms=Percentiles.of(max(at - accepted[number], 0) for number, at in whole.items()),
        repeats=len(seen.numbers) - len(first),
    )
