"""`router integrations catalogues`: what an account has that mappings name."""

from __future__ import annotations

import click
from marshmallow import ValidationError

from router import catalog
from router.cli import context
from router.cli.selecting import the_place
from router.config import Config, Secrets


@click.command()
@click.argument("client")
@click.argument("group")
@click.argument("integration")
def catalogues(client: str, group: str, integration: str) -> None:
    """Ask INTEGRATION's provider for what mappings name: the templates and the objectives of an account, say."""
    settings = context.settings()
    with context.ledger() as ledger:
        number, place = the_place(ledger, client, group, integration)
        configured = Config(ledger).current().integration(number)
        try:
            if configured is None:
                raise LookupError(f"{place.name} is no longer in the mapping set")
            secrets = Secrets(ledger, context.vault(), client)
            loaded = catalog.load(place.connector, configured.configure(settings.links, secrets))
            told = catalog.catalogues(
                place.connector,
                loaded,
                allow_private=settings.allow_private_targets,
                ca_bundle=settings.ca_bundle,
            )
        except LookupError as error:
            raise click.ClickException(str(error.args[0])) from None
        except ValidationError as error:
            raise click.ClickException(f"options: {error.messages_dict}") from None
    for kind, entries in told.items():
        click.echo(kind)
        for entry in entries:
            click.echo("  " + "  ".join(str(value) for value in entry.values() if value is not None))
