"""`router dev`: everything on this machine, kept running until Ctrl-C, with one demo request sent through."""

from __future__ import annotations

from pathlib import Path

import click

from router.cli.dev import session
from router.cli.dev.home import Home, InUse
from router.cli.dev.signals import Interrupted
from router.cli.dev.supervisor import NotReady
from router.cli.embedded import EmbeddedError
from router.ledger.base import LedgerError


@click.command()
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535), help="The receiver's port.")
@click.option(
    "--data",
    default=".router",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where data, logs and dev.json are kept.",
)
@click.option("--reset", is_flag=True, help="Begin with an empty ledger and broker, and with new keys.")
@click.option("--no-demo", is_flag=True, help="Send no demo request.")
def dev(port: int, data: Path, reset: bool, no_demo: bool) -> None:
    """Run the whole router here, on embedded servers unless ROUTER_DATABASE_URL and ROUTER_BROKER_URL name others."""
    home = Home(data)
    try:
        home.take()
        session.run(home, port, reset=reset, demo=not no_demo, say=_say)
    except Interrupted:
        return
    except (InUse, NotReady, EmbeddedError, LedgerError) as error:
        raise click.ClickException(str(error)) from None


def _say(line: str) -> None:
    try:
        click.echo(line)
    except BrokenPipeError:  # whoever read our lines has gone; what we run goes on
        return
