"""The programs that `router dev` runs, as a table: the same commands as in the Procfile, on this machine's ports."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import router
from router.cli.dev.program import Program, Steps
from router.cli.dev.wire import answers
from router.cli.ports import next_free_port

ROOT = Path(router.__file__).parents[1]
_HOST = "127.0.0.1"
_CELERY = ("celery", "-A", "workers.app")
# A second SIGTERM would end a worker coldly, so it gets one, and time to hand back what it holds.
_WORKER_STOP: Steps = ((signal.SIGTERM, 20),)
_ORPHANS = 10.0
_FLOWER_STOP: Steps = ((signal.SIGTERM, 1),)  # it waits for the broker's next event, and has nothing to lose


@dataclass(frozen=True, slots=True)
class Ports:
    web: int
    sandbox: int
    flower: int

    @classmethod
    def choose(cls, web: int, say: Callable[[str], None]) -> Self:
        """The wanted ports, or the next free ones, said aloud."""
        chosen: dict[str, int] = {}
        for name, wanted in {"web": web, "sandbox": 8090, "flower": 5555}.items():
            chosen[name] = next_free_port(wanted, besides=chosen.values())
            if chosen[name] != wanted:
                say(f" ! port {wanted} is taken: {name} listens on {chosen[name]}")
        return cls(**chosen)

    @property
    def receiver(self) -> str:
        return f"http://{_HOST}:{self.web}"

    @property
    def sandboxes(self) -> str:
        return f"http://{_HOST}:{self.sandbox}"

    @property
    def flowers(self) -> str:
        return f"http://{_HOST}:{self.flower}"


@dataclass(frozen=True, slots=True)
class Planned:
    """A program by its name. stage: the highest stops first. spare: not needed for a first request."""

    name: str
    stage: int
    program: Program
    spare: bool = False


def programs(ports: Ports, queues: Sequence[str], env: Mapping[str, str], log_dir: Path) -> Sequence[Planned]:
    """Everything but the servers. They need no order to start in: each waits for what it lacks."""

    def python(name: str, *arguments: str) -> Program:
        return Program((sys.executable, "-m", *arguments), log_dir / f"{name}.log", env, ROOT)

    def worker(name: str) -> Program:
        node = ("-n", f"{name}@%h", "-Q", ",".join(queues), "-c", "4", "-E", "--without-gossip", "--without-mingle")
        return replace(
            python(name, *_CELERY, "worker", *node), ready=_consumes, stop_steps=_WORKER_STOP, patience=_ORPHANS
        )

    gunicorn = ("gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py"), "router.http.wsgi:app")
    flower = python("flower", *_CELERY, "flower", f"--conf={ROOT / 'deploy' / 'flowerconfig.py'}")
    sandbox = python("sandbox", "connectors.sandbox", "--port", str(ports.sandbox))
    return (
        Planned("sandbox", 2, replace(sandbox, ready=answers(f"{ports.sandboxes}/_/providers", 200))),
        Planned("web", 3, replace(python("web", *gunicorn), ready=answers(f"{ports.receiver}/healthz", 200))),
        Planned("worker", 4, worker("worker")),
        Planned("dispatch", 5, python("dispatch", "workers.dispatch")),
        Planned("flower", 2, replace(flower, ready=answers(ports.flowers, 401), stop_steps=_FLOWER_STOP), spare=True),
        Planned("worker_2", 4, worker("worker_2"), spare=True),
        Planned("dispatch_2", 5, python("dispatch_2", "workers.dispatch"), spare=True),
    )


def _consumes(said: str) -> bool:
    """Celery's own word for it."""
    return " ready." in said
