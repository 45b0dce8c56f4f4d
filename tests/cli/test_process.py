"""Programs that others started: known by where they work, and gone only when all of them is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from router.cli.process import Process
from tests.support.conditions import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing tells that a program is ending")

# When told to, its first thread ends alone: what a server looks like whose threads end one after another. The kernel
# has no directory of such a process any more, while the rest of it still holds its files.
PROGRAM = """
import ctypes, sys, threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
sys.stdin.readline()
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.fixture
def program(tmp_path):
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, cwd=tmp_path) as program:
        yield program
        program.kill()


def first_thread_ends(program: subprocess.Popen[bytes]) -> None:
    program.stdin.write(b"\n")
    program.stdin.flush()
    eventually(lambda: ") Z " in Path(f"/proc/{program.pid}/stat").read_text())


def test_a_found_program_runs_until_its_last_thread_ends(program, tmp_path):
    found = Process.found(program.pid, tmp_path)
    first_thread_ends(program)
    assert found.poll() is None


def test_a_found_program_has_ended_before_its_parent_looks(program, tmp_path):
    found = Process.found(program.pid, tmp_path)
    first_thread_ends(program)
    program.kill()
    assert found.wait(10) == -1


def test_a_program_that_works_elsewhere_is_another(program, tmp_path):
    assert Process.found(program.pid, tmp_path.parent) is None
