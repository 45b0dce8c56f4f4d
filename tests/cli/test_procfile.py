"""The Procfile, and the table of `router dev`, serve every queue there is; their commands exist."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from importlib.util import find_spec

import pytest

from connectors.registry import REGISTRY
from router.cli.dev.programs import ROOT, Ports, programs
from router.queue import queue_names

QUEUES = queue_names(REGISTRY)
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


def queues_of(command: list[str]) -> list[str]:
    return command[command.index("-Q") + 1].split(",") if "-Q" in command else []


def test_each_queue_has_one_pool():
    served = [queue for command in PROCFILE.values() for queue in queues_of(shlex.split(command))]
    assert Counter(served) == Counter(QUEUES)


@pytest.mark.parametrize("process", ["release", "web", "dispatch", "flower"])
def test_what_is_no_pool_is_there_too(process):
    assert process in PROCFILE


def test_the_development_run_serves_each_queue(tmp_path):
    planned = programs(Ports(1, 2, 3), QUEUES, os.environ, tmp_path)
    served = [queues_of(list(each.program.command)) for each in planned if each.name.startswith("worker")]
    assert served == [QUEUES, QUEUES]


@pytest.mark.parametrize(
    "module", ["router.http.wsgi", "workers.app", "workers.dispatch", "connectors.sandbox.__main__"]
)
def test_what_is_started_by_name_exists(module):
    assert find_spec(module) is not None


@pytest.mark.parametrize("file", ["deploy/gunicorn.conf.py", "deploy/flowerconfig.py"])
def test_the_configuration_that_is_named_exists(file):
    assert (ROOT / file).is_file()
