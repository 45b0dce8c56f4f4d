"""Destinations that fail, hang, lie and say no: nothing is lost, nothing is mailed twice, and nobody else waits."""

from __future__ import annotations

import random
from datetime import datetime
from itertools import pairwise

import pytest

from router.model import State
from tests.faults.books import Books, balance
from tests.faults.conftest import Scale, Tell
from tests.faults.house import House
from tests.faults.shop import TO_ALL

SEED = 20262
QUICK = "quick_group"
ILL = "digitalonboarding"
OWED_ELSEWHERE = """
SELECT count(*) FROM due JOIN destinations AS p USING (destination_id)
WHERE p.group_key IN ('', 'quick_group') AND p.integration <> 'digitalonboarding'
"""
MISCHIEF: list[tuple[str, dict[str, object]]] = [
    ("error", {"status": 503}),
    ("error", {"status": 500}),
    ("commit_then_drop", {}),
    ("down", {}),
    ("garbage", {}),
    ("rate_limited", {"retry_after": "1"}),
    ("slow", {"seconds": 0.3}),
]


def test_they_misbehave_in_every_way_by_turns(house: House, scale: Scale, tell: Tell) -> None:
    rng = random.Random(SEED)
    load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each, group=QUICK).start()
    for _ in house.every(0.1, lambda: not load.done):
        mode, details = rng.choice(MISCHIEF)
        house.scenario(rng.choice(TO_ALL), mode, **{"for": rng.randint(1, 3)}, **details)
    house.drain(scale.drain)
    books, figures = balance(house, load)
    tell(figures)
    _nothing_is_dead(books)


def others_have_all(house: House) -> bool:
    """All but the one that is ill."""
    return not house.query(OWED_ELSEWHERE)[0][0]


def _nothing_is_dead(books: Books) -> None:
    for name in books.entries:
        dead = books.in_state(name, State.DEAD)
        assert not dead, {entry.reason for entry in dead.values()}
        assert name == "sendios" or set(books.states(name)) == {"delivered"}


@pytest.mark.parametrize(
    ("mode", "details"),
    [
        pytest.param("error", {"status": 500}, id="fails"),
        pytest.param("down", {}, marks=pytest.mark.full, id="is down"),
        pytest.param("refuse_credentials", {}, id="refuses credentials"),
        pytest.param("rate_limited", {"retry_after": "1"}, marks=pytest.mark.full, id="limits"),
        pytest.param("error", {"status": 429}, marks=pytest.mark.full, id="limits without a word"),
    ],
)
def test_one_is_ill_for_a_while(house: House, scale: Scale, tell: Tell, mode: str, details: dict[str, object]) -> None:
    """It is left alone but for a trial now and then, and gets everything once it is well. The others get it at once.

    In the full form one that fails does so for ten minutes, the others for one.
    """
    house.scenario(ILL, mode, **details)
    load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each, group=QUICK).start()
    house.until(lambda: load.done, scale.drain, "all is posted")
    house.until(lambda: others_have_all(house), scale.drain, "the others have everything")
    if scale.full:
        house.wait(600.0 if mode == "error" and details["status"] == 500 else 60.0)
    asked = house.calls(ILL)
    house.scenario(ILL, "ok")
    house.drain(scale.drain)
    books, figures = balance(house, load)
    tell(figures, asked_while_ill=asked)
    _nothing_is_dead(books)
    assert figures.repeats == dict.fromkeys(books.entries, 0)


def test_one_answers_nothing_after_it_has_done_what_was_asked(house: House, scale: Scale, tell: Tell) -> None:
    """The worst there is: mails end `unknown`, each sent once; what may be repeated is."""
    for name in TO_ALL:
        house.scenario(name, "commit_then_drop", **{"for": 20 if scale.full else 5})
    load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each, group=QUICK).start()
    house.until(lambda: load.done, scale.drain, "all is posted")
    house.drain(scale.drain)
    books, figures = balance(house, load)
    tell(figures)
    unknown = books.in_state("sendios", State.UNKNOWN)
    assert len(unknown) == (20 if scale.full else 5)
    assert unknown.keys() <= set(books.receipts["sendios"])
    assert figures.repeats["digitalonboarding"] > 0


