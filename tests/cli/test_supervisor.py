"""The supervisor: what dies comes back, what is told to stop stops in order, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from router.cli.dev.program import Program
from router.cli.dev.signals import Interrupted, Signals
from router.cli.dev.supervisor import NotReady, Supervisor
from router.cli.embedded import EmbeddedValkey
from router.cli.process import exists, works_in
from tests.support.conditions import eventually

WAIT = "import signal, sys; print('up', flush=True); signal.pause()"
NAMED = """
import signal, sys
def stop(*_):
    with open(sys.argv[2], "a") as order:
        order.write(sys.argv[1] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
print("up", flush=True)
while True:
    signal.pause()
"""


def up(said: str) -> bool:
    return "up" in said


@pytest.fixture
def make(tmp_path) -> Callable[..., Program]:
    numbers = count(1)

    def make(code: str = WAIT, *arguments: object, **more: object) -> Program:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        return Program(command, tmp_path / f"program-{next(numbers)}.log", os.environ, tmp_path, ready=up, **more)

    return make


class Heard:
    """What the supervisor said; asks for a stop when it says a word."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.stop_at = ""
        self.signals: Signals

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        if self.stop_at and self.stop_at in line:
            self.signals.stop_asked = True


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def supervisor(heard):
    supervisor = Supervisor(heard)
    yield supervisor
    supervisor.stop()


@pytest.fixture
def signals(supervisor, heard):
    with Signals(supervisor.hurry) as signals:
        heard.signals = signals
        yield signals


def run_until(word: str, supervisor: Supervisor, heard: Heard) -> None:
    heard.stop_at = word
    supervisor.run(heard.signals)


def test_a_killed_program_is_started_again_and_it_says_so(supervisor, signals, heard, make):
    supervisor.start("worker", make(), stage=1)
    supervisor.wait_until_ready(signals, within=20)
    killed = supervisor.pids["worker"]
    os.kill(killed, signal.SIGKILL)
    run_until("runs again", supervisor, heard)
    assert supervisor.pids["worker"] != killed
    assert "worker ended (SIGKILL): starting it again;" in heard.lines[0]


def test_whoever_wants_to_know_is_told_of_the_new_process(heard, make):
    told = []
    supervisor = Supervisor(heard, on_change=lambda: told.append(supervisor.pids))
    with Signals(supervisor.hurry) as heard.signals:
        supervisor.start("worker", make(), stage=1)
        os.kill(supervisor.pids["worker"], signal.SIGKILL)
        run_until("runs again", supervisor, heard)
        now = supervisor.pids
        supervisor.stop()
    assert told == [now]


def test_a_killed_server_is_started_again_at_the_same_address(supervisor, signals, heard, run_dir):
    broker = EmbeddedValkey(run_dir / "supervised")
    supervisor.start("broker", broker, stage=1)
    url = broker.url
    os.kill(broker.pid, signal.SIGKILL)
    run_until("runs again", supervisor, heard)
    assert (broker.running, broker.url) == (True, url)


def test_a_program_that_ends_by_itself_is_tried_less_and_less_often(supervisor, signals, heard, make):
    supervisor.start("web", make("import sys; sys.exit(3)"), stage=1)
    run_until("in 1.0 s", supervisor, heard)
    ended = [line.split(";")[0] for line in heard.lines if "ended" in line]
    assert ended == [f" ! web ended (status 3): starting it again in {delay} s" for delay in ("0.5", "1.0")]


def test_it_stops_the_highest_stage_first(supervisor, signals, make, tmp_path):
    order = tmp_path / "order"
    for stage, name in enumerate(["broker", "web", "worker", "dispatch"]):
        supervisor.start(name, make(NAMED, name, order), stage=stage)
    supervisor.wait_until_ready(signals, within=20)
    supervisor.stop()
    assert order.read_text().split() == ["dispatch", "worker", "web", "broker"]


def test_a_program_that_ends_at_once_is_told_with_its_last_words(supervisor, signals, make):
    supervisor.start("flower", make("raise SystemExit('no such setting: colour')"), stage=1)
    with pytest.raises(
        NotReady, match=r"(?s)flower ended at once \(status 1\).*program-1\.log:\nno such setting: colour"
    ):
        supervisor.wait_until_ready(signals, within=20)


def test_a_program_that_is_never_ready_is_told(supervisor, signals, make):
    supervisor.start("web", make("import signal; print('hm', flush=True); signal.pause()"), stage=1)
    with pytest.raises(NotReady, match="web is not ready in time"):
        supervisor.wait_until_ready(signals, within=0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_waiting_and_the_running(supervisor, signals, make, number):
    supervisor.start("web", make("import signal; signal.pause()"), stage=1)
    os.kill(os.getpid(), number)
    with pytest.raises(Interrupted):
        supervisor.wait_until_ready(signals, within=20)
    supervisor.run(signals)


STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getppid(), signal.SIGTERM))
print("up", flush=True)
while True:
    signal.pause()
"""


def test_a_second_signal_waits_for_nobody(supervisor, signals, make):
    program = make(STUBBORN, stop_steps=((signal.SIGTERM, 100),))
    supervisor.start("worker", program, stage=1)
    supervisor.wait_until_ready(signals, within=20)
    pid = program.pid
    signals.stop_asked = True
    supervisor.stop()
    assert not exists(pid)


PARENT = """
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], cwd=sys.argv[1])
open(sys.argv[1] + "/child", "w").write(str(child.pid))
print("up", flush=True)
signal.pause()
"""


@pytest.mark.parametrize("patience", [0.0, 0.3], ids=["at once", "after a while"])
def test_children_of_a_killed_program_are_ended_too(supervisor, signals, heard, make, tmp_path, patience):
    program = make(PARENT, tmp_path, patience=patience)
    supervisor.start("worker", program, stage=1)
    supervisor.wait_until_ready(signals, within=20)
    orphan = int((tmp_path / "child").read_text())
    os.kill(program.pid, signal.SIGKILL)
    run_until("runs again", supervisor, heard)
    supervisor.stop()
    eventually(lambda: not works_in(orphan, tmp_path))


OWNER = """
import os, sys
from pathlib import Path
from router.cli.dev.program import Program
program = Program([sys.executable, "-c", sys.argv[2]], Path(sys.argv[1], "log"), os.environ, Path(sys.argv[1]))
program.start()
print(program.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells a child of its parent's death on Linux only")
def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path):
    command = [sys.executable, "-c", OWNER, tmp_path, WAIT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as owner:
        pid = int(owner.stdout.readline())
        eventually(lambda: works_in(pid, tmp_path))
        owner.kill()
    eventually(lambda: not works_in(pid, tmp_path))
