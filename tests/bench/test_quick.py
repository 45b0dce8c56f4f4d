"""The benchmark's quick form runs; nothing is said about its figures."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench import __main__ as bench
from tests.bench import chart
from tests.bench.bars import Bar
from tests.bench.calls import post
from tests.bench.driver import Pace, drive
from tests.bench.measure import Answered, Cost, Measured, Percentiles, pooled
from tests.bench.sink import Sink


@pytest.mark.bench
def test_the_quick_form_runs(tmp_path: Path) -> None:
    """The driver, the sink, the product and all accounts of them: `Unproven` where a record is missing."""
    file = tmp_path / "figures.json"
    assert bench.main(["--quick", "--only", "callbacks", "--json", str(file)]) == 0
    load = json.loads(file.read_text())["loads"]["with callbacks"]
    assert load["delivered"]["records"] == load["answered"]["records"]
    assert load["delivered"]["repeats"] == 0
    assert load["cost"]["ledger"]["bytes"] > 0


def test_the_chart_of_what_was_found_is_one() -> None:
    found = json.loads((bench.RESULTS / "usual.json").read_text())
    assert ElementTree.fromstring(chart.draw(found["loads"], "here")).findall(".//{http://www.w3.org/2000/svg}text")


def test_every_request_is_answered_and_seen_once() -> None:
    body = b'{"contact": {"email": "n%09d@bench.example"}}'
    path = "/salesmanago/api/contact/upsert"
    with Sink() as sink:
        wires = [post("sink", path, body % number, {}) for number in range(300)]
        sent = drive(("127.0.0.1", sink.port), wires, Pace(connections=4))
        seen = sink.take()
    assert set(sent.statuses) == {200}
    assert sorted(seen.numbers) == list(range(300))
    assert all(end >= start > 0 for start, end in zip(sent.due, sent.answered, strict=True))


def test_an_open_loop_keeps_its_pace_and_counts_from_when_a_request_was_due() -> None:
    with Sink() as sink:
        wires = [post("sink", "/webhook", b"{}", {})] * 50
        sent = drive(("127.0.0.1", sink.port), wires, Pace(connections=1, rate=10_000.0))
    assert sent.due[0] < sent.due[-1] < sent.answered[-1]
    assert sent.latencies[-1] > sent.latencies[0], "those that wait for the connection are later"


def turn(records: int, seconds: float, cpu_ms: float, latency: float) -> Measured:
    every = Percentiles(latency, latency, latency, latency)
    return Measured(
        Answered(records, records, seconds, records / seconds, every), Cost({"web": cpu_ms}, cpu_ms, {"web": cpu_ms})
    )


def test_turns_are_pooled_by_what_each_of_them_did() -> None:
    found = pooled([turn(100, 1.0, 1.0, 9.0), turn(100, 1.0, 2.0, 1.0), turn(200, 6.0, 4.0, 2.0)])
    assert (found.answered.records, found.answered.per_second) == (400, 50.0)
    assert (found.cost.cpu_ms, found.cost.memory_mb) == ({"web": 2.75}, {"web": 4.0})
    assert (found.answered.latency_ms, found.delivered) == (Percentiles(2.0, 2.0, 2.0, 9.0), None)


@pytest.mark.parametrize(("most", "met"), [(True, False), (False, True)], ids=["at most", "at least"])
def test_a_bar_is_met_or_not(most: bool, met: bool) -> None:
    bar = Bar("twice", ("one", "other"), lambda a, b: a / b, lambda *_: 1.5, most)
    assert bar.answered({"one": 4, "other": 2}) == {
        "claim": "twice",
        "found": 2.0,
        "wanted": 1.5,
        "most": most,
        "met": met,
    }
    assert bar.answered({"one": 4}) is None
