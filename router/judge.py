"""What an attempt meant for its delivery, and what its chunk says about the destination. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from router import retry
from router.model import SEEN_DEATH, SILENCE, Attempt, DueDelivery, Health, State, Verdict

SET_ASIDE = 10
"""Suspicion that a record kills its workers: two deaths seen by their parent set it aside, or five lapsed leases."""
LIMITED_WAIT = 5.0
"""Seconds an account waits when a provider says "slow down" and not for how long."""
LONGEST_LIMITED_WAIT = 60.0
"""Seconds that a delivery waits at most, beyond what the provider says, when it is told so again and again."""
PARKED_WAIT = 5.0
"""Seconds after which a delivery of a refused account is due again; its breaker holds it until then and beyond."""


class Outcome(Protocol):
    """What a connector said (`connectors.base.Outcome`), as far as it is judged."""

    @property
    def kind(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def status(self) -> int | None: ...
    @property
    def provider_id(self) -> str | None: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...
    @property
    def errors(self) -> Mapping[str, str]: ...
    @property
    def retry_after(self) -> float | None: ...
    @property
    def retry_in(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Policy:
    """How an integration treats what happens to it.

    schedule: seconds between attempts. on_unknown: `hold` for a person, or `retry` at the risk of a second effect.
    """

    schedule: Sequence[float] = retry.DEFAULT_SCHEDULE
    on_unknown: str = "hold"


def judge(
    delivery: DueDelivery,
    outcome: Outcome,
    policy: Policy,
    *,
    began: datetime,
    ms: float,
    rng: Callable[[], float],
    request: Mapping[str, Any] | None = None,
) -> Verdict:
    """The verdict on one attempt that began at `began` (aware, UTC) and took `ms` milliseconds."""
    attempt = Attempt(
        at=began,
        ms=ms,
        outcome=str(outcome.kind),
        status=outcome.status,
        reason=outcome.reason,
        provider_id=outcome.provider_id,
        warnings=outcome.warnings,
        errors=outcome.errors,
        request=request,
    )
    state, again_in = _JUDGES[outcome.kind](delivery, outcome, policy, rng)
    return Verdict(delivery.delivery_id, state, again_in, attempt)


_Judged = tuple[State, float | None]


def _delivered(*_: object) -> _Judged:
    return State.DELIVERED, None


def _rejected(*_: object) -> _Judged:
    return State.DEAD, None


def _again(delivery: DueDelivery, outcome: Outcome, policy: Policy, rng: Callable[[], float]) -> _Judged:
    if outcome.retry_in is not None:
        return State.RETRYING, outcome.retry_in
    wait = retry.delay(delivery.attempts + 1, policy.schedule, outcome.retry_after, rng)
    return (State.RETRYING, wait) if wait is not None else (State.DEAD, None)


def _limited(delivery: DueDelivery, outcome: Outcome, _policy: Policy, _rng: Callable[[], float]) -> _Judged:
    # The account's budget waits; the delivery itself did nothing wrong and uses up none of its schedule. Who is told so
    # for hours asks less and less often.
    return State.RETRYING, max(outcome.retry_after or LIMITED_WAIT, min(delivery.age / 10, LONGEST_LIMITED_WAIT))


def _refused(*_: object) -> _Judged:
    return State.RETRYING, PARKED_WAIT


def _unknown(delivery: DueDelivery, outcome: Outcome, policy: Policy, rng: Callable[[], float]) -> _Judged:
    if policy.on_unknown == "retry":
        return _again(delivery, outcome, policy, rng)
    return State.UNKNOWN, None


_JUDGES: Mapping[str, Callable[[DueDelivery, Outcome, Policy, Callable[[], float]], _Judged]] = {
    "delivered": _delivered,
    "retryable": _again,
    "limited": _limited,
    "rejected": _rejected,
    "refused": _refused,
    "unknown": _unknown,
}


def judge_crash(delivery: DueDelivery, policy: Policy, now: datetime, *, seen: bool) -> Verdict:
    """The verdict on a delivery whose worker process died (`seen` by its parent) or let its lease lapse."""
    how = "the worker process died" if seen else "the worker fell silent"
    if delivery.sending and policy.on_unknown != "retry":
        reason = f"{how} while the call was on its way: it may have arrived, and a repeat could act twice"
        return Verdict(delivery.delivery_id, State.UNKNOWN, None, _crash(now, reason))
    added = SEEN_DEATH if seen else SILENCE
    if delivery.suspicion + added >= SET_ASIDE:
        reason = f"set aside: {how} again while it held this record"
        return Verdict(delivery.delivery_id, State.DEAD, None, _crash(now, reason), suspicion=added)
    attempt = _crash(now, f"{how} while it held this record")
    return Verdict(delivery.delivery_id, State.RETRYING, 0.0, attempt, suspicion=added)


def _crash(now: datetime, reason: str) -> Attempt:
    return Attempt(at=now, ms=0.0, outcome="crashed", reason=reason)


def health(outcomes: Iterable[Outcome]) -> Health:
    """What a chunk's outcomes say about their destination. A rejected record says that the destination is well."""
    delivered = failed = 0
    blocked_for = 0.0
    refused: str | None = None
    for outcome in outcomes:
        if outcome.kind in {"delivered", "rejected"}:
            delivered += 1
        elif outcome.kind == "limited":
            blocked_for = max(blocked_for, outcome.retry_after or LIMITED_WAIT)
        elif outcome.kind == "refused":
            refused = outcome.reason
        else:
            failed += 1
            if outcome.retry_after:
                blocked_for = max(blocked_for, outcome.retry_after)
    return Health(delivered, failed, blocked_for, refused)
