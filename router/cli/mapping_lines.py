"""What `router mappings` tells, as lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from router.mapping.backtest import Report
from router.preview import Past, Preview


def past_lines(past: Past) -> Iterator[str]:
    one = past.delivery
    yield f"{one.delivery_id}  {one.client}/{one.group}/{one.integration}  {one.entity} {one.type}".rstrip()
    yield f"planned with {one.mapping_version[:19]}"
    if past.remapped:
        yield f"sent again with a later mapping, which differs in {', '.join(past.remapped)}; the request is as sent"


def preview_lines(made: Preview) -> Iterator[str]:
    explanation = made.explanation
    yield explanation.file
    for problem in explanation.problems:
        yield f"  refused: {problem}"
    for each in explanation.integrations:
        yield f"\n{each.integration}  {each.operation}"
        if each.skipped:
            yield f"  skipped: {each.skipped}"
            continue
        for line in each.fields:
            source = " + ".join(line.sources) or "constant"
            value = f"not sent: {line.absent}" if line.absent else json.dumps(line.value, ensure_ascii=False)
            yield f"  {line.target} = {value}    ← {source}  ({line.rule})"
            for step in line.steps:
                before, after = (json.dumps(one, ensure_ascii=False) for one in (step.before, step.after))
                yield f"      {step.step}: {before} → {after}"
        yield from _request(made.requests[each.integration])
    for name, why in explanation.nowhere.items():
        yield f"\n{name} goes nowhere: {why}"


def _request(request: Any) -> Iterator[str]:
    if "nothing_sent" in request:
        yield f"  nothing would be sent: {request['nothing_sent']}"
        return
    yield f"  {request.get('method')} {request.get('url')}"
    for name, value in (request.get("headers") or {}).items():
        yield f"    {name}: {value}"
    body = request.get("body")
    yield f"    {body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)}"


def report_lines(report: Report) -> Iterator[str]:
    for place, tally in report.differences():
        counts = ", ".join(f"{number} {verdict}" for verdict, number in sorted(tally.counts.items()))
        yield f"{' '.join(filter(None, place))}: {counts}"
        for sample in tally.samples:
            yield f"    {sample.name}: {json.dumps(sample.before)} → {json.dumps(sample.after)}"
    skipped = f", {report.skipped} left out that today's contract refuses" if report.skipped else ""
    yield f"{report.records} records compared, {report.failing} newly failing{skipped}"
