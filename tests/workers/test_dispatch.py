"""The loop's turns: what is due goes out, what is wrong is judged, and nothing that is away ends it."""

from __future__ import annotations

from typing import cast

import pytest

from router.config import Config
from router.ledger.base import Ledger
from router.ledger.pace import APART
from tests.workers.floor import LEASE, Floor, Hung
from workers.dispatch import AWAY, FAR, LONGEST, SHORTEST, Dispatcher
from workers.notices import Notices


@pytest.fixture
def dispatcher(work: Floor, broker: Hung) -> Dispatcher:
    ledger = cast(Ledger, work.ledger)
    return Dispatcher(ledger, broker, Config(ledger), Notices(None), hints_per_queue=8, retention_days=90)


def test_what_is_due_is_given(work: Floor, broker: Hung, dispatcher: Dispatcher) -> None:
    work.accept("ada")
    assert dispatcher.turn() == SHORTEST
    assert [hint.task for hint in broker.given] == ["route"]


def test_it_waits_longer_while_there_is_nothing_to_do(dispatcher: Dispatcher) -> None:
    waits = [dispatcher.turn() for _ in range(30)]
    assert waits == sorted(waits)
    assert (waits[0] > SHORTEST, waits[-1]) == (True, LONGEST)


def test_it_waits_longer_while_workers_are_busy(work: Floor, dispatcher: Dispatcher) -> None:
    work.accept("ada")
    dispatcher.turn()
    work.kit.later(0.5)
    work.accept("bob")
    waits = [dispatcher.turn() for _ in range(30)]
    assert SHORTEST < waits[0] < waits[1], "a moment of it costs little"
    assert waits[-1] == LONGEST


def test_turns_are_farther_apart_while_workers_are_busy(work: Floor, broker: Hung, dispatcher: Dispatcher) -> None:
    work.accept("ada")
    dispatcher.turn()
    work.kit.later(APART)
    work.accept("bob")
    dispatcher.turn()
    assert len(broker.given) == 2
    for _ in range(30):
        dispatcher.turn()
    work.kit.later(APART)
    work.accept("eve")
    dispatcher.turn()
    assert len(broker.given) == 2
    work.kit.later(FAR - APART)
    dispatcher.turn()
    assert len(broker.given) == 3


def test_a_ledger_that_is_away_is_asked_again_later(work: Floor, broker: Hung, dispatcher: Dispatcher) -> None:
    work.accept("ada")
    work.ledger.away("claim")
    assert dispatcher.turn() == AWAY
    dispatcher.turn()
    assert len(broker.given) == 1


def test_what_a_broker_lost_is_given_again(work: Floor, broker: Hung, dispatcher: Dispatcher) -> None:
    work.accept("ada")
    broker.away = True
    assert dispatcher.turn() == AWAY
    broker.away = False
    work.kit.later(11.0)
    dispatcher.turn()
    assert [hint.again for hint in broker.given] == [True]


def test_what_nobody_finished_is_judged_although_the_broker_is_away(
    work: Floor, broker: Hung, dispatcher: Dispatcher
) -> None:
    work.kit.start(work.given("ada"))
    work.kit.later(LEASE + 1)
    broker.away = True
    dispatcher.turn()
    assert work.states() == ["retrying"]


def test_hints_go_out_although_the_ledger_goes_away_behind_them(
    work: Floor, broker: Hung, dispatcher: Dispatcher
) -> None:
    work.accept("ada")
    work.ledger.away("expired")
    assert dispatcher.turn() == AWAY
    assert len(broker.given) == 1
