"""Processes that are killed."""

from __future__ import annotations

import random
import signal

import pytest

from router.model import State
from tests.faults.books import balance
from tests.faults.conftest import Scale, Tell
from tests.faults.house import House
from tests.support.processes import frozen

SEED = 20261
WORKERS = ("worker_1", "worker_2")


@pytest.mark.parametrize(
    "how",
    [
        pytest.param("first", marks=pytest.mark.full, id="its first process"),
        pytest.param("tree", marks=pytest.mark.full, id="all its processes"),
        pytest.param("child", marks=pytest.mark.full, id="one that delivers"),
        pytest.param("any", id="any of it"),
    ],
)
def test_workers_killed_every_two_seconds_and_the_broker_emptied(
    house: House, scale: Scale, tell: Tell, how: str
) -> None:
    """The bar of the main job: 2,000 requests, everything is delivered but what a kill cut after it had left."""
    rng = random.Random(SEED)
    deeds = {
        "first": house.kill,
        "tree": house.kill_tree,
        "child": lambda name: house.kill_child(name, rng.randrange(8)),
    }
    load = house.load(house.people(2_000 if scale.full else 150), rate=50.0 if scale.full else 30.0).start()
    kills = 0
    for _ in house.every(2.0, lambda: not load.done):
        deeds[rng.choice(list(deeds)) if how == "any" else how](rng.choice(WORKERS))
        kills += 1
        if kills == 2:
            house.broker.kill()
            house.broker.start(empty=True)
    house.drain(scale.drain)
    books, figures = balance(house, load)
    tell(figures, kills=kills)
    for name in books.entries:
        assert set(books.states(name)) <= ({"delivered", "unknown"} if name == "sendios" else {"delivered"})


def test_receivers_workers_and_dispatchers_killed_at_random(house: House, scale: Scale, tell: Tell) -> None:
    rng = random.Random(SEED)
    load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each).start()
    killed: list[str] = []
    for _ in house.every(1.0, lambda: not load.done):
        name = rng.choice(["web", *WORKERS, "dispatch_1", "dispatch_2"])
        (house.kill_tree if rng.random() < 0.5 else house.kill)(name)
        killed.append(name)
    house.drain(scale.drain)
    _, figures = balance(house, load)
    tell(figures, killed=killed if not scale.full else len(killed), answers=dict(load.statuses))


def test_a_record_that_kills_its_worker_is_set_aside_and_the_others_are_delivered(
    house: House, scale: Scale, tell: Tell
) -> None:
    people = house.people(scale.records)
    poison = {people[len(people) // 3], people[len(people) // 2]}
    load = house.load(
        people, rate=scale.rate, each=scale.each, group="fragile_group", kinds=dict.fromkeys(poison, "poison")
    ).start()
    house.until(lambda: load.done, scale.drain, "all is posted")
    house.drain(scale.drain)
    books, figures = balance(house, load, ["fragile"])
    tell(figures)
    dead = books.in_state("fragile", State.DEAD)
    assert dead.keys() == poison
    assert {entry.reason for entry in dead.values()} == {
        "set aside: the worker process died again while it held this record"
    }
    assert all(entry.outcomes == ["crashed", "crashed"] for entry in dead.values())


def test_everything_is_restarted_in_turn(house: House, scale: Scale, tell: Tell) -> None:
    """SIGTERM, role by role: nothing is lost, cut or repeated, and nothing waits for a lease."""
    load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each).start()
    took: dict[str, float] = {}
    everything = [name for name in house.programs if name != "sandbox"]
    for _ in range(3 if scale.full else 1):
        for name in everything if scale.full else ["web", "worker_1", "dispatch_1"]:
            took[name] = max(took.get(name, 0.0), house.stop(name))
            house.start(name)
            house.await_ready([name])
    house.until(lambda: load.done, scale.drain, "all is posted")
    house.drain(scale.drain)
    books, figures = balance(house, load)
    tell(figures, seconds={name: round(seconds, 1) for name, seconds in took.items()}, answers=dict(load.statuses))
    assert figures.repeats == dict.fromkeys(books.entries, 0)
    assert [books.states(name).keys() for name in books.entries] == [{"delivered"}] * 3


# ---- stopped, and waking up


@pytest.mark.parametrize("name", [pytest.param("dispatch_1", marks=pytest.mark.full), "worker_1"])
def test_a_process_that_is_stopped_for_longer_than_a_lease_wakes_up(
    house: House, scale: Scale, tell: Tell, name: str
) -> None:
    load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each).start()
    house.wait(0.5)
    with frozen(house.programs[name].pid):
        house.wait(scale.lease * 1.5)
    house.until(lambda: load.done, scale.drain, "all is posted")
    house.drain(scale.drain)
    _, figures = balance(house, load)
    tell(figures)


def test_a_dispatcher_that_is_stopped_at_any_moment_holds_nobody_up(house: House, scale: Scale, tell: Tell) -> None:
    """Although claims take turns: whoever has the turn gives it back without being awake."""
    rng = random.Random(SEED)
    load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each).start()
    for _ in range(200 if scale.full else 15):
        house.kill("dispatch_1", signal.SIGSTOP)
        before = house.claimed()
        house.until(lambda before=before: house.claimed() > before or load.done, 10.0, "the other one gives hints")
        house.kill("dispatch_1", signal.SIGCONT)
        house.wait(rng.uniform(0.0, 0.05))
    house.until(lambda: load.done, scale.drain, "all is posted")
    house.drain(scale.drain)
    _, figures = balance(house, load)
    tell(figures)
