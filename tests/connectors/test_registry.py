"""Finding connectors, those of other packages too; and the options that all of them have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from marshmallow import ValidationError

from connectors.options import ConnectorOptions
from connectors.registry import REGISTRY, UnknownConnector, connector, load
from connectors.webhook import Webhook

ROOT = Path(__file__).parents[2]

EXAMPLE = ROOT / "tests" / "plugin_example"
POSTBOX = (EXAMPLE / "postbox.py").read_text()


def install(directory: Path, name: str, target: str, source: str = POSTBOX) -> None:
    """A package as pip leaves it: a module, and metadata with its entry point."""
    (directory / "postbox.py").write_text(source)
    metadata = directory / "postbox-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: postbox\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[router.connectors]\n{name} = {target}\n")


def ask(directory: Path, question: str) -> str:
    """What a new process with that package says."""
    path = os.pathsep.join([str(directory), str(ROOT)])
    code = f"from connectors.registry import *\nprint({question})"
    env = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    return (done.stdout or done.stderr).strip().splitlines()[-1]


def test_a_package_adds_a_connector_by_an_entry_point(tmp_path: Path) -> None:
    install(tmp_path, "postbox", "postbox:Postbox")
    told = ask(tmp_path, "(sorted(load()), list(connector('postbox').operations['drop'].fields().fields))")
    assert told == str((sorted([*REGISTRY, "postbox"]), ["to", "text"]))


def test_a_package_is_held_to_the_same_promises() -> None:
    """As its author would: with the package installed, the conformance suite finds it."""
    suite = ("tests/connectors/test_conformance.py", "-k", "postbox or stand_in")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *suite]
    env = os.environ | {"PYTHONPATH": str(EXAMPLE)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


@pytest.mark.parametrize(
    ("name", "target", "source", "words"),
    [
        ("webhook", "postbox:Postbox", POSTBOX, "has a name that is taken"),
        ("postbox", "postbox:Letterbox", POSTBOX, "cannot be imported: AttributeError"),
        ("postbox", "postbox:Postbox", "import no_such_module", "cannot be imported: ModuleNotFoundError"),
        ("postbox", "postbox:Postbox", "class Postbox:\n    options = None", "it has no operations, masked, send"),
    ],
)
def test_a_package_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, target: str, source: str, words: str
) -> None:
    install(tmp_path, name, target, source)
    told = ask(tmp_path, "load()")
    assert "BadPlugin" in told
    assert words in told
    assert target in told


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownConnector, match=r"no connector 'webhok'; did you mean 'webhook'\? \(known: .*webhook\)"):
        connector("webhok")


def test_ours_are_there() -> None:
    assert connector("webhook") is Webhook
    assert load().items() >= REGISTRY.items()


@pytest.mark.parametrize(
    ("given", "loaded"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("http://127.0.0.1:8080//", "http://127.0.0.1:8080"),
    ],
)
def test_a_base_url_ends_without_a_slash(given: str, loaded: str) -> None:
    assert ConnectorOptions().load({"base_url": given})["base_url"] == loaded


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "api.example.com"},
        {"base_url": "https://"},
        {"base_url": "https://me:canary@example.com"},
        {"base_url": "https://example.com?x=1"},
        {"base_url": "https://example.com#x"},
        {"base_url": 5},
        {"connect_timeout": 0},
        {"connect_timeout": 31},
        {"timeout": -1},
        {"timeout": 61},
        {"timeout": "soon"},
    ],
)
def test_options_that_cannot_work(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        ConnectorOptions().load(options)
    assert list(caught.value.messages_dict) == list(options)
    assert "canary" not in str(caught.value)
