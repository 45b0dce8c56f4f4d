"""PostgreSQL is put back to what it was a while ago: what it then no longer knows is lost, and nothing else is."""

from __future__ import annotations

import shutil

from router.model import FINAL, State
from tests.faults.books import Books, balance, read
from tests.faults.conftest import Scale, Tell
from tests.faults.house import House
from tests.faults.shop import TO_ALL, Token

PRODUCT = ("web", "worker_1", "worker_2", "dispatch_1", "dispatch_2")


def test_it_is_restored_to_an_earlier_moment(house: House, scale: Scale, tell: Tell) -> None:
    """With all of the product stopped, as the guide says, and the broker full of hints from the time that is undone.

    What the restored ledger knows ends as it should, though it may be delivered twice; what it does not know is sent
    again by its client, and is as new.
    """
    load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each).start()
    house.until(lambda: len(load.accepted) > scale.records / 3, scale.drain, "some are accepted")
    house.postgres.stop()
    copy = house.postgres.data_dir.with_name("copy")
    shutil.copytree(house.postgres.data_dir, copy)
    house.postgres.start()
    house.until(lambda: load.done, scale.drain, "all is posted")
    house.wait(1.0)
    for name in PRODUCT:
        house.kill_tree(name)
    house.postgres.kill()
    shutil.rmtree(house.postgres.data_dir)
    copy.rename(house.postgres.data_dir)
    house.postgres.start()
    house.await_ready()

    found = {row[0] for row in house.query("SELECT request_id FROM requests")}
    known = [token for token, request_id in load.accepted.items() if request_id in found]
    lost = [token for token, request_id in load.accepted.items() if request_id not in found]
    assert known
    assert lost
    again = house.load(lost, rate=scale.rate, each=scale.each).start()
    new = house.load(house.people(scale.records), rate=scale.rate, each=scale.each).start()
    house.until(lambda: again.done and new.done, scale.drain, "all is posted")
    house.drain(scale.drain)
    books, figures = balance(house, new)
    tell(figures, known=len(known), lost=len(lost))
    assert [books.states(name).keys() for name in books.entries] == [{"delivered"}] * 3
    earlier = read(house, load)
    assert not unfinished(earlier, known)
    assert not unfinished(read(house, again), lost)
    assert all(earlier.called_back[load.accepted[token]] for token in known)


def unfinished(books: Books, tokens: list[Token]) -> list[str]:
    """Records that have not exactly one delivery to each integration, or one that is neither received nor at an end
    that is shown."""
    wrong = []
    for name in TO_ALL:
        received = set(books.receipts[name])
        for token in tokens:
            states = [entry.state for entry in books.entries[name].get(token, [])]
            if len(states) != 1 or states[0] not in FINAL or (states[0] is State.DELIVERED and token not in received):
                wrong.append(f"{token} to {name}: {states}")
    return wrong
