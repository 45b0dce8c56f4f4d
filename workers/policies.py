"""How an integration's configuration becomes its policy."""

from __future__ import annotations

from router import retry
from router.config import Snapshot
from router.judge import Policy


def of(snapshot: Snapshot, destination: int) -> Policy:
    """A destination's policy; the defaults where nothing is configured."""
    found = snapshot.integration(destination)
    if found is None:
        return Policy()
    return Policy(tuple(found.schedule) if found.schedule else retry.DEFAULT_SCHEDULE, found.on_unknown)
