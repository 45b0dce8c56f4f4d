"""`router integrations`: how destinations fare, and pausing, resuming and draining them."""

from __future__ import annotations

import time

import click

from router.cli import context
from router.cli.catalogues import catalogues
from router.cli.hooks import feedback, hook_url
from router.cli.selecting import by, places
from router.ledger.base import Place

POLL = 0.5


@click.group()
def integrations() -> None:
    """Show, pause, resume and drain integrations."""


@integrations.command("list")
@click.argument("client", required=False)
def list_(client: str | None) -> None:
    """Every destination, of CLIENT or of all, with what waits and why."""
    with context.ledger() as ledger:
        shown = [place for place in ledger.places(client) if place.kind != "route"]
    width = max((len(_name(place)) for place in shown), default=0)
    for place in shown:
        click.echo(
            f"{_name(place):<{width}}  {place.waiting:>8} waiting  {place.in_flight:>5} in flight  {_condition(place)}"
        )


@integrations.command()
@click.argument("names", nargs=-1, required=True)
def pause(names: tuple[str, ...]) -> None:
    """Give out nothing more of NAMES (client, client/group or client/group/integration); accepted work parks."""
    with context.ledger() as ledger:
        count = ledger.pause([place.number for place in places(ledger, names)], by())
    click.echo(f"{count} paused")


@integrations.command()
@click.argument("names", nargs=-1, required=True)
def resume(names: tuple[str, ...]) -> None:
    """Let NAMES go on, in order and at their release rate; an open breaker is closed as well."""
    with context.ledger() as ledger:
        count = ledger.resume([place.number for place in places(ledger, names)])
    click.echo(f"{count} resumed")


@integrations.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--timeout", default=120.0, show_default=True, help="Seconds to wait.")
def drain(names: tuple[str, ...], timeout: float) -> None:
    """Pause NAMES and wait until nothing of them is in flight."""
    until = time.monotonic() + timeout
    with context.ledger() as ledger:
        numbers = {place.number for place in places(ledger, names)}
        ledger.pause(sorted(numbers), by())
        while flying := sum(place.in_flight for place in ledger.places() if place.number in numbers):
            if time.monotonic() > until:
                raise click.ClickException(f"{flying} deliveries are still in flight; they stay paused behind them")
            time.sleep(POLL)
    click.echo("drained: nothing is in flight; `router integrations resume` lets it go on")


integrations.add_command(catalogues)
integrations.add_command(hook_url)
integrations.add_command(feedback)


def _name(place: Place) -> str:
    return f"{place.client}/{place.group}/{place.integration}"


def _condition(place: Place) -> str:
    if not place.enabled:
        return "disabled, or no longer in the mapping set"
    if place.paused_at is not None:
        return f"paused since {place.paused_at:%Y-%m-%d %H:%M} by {place.paused_by}"
    if place.breaker != "closed":
        since = f" since {place.breaker_since:%Y-%m-%d %H:%M}" if place.breaker_since else ""
        return f"breaker {place.breaker}{since}: {place.breaker_reason or ''}"
    if place.blocked_until is not None:
        return f"waiting for budget until {place.blocked_until:%H:%M:%S}"
    return "catching up" if place.catching_up else "ok"
