"""The options by which deliveries and integrations are chosen, the same for every command that needs them."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from router.ledger.base import Ledger, Place, Selection
from router.model import Destination, State

MOMENT = click.DateTime()


def by() -> str:
    """Who asked, as it is kept in the history."""
    return f"{getpass.getuser()} (cli)"


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the filters that `selection` understands."""
    for option in reversed(
        (
            click.option(
                "--integration", "integrations", multiple=True, help="client/group/integration, or a part of it."
            ),
            click.option("--reason", help="Part of the reason."),
            click.option("--entity", help="profile, event, …"),
            click.option("--type", "type_", help="The type the client sent."),
            click.option("--since", type=MOMENT, help="Accepted from then on (UTC)."),
            click.option("--until", type=MOMENT, help="Accepted before then (UTC)."),
            click.option("--request", help="Of one request; its id may be shortened."),
            click.option("--delivery", "deliveries", type=click.UUID, multiple=True, help="This delivery."),
        )
    ):
        command = option(command)
    return command


def selection(
    ledger: Ledger,
    states: Sequence[State],
    integrations: Sequence[str],
    reason: str | None,
    entity: str | None,
    type_: str | None,
    since: datetime | None,
    until: datetime | None,
    request: str | None,
    deliveries: Sequence[UUID],
) -> Selection:
    return Selection(
        states=states,
        destinations=[place.number for place in places(ledger, integrations)] if integrations else None,
        reason=reason,
        entity=entity,
        type=type_,
        since=since.replace(tzinfo=UTC) if since else None,
        until=until.replace(tzinfo=UTC) if until else None,
        request_id=request_named(ledger, request) if request else None,
        deliveries=list(deliveries) or None,
    )


def request_named(ledger: Ledger, prefix: str) -> UUID:
    """The only request whose id begins so."""
    found = ledger.find(prefix.strip())
    if not found:
        raise click.ClickException(f"no request begins with {prefix!r}")
    if len(found) > 1:
        names = "\n".join(f"  {each}" for each in found)
        raise click.ClickException(f"{prefix!r} could be any of these; give more of it:\n{names}")
    return found[0]


def places(ledger: Ledger, names: Sequence[str]) -> list[Place]:
    """The destinations that these names mean: `client`, `client/group` or `client/group/integration`."""
    everything = [place for place in ledger.places() if place.kind != "route"]
    chosen: dict[int, Place] = {}
    for name in names:
        parts = name.split("/")
        found = [place for place in everything if [place.client, place.group, place.integration][: len(parts)] == parts]
        if not found:
            known = ", ".join(f"{place.client}/{place.group}/{place.integration}" for place in everything)
            raise click.ClickException(f"there is no integration {name!r}; known: {known or 'none'}")
        chosen |= {place.number: place for place in found}
    return list(chosen.values())


def the_place(ledger: Ledger, client: str, group: str, integration: str) -> tuple[int, Destination]:
    """The number of an integration in force, and what it is; ends the command where there is none."""
    everything = {number: place for number, place in ledger.destinations().items() if place.kind == "deliver"}
    for number, place in everything.items():
        if (place.client, place.group, place.integration) == (client, group, integration) and place.enabled:
            return number, place
    known = ", ".join(place.name for place in everything.values() if place.enabled)
    raise click.ClickException(f"there is no integration {client}/{group}/{integration}; known: {known or 'none'}")
