"""PostgreSQL on a unix socket, from a data directory that is made on the first start."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from router.cli.embedded.binaries import postgres_programs, version_of
from router.cli.embedded.errors import EmbeddedError
from router.cli.embedded.server import Server
from router.cli.process import Identity, NoIdentity, Process, exists, owner_for, spawn, unprivileged, works_in

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": "5432",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "effective_cache_size": "512MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}
_SUPERUSER = "router"
_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 103  # sun_path of macOS; Linux takes four more
# A server that was killed leaves children, which end as soon as they notice.
_PASSING = ("pre-existing shared memory block", "postmaster.pid", "the database system is shutting down")


class EmbeddedPostgres(Server):
    """A PostgreSQL server that no other user of the machine can reach.

    settings: added to or put over SETTINGS. identity: who the server runs as; by default what the machine allows.
    """

    name: ClassVar[str] = "PostgreSQL"
    # Fast shutdown (open transactions are rolled back), then an immediate one (recovers at the next start).
    stop_steps: ClassVar[tuple[tuple[signal.Signals, float], ...]] = ((signal.SIGINT, 60), (signal.SIGQUIT, 10))

    def __init__(
        self,
        data_dir: Path | str,
        *,
        log: Path | None = None,
        start_timeout: float = 60.0,
        settings: Mapping[str, str] | None = None,
        identity: Identity | None = None,
    ) -> None:
        super().__init__(data_dir, log=log, start_timeout=start_timeout)
        self._settings = {**SETTINGS, **(settings or {})}
        self._identity = identity

    @property
    def url(self) -> str:
        """A libpq URL of the database `postgres`, which is the superuser's own to use."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """A libpq URL of a database of this server."""
        return f"postgresql://{_SUPERUSER}@/{quote(database)}?host={quote(str(self._socket_dir), safe='')}"

    def stop(self) -> None:
        super().stop()
        if self._socket_dir != self.data_dir:
            shutil.rmtree(self._socket_dir, ignore_errors=True)

    @cached_property
    def version(self) -> str:
        return version_of(self._programs / "postgres")

    @cached_property
    def _programs(self) -> Path:
        return postgres_programs()

    @cached_property
    def _who(self) -> Identity:
        try:
            return self._identity or unprivileged()
        except NoIdentity as error:
            raise EmbeddedError(str(error)) from None

    @cached_property
    def _socket_dir(self) -> Path:
        # In a libpq URL a comma would begin another host.
        if len(os.fsencode(self.data_dir / _SOCKET)) <= _LONGEST_SOCKET_PATH and "," not in str(self.data_dir):
            return self.data_dir
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"router-{os.geteuid()}-{digest}"

    def _find(self) -> Process | None:
        status = self._status()
        return Process.found(int(status[0]), self.data_dir) if status else None

    def _spawn(self) -> Process:
        self._prepare()
        settings = {"unix_socket_directories": _quoted(self._socket_dir), **self._settings}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return self._run("postgres", "-D", str(self.data_dir), *options)

    def _answers(self) -> bool:
        status = self._status()
        return status is not None and int(status[0]) == self.pid and status[-1].startswith("ready")

    def _may_recover(self, said: str) -> bool:
        return any(words in said for words in _PASSING)

    def _status(self) -> list[str] | None:
        """postmaster.pid, if whole: pid, directory, start, port, socket directory, address, memory, state."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return None
        return lines if len(lines) == 8 and lines[0].isdigit() else None

    def _prepare(self) -> None:
        if not (self.data_dir / "PG_VERSION").exists():
            self._initialise()
        made_by = (self.data_dir / "PG_VERSION").read_text().strip()
        if made_by != self.version.split(".")[0]:
            raise EmbeddedError(
                f"{self.data_dir} was made by PostgreSQL {made_by}, and {self._programs} has {self.version}:"
                f" put PostgreSQL {made_by} on PATH to keep the data, or start over with `router dev --reset`"
            )
        self._forget_stranger()
        self._hand_over(self.data_dir)
        if self._socket_dir != self.data_dir:
            self._make_socket_dir()

    def _forget_stranger(self) -> None:
        """Remove a lock whose process id another program has by now, as after a container's restart; PostgreSQL would
        take that program for a server of this directory and refuse."""
        status = self._status()
        if status and exists(int(status[0])) and not works_in(int(status[0]), self.data_dir):
            (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def _initialise(self) -> None:
        """`initdb` beside the data directory, then a rename: an interrupted one leaves nothing half made."""
        unfinished = self.data_dir.with_name(f"{self.data_dir.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        if self.data_dir.exists() and any(self.data_dir.iterdir()):
            raise EmbeddedError(
                f"{self.data_dir} holds other things than a PostgreSQL database: choose another directory"
            )
        offset = self._log_size()
        locale = ["--locale=C"]
        if int(self.version.split(".")[0]) >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options = (
            "--encoding=UTF8",
            *locale,
            "--auth=trust",
            f"--username={_SUPERUSER}",
            "--no-sync",
            "--no-instructions",
        )
        status = self._run("initdb", "-D", str(unfinished), *options).wait(120)
        if status != 0:
            raise self._failure("could not be made by initdb", offset)
        if self.data_dir.exists():
            self.data_dir.rmdir()
        unfinished.rename(self.data_dir)

    def _run(self, program: str, *arguments: str) -> Process:
        # Another server's PGHOST, PGPORT or PGDATA is not ours; the messages we look for are English.
        env = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
        return spawn(
            [self._programs / program, *arguments],
            log=self.log,
            on_our_death=signal.SIGINT,
            identity=self._who,
            env=env,
            cwd=self.data_dir.parent,
        )

    def _hand_over(self, directory: Path) -> None:
        """Give the directory to the user the server runs as, if it belongs to another (the machine's rules changed)."""
        uid, gid = owner_for(self._who)
        if os.geteuid() != 0 or directory.stat().st_uid == uid:
            return
        for folder, _, files in os.walk(directory):
            for name in (".", *files):
                os.chown(Path(folder) / name, uid, gid, follow_symlinks=False)

    def _make_socket_dir(self) -> None:
        self._socket_dir.mkdir(mode=0o700, exist_ok=True)
        found = self._socket_dir.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) != 0o700:
            raise EmbeddedError(
                f"{self._socket_dir} is not a private directory of ours: remove it, or use a shorter path"
            )


def _quoted(directory: Path) -> str:
    """As an element of unix_socket_directories, where a comma would separate."""
    return '"' + str(directory).replace('"', '""') + '"'
