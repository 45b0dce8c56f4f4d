"""The tables of `deploy/scaling.md`, from the results that are kept: `python -m tests.bench.scaling` writes them there.

So there is one copy of every figure: whoever measures anew writes to `results/`, and the page follows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

from tests.bench import simulate

PAGE = Path(__file__).parents[2] / "deploy" / "scaling.md"
RESULTS = Path(__file__).with_name("results")
RATES = (1_000, 10_000, 100_000)
BUSY = 0.5
"""The share of a core, and of the claims' time, that is planned with; the rest is for bursts and for catching up."""
CALL = 0.2
"""Seconds that a destination takes to answer."""
AT_ONCE = 8
"""Calls that a worker slot has in flight (`workers.channel`)."""
THREADS = 8
"""Connections of a receiver's process, by default."""
CORES = 32
"""Of a large PostgreSQL server."""
DAY, KEPT = 86_400, 90

_BOTH = ("batch endpoints", "no batch endpoint")

Loads = Mapping[str, Any]
Row = Sequence[str]


def blocks(usual: Loads, long: Loads) -> dict[str, str]:
    """The tables by name, as Markdown. long: may lack some or all of its scenarios."""
    soaked = long.get("soak", {"records": [], "memory_mb": {}})
    runs = (*(f"run {number}" for number in range(1, 6)), "most ÷ least")
    return {
        "cost": _table(("ms of CPU per record", *_BOTH), _cost(usual)),
        "ledger": _table(("per record", *_BOTH), _ledger(usual)),
        "statements": _table(("ms of CPU per record", *_ledgers(usual)), _statements(usual)),
        "fleet": _table(("records/s, to three destinations each", *(f"{rate:,}" for rate in RATES)), _fleet(usual)),
        "size": _table(("deliveries in the ledger", *_sizes(long)), _size(long)),
        "large": _table(("ms of CPU per record", *_ledgers(long)), _statements(long)),
        "steady": _table(("PostgreSQL's CPU, ms per record", *runs), _steady(long)),
        "soak": _table(("MB after so many records", *(f"{each:,}" for each in soaked["records"][1::2])), _soak(soaked)),
        "claims": "\n".join(_claims()),
    }


def _table(head: Row, rows: Iterable[Row]) -> str:
    known = [row for row in rows if len(row) > 1]
    if not known:
        return "*Not measured yet.*"
    lines = [head, ["---", *("--:" for _ in head[1:])], *known]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cost(usual: Loads) -> Iterable[Row]:
    for part in ("receiver", "workers", "dispatchers", "postgresql", "broker"):
        yield part, *(f"{usual[name]['cost']['cpu_ms'][part]:.2f}" for name in _BOTH)
    yield "together", *(f"{usual[name]['cost']['total_ms']:.2f}" for name in _BOTH)


def _ledger(usual: Loads) -> Iterable[Row]:
    for title, key, digits in (
        ("bytes that the ledger grows by, indexes included", "bytes", 0),
        ("bytes of WAL", "wal_bytes", 0),
        ("commits", "commits", 2),
        ("hints, which are the broker's messages", "hints", 3),
    ):
        yield title, *(f"{usual[name]['cost']['ledger'][key]:,.{digits}f}" for name in _BOTH)
    yield "calls to destinations", *(f"{_calls(usual[name]):.2f}" for name in _BOTH)


def _calls(load: Loads) -> float:
    return float(load["delivered"]["calls"] / load["delivered"]["records"])


def _ledgers(loads: Loads) -> list[str]:
    return [name for name in loads if name.startswith("ledger of ")]


def _statements(loads: Loads) -> Iterable[Row]:
    for how, title in (("full", "full chunks"), ("single", "one record at a time")):
        ages = [loads[name][how] for name in _ledgers(loads)]
        for name in ages[0] if ages else ():
            yield f"{title}: `{name}`", *(f"{age[name]['cpu_ms']:.2f}" for age in ages)
        yield f"{title}: together", *(f"{sum(each['cpu_ms'] for each in age.values()):.2f}" for age in ages)


