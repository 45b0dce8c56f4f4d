from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dev import Dev


@pytest.fixture(scope="module")
def dev(run_dir: Path) -> Iterator[Dev]:
    running = Dev(run_dir / "dev")
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.process.kill()
        running.process.wait()
