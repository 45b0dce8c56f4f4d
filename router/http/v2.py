"""v2 and v3: profiles, events and inventory, each of a type (seed 001)."""

from __future__ import annotations

from router.http.signed import Route
from router.http.wrapper import Form
from router.model import Entity

ENTITIES = {"profiles": Entity.PROFILE, "events": Entity.EVENT, "inventory": Entity.INVENTORY}


def routes(garbled_group_key: bool) -> tuple[Route, ...]:
    """garbled_group_key: a group key under the name `null` is understood (`ROUTER_ACCEPT_NULL_GROUP_KEY`)."""
    form = Form(garbled=garbled_group_key)
    return tuple(
        Route(version, f"/{version}/{path}", entity, form)
        for version in ("v2", "v3")
        for path, entity in ENTITIES.items()
    )
