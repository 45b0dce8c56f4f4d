"""More than the product can do for a while, and a configuration that changes under load."""

from __future__ import annotations

import random

import redis

from tests.faults.books import balance, read
from tests.faults.conftest import GROUPS, Scale, Tell
from tests.faults.house import House
from tests.faults.load import Load
from tests.faults.shop import TO_ALL, Group, Token

SEED = 20264
UNDER_THE_LATEST = """
SELECT request_id FROM requests
WHERE mapping_version = (SELECT digest FROM publications ORDER BY number DESC LIMIT 1)
"""


def test_a_backlog_is_worked_off_and_nothing_is_done_twice(house: House, scale: Scale, tell: Tell) -> None:
    """No lease lapses and no hint is taken over however long the queue: it holds a bounded number of hints."""
    before = taken_over(house)
    load = house.load(house.people(scale.records), rate=10_000.0, each=100 if scale.full else 20).start()
    most_hints = 0
    while not load.done or house.owed():
        ((hints,),) = house.query("SELECT count(*) FROM hints")
        most_hints = max(most_hints, int(hints))
        house.wait(0.2)
    books, figures = balance(house, load)
    tell(figures, most_hints=most_hints, slowest=round(house.latency(load, TO_ALL, 1.0), 1))
    assert taken_over(house) == before
    assert figures.repeats == dict.fromkeys(books.entries, 0)
    assert [books.states(name).keys() for name in books.entries] == [{"delivered"}] * 3


def taken_over(house: House) -> int:
    """How often a worker fell silent so far."""
    return sum(house.programs[name].said().count("hint taken over") for name in ("dispatch_1", "dispatch_2"))


def test_a_set_published_in_the_middle_holds_for_what_was_accepted_under_it(
    house: House, scale: Scale, tell: Tell
) -> None:
    """Each record goes where the set that it was accepted under says: to the new integration as well, or not."""
    more = Group({**GROUPS["quick_group"].integrations, "webhook-new": {}})
    load = house.load(house.people(scale.records * 10), rate=scale.rate, each=scale.each, group="quick_group").start()
    house.until(lambda: len(load.accepted) > scale.records / 3, scale.drain, "some are accepted under the old set")
    house.publish(quick_group=more)
    house.until(lambda: len(under_the_latest(house, load)) > scale.records / 3, scale.drain, "some under the new one")
    load.stop()
    house.drain(scale.drain)
    _, figures = balance(house, load)
    new, under_new = read(house, load, ["webhook-new"]), under_the_latest(house, load)
    tell(figures, under_the_new_set=len(under_new))
    assert len(under_new) < len(load.accepted)
    assert new.entries["webhook-new"].keys() == under_new == set(new.receipts["webhook-new"])
    house.publish()


def under_the_latest(house: House, load: Load) -> set[Token]:
    latest = {row[0] for row in house.query(UNDER_THE_LATEST)}
    return {token for token, request_id in list(load.accepted.items()) if request_id in latest}


def test_everything_goes_wrong_at_once(house: House, scale: Scale, tell: Tell) -> None:
    """A minute of chaos, by dice: processes, broker, ledger and destinations.

    It takes its time to end: a breaker that was tried in the middle of it, three times in vain, waits for 40 s.
    """
    rng = random.Random(SEED)
    load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each, group="quick_group").start()
    done: list[str] = []
    for _ in house.every(1.0 if scale.full else 0.5, lambda: not load.done):
        done.append(_mischief(house, rng))
    house.drain(2 * scale.drain)
    books, figures = balance(house, load)
    tell(figures, faults=len(done))
    for name in TO_ALL:
        assert set(books.states(name)) <= ({"delivered", "unknown"} if name == "sendios" else {"delivered"})


def forget_hints(house: House) -> None:
    with redis.Redis.from_url(house.broker.url) as client:
        client.flushall()


def _mischief(house: House, rng: random.Random) -> str:
    what = rng.choice(["kill", "kill", "child", "child", "broker", "flush", "ledger", "provider", "provider"])
    match what:
        case "kill":
            house.kill_tree(rng.choice(["web", "worker_1", "worker_2", "dispatch_1", "dispatch_2"]))
        case "child":
            house.kill_child(rng.choice(["worker_1", "worker_2"]), rng.randrange(4))
        case "broker":
            house.broker.kill()
            house.broker.start(empty=rng.random() < 0.5)
        case "flush":
            forget_hints(house)
        case "ledger":
            house.postgres.kill()
            house.postgres.start()
        case "provider":
            mode = rng.choice(["error", "down", "commit_then_drop", "rate_limited", "garbage"])
            house.scenario(rng.choice(TO_ALL), mode, **{"for": rng.randint(1, 5)})
    return what
