"""One outcome for each command, in order, whatever a provider does to a batch."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import outcomes
from connectors.base import Command, Kind, Outcome
from connectors.errors import NoAnswer, NotSent, WireError


class Provider:
    """Refuses any batch with a bad record in it, and counts."""

    def __init__(self, bad: set[str], fails_at: int | None = None, failure: Outcome | None = None) -> None:
        self._bad, self._fails_at, self._failure = bad, fails_at, failure
        self.calls = 0
        self.took: list[str] = []

    def __call__(self, commands: Sequence[Command]) -> Sequence[Outcome] | Outcome:
        self.calls += 1
        if self.calls == self._fails_at and self._failure:
            return self._failure
        if any(command.id in self._bad for command in commands):
            return outcomes.rejected("no", 422)
        self.took += [command.id for command in commands]
        return [outcomes.delivered(command.id, 200) for command in commands]


def batch(size: int) -> list[Command]:
    return [Command(str(number), {}) for number in range(size)]


@given(st.integers(0, 400).flatmap(lambda size: st.tuples(st.just(size), st.sets(st.integers(0, max(size - 1, 0))))))
def test_the_bad_ones_end_alone(drawn: tuple[int, set[int]]) -> None:
    size, numbers = drawn
    bad = {str(number) for number in numbers if number < size}
    provider = Provider(bad)
    got = outcomes.halving(batch(size), provider)
    assert [outcome.kind for outcome in got] == [
        Kind.REJECTED if command.id in bad else Kind.DELIVERED for command in batch(size)
    ]
    assert [outcome.provider_id for outcome in got if outcome.delivered] == provider.took, "in order"
    if size:
        assert provider.calls <= 1 + len(bad) * 2 * ceil(log2(max(size, 2)))


@pytest.mark.parametrize(
    ("failure", "rest"),
    [
        (outcomes.retryable("503", 503, retry_after=7), Kind.RETRYABLE),
        (outcomes.limited("429", 429, retry_after=7), Kind.LIMITED),
        (outcomes.refused("401", 401), Kind.REFUSED),
        (outcomes.unknown("reset"), Kind.RETRYABLE),
    ],
    ids=lambda value: value.kind if isinstance(value, Outcome) else "",
)
def test_after_a_failure_nothing_more_is_sent(failure: Outcome, rest: Kind) -> None:
    provider = Provider({"0"}, fails_at=2, failure=failure)
    got = outcomes.halving(batch(8), provider)
    assert provider.calls == 2
    assert got[:4] == [failure] * 4
    assert {outcome.kind for outcome in got[4:]} == {rest}
    assert {outcome.retry_after for outcome in got[4:]} == {failure.retry_after}
    assert all(outcome.reason.startswith("not sent") for outcome in got[4:])


def test_a_single_answer_that_is_no_failure_is_for_all_of_its_batch() -> None:
    assert outcomes.halving(batch(3), lambda _: outcomes.delivered(status=204)) == [outcomes.delivered(status=204)] * 3


def test_calls_can_be_limited() -> None:
    provider = Provider({"0", "1", "2", "3"})
    got = outcomes.halving(batch(4), provider, limit_of_calls=3)
    assert provider.calls == 3
    assert [outcome.kind for outcome in got] == [Kind.REJECTED, Kind.RETRYABLE, Kind.RETRYABLE, Kind.RETRYABLE]


@pytest.mark.parametrize(
    ("error", "repeat_safe", "kind"),
    [
        (NotSent("refused"), True, Kind.RETRYABLE),
        (NotSent("refused"), False, Kind.RETRYABLE),
        (NoAnswer("reset"), True, Kind.RETRYABLE),
        (NoAnswer("reset"), False, Kind.UNKNOWN),
    ],
)
def test_a_call_without_an_answer(error: WireError, repeat_safe: bool, kind: Kind) -> None:
    outcome = outcomes.of_failure(error, repeat_safe)
    assert (outcome.kind, outcome.reason, outcome.status) == (kind, str(error), None)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        (b"  two\r\n\tlines \x00 ", "two lines"),
        ("å".encode() * 400, "å" * 299 + "…"),
        (b"\xff", "\ufffd"),
        (b"x" * 300, "x" * 300),
        ("lone \ud800 \u202e surrogate", "lone surrogate"),
    ],
)
def test_excerpt(body: bytes | str, shown: str) -> None:
    assert outcomes.excerpt(body) == shown
