"""A running `router dev`, as a person would start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from router.cli.ports import free_port
from tests.support.conditions import eventually

ROUTER = [sys.executable, "-c", "from router.cli import main; main()"]


class Dev:
    """A running `router dev`. said: its lines so far."""

    def __init__(self, data: Path, *arguments: str, **settings: str) -> None:
        self.data = data
        self.output = data.with_name(f"{data.name}.out")
        env = {name: text for name, text in os.environ.items() if not name.startswith("ROUTER_")} | settings
        with self.output.open("wb") as output:
            command = [*ROUTER, "dev", "--data", str(data), "--port", str(free_port()), *arguments]
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env)

    def said(self) -> str:
        return self.output.read_text()

    def state(self) -> dict[str, Any]:
        return json.loads((self.data / "dev.json").read_text())

    def wait_until_ready(self) -> None:
        eventually(lambda: (self.data / "dev.json").exists() or self.process.poll() is not None, within=90)
        assert self.process.poll() is None, self.said()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)
