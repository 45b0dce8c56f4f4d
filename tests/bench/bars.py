"""The bar: what the figures are to reach, as ratios within one run wherever there is a control for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Load = Mapping[str, Any]
Figure = Callable[..., float]


@dataclass(frozen=True, slots=True)
class Bar:
    """A claim about loads: what was found, against what is wanted. most: the figure must not be above that."""

    claim: str
    loads: Sequence[str]
    figure: Figure
    wanted: Figure
    most: bool = False

    def answered(self, found: Mapping[str, Any]) -> dict[str, Any] | None:
        """None where a load of it was not run."""
        if not set(self.loads) <= found.keys():
            return None
        given = [found[name] for name in self.loads]
        figure, wanted = self.figure(*given), self.wanted(*given)
        met = figure <= wanted if self.most else figure >= wanted
        return {
            "claim": self.claim,
            "found": round(figure, 3),
            "wanted": round(wanted, 3),
            "most": self.most,
            "met": met,
        }


def accepted(load: Load) -> float:
    """Records a second."""
    return float(load["answered"]["records"] / load["answered"]["seconds"])


def completed(load: Load) -> float:
    """Records a second."""
    return float(load["delivered"]["per_second"])


def _cpu(load: Load) -> float:
    return float(load["cost"]["total_ms"])


def _ratio(of: Figure) -> Figure:
    return lambda one, other: of(one) / of(other)


def _over(of: Figure, figure: float) -> Figure:
    return lambda load: of(load) / figure


def _spread(figures: Sequence[float]) -> float:
    return max(figures) / min(figures)


def _growth(soaked: Load) -> float:
    return float(max(soaked["growth"].values()))


def _answer_p99(load: Load, *_: Load) -> float:
    return float(load["answered"]["latency_ms"]["p99"])


def _delivery(percentile: str) -> Figure:
    return lambda load: load["delivered"]["latency_ms"][percentile]


def _least(figure: float) -> Figure:
    return lambda *_: figure


_most = _least

PARCELVOY_MS, NAIVE_MS = 4.4, 18.0
"""CPU of an event and of a record on such a machine, in another hour: the second tells what the first is in this."""

# The figures of Parcelvoy, whose client API ours speaks, are of such a machine, and not of this run.
BARS = (
    Bar("accepted/s ÷ bare route's", ("receiver", "bare route"), _ratio(accepted), _least(0.5)),
    Bar("accepted/s ÷ naive receiver's", ("receiver", "naive receiver"), _ratio(accepted), _least(2.5)),
    Bar(
        "p99 of the answer at half load, ms; 30 or thrice the bare route's",
        ("receiver at half load", "bare route at half load"),
        _answer_p99,
        lambda _, bare: max(30.0, 3 * _answer_p99(bare)),
        most=True,
    ),
    Bar("CPU per record ÷ naive", ("batch endpoints", "naive"), _ratio(_cpu), _most(1 / 6), most=True),
    Bar("records/s ÷ naive", ("batch endpoints", "naive"), _ratio(completed), _least(6.0)),
    Bar(
        "CPU per record without batch endpoints ÷ requests loop's",
        ("no batch endpoint", "requests loop"),
        lambda load, loop: _cpu(load) / loop["cpu_ms"],
        _most(1.8),
        most=True,
    ),
    Bar("p50 from accepted to delivered at light load, ms", ("light load",), _delivery("p50"), _most(60.0), most=True),
    Bar("p99 from accepted to delivered at light load, ms", ("light load",), _delivery("p99"), _most(250.0), most=True),
    Bar("identifies accepted/s ÷ Parcelvoy's 830", ("identifies, accepted",), _over(accepted, 830), _least(1.0)),
    Bar("events accepted/s ÷ Parcelvoy's 1,020", ("events, accepted",), _over(accepted, 1020), _least(1.0)),
    Bar("events in tens, accepted/s ÷ 4,720", ("events, tens, accepted",), _over(accepted, 4720), _least(1.0)),
    Bar("events/s end to end ÷ Parcelvoy's 365", ("events to Parcelvoy",), _over(completed, 365), _least(1.0)),
    Bar(
        "CPU per event ÷ Parcelvoy's 4.4 ms",
        ("events to Parcelvoy",),
        _over(_cpu, PARCELVOY_MS),
        _most(0.5),
        most=True,
    ),
    Bar(
        "CPU per event ÷ naive pipeline's per record ÷ (Parcelvoy's 4.4 ms ÷ its 18 ms)",
        ("events to Parcelvoy", "naive"),
        lambda load, naive: _cpu(load) / _cpu(naive) / (PARCELVOY_MS / NAIVE_MS),
        _most(0.5),
        most=True,
    ),
    Bar(
        "PostgreSQL's CPU ÷ the product's own, run by run from empty: most ÷ least",
        ("from empty, ÷ the product's own",),
        _spread,
        _most(1.2),
        most=True,
    ),
    Bar(
        "PostgreSQL's CPU ÷ the product's own, run by run from a backlog",
        ("from a backlog, ÷ the product's own",),
        _spread,
        _most(1.2),
        most=True,
    ),
    Bar("memory, the second half of a long run: last ÷ first", ("soak",), _growth, _most(1.05), most=True),
    Bar("records/s at 5 million rows ÷ at 10,000", ("5000000 rows", "10000 rows"), _ratio(completed), _least(0.9)),
)
