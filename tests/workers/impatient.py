"""The workers' application, with a watch that waits for a second instead of a minute."""

from __future__ import annotations

from workers.app import app, settings
from workers.watch import Watching


class Impatient(Watching):
    patience = 1.0
    every = 0.2
    database_url = settings.database_url


app.steps["worker"].add(Impatient)

__all__ = ["app"]
