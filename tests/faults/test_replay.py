"""A large replay goes beside what is live, which hardly notices it, and not at all where the destination has a rate."""

from __future__ import annotations

import time
from statistics import median

from tests.faults.books import balance
from tests.faults.conftest import GROUPS, QUICK, Scale, Tell
from tests.faults.house import House
from tests.faults.load import Load
from tests.faults.shop import MAIN, Group
from tests.faults.test_destinations import arrivals, most_within

GROUP, WHERE = "hook_group", "webhook-replayed"
TO_MAIN = tuple(GROUPS[MAIN].integrations)
MINUTE = 1200  # records
LEFT = "SELECT count(*) FROM due WHERE lane = 2"


def test_live_records_arrive_as_fast_while_a_replay_drains(house: House, scale: Scale, tell: Tell) -> None:
    """In the full form, their 99th percentile is at most twice that of the same run without the replay."""
    delivered_before(house, scale)
    without = house.latency(live(house, scale, GROUP), [WHERE], 0.99)  # now: the replay makes them end once more
    asked = replay(house)
    began, waiting = time.monotonic(), left(house)
    beside = live(house, scale, GROUP)
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


def test_nobody_notices_a_replay_to_a_destination_with_a_rate(house: House, scale: Scale, tell: Tell) -> None:
    """Ten calls in any second at most; in the full form the 99th percentile of others stays, within a quarter.

    By turns it drains and is paused, for nothing else is the same from one minute to the next. What has not been
    replayed after that is cancelled: it would take more than an hour.
    """
    where = f"shop/{GROUP}/{WHERE}"
    delivered_before(house, scale)
    house.be_well()
    house.publish(hook_group=Group({WHERE: {**QUICK, "budget": {"requests_per_second": 10}}}))
    live(house, scale, MAIN)  # all have the new set by now
    asked = replay(house)
    waiting = left(house)
    seconds: dict[str, list[float]] = {"paused": [], "resumed": []}
    for _ in range(3 if scale.full else 1):
        for turn, measured in seconds.items():
            house.command("integrations", turn.removesuffix("d"), where)
            beside = live(house, scale, MAIN, MINUTE)
            measured.append(house.latency(beside, TO_MAIN, 0.99))
    still = left(house)
    house.command("cancel", "--integration", where, "--yes")
    house.drain(scale.drain)
    times = arrivals(house, WHERE)
    house.publish()
    _, figures = balance(house, beside, TO_MAIN)
    most = most_within(times, 1.0)
    tell(
        figures,
        asked=asked.splitlines()[-1],
        waiting=waiting,
        waiting_after_live=still,
        most_in_a_second=most,
        p99=seconds,
    )
    assert 0 < len(times) < waiting
    assert most <= 10
    if scale.full:
        assert median(seconds["resumed"]) <= 1.25 * median(seconds["paused"])


def delivered_before(house: House, scale: Scale) -> None:
    """What is to be replayed."""
    many = house.load(
        house.people(50_000 if scale.full else 200), rate=100.0, each=500 if scale.full else 20, group=GROUP
    )
    posted(house, scale, many)
    house.drain(scale.drain)


def replay(house: House) -> str:
    """All that was delivered there, once more; what the command said."""
    return house.command("replay", "--state", "delivered", "--integration", f"shop/{GROUP}/{WHERE}", "--yes")


def live(house: House, scale: Scale, group: str, many: int = 800) -> Load:
    """Twenty records a second, which the product can well do."""
    load = house.load(house.people(many if scale.full else 20), rate=20.0, group=group)
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
