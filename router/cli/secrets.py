"""`router secrets`: what integrations authenticate with, stored encrypted and never shown again."""

from __future__ import annotations

from typing import TextIO

import click

from router.cli import context


@click.group()
def secrets() -> None:
    """Set and list the secrets that mapping sets refer to by name."""


@secrets.command("set")
@click.argument("client")
@click.argument("name")
@click.option("--from-file", type=click.File("r"), help="Read the value from a file, `-` for standard input.")
def set_(client: str, name: str, from_file: TextIO | None) -> None:
    """Set secret NAME of CLIENT; the value is asked for, so that no shell keeps it."""
    value = from_file.read().strip() if from_file else click.prompt("Value", hide_input=True)
    if not value:
        raise click.UsageError("the value is empty")
    with context.ledger() as ledger:
        ledger.set_secret(client, name, context.vault().seal(value))
    click.echo(f"{client}/{name} is set; workers take it up within seconds")


@secrets.command("list")
@click.argument("client", required=False)
def list_(client: str | None) -> None:
    """Show which secrets are set, and since when."""
    with context.ledger() as ledger:
        for owner, name, set_at in ledger.secrets(client):
            click.echo(f"{owner}/{name}  set {set_at:%Y-%m-%d %H:%M}")


@secrets.command()
def rotate() -> None:
    """Encrypt everything anew with the first of ROUTER_SECRET_KEYS."""
    vault = context.vault()
    with context.ledger() as ledger:
        count = ledger.reseal(vault.renew)
    click.echo(f"{count} secrets are encrypted with the newest key; older keys may go")
