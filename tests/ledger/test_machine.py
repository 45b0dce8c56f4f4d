"""The machine on both ledgers: long and often in memory, a few times in PostgreSQL."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from router.ledger.memory import MemoryLedger
from router.ledger.postgres import PostgresLedger
from tests.ledger.conftest import empty, shift
from tests.ledger.kit import Clock, Kit
from tests.ledger.machine import Machine

OFTEN = settings(max_examples=100, stateful_step_count=60)
SELDOM = settings(max_examples=6, stateful_step_count=40)


def in_time(times: settings) -> settings:
    """Without shrinking, which would take longer than anybody waits."""
    return settings(
        times,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.timeout(300)
def test_the_machine_in_memory() -> None:
    def fresh() -> Machine:
        clock = Clock()
        return Machine(Kit(MemoryLedger(clock, luck=lambda: 0.5), clock.later))

    run_state_machine_as_test(fresh, settings=in_time(OFTEN))


@pytest.mark.timeout(300)
def test_the_machine_in_postgres(postgres_ledger: PostgresLedger, module_database_url: str) -> None:
    def fresh() -> Machine:
        empty(module_database_url)
        return Machine(Kit(postgres_ledger, shift(module_database_url)))

    run_state_machine_as_test(fresh, settings=in_time(SELDOM))