def test_one_that_hangs_costs_the_others_nothing(house: House, scale: Scale, tell: Tell) -> None:
    """The others' deliveries arrive as without it; in the full form, their 99th percentile is within twice of that."""
    seconds: dict[str, float] = {}
    healths = ["well", "hanging"] if scale.full else ["hanging"]
    for name in healths:
        house.scenario(ILL, "hang" if name == "hanging" else "ok")
        load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each, group=QUICK).start()
        house.until(lambda load=load: load.done, scale.drain, "all is posted")
        house.until(lambda: others_have_all(house), scale.drain, "the others have everything")
        seconds[name] = house.latency(load, TO_ALL[:2], 0.99)
        house.scenario(ILL, "ok")
        house.drain(scale.drain)
        _, figures = balance(house, load)
        house.be_well()
    tell(figures, p99=seconds)
    if scale.full:
        assert seconds["hanging"] <= 2 * seconds["well"]


def test_where_callbacks_go_is_down(house: House, scale: Scale, tell: Tell) -> None:
    """Deliveries do not notice, and the end of each request is told once it is up again."""
    house.scenario("webhook", "down")
    load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each).start()
    house.until(lambda: load.done, scale.drain, "all is posted")
    house.until(lambda: only_callbacks_are_owed(house), scale.drain, "everything is delivered")
    house.scenario("webhook", "ok")
    house.drain(scale.drain)
    books, figures = balance(house, load)
    tell(figures, requests=len(load.calls), called_back=sum(books.called_back.values()))
    assert [books.states(name).keys() for name in books.entries] == [{"delivered"}] * 3


def only_callbacks_are_owed(house: House) -> bool:
    return not house.query("SELECT FROM due JOIN destinations USING (destination_id) WHERE kind <> 'callback'")


# ---- a rate


def test_one_that_takes_ten_calls_a_second_never_gets_more(house: House, scale: Scale, tell: Tell) -> None:
    """In the full form 5,000 wait, and what is left after a thousand is cancelled: it would take eight minutes."""
    wait_for, each = (1000, 50) if scale.full else (40, 1)
    load = house.load(
        house.people(5 * wait_for if scale.full else wait_for), rate=40.0, each=each, group="limited_group"
    )
    load.start()
    house.until(lambda: load.done, scale.drain, "all is posted")
    house.until(lambda: house.calls("webhook") >= wait_for, scale.drain, "many have arrived")
    if scale.full:
        house.command("cancel", "--integration", "shop/limited_group", "--yes")
    house.drain(scale.drain)
    books, figures = balance(house, load, ["webhook-limited"])
    times = arrivals(house, "webhook-limited")
    tell(figures, most_in_a_second=most_within(times, 1.0), seconds=round(times[-1] - times[0], 1))
    assert set(books.states("webhook-limited")) <= {"delivered", "cancelled"}
    assert most_within(times, 1.0) <= 10


def test_nothing_is_sent_before_a_retry_after_has_passed(house: House, scale: Scale, tell: Tell) -> None:
    load = house.load(house.people(60), rate=60.0, group="limited_group").start()
    house.until(lambda: house.calls("webhook") > 5, scale.drain, "it is being called")
    house.scenario("webhook", "rate_limited", **{"for": 1, "retry_after": "4"})
    house.until(lambda: house.mode("webhook") == "ok", scale.drain, "it said so")
    house.until(lambda: load.done, scale.drain, "all is posted")
    house.drain(scale.drain)
    _, figures = balance(house, load, ["webhook-limited"])
    longest = max(later - earlier for earlier, later in pairwise(arrivals(house, "webhook-limited")))
    tell(figures, longest_silence=round(longest, 2))
    assert longest >= 4.0 - IN_FLIGHT


IN_FLIGHT = 0.5
"""Seconds for which calls may still arrive that had begun before the answer came."""


def arrivals(house: House, integration: str) -> list[float]:
    """When each of its calls was accepted, in seconds."""
    return [datetime.fromisoformat(call["at"]).timestamp() for call in house.received(integration)]


def most_within(times: list[float], seconds: float) -> int:
    """The most that arrived in any window of so many seconds."""
    most = first = 0
    for last, moment in enumerate(times):
        while moment - times[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
