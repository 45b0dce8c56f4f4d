"""What people read says what is true: settings, commands, files that are pointed to."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from router.cli import COMMANDS
from router.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = [page for page in sorted(ROOT.glob("**/*.md")) if not {".venv", ".router", "node_modules"} & set(page.parts)]


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
