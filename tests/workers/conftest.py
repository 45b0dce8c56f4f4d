"""Workers on the ledger in memory; see `floor`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workers.floor import Floor, Hung, floor


@pytest.fixture
def work() -> Iterator[Floor]:
    """A floor with one integration, `crm`, of which up to eight calls may be in flight together."""
    with floor() as made:
        yield made


@pytest.fixture
def single() -> Iterator[Floor]:
    """One whose calls go out one after the other."""
    with floor(at_once=1) as made:
        yield made


@pytest.fixture
def broker() -> Hung:
    return Hung()