def _fleet(usual: Loads) -> Iterable[Row]:
    load, claim = usual["batch endpoints"], usual["ledger of 13 weeks"]["full"]["claim"]
    cpu, kept = load["cost"]["cpu_ms"], load["cost"]["ledger"]

    def cores(part: str) -> list[int]:
        return [ceil(rate * cpu[part] / 1000 / BUSY) for rate in RATES]

    slots = [
        max(ceil(rate * _calls(load) * CALL / AT_ONCE), n) for rate, n in zip(RATES, cores("workers"), strict=True)
    ]
    turns = [rate * claim["ms"] / 1000 for rate in RATES]
    ledgers = [max(ceil(turn / BUSY), ceil(n / CORES)) for turn, n in zip(turns, cores("postgresql"), strict=True)]
    connections = [
        web * THREADS + slot + 2 * ledger for web, slot, ledger in zip(cores("receiver"), slots, ledgers, strict=True)
    ]
    yield "cores of receivers", *map(_number, cores("receiver"))
    yield "cores of workers", *map(_number, cores("workers"))
    yield f"slots of workers, if a call takes {CALL * 1000:.0f} ms", *map(_number, slots)
    yield "cores of dispatchers", *map(_number, cores("dispatchers"))
    yield "cores of PostgreSQL", *map(_number, cores("postgresql"))
    yield "cores of the broker", *map(_number, cores("broker"))
    yield "share of the time in which claims take turns, one ledger", *(f"{turn:.0%}" for turn in turns)
    yield "**ledgers**, each with its dispatchers", *(f"**{each}**" for each in ledgers)
    yield "connections to PostgreSQL, all ledgers together", *map(_number, connections)
    yield "WAL, MB/s", *(_number(rate * kept["wal_bytes"] / 1e6) for rate in RATES)
    yield "growth, GB a day", *(_number(rate * kept["bytes"] * DAY / 1e9) for rate in RATES)
    yield f"on disk after {KEPT} days, TB", *(_number(rate * kept["bytes"] * DAY * KEPT / 1e12) for rate in RATES)
    yield "commits/s", *(_number(rate * kept["commits"]) for rate in RATES)
    yield "hints/s", *(_number(rate * kept["hints"]) for rate in RATES)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0")


def _by_rows(long: Loads) -> list[str]:
    return [name for name in long if re.fullmatch(r"\d+ rows", name)]


def _sizes(long: Loads) -> list[str]:
    return [f"{int(name.removesuffix(' rows')):,}" for name in _by_rows(long)]


def _size(long: Loads) -> Iterable[Row]:
    loads = [long[name] for name in _by_rows(long)]
    yield "records/s end to end", *(f"{load['delivered']['per_second']:.0f}" for load in loads)
    yield "PostgreSQL's CPU, ms per record", *(f"{load['cost']['cpu_ms']['postgresql']:.2f}" for load in loads)


def _steady(long: Loads) -> Iterable[Row]:
    for name in ("from empty", "from a backlog"):
        if runs := long.get(name):
            yield name, *(f"{each:.2f}" for each in runs), f"{max(runs) / min(runs):.2f}"
            shares = long[f"{name}, ÷ the product's own"]
            yield "÷ the product's own", *(f"{each:.2f}" for each in shares), f"{max(shares) / min(shares):.2f}"


def _soak(soaked: Loads) -> Iterable[Row]:
    for group, seen in soaked["memory_mb"].items():
        yield group, *(f"{each:.0f}" for each in seen[1::2])


def _claims() -> Iterable[str]:
    for text, holds, told in simulate.answers():
        yield f"- {'' if holds else '**Not so:** '}{text} *{told}*"


def written(page: str, tables: Mapping[str, str]) -> str:
    """The page with its tables as they are to be."""
    for name, table in tables.items():
        block = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        page, found = block.subn(lambda match, table=table: f"{match[1]}{table}\n{match[2]}", page)  # type: ignore[misc]
        if found != 1:
            raise SystemExit(f"{PAGE.name} has {found} places for the table {name}")
    return page


def tables() -> dict[str, str]:
    """From the results that are kept."""
    usual, long, soak = _kept("usual.json"), _kept("long.json"), _kept("soak.json")
    return {"machine": _machine(usual), **blocks(usual["loads"], {**long["loads"], **soak["loads"]})}


def _kept(name: str) -> Mapping[str, Any]:
    file = RESULTS / name
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"loads": {}}


def _machine(told: Mapping[str, Any]) -> str:
    on = told["machine"]
    return (
        f"{told['at'][:10]}: {on['cores']} cores ({on['cpu']}), {on['memory_gb']:.0f} GB, Python {on['python']};"
        f" load average before it began: {on['load_average'][0]:.1f} (on a quiet machine, 0)."
    )


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), tables()), encoding="utf-8")
