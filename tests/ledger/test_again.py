"""How often a delivery was tried, and how it comes out again once its destination is well."""

from __future__ import annotations

import pytest

from router.model import State
from tests.ledger.kit import Kit, attempt, crm, verdict


@pytest.mark.parametrize(
    ("outcomes", "counted"),
    [
        ([], 0),
        (["retryable"], 1),
        (["retryable", "crashed", "unknown"], 3),
        (["limited", "refused", "limited"], 0),
        (["limited", "retryable", "refused"], 1),
    ],
    ids=lambda value: "-".join(value) or "none" if isinstance(value, list) else str(value),
)
def test_attempts_for_which_the_account_was_not_ready_do_not_count(kit: Kit, outcomes: list[str], counted: int) -> None:
    kit.accept_and_plan("ada")
    for outcome in outcomes:
        hint, (delivery,) = kit.only()
        kit.finish(hint, verdict(delivery, State.RETRYING, again_in=0.0, attempt=attempt(outcome)))
    _, (delivery,) = kit.only()
    assert delivery.attempts == counted


def test_what_an_open_breaker_held_back_comes_out_at_its_rate(kit: Kit) -> None:
    kit.publish(crm(release_rate=20.0))
    number = kit.numbers["crm"]
    kit.ledger.switch(number, "closed", "open", 1, "ten of ten failed")
    kit.accept_and_plan(*(f"c-{each}" for each in range(100)))
    kit.ledger.switch(number, "open", "half_open", 1, None)
    hint, deliveries = kit.only()
    kit.finish(hint, *map(verdict, deliveries), delivered=1)
    kit.ledger.switch(number, "half_open", "closed", 0, None)
    assert sum(given.size for given in kit.claim()) == 5


def test_a_breaker_that_only_counts_afresh_holds_nothing_back(kit: Kit) -> None:
    kit.publish(crm(release_rate=20.0))
    kit.ledger.switch(kit.numbers["crm"], "closed", "closed", 0, None)
    kit.accept_and_plan(*(f"c-{each}" for each in range(100)))
    assert sum(given.size for given in kit.claim()) == 100
