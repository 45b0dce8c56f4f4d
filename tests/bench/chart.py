"""The figures as an SVG chart, drawn by hand: where a record's CPU goes, how many are accepted, how long they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

WIDTH, BAR, GAP, LABEL = 760, 22, 10, 200
ROOM = WIDTH - LABEL - 130
PARTS = {
    "receiver": "#4c78a8",
    "workers": "#f58518",
    "dispatchers": "#e45756",
    "postgresql": "#72b7b2",
    "broker": "#b279a2",
    "loop": "#9d9da1",
}
PERCENTILES = {"p50": "#4c78a8", "p95": "#9ecae9", "p99": "#f58518"}

Rows = Mapping[str, Mapping[str, float]]


def draw(found: Mapping[str, Any], caption: str) -> str:
    """The whole chart; empty where none of its loads was run."""
    panels = [
        ("CPU per record to three destinations, ms, by process", _cpu(found), PARTS, False),
        ("Delivered to three destinations, records/s", _completed(found), {"delivered": PARTS["workers"]}, False),
        ("Accepted, records/s", _accepted(found), {"accepted": PARTS["receiver"]}, False),
        ("From the 200 to the delivery at light load, ms", _latency(found), PERCENTILES, True),
    ]
    body: list[str] = []
    top = 46
    for title, rows, colours, nested in panels:
        if rows:
            body += _panel(title, rows, colours, top, nested)
            top += 52 + len(rows) * (BAR + GAP) + (20 if len(colours) > 1 else 0)
    if not body:
        return ""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}"'
            ' font-family="system-ui, sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{top}" fill="#fff"/>',
            f'<text x="12" y="24" fill="#555">{escape(caption)}</text>',
            *body,
            "</svg>\n",
        ]
    )


def _panel(title: str, rows: Rows, colours: Mapping[str, str], top: int, nested: bool) -> Iterator[str]:
    """nested: a row's values lie in one another, instead of behind one another."""
    full = max(max(row.values()) if nested else sum(row.values()) for row in rows.values()) or 1.0
    yield f'<text x="12" y="{top + 14}" font-weight="600" font-size="14">{escape(title)}</text>'
    for number, (name, row) in enumerate(rows.items()):
        y, x = top + 28 + number * (BAR + GAP), float(LABEL)
        yield f'<text x="{LABEL - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
        for part, value in sorted(row.items(), key=lambda one: -one[1]) if nested else row.items():
            width = value / full * ROOM
            at = LABEL if nested else x
            hint = f"<title>{escape(part)} {value:.2f}</title>"
            yield f'<rect x="{at:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colours[part]}">{hint}</rect>'
            x += 0 if nested else width
        end = LABEL + max(row.values()) / full * ROOM if nested else x
        told = " / ".join(map(_short, row.values())) if nested else _short(sum(row.values()))
        yield f'<text x="{end + 6:.1f}" y="{y + 15}">{told}</text>'
    yield from _legend(rows, colours, top + 28 + len(rows) * (BAR + GAP) + 4)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def _legend(rows: Rows, colours: Mapping[str, str], y: int) -> Iterator[str]:
    used = [part for part in colours if any(part in row for row in rows.values())]
    for number, part in enumerate(used if len(used) > 1 else ()):
        x = LABEL + number * 92
        yield f'<rect x="{x}" y="{y}" width="10" height="10" fill="{colours[part]}"/>'
        yield f'<text x="{x + 14}" y="{y + 10}" fill="#555">{part}</text>'


def _cpu(found: Mapping[str, Any]) -> Rows:
    rows: dict[str, dict[str, float]] = {}
    for name in ("naive", "no batch endpoint", "batch endpoints"):
        if name in found:
            cost = found[name]["cost"]["cpu_ms"]
            rows[name] = {part: cost[part] for part in PARTS if part in cost}
    if "requests loop" in found:
        rows["requests loop"] = {"loop": found["requests loop"]["cpu_ms"]}
    return rows


def _completed(found: Mapping[str, Any]) -> Rows:
    names = ("naive", "no batch endpoint", "batch endpoints")
    return {name: {"delivered": found[name]["delivered"]["per_second"]} for name in names if name in found}


def _accepted(found: Mapping[str, Any]) -> Rows:
    names = ("bare route", "receiver", "naive receiver", "receiver, tens")
    return {
        name: {"accepted": found[name]["answered"]["records"] / found[name]["answered"]["seconds"]}
        for name in names
        if name in found
    }


def _latency(found: Mapping[str, Any]) -> Rows:
    if "light load" not in found:
        return {}
    told = found["light load"]["delivered"]
    return {
        "each delivery": {name: told["latency_ms"][name] for name in PERCENTILES},
        "the last of a record's three": {name: told["whole_ms"][name] for name in PERCENTILES},
    }
