"""`router connectors` and `router sandbox`, and the guide to adding a connector, followed command by command."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.registry import load
from router.cli import main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "plugin_example"
GUIDE = (ROOT / "connectors" / "README.md").read_text(encoding="utf-8")
(COMMANDS,) = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
ROUTER = [sys.executable, "-c", "from router.cli import main; main()"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["connectors", *arguments])


# ---- what there is ---------------------------------------------------------------------------------------------------


def test_every_connector_is_listed_with_its_operations() -> None:
    listed = dict(line.split(maxsplit=1) for line in run("list").output.splitlines())
    assert listed == {name: ", ".join(kind.operations) for name, kind in load().items()}


@pytest.mark.parametrize("name", sorted(load()))
def test_every_connector_can_be_described(name: str) -> None:
    told = run("describe", name).output.splitlines()
    assert told[0] == name
    assert told[1]
    assert [line for line in told if line.startswith(tuple(f"{each}:" for each in load()[name].operations))]


SHOWN = [
    ("sendios", r"  client_id +a whole number, required: from the Customer Success Manager"),
    ("sendios", r"  sdk_key +text, secret: "),
    ("sendios", r"  push_shape +text, one of documented \| php_sdk, default documented: "),
    ("sendios", r"Its provider tells what became of deliveries"),
    ("sendios", r"  takes event, profile; one by one; a repeat may do it twice"),
    ("sendios", r"  data\.user\.email +text, required"),
    ("sendios", r"  data\.\* +anything: any other name"),
    ("sendios", r"  fields as of send_system"),
    ("sendios", r"  takes profile; one by one; safe to repeat; deletes the record"),
    ("salesmanago", r"  takes event, profile; batches of 400, at most 1000; safe to repeat"),
    ("salesmanago", r"  consentDetails\[\]\.consentName +text, required: must exist in the account"),
    ("salesmanago", r"  tags +a list, each text: tags to add"),
]


@pytest.mark.parametrize(("name", "line"), SHOWN)
def test_what_a_description_tells(name: str, line: str) -> None:
    assert re.search(f"^{line}", run("describe", name).output, re.MULTILINE)


def test_an_unknown_connector_is_answered_with_the_known_ones() -> None:
    told = run("describe", "sendois")
    assert told.exit_code == 1
    assert "there is no connector 'sendois'; known: datatalks, " in told.output


def test_a_connector_of_another_package_is_listed_like_ours() -> None:
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(EXAMPLE), str(ROOT)])}
    listed = subprocess.check_output([*ROUTER, "connectors", "list"], env=env, text=True, timeout=60)
    described = subprocess.check_output([*ROUTER, "connectors", "describe", "postbox"], env=env, text=True, timeout=60)
    assert re.search(r"^postbox +drop$", listed, re.MULTILINE)
    assert "drop: a letter more each time" in described


# ---- a new one -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of one's own, in which `router` is what `pip install --editable .` makes of it."""
    root = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("__pycache__", ".*", "bench", "faults")
    for name in ("connectors", "router", "workers", "tests", "mappings"):
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    for name in ("setup.cfg", "ruff.toml", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    programs = root / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "router").write_text(f'#!/bin/sh\nexec {sys.executable} -c "{ROUTER[2]}" "$@"\n')
    (programs / "router").chmod(0o755)
    return root


def follow(checkout: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A command in the checkout, with this environment's programs."""
    programs = [str(checkout / ".venv" / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    env = os.environ | {"PATH": os.pathsep.join(programs), "PYTHONPATH": str(checkout)}
    return subprocess.run(
        ["bash", "-c", command], cwd=checkout, env=env, capture_output=True, text=True, timeout=280, check=False
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", COMMANDS.splitlines())
def test_the_guide_works_as_it_is_written(checkout: Path, command: str) -> None:
    """One command after the other, in one checkout."""
    done = follow(checkout, command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_guide_names_what_there_is() -> None:
    named = set(re.findall(r"`((?:connectors|tests)/[a-z_/]+(?:\.py)?)`", GUIDE))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """As much of a checkout as a new connector is written into."""
    for name in ("connectors/registry.py", "connectors/sandbox/registry.py", "connectors/http.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "tests" / "connectors").mkdir(parents=True)
    return tmp_path


def entries(registry: Path) -> list[str]:
    return re.findall(r'^    "([a-z_]+)": ', registry.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", ["acme", "mail_chimp", "zz"])
def test_a_connector_is_registered_in_its_place(skeleton: Path, name: str) -> None:
    told = run("new", name, "--directory", str(skeleton))
    assert told.exit_code == 0, told.output
    for registry in ("connectors/registry.py", "connectors/sandbox/registry.py"):
        assert entries(skeleton / registry) == sorted([*entries(ROOT / registry), name])
    assert (skeleton / "tests" / "connectors" / f"test_{name}.py").is_file()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Acme", "cannot be a connector's name"),
        ("acme-mail", "cannot be a connector's name"),
        ("class", "cannot be a connector's name"),
        ("http", "connectors/http.py is there already"),
    ],
)
def test_a_name_that_cannot_be(skeleton: Path, name: str, words: str) -> None:
    before = {path: path.read_text() for path in skeleton.rglob("*.py")}
    told = run("new", name, "--directory", str(skeleton))
    assert told.exit_code == 1
    assert words in told.output
    assert {path: path.read_text() for path in skeleton.rglob("*.py")} == before


def test_only_in_a_checkout(tmp_path: Path) -> None:
    told = run("new", "acme", "--directory", str(tmp_path))
    assert told.exit_code == 1
    assert "go to a checkout of the router" in told.output
    assert list(tmp_path.iterdir()) == []


# ---- the stand-ins alone ---------------------------------------------------------------------------------------------


def test_the_sandboxes_run_alone_and_end_when_told_to() -> None:
    with subprocess.Popen([*ROUTER, "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        url = re.findall(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
        with urllib.request.urlopen(f"{url}/_/providers", timeout=10) as answer:
            served = {each["connector"] for each in json.load(answer)["providers"]}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert served == set(load())
