"""Guards taken away one by one from a copy of the product: each is missed by the test that is named for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.guards import GUARDS, Guard
from tests.faults.house import ROOT

COPIED = ("router", "workers", "connectors", "tests", "setup.cfg", "pyproject.toml")
FAILED = 1
NOT_SQL = re.compile(r"the ledger answered 42|SyntaxError|NameError")
"""The guard is not gone, the product is broken."""


ON_THIS_SERVER = """

@pytest.fixture(scope="module")
def module_database_url() -> str:
    return {url!r}
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Path:
    """The product and its tests, which may be broken; ledgers are in a database of ours, which saves a server each."""
    root = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, root / name)
    with (root / "tests" / "ledger" / "conftest.py").open("a") as conftest:
        conftest.write(ON_THIS_SERVER.format(url=module_database_url))
    return root


def run(copy: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Those of them that run on PostgreSQL run there only; they end at their first failure."""
    own = [
        "-p",
        "pytest_timeout",
        "-p",
        "no:cacheprovider",
        "-q",
        "-x",
        "--no-header",
        "--tb=short",
        "-k",
        "not memory",
    ]
    command = [sys.executable, "-B", "-m", "pytest", *own, *(f"tests/{each}" for each in tests)]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # to load them takes longer than the tests
    return subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS.keys())
def test_a_guard_is_where_it_is_said_to_be(guard: Guard) -> None:
    assert (ROOT / guard.file).read_text().count(guard.code) == 1
    path, _, name = guard.test.partition("::")
    assert f"def {name}(" in (ROOT / "tests" / path).read_text()


@pytest.mark.full
def test_with_all_guards_in_place_their_tests_pass(copy: Path) -> None:
    result = run(copy, sorted({guard.test for guard in GUARDS.values()}))
    assert result.returncode == 0, result.stdout


@pytest.mark.full
@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS.keys())
def test_a_guard_is_missed(copy: Path, guard: Guard) -> None:
    whole = (copy / guard.file).read_text()
    (copy / guard.file).write_text(whole.replace(guard.code, guard.instead))
    try:
        result = run(copy, [guard.test])
    finally:
        (copy / guard.file).write_text(whole)
    assert result.returncode == FAILED, f"nobody misses it\n{result.stdout}{result.stderr}"
    assert not NOT_SQL.search(result.stdout), result.stdout
