"""Judge what nobody finished: hints whose worker died or fell silent, and breakers whose time has come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from router import logs
from router.breaker import switch
from router.judge import Policy, judge_crash
from router.ledger.base import Work
from router.model import Health

log = logs.get(__name__)


def check_hints(work: Work, policy: Callable[[int], Policy]) -> int:
    """Take over every expired hint and settle its deliveries. Returns how many hints that were."""
    expired = work.expired()
    for hint_id in expired:
        taken = work.take_over(hint_id)
        if taken is None:
            continue
        now = datetime.now(UTC)
        rules = policy(taken.destination)
        verdicts = [judge_crash(delivery, rules, now, seen=taken.seen) for delivery in taken.deliveries]
        work.finish(taken.hint_id, verdicts, Health(), done=True)
        log.warning("hint taken over", hint=hint_id, deliveries=len(verdicts), seen=taken.seen)
    return len(expired)


def check_breakers(work: Work) -> None:
    """Open, try and close breakers; who did it first wins."""
    for trouble in work.troubled():
        decided = switch(trouble)
        if decided is None:
            continue
        name = work.switch(trouble.destination, trouble.breaker, decided.state, decided.opened_times, decided.reason)
        if name is not None and decided.state != trouble.breaker:
            log.info("breaker switched", integration=name, state=decided.state)
