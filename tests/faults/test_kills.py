"""Processes that are killed."""

from __future__ import annotations

import random

import pytest

from tests.faults.books import balance
from tests.faults.house import House

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
def test_workers_killed_every_two_seconds_and_the_broker_emptied(house: House, scale, tell, how: str) -> None:
    """The bar of the main job: 2,000 requests, everything is delivered but what a kill cut after it had left."""
    rng = random.Random(SEED)
    deeds = {
        "first": house.kill,
        "tree": house.kill_tree,
        "child": lambda name: house.kill_child(name, rng.randrange(8)),
    }
    load = house.load(house.people(2_000 if scale.full else scale.records), rate=50.0 if scale.full else 25.0).start()
    kills = 0
    for _ in house.every(2.0, lambda: not load.done):
        deeds[rng.choice(list(deeds)) if how == "any" else how](rng.choice(WORKERS))
        kills += 1
        if kills == 2:
            house.broker.kill()
            house.broker.start(empty=True)
    house.until(lambda: house.owed() == 0, scale.drain, "nothing is owed")
    books, figures = balance(house, load)
    figures.more = {"kills": kills}
    tell(figures)
    for name in books.entries:
        assert set(books.states(name)) <= ({"delivered", "unknown"} if name == "sendios" else {"delivered"})
