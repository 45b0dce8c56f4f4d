"""What is measured, by name. Each scenario brings its own controls, so that its ratios come from one run.

Machines that others share become slower and faster by the minute: what is compared takes turns, and the figures of all
its turns are pooled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from tests.bench.controls.commits import Committed, commit
from tests.bench.controls.loop import Looped, loop
from tests.bench.controls.programs import bare, naive
from tests.bench.ground import Ground
from tests.bench.loads import events, identifies, load, profiles
from tests.bench.measure import Measured, pooled
from tests.bench.product import installed
from tests.bench.statements import by_age

Found = dict[str, Any]
Turn = dict[str, Measured]
LIGHT = 0.2
"""The share of its throughput that a light load is."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Records of each load, in each of its turns; seconds of those that take as long as they take."""

    turns: int
    accepted: int
    delivered: int
    naive: int
    looped: int
    seconds: float


FULL = Sizes(turns=3, accepted=4000, delivered=3000, naive=500, looped=600, seconds=10.0)
QUICK = Sizes(turns=1, accepted=60, delivered=60, naive=20, looped=20, seconds=0.5)


def accept(ground: Ground, sizes: Sizes) -> Found:
    """The receiver alone: beside a bare route under gunicorn, and under our worker, and the hand-written receiver."""
    return _by_turns(sizes.turns, lambda: _accepted(ground, sizes))


def _accepted(ground: Ground, sizes: Sizes) -> Turn:
    found: Turn = {}
    with naive(ground, workers=False) as pipeline:
        found["naive receiver"] = load(ground, pipeline, profiles(), sizes.accepted // 2, destinations=0, naive=True)
    with installed(ground, workers=False) as pipeline:
        found["receiver"] = load(ground, pipeline, profiles(), sizes.accepted, destinations=0)
        half = found["receiver"].answered.per_second / 2
        count = _lasting(sizes.seconds, half)
        found["receiver at half load"] = load(ground, pipeline, profiles(), count, destinations=0, rate=half)
        found["receiver, tens"] = load(ground, pipeline, profiles(size=10), sizes.accepted, destinations=0)
    with bare(ground) as route:
        found["bare route at half load"] = load(ground, route, profiles(), count, destinations=0, rate=half)
        found["bare route"] = load(ground, route, profiles(), sizes.accepted, destinations=0)
    with bare(ground, worker=()) as route:
        found["bare route, our worker"] = load(ground, route, profiles(), sizes.accepted, destinations=0)
    return found


def deliver(ground: Ground, sizes: Sizes) -> Found:
    """End to end, to three destinations: through batch endpoints, without any, and the controls of both."""
    loops: list[Looped] = []
    found = _by_turns(sizes.turns, lambda: _delivered(ground, sizes, loops))
    found["requests loop"] = _looped(loops)
    if "postgresql" in ground.pids:
        found["one-row commits"] = asdict(committed(ground, sizes))
    return found


def committed(ground: Ground, sizes: Sizes) -> Committed:
    """Rows in commits of their own, for three seconds at most."""
    with ground.database() as url:
        return commit(url, ground.pids["postgresql"][0], min(sizes.seconds, 3.0))


def _delivered(ground: Ground, sizes: Sizes, loops: list[Looped]) -> Turn:
    found: Turn = {}
    with installed(ground) as pipeline:
        found["batch endpoints"] = load(ground, pipeline, profiles(), sizes.delivered, destinations=3)
    with naive(ground) as pipeline:
        found["naive"] = load(ground, pipeline, profiles(), sizes.naive, destinations=3, naive=True)
    loops.append(loop(ground.sink.url, range(sizes.looped)))
    with installed(ground) as pipeline:
        calls = profiles("single_group")
        found["no batch endpoint"] = load(ground, pipeline, calls, sizes.delivered // 2, destinations=3)
    loops.append(loop(ground.sink.url, range(sizes.looped)))
    return found


def light(ground: Ground, sizes: Sizes) -> Found:
    """How long a record takes at a fifth of the throughput."""
    return _by_turns(sizes.turns, lambda: _lightly(ground, sizes))


def _lightly(ground: Ground, sizes: Sizes) -> Turn:
    with installed(ground) as pipeline:
        most = load(ground, pipeline, profiles(), sizes.delivered // 2, destinations=3)
        assert most.delivered is not None
        rate = most.delivered.per_second * LIGHT
        count = _lasting(sizes.seconds, rate)
        return {"light load": load(ground, pipeline, profiles(), count, destinations=3, rate=rate)}


def client(ground: Ground, sizes: Sizes) -> Found:
    """The client API: what it accepts, and end to end to one destination."""
    return _by_turns(sizes.turns, lambda: _of_clients(ground, sizes))


def _of_clients(ground: Ground, sizes: Sizes) -> Turn:
    found: Turn = {}
    with installed(ground, workers=False) as pipeline:
        for name, calls in {
            "identifies": identifies("app_group"),
            "events": events("app_group"),
            "events, tens": events("app_group", 10),
        }.items():
            found[f"{name}, accepted"] = load(ground, pipeline, calls, sizes.accepted, destinations=0)
    for name, calls in {
        "events to Parcelvoy": events("app_group"),
        "events, tens to Parcelvoy": events("app_group", 10),
        "events to a webhook": events("hook_group"),
    }.items():
        with installed(ground) as pipeline:
            found[name] = load(ground, pipeline, calls, sizes.delivered, destinations=1)
    return found


def callbacks(ground: Ground, sizes: Sizes) -> Found:
    """With a signed status callback for each request, which is one more call than there are destinations."""
    with installed(ground) as pipeline:
        calls = profiles("callback_group")
        return {"with callbacks": load(ground, pipeline, calls, sizes.delivered // 2, destinations=1)}


def ledger(ground: Ground, sizes: Sizes) -> Found:
    """The ledger's statements one by one, on new and on older ledgers."""
    return dict(by_age(ground, sizes.accepted // 2))


def _by_turns(turns: int, turn: Callable[[], Turn]) -> Found:
    """Every load of so many turns, pooled by name."""
    made = [turn() for _ in range(turns)]
    return {name: pooled([each[name] for each in made]) for name in made[0]}


def _lasting(seconds: float, rate: float) -> int:
    return max(int(seconds * rate), 30)


def _looped(loops: list[Looped]) -> Mapping[str, float]:
    """The mean of several, for the machine is not equally busy all the time."""
    return {
        "records": sum(each.records for each in loops),
        "per_second": round(mean(each.records / each.seconds for each in loops), 1),
        "cpu_ms": round(mean(each.cpu / each.records for each in loops) * 1000, 3),
    }


Scenario = Callable[[Ground, Sizes], Found]
USUAL: Mapping[str, Scenario] = {
    "accept": accept,
    "deliver": deliver,
    "light": light,
    "client": client,
    "callbacks": callbacks,
    "ledger": ledger,
}


def plain(found: Found) -> Found:
    """As JSON."""
    return {name: asdict(one) if isinstance(one, Measured) else one for name, one in found.items()}
