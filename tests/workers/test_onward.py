"""What was planned goes on at once, unless workers are busy; nothing that is away ends a planner."""

from __future__ import annotations

from typing import cast

import pytest

from router.ledger.base import Ledger
from tests.workers.floor import Floor, Hung
from workers.onward import Onward


@pytest.fixture
def onward(work: Floor, broker: Hung) -> Onward:
    return Onward(cast(Ledger, work.ledger), broker, hints_per_queue=8)


def test_what_is_due_for_these_is_given(work: Floor, broker: Hung, onward: Onward) -> None:
    work.kit.accept_and_plan("ada")
    work.accept("bob")
    onward([work.kit.numbers["crm"]])
    assert [hint.task for hint in broker.given] == ["deliver"]


def test_it_is_left_to_the_dispatchers_while_workers_are_busy(work: Floor, broker: Hung, onward: Onward) -> None:
    work.kit.accept_and_plan("ada")
    work.accept("bob")
    assert [hint.task for hint in work.kit.ledger.claim_onward(8, 0.0, [work.kit.numbers["-route"]])] == ["route"]
    work.kit.later(0.5)
    onward([work.kit.numbers["crm"]])
    assert broker.given == []


def test_a_broker_that_is_away_ends_nothing(work: Floor, broker: Hung, onward: Onward) -> None:
    work.kit.accept_and_plan("ada")
    broker.away = True
    onward([work.kit.numbers["crm"]])
    work.kit.later(11.0)
    assert [hint.again for hint in work.kit.ledger.claim(8)] == [True]


def test_a_ledger_that_is_away_ends_nothing(work: Floor, broker: Hung, onward: Onward) -> None:
    work.kit.accept_and_plan("ada")
    work.ledger.away("claim_onward")
    onward([work.kit.numbers["crm"]])
    assert broker.given == []
