from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from connectors.base import Kind, Outcome
from router.judge import (
    LIMITED_WAIT,
    LONGEST_LIMITED_WAIT,
    PARKED_WAIT,
    SEEN_DEATH,
    SILENCE,
    Policy,
    health,
    judge,
    judge_crash,
)
from router.model import DueDelivery, Environment, State, Verdict

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POLICY = Policy(schedule=(10.0, 20.0))
TRUSTING = Policy(schedule=(10.0, 20.0), on_unknown="retry")


def a_delivery(**given: Any) -> DueDelivery:
    plain: dict[str, Any] = {
        "delivery_id": uuid4(),
        "request_id": uuid4(),
        "client": "demo",
        "group": "main_group",
        "environment": Environment.PRODUCTION,
        "ordering_key": uuid4(),
        "operation": "upsert",
        "payload": {},
        "mapping_version": "sha256:0",
        "accepted_at": NOW,
    }
    return DueDelivery(**{**plain, **given})


def judged(outcome: Outcome, policy: Policy = POLICY, **delivery: Any) -> Verdict:
    return judge(a_delivery(**delivery), outcome, policy, began=NOW, ms=5.0, rng=lambda: 0.0)


@pytest.mark.parametrize(
    ("outcome", "delivery", "state", "again_in"),
    [
        pytest.param(Outcome(Kind.DELIVERED), {}, State.DELIVERED, None, id="delivered"),
        pytest.param(Outcome(Kind.REJECTED, "no"), {}, State.DEAD, None, id="rejected is dead at once"),
        pytest.param(Outcome(Kind.RETRYABLE), {}, State.RETRYING, 1.0, id="first step"),
        pytest.param(Outcome(Kind.RETRYABLE), {"attempts": 1}, State.RETRYING, 2.0, id="second step"),
        pytest.param(Outcome(Kind.RETRYABLE), {"attempts": 2}, State.DEAD, None, id="schedule exhausted"),
        pytest.param(Outcome(Kind.RETRYABLE, retry_after=99), {}, State.RETRYING, 99.0, id="never before retry-after"),
        pytest.param(Outcome(Kind.RETRYABLE, retry_in=2), {"attempts": 9}, State.RETRYING, 2, id="the provider's pace"),
        pytest.param(Outcome(Kind.LIMITED, retry_after=7), {"attempts": 9}, State.RETRYING, 7, id="limited"),
        pytest.param(Outcome(Kind.LIMITED), {}, State.RETRYING, LIMITED_WAIT, id="limited without a time"),
        pytest.param(Outcome(Kind.LIMITED, retry_after=7), {"age": 300.0}, State.RETRYING, 30, id="limited again"),
        pytest.param(Outcome(Kind.LIMITED), {"age": 1e6}, State.RETRYING, LONGEST_LIMITED_WAIT, id="for days"),
        pytest.param(Outcome(Kind.REFUSED, "key"), {"attempts": 9}, State.RETRYING, PARKED_WAIT, id="refused parks"),
        pytest.param(Outcome(Kind.UNKNOWN), {}, State.UNKNOWN, None, id="unknown waits for a person"),
    ],
)
def test_what_an_outcome_means(
    outcome: Outcome, delivery: dict[str, Any], state: State, again_in: float | None
) -> None:
    verdict = judged(outcome, **delivery)
    assert (verdict.state, verdict.again_in) == (state, again_in)


def test_an_unknown_is_retried_where_the_integration_says_so() -> None:
    assert judged(Outcome(Kind.UNKNOWN), TRUSTING).state is State.RETRYING


def test_the_attempt_keeps_what_was_said() -> None:
    outcome = Outcome(Kind.REJECTED, "bad email", status=200, errors={"email": "bad"}, warnings=("w",))
    attempt = judged(outcome).attempt
    assert attempt is not None
    assert (attempt.at, attempt.ms, attempt.outcome, attempt.status) == (NOW, 5.0, "rejected", 200)
    assert (attempt.reason, attempt.errors, attempt.warnings) == ("bad email", {"email": "bad"}, ("w",))


@pytest.mark.parametrize(
    ("delivery", "policy", "seen", "state", "added"),
    [
        pytest.param({}, POLICY, True, State.RETRYING, SEEN_DEATH, id="a death seen once"),
        pytest.param({"suspicion": SEEN_DEATH}, POLICY, True, State.DEAD, SEEN_DEATH, id="a death seen twice"),
        pytest.param({"suspicion": SEEN_DEATH}, POLICY, False, State.RETRYING, SILENCE, id="then silence"),
        pytest.param({"suspicion": 4 * SILENCE}, POLICY, False, State.DEAD, SILENCE, id="silent five times"),
        pytest.param({"sending": True}, POLICY, False, State.UNKNOWN, 0, id="cut while it left"),
        pytest.param({"sending": True}, TRUSTING, False, State.RETRYING, SILENCE, id="cut, and the policy repeats"),
    ],
)
def test_what_a_crash_means(delivery: dict[str, Any], policy: Policy, seen: bool, state: State, added: int) -> None:
    verdict = judge_crash(a_delivery(**delivery), policy, NOW, seen=seen)
    assert (verdict.state, verdict.suspicion) == (state, added)


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        pytest.param([Kind.DELIVERED, Kind.REJECTED], (2, 0, 0.0, None), id="a rejected record says: it is well"),
        pytest.param([Kind.RETRYABLE, Kind.UNKNOWN], (0, 2, 0.0, None), id="failures"),
        pytest.param([Kind.LIMITED], (0, 0, LIMITED_WAIT, None), id="limited is no failure, and blocks"),
        pytest.param([Kind.REFUSED], (0, 0, 0.0, "why"), id="refused"),
    ],
)
def test_what_a_chunk_says_about_its_destination(
    outcomes: list[Kind], told: tuple[int, int, float, str | None]
) -> None:
    said = health(Outcome(kind, "why") for kind in outcomes)
    assert (said.delivered, said.failed, said.blocked_for, said.refused) == told
