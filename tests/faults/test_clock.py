"""A machine whose clock jumps: leases, schedules and budgets go by the ledger's clock, and nobody else's."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.books import balance
from tests.faults.conftest import Scale, Tell
from tests.faults.house import House
from tests.faults.test_overload import taken_over
from tests.support.needs import program

ON_IT = ("worker_1", "dispatch_1")


@pytest.fixture
def jumpy_house(house: House, tmp_path: Path) -> Iterator[House]:
    """One with a worker and a dispatcher on such a machine."""
    library = tmp_path / "jumps.so"
    source = Path(__file__).with_name("jumps.c")
    subprocess.run([program("compiler"), "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    whole = {name: house.programs[name].env for name in ON_IT}
    for name in ON_IT:
        _restart(house, name, {**whole[name], "LD_PRELOAD": str(library)})
    yield house
    for name in ON_IT:
        _restart(house, name, whole[name])


def _restart(house: House, name: str, env: dict[str, str]) -> None:
    house.stop(name)
    house.programs[name].env = env
    house.start(name)
    house.await_ready([name])


# FULL
@pytest.mark.compiler
def test_it_jumps_by_hours_every_two_seconds(jumpy_house: House, scale: Scale, tell: Tell) -> None:
    house = jumpy_house
    before = taken_over(house)
    load = house.load(house.people(scale.records), rate=scale.rate, each=scale.each, group="quick_group").start()
    house.until(lambda: load.done, scale.drain, "all is posted")
    house.drain(scale.drain)
    books, figures = balance(house, load)
    tell(figures)
    assert figures.repeats == dict.fromkeys(books.entries, 0)
    assert [books.states(name).keys() for name in books.entries] == [{"delivered"}] * 3
    assert taken_over(house) == before
