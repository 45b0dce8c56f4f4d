"""Programs as children: each in its own session, so that Ctrl-C reaches us alone, and none outlives us."""

from __future__ import annotations

import os
import pwd
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")
_POLL = 0.02


class Identity(StrEnum):
    """Who a child is to the kernel; see `launch`."""

    SELF = "self"
    NAMESPACE = "namespace"
    NOBODY = "nobody"


class NoIdentity(Exception):
    """A program that refuses root cannot be run here by root. The message says what to do."""


class Process:
    """A running program: our child, or one that was found at work in `directory`."""

    def __init__(
        self, pid: int, *, child: subprocess.Popen[bytes] | None = None, directory: Path | None = None
    ) -> None:
        self.pid = pid
        self._child = child
        self._directory = directory

    @classmethod
    def found(cls, pid: int, directory: Path) -> Process | None:
        """The process, if it lives and works in the directory."""
        return cls(pid, directory=directory) if works_in(pid, directory) else None

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs. That of a found process is not known: -1."""
        if self._child is not None:
            return self._child.poll()
        lives = self._directory is not None and (works_in(self.pid, self._directory) or _is_ending(self.pid))
        return None if lives else -1

    def wait(self, timeout: float) -> int | None:
        """As `poll`, but gives it `timeout` seconds to end."""
        if self._child is not None:
            try:
                return self._child.wait(timeout)
            except subprocess.TimeoutExpired:
                return None
        deadline = time.monotonic() + timeout
        while (status := self.poll()) is None and time.monotonic() < deadline:
            time.sleep(_POLL)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal; to a process that has ended, nothing happens."""
        if self.poll() is None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def end(self, steps: Sequence[tuple[signal.Signals, float]]) -> None:
        """Ask with each signal in turn, waiting its seconds; after the last one, SIGKILL for the whole session."""
        for number, patience in steps:
            self.send_signal(number)
            if self.wait(patience) is not None:
                return
        self.kill()

    def kill(self) -> None:
        """SIGKILL for the process and whatever is left of its group, children of a crashed one included."""
        if self._child is not None or self.poll() is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):  # no such group, or on macOS one of zombies
                self.send_signal(signal.SIGKILL)
        self.wait(10)


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    on_our_death: signal.Signals = signal.SIGTERM,
    identity: Identity = Identity.SELF,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Process:
    """Start a program, its output appended to `log`; should this *thread* end, it gets `on_our_death` (Linux only)."""
    launch = (sys.executable, "-I", "-S", str(_LAUNCH), str(int(on_our_death)), str(os.getpid()), identity.value)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [*launch, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=env,
            cwd=cwd,
        )
    return Process(child.pid, child=child)


def exists(pid: int) -> bool:
    """Whether some process has this id, whoever's it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def works_in(pid: int, directory: Path) -> bool:
    """Whether the process lives and has this working directory. A pid alone says little: it may be another's by now."""
    try:
        return _working_directory(pid) == str(directory.resolve())
    except OSError:
        return False


def _is_ending(pid: int) -> bool:
    """Whether the process has given up its directory, and not yet all else: threads of it may still hold its port."""
    if sys.platform != "linux":
        return False
    try:
        _working_directory(pid)
    except FileNotFoundError:
        return _has_threads(pid)
    except OSError:  # another user's, so another's by now
        return False
    return False


def _has_threads(pid: int) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except OSError:  # no such process, or a kernel without the call
        return False
    try:
        ended, _, _ = select.select([handle], [], [], 0)
    finally:
        os.close(handle)
    return not ended


def _working_directory(pid: int) -> str:
    if Path("/proc/self").exists():
        return str(Path(f"/proc/{pid}/cwd").readlink())
    shown = subprocess.run(
        ["lsof", "-a", "-d", "cwd", "-Fn", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return next((line[1:] for line in shown.stdout.splitlines() if line.startswith("n")), "")


@cache
def unprivileged() -> Identity:
    """How a child that must not be root is to be started here; raises `NoIdentity` where no way is left."""
    if os.geteuid() != 0:
        return Identity.SELF
    if sys.platform == "linux":
        for identity in (Identity.NAMESPACE, Identity.NOBODY):
            launch = (sys.executable, "-I", "-S", str(_LAUNCH), "15", str(os.getpid()), identity.value, "true")
            if subprocess.run(launch, capture_output=True, check=False).returncode == 0:
                return identity
    raise NoIdentity(
        "PostgreSQL does not run as root, and neither a user namespace nor a change of user is allowed here:"
        " run this as a normal user, or set ROUTER_DATABASE_URL to a PostgreSQL server"
    )


def owner_for(identity: Identity) -> tuple[int, int]:
    """The uid and gid, as seen from here, that files of such a child must have."""
    if identity is Identity.NOBODY:
        nobody = pwd.getpwnam("nobody")
        return nobody.pw_uid, nobody.pw_gid
    return os.geteuid(), os.getegid()
