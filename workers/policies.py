"""How an integration's configuration becomes its policy."""

from __future__ import annotations

from router import retry
from router.config import Snapshot
from router.judge import Policy
from router.mapping import Integration


def integration_of(snapshot: Snapshot, destination: int) -> Integration | None:
    """The integration behind a destination's number, while the set in force has it."""
    place = snapshot.destinations.get(destination)
    client = snapshot.set.clients.get(place.client) if place else None
    group = client.groups.get(place.group) if client and place else None
    return group.integrations.get(place.integration) if group and place else None


def of(snapshot: Snapshot, destination: int) -> Policy:
    """A destination's policy; the defaults where nothing is configured."""
    found = integration_of(snapshot, destination)
    if found is None:
        return Policy()
    return Policy(tuple(found.schedule) if found.schedule else retry.DEFAULT_SCHEDULE, found.on_unknown)
