"""`python -m pytest tests/faults --full` does everything at its real size; without it the faults are small and few."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.faults.books import Figures
from tests.faults.house import House, Shape
from tests.faults.shop import MAIN, Group

_FIGURES = "figures"


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a fault is. records: at least so many go through it. each: of them in a call. rate: calls a second.

    lease, timeout: seconds that the product is run with. drain: seconds until everything is done after the fault.
    """

    full: bool
    records: int
    each: int
    rate: float
    lease: float
    timeout: float
    drain: float


SHORT = Scale(full=False, records=160, each=2, rate=32.0, lease=6.0, timeout=3.0, drain=60.0)
FULL = Scale(full=True, records=20_000, each=20, rate=20.0, lease=40.0, timeout=20.0, drain=600.0)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="faults at their real size, which takes hours")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "faults: real processes that are killed, stopped and lied to")
    config.addinivalue_line("markers", "full: only with --full")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here, full = Path(__file__).parent, _is_full(config)
    ours = [item for item in items if here in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.faults)
        # Longer than all that a test may wait for: what it waited for in vain is told, and what is owed.
        item.add_marker(pytest.mark.timeout(1800 if full else 300))
    if not full and (left_out := [item for item in ours if item.get_closest_marker("full")]):
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # Properties, for they come along with a report from another process.
    reports = [each for reports in terminalreporter.stats.values() for each in reports if hasattr(each, "when")]
    told = {
        each.nodeid.rpartition("::")[2]: figures
        for each in reports
        if each.when == "call"
        for name, figures in each.user_properties
        if name == _FIGURES
    }
    if told:
        terminalreporter.section("what the faults came to")
    for name, figures in told.items():
        terminalreporter.line(f"{name}: {figures}")


def _is_full(config: pytest.Config) -> bool:
    return bool(config.getoption("--full", default=False))


@pytest.fixture(scope="session")
def scale(pytestconfig: pytest.Config) -> Scale:
    return FULL if _is_full(pytestconfig) else SHORT


class Tell(Protocol):
    def __call__(self, figures: Figures, **more: Any) -> None: ...


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Puts a fault's figures into the report."""

    def told(figures: Figures, **more: Any) -> None:
        figures.more |= more
        record_property(_FIGURES, json.dumps(asdict(figures)))

    return told


@pytest.fixture(scope="session")
def homes() -> Iterator[Path]:
    """Where houses keep their servers' data: a short path, for the sake of unix sockets."""
    with tempfile.TemporaryDirectory(prefix="router-faults-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


class Street:
    """The house that tests share. One that a test left in disorder is pulled down, and a new one built."""

    def __init__(self, homes: Path, shape: Shape) -> None:
        self._homes, self._shape = homes, shape
        self._house: House | None = None
        self._built = 0

    def house(self) -> House:
        if self._house is None:
            self._built += 1
            home = self._homes / f"{'p' if self._shape.proxied else 'h'}{self._built}"
            home.mkdir()
            self._house = House(home, self._shape).__enter__()
        return self._house

    def pull_down(self) -> None:
        if self._house is not None:
            house, self._house = self._house, None
            house.__exit__(None, None, None)


QUICK = {"schedule": [0.3, 0.6, 1.2, *[2.5] * 60]}
GROUPS = {
    MAIN: Group({"salesmanago": {}, "sendios": {}, "digitalonboarding": {}}, calls_back=True),
    "quick_group": Group({"salesmanago": QUICK, "sendios": QUICK, "digitalonboarding": QUICK}),
    "fragile_group": Group({"fragile": {}}),
    "hook_group": Group({"webhook-replayed": QUICK}),
    "limited_group": Group({"webhook-limited": {**QUICK, "budget": {"requests_per_second": 10}}}),
}


@pytest.fixture(scope="session")
def street(homes: Path, scale: Scale) -> Iterator[Street]:
    """One house does for all of the small faults."""
    shared = Street(homes, Shape(lease=scale.lease, timeout=scale.timeout, groups=GROUPS, proxied=not scale.full))
    yield shared
    shared.pull_down()


@pytest.fixture(scope="session")
def distant_street(street: Street, homes: Path, scale: Scale) -> Iterator[Street]:
    if not scale.full:
        yield street
        return
    shared = Street(homes, Shape(lease=scale.lease, timeout=scale.timeout, groups=GROUPS, proxied=True))
    yield shared
    shared.pull_down()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


_FAILED = pytest.StashKey[bool]()


def _lived_in(street: Street, request: pytest.FixtureRequest) -> Iterator[House]:
    house = street.house()
    house.be_well()
    yield house
    if request.node.stash.get(_FAILED, True):
        street.pull_down()


@pytest.fixture
def house(street: Street, request: pytest.FixtureRequest) -> Iterator[House]:
    """The product, up and with nothing to do; every provider is well."""
    yield from _lived_in(street, request)


@pytest.fixture
def distant_house(distant_street: Street, request: pytest.FixtureRequest) -> Iterator[House]:
    """One whose processes reach their servers over lines that can be made bad."""
    yield from _lived_in(distant_street, request)
