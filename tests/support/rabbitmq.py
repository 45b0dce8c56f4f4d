"""A RabbitMQ node of the tests' own: free ports, its own data, cookie and epmd; a node of the system is not touched."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import ClassVar

from router.cli.embedded.server import Server
from router.cli.ports import free_port
from router.cli.process import Process, spawn

# /usr/sbin has a wrapper that insists on the user rabbitmq and its directories.
PROGRAMS = Path("/usr/lib/rabbitmq/bin")
_HOST = "127.0.0.1"
_NODE = "router-test@localhost"


class RabbitMQ(Server):
    """A single node; `vhost_url` gives each test a virtual host of its own."""

    name: ClassVar[str] = "RabbitMQ"
    stop_steps: ClassVar[tuple[tuple[signal.Signals, float], ...]] = ((signal.SIGTERM, 30),)

    def __init__(self, data_dir: Path, *, log: Path | None = None) -> None:
        super().__init__(data_dir, log=log)
        self._port, self._epmd_port, self._distribution_port = free_port(), free_port(), free_port()
        self._epmd: Process | None = None
        self._numbers = count(1)

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{_HOST}:{self._port}//"

    @cached_property
    def version(self) -> str:
        return self.control("version").strip()

    def vhost_url(self) -> str:
        """A new, empty virtual host."""
        name = f"test-{next(self._numbers)}"
        all_of_it = '<<".*">>, <<".*">>, <<".*">>'
        self.control(
            "eval",
            f'rabbit_vhost:add(<<"{name}">>, <<"tests">>), rabbit_auth_backend_internal:set_permissions('
            f'<<"guest">>, <<"{name}">>, {all_of_it}, <<"tests">>).',
        )
        return f"amqp://guest:guest@{_HOST}:{self._port}/{name}"

    def control(self, *arguments: str) -> str:
        """What `rabbitmqctl` answers about this node."""
        command = [str(PROGRAMS / "rabbitmqctl"), "--node", _NODE, *arguments]
        return subprocess.run(command, env=self._env, capture_output=True, text=True, check=True, timeout=60).stdout

    def elect(self) -> None:
        """A leader for each quorum queue: a node of 3.10 that was killed may come back with some that have none, and
        elects none as long as clients ask for it (rabbitmq-server, issue 10070)."""
        queues = "Q <- rabbit_amqqueue:list(), amqqueue:get_type(Q) == rabbit_quorum_queue"
        self.control("eval", f"[ra:trigger_election(amqqueue:get_pid(Q)) || {queues}].")

    def stop(self) -> None:
        super().stop()
        self._stop_epmd()

    def kill(self) -> None:
        super().kill()
        self._stop_epmd()

    @property
    def _env(self) -> dict[str, str]:
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(("RABBITMQ", "ERL"))}
        return inherited | {
            "HOME": str(self.data_dir),
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the node instead of waiting for it
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(self.data_dir / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.data_dir / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.data_dir / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.data_dir / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_NODENAME": _NODE,
            "RABBITMQ_NODE_IP_ADDRESS": _HOST,
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": _HOST,
        }

    def _find(self) -> Process | None:
        return None

    def _spawn(self) -> Process:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        (self.data_dir / "enabled_plugins").write_text("[].\n")
        epmd = shutil.which("epmd") or "epmd"
        self._epmd = spawn([epmd, "-port", str(self._epmd_port), "-address", _HOST], log=self.log)
        return spawn([PROGRAMS / "rabbitmq-server"], log=self.log, env=self._env, cwd=self.data_dir)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((_HOST, self._port), timeout=5) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def _may_recover(self, said: str) -> bool:
        return False

    def _stop_epmd(self) -> None:
        if self._epmd is not None:
            self._epmd.end(((signal.SIGTERM, 5),))
            self._epmd = None
