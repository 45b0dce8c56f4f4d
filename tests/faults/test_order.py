"""What is about one person arrives in the order accepted, whatever breaks on the way."""

from __future__ import annotations

import random

from tests.faults.books import balance, out_of_order
from tests.faults.conftest import Scale, Tell
from tests.faults.house import House
from tests.faults.shop import TO_ALL, Token

SEED = 20263
MISCHIEF = ("error", "down", "commit_then_drop", "rate_limited")


def test_order_holds_under_failures_and_kills(house: House, scale: Scale, tell: Tell) -> None:
    rng = random.Random(SEED)
    people = [token.person for token in house.people(400 if scale.full else 16)]
    versions = scale.records // len(people)
    tokens = [Token(person, version) for version in range(versions) for person in people]
    load = house.load(tokens, rate=scale.rate, each=scale.each, group="quick_group", senders=1).start()
    kills = 0
    for number in house.every(0.5, lambda: not load.done):
        house.scenario(rng.choice(TO_ALL), rng.choice(MISCHIEF), **{"for": rng.randint(1, 4)})
        if number % 6 == 3:
            house.kill_child(rng.choice(["worker_1", "worker_2"]), rng.randrange(4))
            kills += 1
    house.drain(scale.drain)
    books, figures = balance(house, load)
    tell(figures, kills=kills, people=len(people))
    assert [fault for name in TO_ALL for fault in out_of_order(books, name)] == []
