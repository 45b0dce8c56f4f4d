from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.retry import DEFAULT_SCHEDULE, HOUR, delay, moments


def test_the_default_schedule_goes_on_for_72_hours_and_no_longer() -> None:
    assert DEFAULT_SCHEDULE[:5] == (5, 30, 120, 600, 1800)
    assert moments(DEFAULT_SCHEDULE)[-1] <= 72 * HOUR < moments(DEFAULT_SCHEDULE)[-1] + 8 * HOUR


@given(st.integers(1, len(DEFAULT_SCHEDULE)), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 1e6))
def test_a_delay_stays_in_its_step_and_never_comes_before_retry_after(
    attempt: int, chance: float, retry_after: float | None
) -> None:
    wait = delay(attempt, DEFAULT_SCHEDULE, retry_after, lambda: chance)
    assert wait is not None
    assert wait >= (retry_after or 0)
    assert wait <= max(DEFAULT_SCHEDULE[attempt - 1], retry_after or 0)
    assert wait > 0


@pytest.mark.parametrize("schedule", [(), (1.0, 2.0)])
def test_past_its_end_a_schedule_says_no(schedule: tuple[float, ...]) -> None:
    assert delay(len(schedule) + 1, schedule, None, lambda: 0.5) is None
