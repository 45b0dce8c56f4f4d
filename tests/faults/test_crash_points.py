"""Every way from a call to its callback, ended or held still at each of its steps in turn, and taken up by others.

Not at random and not all at once, as the other faults: each stage is carried out by a real process on a real ledger,
which ends at its first step, then at its second, until it meets its end no more. After each the ledger balances as it
is, and what goes on brings everything to its end. The same with a process that stands still there, and wakes when all
is done without it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from router.judge import Policy
from router.ledger.postgres import PostgresLedger
from router.mapping import Source
from router.model import Hint
from router.publish import publish
from tests.faults import crash
from tests.faults.crash import CUT, DONE, LEASE, STILL, Process
from tests.faults.house import ROOT
from tests.faults.shop import Group, documents
from tests.support.conditions import eventually
from workers.check import check_hints

BATCHED, SINGLE, CAREFUL, PACED = "salesmanago", "digitalonboarding", "sendios", "sendios-paced"
NOT_TWICE = frozenset({CAREFUL, PACED})
GROUPS = {
    "one": Group({SINGLE: {}}, calls_back=True),
    "several": Group({BATCHED: {}, CAREFUL: {}}, calls_back=True),
    "careful": Group({CAREFUL: {}}, calls_back=True),
    "paced": Group({PACED: {"budget": {"requests_per_second": 1000}}}, calls_back=True),
}
ROUNDS = 8
"""Turns of dispatcher and workers in which everything must have come to its end."""
GROWN_UP = "SELECT pg_postmaster_start_time() < now() - interval '15 seconds'"
TIME_PASSES = f"""
WITH hint AS (
    UPDATE hints SET given_at = given_at - interval '{LEASE + 1} s',
        lease_until = lease_until - interval '{LEASE + 1} s'
)
UPDATE due SET due_at = due_at - interval '{LEASE + 1} s'
"""


class Mortal:
    """Processes that end after so many steps, or stand still."""

    def __init__(self, url: str, effects: Path) -> None:
        command = [sys.executable, "-m", crash.__name__, url, str(effects)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ends_after(self, steps: int, stage: str, argument: str) -> bool:
        """Whether it ended there, and not with its work done."""
        return self._carries_out(stage, steps, signal.SIGKILL, argument) == CUT

    def stands_still_after(self, steps: int, stage: str, argument: str) -> bool:
        """Whether it does, and has not its work done."""
        return self._carries_out(stage, steps, signal.SIGSTOP, argument) == STILL

    def wakes(self) -> None:
        """And does what it thinks is left to do."""
        assert self._said("wake up") == DONE

    def close(self) -> None:
        self._process.communicate()

    def _carries_out(self, stage: str, steps: int, fate: signal.Signals, argument: str) -> int:
        status = self._said(f"{stage} {steps} {fate.name} {argument}")
        assert status in {CUT, STILL, DONE}, f"{stage} failed after {steps} steps: {status}"
        return status

    def _said(self, what: str) -> int:
        assert self._process.stdin
        assert self._process.stdout
        print(what, file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


@dataclass
class Case:
    """One call, on its way: here until its stage, then in a process that ends, then here again."""

    process: Process
    group: str
    key: str
    since: datetime

    @property
    def said(self) -> str:
        return f"{self.group}:{self.key}"

    def accept(self) -> UUID:
        return crash.call(self.process, self.said).request_id

    def until(self, task: str, integration: str = "") -> Hint:
        """Everything before this hint is done, and it is given."""
        for _ in range(ROUNDS):
            for hint in self.process.ledger.claim(8):
                if hint.task == task and hint.destination.endswith(integration):
                    return hint
                self.process.work(hint)
        raise AssertionError(f"no {task} for {integration}")

    def go_on(self) -> None:
        """What all the others do: dispatchers judge and give out, workers work, time passes."""
        for _ in range(ROUNDS):
            self.process.ledger._db.rows(TIME_PASSES)
            check_hints(self.process.ledger, lambda _: Policy())
            while given := self.process.ledger.claim(8):
                for hint in given:
                    self.process.work(hint)
            if not any(place.waiting for place in self.process.ledger.places()):
                return
        raise AssertionError("something is still owed")

    def balances(self) -> None:
        audit = self.process.ledger.audit(self.since)
        assert not audit.differences, audit.differences
        assert audit.expected == sum(audit.by_state.values())

    def ended(self, request: UUID, late: int = 0) -> None:
        """Everything about the call is as it must be, at its end.

        late: how often it may have been done after its end, by someone whose outcome nobody took any more.
        """
        document = self.process.ledger.document(request)
        assert document is not None
        effects = self.effects()
        for name in GROUPS[self.group].integrations:
            deliveries = [_only(record["deliveries"], name) for record in document["records"]]
            ids = [each["deliveryId"] for each in deliveries]
            for id, each in zip(ids, deliveries, strict=True):
                done = effects.count(id)
                assert done in _allowed(name, each["status"]), f"{name} did it {done} times, and is {each['status']}"
                assert done <= each["attempts"] + late
            of_ada = [id for id in dict.fromkeys(effects) if id in (ids[0], ids[2])]
            assert late or of_ada == sorted(of_ada, key=ids.index), "the later record of a person went first"
        told = [each["status"] for each in document["callbacks"] if each["type"].startswith("request.")]
        assert told == ["delivered"]

    def effects(self) -> list[str]:
        """The deliveries that the world has seen, in its order."""
        return [line.split()[1] for line in self.process.effects.read_text().splitlines()]


def _only(deliveries: Sequence[Mapping[str, Any]], integration: str) -> Mapping[str, Any]:
    (found,) = (each for each in deliveries if each["integration"] == integration)
    return found


def _allowed(integration: str, state: str) -> set[int]:
    """How often it may have been done."""
    if integration in NOT_TWICE:
        return {"delivered": {1}, "unknown": {0, 1}}.get(state, set())
    return {1, 2} if state == "delivered" else set()


@pytest.fixture(scope="module")
def process(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One that does not end, on a ledger with a shop."""
    effects = tmp_path_factory.mktemp("world") / "effects"
    effects.touch()
    with closing(PostgresLedger(module_database_url, size=2)) as ledger:
        publish(ledger, [Source(*each) for each in documents(GROUPS, timeout=3.0).items()], "tests", "")
        eventually(lambda: ledger._db.rows(GROWN_UP)[0][0])  # before, workers of an earlier life come first
        yield Process(ledger, crash.configured(module_database_url), effects)


