"""What some tests need beyond Python packages, each named by a marker.

Present: the test runs. Absent: it is skipped, saying what to install; with ROUTER_TEST_REQUIRE_ALL=1 it fails instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pytest

from tests.support.rabbitmq import PROGRAMS


@dataclass(frozen=True, slots=True)
class Need:
    """programs: the paths or names of which any one will do. package: Debian's name for it."""

    programs: tuple[str, ...]
    package: str

    @property
    def found(self) -> str | None:
        """The program's path, if it is on this machine."""
        return next((path for path in map(shutil.which, self.programs) if path), None)


NEEDS: Mapping[str, Need] = {
    "rabbitmq": Need((str(PROGRAMS / "rabbitmq-server"),), "rabbitmq-server"),
    "sentinel": Need(("redis-sentinel",), "redis-sentinel"),
    "browser": Need(("chromium", "chromium-browser", "google-chrome"), "chromium"),
    "nginx": Need(("nginx",), "nginx-light"),
    "compiler": Need(("cc", "gcc"), "gcc"),
    "curl": Need(("curl",), "curl"),
    "node": Need(("node", "nodejs"), "nodejs"),
    "php": Need(("php",), "php-cli"),
}


def program(marker: str) -> str:
    """The path of what a marked test needs; such a test does not begin without it."""
    found = NEEDS[marker].found
    if found is None:
        raise LookupError(f"mark the test with @pytest.mark.{marker}: it needs one of {NEEDS[marker].programs}")
    return found


def absent(markers: Iterable[str], needs: Mapping[str, Need] = NEEDS) -> str | None:
    """What the markers name that is not here, and how to get it."""
    for marker in markers:
        need = needs.get(marker)
        if need is not None and need.found is None:
            return f"needs {' or '.join(need.programs)}: apt-get install {need.package}"
    return None


def require(item: pytest.Item) -> None:
    """Skip or fail a test whose markers name something that is not here."""
    lacking = absent(marker.name for marker in item.iter_markers())
    if lacking is None:
        return
    if os.environ.get("ROUTER_TEST_REQUIRE_ALL") == "1":
        pytest.fail(f"{lacking} (ROUTER_TEST_REQUIRE_ALL is set)", pytrace=False)
    pytest.skip(lacking)
