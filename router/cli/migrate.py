"""`router migrate`: the ledger's schema."""

from __future__ import annotations

import click

from router.cli import context
from router.ledger.base import LedgerError
from router.ledger.migrate import migrate as apply


@click.command()
def migrate() -> None:
    """Bring the ledger's schema up to date, and make the partitions of the coming weeks."""
    try:
        before, after = apply(context.settings().database_url)
    except LedgerError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"ledger schema {before} → {after}" if before != after else f"ledger schema {after}, nothing to do")