@pytest.fixture(scope="module")
def mortal(process: Process, module_database_url: str) -> Iterator[Mortal]:
    with closing(Mortal(module_database_url, process.effects)) as made:
        yield made


def accept(case: Case) -> tuple[str, str]:
    return "accept", case.said


def dispatch(case: Case) -> tuple[str, str]:
    case.accept()
    return "dispatch", "-"


def work(task: str, integration: str = "") -> Callable[[Case], tuple[str, str]]:
    def given(case: Case) -> tuple[str, str]:
        case.accept()
        return "work", f"{case.until(task, integration).hint_id}:{task}"

    return given


def judge(integration: str) -> Callable[[Case], tuple[str, str]]:
    """Of what a worker had started, and marked where it must, when it died."""

    def given(case: Case) -> tuple[str, str]:
        case.accept()
        hint = case.until("deliver", integration)
        ledger = case.process.ledger
        _, deliveries = ledger.start_deliver(hint.hint_id, "tests:2", LEASE)
        if integration in NOT_TWICE:
            ledger.leaving(hint.hint_id, [deliveries[0].delivery_id], LEASE)
        ledger.lost(hint.hint_id)
        return "judge", "-"

    return given


STAGES = pytest.mark.parametrize(
    ("group", "arrange", "steps"),
    [
        pytest.param("one", accept, 2, id="accept"),
        pytest.param("one", dispatch, 9, id="dispatch"),
        pytest.param("several", work("route"), 5, id="route"),
        pytest.param("several", work("deliver", BATCHED), 4, id="deliver a batch"),
        pytest.param("one", work("deliver", SINGLE), 5, id="deliver one by one"),
        pytest.param("careful", work("deliver", CAREFUL), 10, id="deliver what must not be repeated"),
        pytest.param("paced", work("deliver", PACED), 11, id="deliver it at a rate"),
        pytest.param("one", work("deliver", "callback"), 10, id="call back"),
        pytest.param("one", judge(SINGLE), 3, id="judge"),
        pytest.param("careful", judge(CAREFUL), 3, id="judge what was on its way"),
    ],
)
"""steps: that the stage has, so that none goes missing unnoticed."""


@STAGES
def test_it_may_end_after_any_step(
    process: Process, mortal: Mortal, group: str, arrange: Callable[[Case], tuple[str, str]], steps: int
) -> None:
    cut = True
    taken = -1
    while cut:
        taken += 1
        case = Case(process, group, uuid4().hex, datetime.now(UTC))
        stage, argument = arrange(case)
        cut = mortal.ends_after(taken, stage, argument)
        case.balances()
        if stage == "work" and taken % 2:
            process.ledger.lost(int(argument.partition(":")[0]))  # its parent saw it; else its lease runs out
        request = case.accept()
        case.go_on()
        case.balances()
        case.ended(request)
    assert taken == steps + 1


@STAGES
def test_it_may_stand_still_after_any_step_and_wake_when_all_is_done(
    process: Process, mortal: Mortal, group: str, arrange: Callable[[Case], tuple[str, str]], steps: int
) -> None:
    for taken in range(steps + 1):
        case = Case(process, group, uuid4().hex, datetime.now(UTC))
        stage, argument = arrange(case)
        assert mortal.stands_still_after(taken, stage, argument)
        request = case.accept()
        case.go_on()
        case.ended(request)
        mortal.wakes()
        case.go_on()
        case.balances()
        case.ended(request, late=1)
