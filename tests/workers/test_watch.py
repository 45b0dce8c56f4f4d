"""A worker that takes nothing although there is something to take ends itself, and no other does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from celery import Celery

from router.ledger.base import Unavailable
from router.queue import celery_settings
from tests.support.conditions import eventually
from tests.workers.running import works_on
from workers.watch import Silence

PATIENCE = 60.0


@dataclass
class Place:
    """What a worker's parent sees around it."""

    hints: list[int] = field(default_factory=lambda: [1])
    passed: int = 0
    free: int = 2
    broker: bool = True
    ledger: bool = True
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.silence = Silence(
            waiting=self.waiting,
            passed=lambda: self.passed,
            free=lambda: self.free,
            reachable=lambda: self.broker,
            patience=PATIENCE,
            clock=lambda: self.now,
        )

    def waiting(self) -> list[int]:
        if not self.ledger:
            raise Unavailable("away")
        return self.hints

    def look(self, seconds: float = 0.0) -> bool:
        """A look after so long."""
        self.now += seconds
        return self.silence.lasts()


def test_a_hint_that_waits_for_too_long() -> None:
    place = Place()
    assert [place.look(), place.look(PATIENCE - 1), place.look(1)] == [False, False, True]


def test_hints_that_come_and_go() -> None:
    place = Place()
    looks = []
    for number in range(20):
        place.hints = [number, number + 1]
        looks.append(place.look(PATIENCE - 1))
    assert looks == [False] * 20


def test_nothing_to_take() -> None:
    place = Place(hints=[])
    assert [place.look(), place.look(PATIENCE), place.look(PATIENCE)] == [False, False, False]


def test_what_interrupts_the_silence() -> None:
    def passes(place: Place) -> None:
        place.passed += 1

    def fills(place: Place) -> None:
        place.free = 0

    def broker_leaves(place: Place) -> None:
        place.broker = False

    def ledger_leaves(place: Place) -> None:
        place.ledger = False

    for interruption in (passes, fills, broker_leaves, ledger_leaves):
        place = Place()
        place.look()
        place.look(PATIENCE - 1)
        interruption(place)
        assert not place.look(1), interruption
        place.free, place.broker, place.ledger = 2, True, True
        assert [place.look(), place.look(PATIENCE - 1), place.look(1)] == [False, False, True], interruption


def test_a_real_worker_that_was_told_to_leave_its_queue(tmp_path: Path, database_url: str, broker_url: str) -> None:
    with works_on(tmp_path, database_url, broker_url) as works:
        works.dispatcher()
        worker = works.worker("route", app="tests.workers.impatient")
        first = works.shop.accept()
        eventually(lambda: works.shop.deliveries(first.request_id))
        assert worker.poll() is None
        app = Celery("tests")
        app.conf.update(celery_settings(broker_url))
        app.control.cancel_consumer("route", reply=True, timeout=5)
        app.close()
        works.shop.accept()
        assert works.exit_of(worker, within=60) == 1
        assert "stopped consuming" in worker.said()
        successor = works.worker("route", app="tests.workers.impatient")
        eventually(lambda: works.shop.ledger.unstarted(["route"]) == [])
        assert successor.poll() is None
