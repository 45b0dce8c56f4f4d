"""One receiver for each module, on a ledger that the module alone fills."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from router.ledger.postgres import PostgresLedger
from tests.http.shop import OTHER_KEY, OTHER_SECRET, Caller, Receiver, serving, settings, stock


@pytest.fixture(scope="module")
def ledger(module_database_url: str) -> Iterator[PostgresLedger]:
    opened = PostgresLedger(module_database_url, size=4)
    stock(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def receiver(ledger: PostgresLedger, module_database_url: str) -> Iterator[Receiver]:
    with serving(ledger, settings(module_database_url)) as listening:
        yield listening


@pytest.fixture(scope="module")
def shop(receiver: Receiver) -> Caller:
    """A client with one group."""
    return Caller(receiver)


@pytest.fixture(scope="module")
def other(receiver: Receiver) -> Caller:
    """A client with two groups."""
    return Caller(receiver, OTHER_KEY, OTHER_SECRET)
