"""`python -m tests.bench [--quick] [--only NAME …] [--json FILE]`: the product beside its controls, in one run.

Every load is verified: a figure is told only when each record has reached each of its destinations. Machines are shared
and noisy, so what counts are the ratios to the controls, and the CPU for a record.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg

from tests.bench import people
from tests.bench.calls import Call, Signer
from tests.bench.controls import programs
from tests.bench.controls.commits import commit
from tests.bench.controls.loop import loop
from tests.bench.driver import Pace
from tests.bench.ground import Ground, Pipeline
from tests.bench.measure import Bench, Measured, measure
from tests.bench.product import installed

WARM_UP = 10**6
NOTHING_OWED = "SELECT NOT EXISTS (SELECT FROM due)"
NOTHING_OPEN = "SELECT NOT EXISTS (SELECT FROM requests WHERE status <> 'completed')"
RESULTS = Path(__file__).with_name("results")
PACKAGES = ("celery", "flask", "gunicorn", "psycopg", "requests")

Start = Callable[..., AbstractContextManager[Pipeline]]


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    with Ground() as ground:
        found: dict[str, Any] = {}
        for name, run in LOADS.items():
            if not options.only or name in options.only:
                found[name] = run(ground, options.quick)
                print(f"{name:<22} {json.dumps(_brief(found[name]))}", flush=True)
    told = {"at": datetime.now(UTC).isoformat(), "machine": _machine(), "loads": found, "ratios": _ratios(found)}
    for name, ratio in told["ratios"].items():
        print(f"{name:<44} {ratio:.2f}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few records each: shows that it runs, measures nothing")
    parser.add_argument("--only", nargs="+", choices=[*LOADS], metavar="NAME", help=", ".join(LOADS))
    parser.add_argument("--json", type=Path, help=f"where the figures go, such as {RESULTS.name}/DATE.json")
    return parser.parse_args(arguments)


# ---- loads -----------------------------------------------------------------------------------------------------------


def _loaded(start: Start, group: str, records: int, *, destinations: int, rate: float | None = None) -> Any:
    """A load on the product or on the naive pipeline: destinations 0 measures the receiver alone."""

    def run(ground: Ground, quick: bool) -> Mapping[str, Any]:
        count = min(records, 60) if quick else records
        owed = NOTHING_OPEN if start is programs.naive else NOTHING_OWED
        with start(ground, workers=destinations > 0) as pipeline:
            bench = Bench(pipeline.address, {**pipeline.pids(), **ground.pids}, ground.sink, _settled(pipeline, owed))
            measure(bench, _calls(pipeline, WARM_UP, min(count, 150), group), Pace(), destinations)
            return asdict(measure(bench, _calls(pipeline, 0, count, group), Pace(rate=rate), destinations))

    return run


def _bare(ground: Ground, quick: bool) -> Mapping[str, Any]:
    with programs.bare(ground) as pipeline:
        bench = Bench(pipeline.address, pipeline.pids(), ground.sink, lambda: True)
        calls = _calls(pipeline, 0, 60 if quick else 4000, "main_group")
        measured: Measured = measure(bench, calls, Pace(), 0)
        return asdict(measured)


def _loop(ground: Ground, quick: bool) -> Mapping[str, Any]:
    return asdict(loop(ground.sink.url, range(30 if quick else 600)))


def _commits(ground: Ground, quick: bool) -> Mapping[str, Any]:
    with ground.database() as url:
        return asdict(commit(url, ground.postgres.pid, 0.5 if quick else 3.0))


def _calls(pipeline: Pipeline, first: int, count: int, group: str) -> list[Call]:
    signer = Signer(pipeline.access_key_id, pipeline.secret, pipeline.host)

    def body(number: int) -> bytes:
        return people.profiles_body([number]).replace(b"main_group", group.encode())

    return [Call(signer.post("/v2/profiles", body(n)), [n]) for n in range(first, first + count)]


def _settled(pipeline: Pipeline, query: str) -> Callable[[], bool]:
    def settled() -> bool:
        with psycopg.connect(pipeline.database_url) as connection:
            (done,) = connection.execute(query).fetchone() or (False,)
            return bool(done)

    return settled


LOADS: Mapping[str, Callable[[Ground, bool], Mapping[str, Any]]] = {
    "bare flask": _bare,
    "commits": _commits,
    "requests loop": _loop,
    "naive accept": _loaded(programs.naive, "main_group", 1500, destinations=0),
    "naive": _loaded(programs.naive, "main_group", 500, destinations=3),
    "accept": _loaded(installed, "main_group", 4000, destinations=0),
    "batch endpoints": _loaded(installed, "main_group", 4000, destinations=3),
    "no batch endpoint": _loaded(installed, "single_group", 2000, destinations=3),
    "light load": _loaded(installed, "main_group", 600, destinations=3, rate=40.0),
}


# ---- what is told ----------------------------------------------------------------------------------------------------


def _brief(found: Mapping[str, Any]) -> Mapping[str, Any]:
    if "answered" not in found:
        return found
    told = {"accepted/s": round(found["answered"]["per_second"]), "answer ms": found["answered"]["latency_ms"]}
    if found["delivered"]:
        told |= {
            "records/s": round(found["delivered"]["per_second"], 1),
            "latency ms": found["delivered"]["latency_ms"],
        }
    return {**told, "CPU ms/record": found["cost"]["cpu_ms"]}


def _ratios(found: Mapping[str, Any]) -> dict[str, float]:
    """The bars of the product: each figure over its control's, from this run."""
    wanted = {
        "accepted/s: product / bare flask": ("accept", "bare flask", _accepted),
        "accepted/s: product / naive": ("accept", "naive accept", _accepted),
        "records/s: product / naive": ("batch endpoints", "naive", lambda one: one["delivered"]["per_second"]),
        "CPU per record: product / naive": ("batch endpoints", "naive", lambda one: one["cost"]["total_ms"]),
    }
    return {
        name: round(figure(found[one]) / figure(found[other]), 3)
        for name, (one, other, figure) in wanted.items()
        if one in found and other in found
    }


def _accepted(load: Mapping[str, Any]) -> float:
    return float(load["answered"]["per_second"])


def _machine() -> Mapping[str, Any]:
    versions = {name: version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "system": platform.platform(), "packages": versions}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
