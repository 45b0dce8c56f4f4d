"""Every command of the README, run as it stands there, against a running `router dev`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.dev import Dev

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
MAKE = [block for block in BLOCKS if block.startswith("make ")]


@pytest.fixture
def beside_it(dev: Dev, tmp_path: Path) -> Path:
    """A directory like a clone in which `make run` is running."""
    (tmp_path / ".router").symlink_to(dev.data)
    (tmp_path / "mappings").symlink_to(ROOT / "mappings")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    router = tmp_path / ".venv" / "bin" / "router"
    router.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from router.cli import main; main()" "$@"\n')
    router.chmod(0o755)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / ".venv" / "bin" / "activate").write_text(f'PATH="{router.parent}:$PATH"\n')
    return tmp_path


@pytest.mark.curl
def test_its_commands_work_one_after_the_other(beside_it: Path) -> None:
    script = "\n".join(block for block in BLOCKS if block not in MAKE)
    env = {name: text for name, text in os.environ.items() if not name.startswith("ROUTER_")}
    env["PYTHONPATH"] = str(ROOT)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=beside_it,
        env=env,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for told in (
        '"success": true',
        "accepted   mapping",
        '"path"',
        "the ledger balances",
        "published sha256:",
        "upsert_contact",
    ):
        assert told in ran.stdout, told


@pytest.mark.parametrize("block", MAKE)
def test_its_targets_are_in_the_makefile(block: str) -> None:
    targets = block.split()[1:]
    subprocess.run(["make", "--dry-run", *targets], cwd=ROOT, check=True, capture_output=True, timeout=30)
