"""What `design.md` says of its queueing holds in a simulation of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.bench.simulate import CLAIMS


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_claim(claim: Callable[[], tuple[bool, str]]) -> None:
    holds, told = claim()
    assert holds, f"{claim.__doc__} Found: {told}"
