"""What people read says what is true: settings, commands, files that are pointed to."""

from __future__ import annotations

import doctest
import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from router.cli import COMMANDS
from router.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = [page for page in sorted(ROOT.glob("**/*.md")) if not {".venv", ".router", "node_modules"} & set(page.parts)]
SHOWING = [
    ".".join(module.relative_to(ROOT).with_suffix("").parts)
    for room in ("router", "workers", "connectors")
    for module in sorted(ROOT.glob(f"{room}/**/*.py"))
    if ">>>" in module.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", SHOWING)
def test_examples_in_docstrings_are_true(module: str) -> None:
    tried = doctest.testmod(import_module(module))
    assert (tried.failed, tried.attempted > 0) == (0, True)


def test_every_setting_is_documented_and_no_other() -> None:
    page = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`ROUTER_([A-Z_]+)`", page))
    known = {field.name.upper() for field in fields(Settings) if field.name != "links"}
    assert documented == known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_named_exist(page: Path) -> None:
    named = set(re.findall(r"`router ([a-z]+)", page.read_text(encoding="utf-8")))
    assert named <= COMMANDS.keys()
