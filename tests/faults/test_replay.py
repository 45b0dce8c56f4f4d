"""A large replay goes beside what is live, and costs it nothing."""

from __future__ import annotations

import time

from tests.faults.books import balance
from tests.faults.conftest import Scale, Tell
from tests.faults.house import House
from tests.faults.load import Load

GROUP, WHERE = "hook_group", "webhook-replayed"
LEFT = "SELECT count(*) FROM due WHERE lane = 2"


def test_live_records_arrive_as_fast_while_a_replay_drains(house: House, scale: Scale, tell: Tell) -> None:
    """In the full form, their 99th percentile is at most twice that of the same run without the replay."""
    many = house.load(
        house.people(50_000 if scale.full else 200), rate=100.0, each=500 if scale.full else 20, group=GROUP
    )
    posted(house, scale, many)
    house.drain(scale.drain)
    without = house.latency(live(house, scale), [WHERE], 0.99)  # now: the replay makes them end once more
    asked = house.command("replay", "--state", "delivered", "--integration", f"shop/{GROUP}/{WHERE}", "--yes")
    began, waiting = time.monotonic(), left(house)
    beside = live(house, scale)
    still = left(house)
    house.drain(scale.drain)
    took = time.monotonic() - began
    _, figures = balance(house, beside, [WHERE])
    seconds = {"without": without, "beside": house.latency(beside, [WHERE], 0.99)}
    tell(
        figures,
        asked=asked.splitlines()[-1],
        waiting=waiting,
        waiting_after_live=still,
        drained_in=round(took),
        p99=seconds,
    )
    if scale.full:
        assert still > 0
        assert seconds["beside"] <= 2 * seconds["without"]


def live(house: House, scale: Scale) -> Load:
    """Records at a steady rate that the product can well do."""
    load = house.load(house.people(800 if scale.full else 20), rate=20.0, group=GROUP)
    posted(house, scale, load)
    house.until(lambda: all_arrived(house, load), scale.drain, "what is live has arrived")
    return load


def posted(house: House, scale: Scale, load: Load) -> None:
    load.start()
    house.until(lambda: load.done, scale.drain, "all is posted")


def all_arrived(house: House, load: Load) -> bool:
    requests = list(set(load.accepted.values()))
    return not house.query("SELECT EXISTS (SELECT FROM due WHERE request_id = ANY(%s))", requests)[0][0]


def left(house: House) -> int:
    """How much of the replay still waits."""
    return int(house.query(LEFT)[0][0])
