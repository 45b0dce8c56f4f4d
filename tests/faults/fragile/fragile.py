"""A connector of another package, which dies of certain records: as if its parser had a hole in it."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

from connectors.base import Command, Outcome
from connectors.webhook import Webhook

POISON = "poison"


class Fragile(Webhook):
    def send(self, operation: str, commands: Sequence[Command]) -> Sequence[Outcome]:
        if any(command.payload.get("kind") == POISON for command in commands):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().send(operation, commands)
