"""Becomes another program: one that ends when its parent does and, on request, is not root.

Run by `process.spawn` as `python -I -S launch.py SIGNAL PARENT IDENTITY PROGRAM [ARGUMENT …]`: a clean interpreter
between fork and exec, because the parent may have threads. It imports the standard library alone.

PostgreSQL refuses to run as root. `namespace` gives it a user namespace of one user, in which our uid 0 is called
`nobody`: the files stay root's and no account or permission is touched. Where that is forbidden (the default seccomp
profile of Docker), `nobody` really changes user and keeps one capability, CAP_DAC_OVERRIDE, so that a data directory
below a closed home stays reachable.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CLONE_NEWUSER = 0x10000000
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _enter_namespace(libc: ctypes.CDLL, uid: int, gid: int) -> None:
    outside_uid, outside_gid = os.geteuid(), os.getegid()
    _checked(libc.unshare(_CLONE_NEWUSER), "unshare")
    Path("/proc/self/uid_map").write_text(f"{uid} {outside_uid} 1\n")
    Path("/proc/self/setgroups").write_text("deny\n")
    Path("/proc/self/gid_map").write_text(f"{gid} {outside_gid} 1\n")


def _change_user(libc: ctypes.CDLL, uid: int, gid: int) -> None:
    _checked(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl(KEEPCAPS)")
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    bit = 1 << _CAP_DAC_OVERRIDE
    sets = (_Sets * 2)(_Sets(bit, bit, bit), _Sets(0, 0, 0))
    _checked(libc.capset(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), ctypes.byref(sets)), "capset")
    _checked(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0), "prctl(CAP_AMBIENT)")


def main(signal: int, parent: int, identity: str, command: list[str]) -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if become := {"namespace": _enter_namespace, "nobody": _change_user}.get(identity):
            nobody = pwd.getpwnam("nobody")
            become(libc, nobody.pw_uid, nobody.pw_gid)
        # After the change of user, which would clear it.
        _checked(libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl(PDEATHSIG)")
        if os.getppid() != parent:
            sys.exit("the parent ended before its child began")
    os.execvp(command[0], command)  # noqa: S606 — becoming the command is the whole purpose


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
    except (OSError, KeyError) as error:  # KeyError: this system has no user `nobody`
        sys.exit(f"cannot run {sys.argv[4]}: {error}")
