"""What comes at once goes together, and nobody hears of what is another's."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from router.ledger.base import LedgerError
from router.ledger.postgres.together import Together
from tests.support.conditions import eventually


class Slow:
    """Answers twice what it is given, when it is let; goes: what went together."""

    def __init__(self) -> None:
        self.goes: list[list[int]] = []
        self.let = threading.Semaphore(0)

    def __call__(self, given: Sequence[int]) -> Sequence[int | Exception]:
        self.goes.append(list(given))
        self.let.acquire()
        if 13 in given:
            raise LedgerError("away")
        return [LedgerError(f"not {each}") if each < 0 else each * 2 for each in given]


def test_who_comes_meanwhile_goes_together() -> None:
    slow = Slow()
    together = Together[int, int](slow, most=3)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(together, 1)
        eventually(lambda: slow.goes)
        others = [pool.submit(together, number) for number in range(2, 7)]
        eventually(lambda: len(together._waiting) == 5)
        slow.let.release(3)
        assert [each.result(10) for each in (first, *others)] == [2, 4, 6, 8, 10, 12]
    assert [len(each) for each in slow.goes] == [1, 3, 2]
    assert sorted(number for each in slow.goes for number in each) == [1, 2, 3, 4, 5, 6]


def test_an_error_is_its_own_and_what_fails_whole_fails_for_all_who_went() -> None:
    slow = Slow()
    together = Together[int, int](slow, most=3)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(together, 13)
        eventually(lambda: slow.goes)
        others = [pool.submit(together, number) for number in (-1, 5)]
        eventually(lambda: len(together._waiting) == 2)
        slow.let.release(2)
        with pytest.raises(LedgerError, match="away"):
            first.result(10)
        with pytest.raises(LedgerError, match="not -1"):
            others[0].result(10)
        assert others[1].result(10) == 10
    slow.let.release()
    assert together(4) == 8, "it goes on"
