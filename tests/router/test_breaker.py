from __future__ import annotations

from dataclasses import replace

import pytest

from router.breaker import CLOSED, HALF_OPEN, LONGEST_WAIT, OPEN, Switch, switch, wait
from router.model import Trouble


def trouble(
    breaker: str, since: float = 0, opened: int = 1, delivered: int = 0, failed: int = 0, lately: float = 1
) -> Trouble:
    return Trouble(1, breaker, since, opened, delivered, failed, lately)


@pytest.mark.parametrize(
    ("found", "then"),
    [
        pytest.param(trouble(CLOSED, failed=9), None, id="few failures wait"),
        pytest.param(trouble(CLOSED, failed=9, lately=31), Switch(CLOSED, 0), id="and are forgotten"),
        pytest.param(trouble(CLOSED, failed=10, delivered=11), None, id="less than half"),
        pytest.param(trouble(OPEN, since=4.9), None, id="open for a while"),
        pytest.param(trouble(OPEN, since=5), Switch(HALF_OPEN, 1), id="then a trial"),
        pytest.param(trouble(OPEN, since=9.9, opened=2), None, id="longer the second time"),
        pytest.param(trouble(HALF_OPEN), None, id="no answer to the trial yet"),
        pytest.param(trouble(HALF_OPEN, delivered=1), Switch(CLOSED, 0), id="the trial succeeded"),
    ],
)
def test_what_is_done_about_a_destination(found: Trouble, then: Switch | None) -> None:
    assert switch(found) == then


def test_failures_open_it_and_say_how_many() -> None:
    opened = switch(trouble(CLOSED, failed=10, delivered=10, lately=3))
    assert opened == Switch(OPEN, 1, "10 of 20 deliveries failed within 3 s")


def test_a_failed_trial_opens_it_for_longer() -> None:
    assert switch(replace(trouble(HALF_OPEN, failed=1, opened=3), reason="503")) == Switch(
        OPEN, 4, "503; since then 3 trials failed"
    )


def test_trials_that_failed_are_counted_behind_what_it_was_opened_for() -> None:
    reasons = ["503"]
    for opened in (1, 2, 3):
        again = switch(replace(trouble(HALF_OPEN, failed=1, opened=opened), reason=reasons[-1]))
        reasons.append((again and again.reason) or "")
    assert reasons[1:] == [f"503; since then {trials} failed" for trials in ("a trial", "2 trials", "3 trials")]


def test_the_wait_doubles_up_to_its_limit() -> None:
    assert [wait(n) for n in (1, 2, 3)] == [5, 10, 20]
    assert wait(50) == LONGEST_WAIT
