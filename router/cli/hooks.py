"""`router integrations hook-url` and `feedback`: where a provider tells us what became of things, and what it told."""

from __future__ import annotations

import json

import click

from router.catalog import facts
from router.cli import context
from router.cli.selecting import the_place
from router.feedback import new_token, path, secret_name


@click.command("hook-url")
@click.argument("client")
@click.argument("group")
@click.argument("integration")
@click.option("--receiver", help="The receiver's public address; this machine's unless given.")
@click.option("--renew", is_flag=True, help="Make a new one; the one before ends within seconds.")
def hook_url(client: str, group: str, integration: str, receiver: str | None, renew: bool) -> None:
    """Show the address to enter at INTEGRATION's provider, which then tells us what became of deliveries.

    Whoever knows it may speak for the provider: treat it as a secret.
    """
    vault = context.vault()
    with context.ledger() as ledger:
        number, place = the_place(ledger, client, group, integration)
        known = facts().get(place.connector)
        if known is None or not known.tells_back:
            raise click.ClickException(f"the provider behind {place.connector} tells nothing back")
        sealed = None if renew else ledger.secret(client, secret_name(place))
        if sealed is None:
            sealed = vault.seal(new_token(number))
            ledger.set_secret(client, secret_name(place), sealed)
        token = vault.open(sealed)
    settings = context.settings()
    click.echo((receiver or f"http://{settings.host}:{settings.port}").rstrip("/") + path(integration, token))


@click.command()
@click.argument("client")
@click.argument("group")
@click.argument("integration")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
def feedback(client: str, group: str, integration: str, limit: int) -> None:
    """Show what INTEGRATION's provider told last, and which delivery it belongs to."""
    with context.ledger() as ledger:
        rows = ledger.feedback(the_place(ledger, client, group, integration)[0], limit)
    for row in rows:
        found = f"{row.delivery_id} by {row.matched_by}" if row.delivery_id else "unmatched"
        detail = f"  {json.dumps(row.detail, ensure_ascii=False)}" if row.detail else ""
        click.echo(f"{row.received_at:%Y-%m-%d %H:%M:%S}  {row.event} ({row.original})  {found}{detail}")
