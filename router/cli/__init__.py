"""The `router` command: one module for each subcommand, one line for each here."""

from __future__ import annotations

import click

from router.cli.dev import dev
from router.cli.importing import import_
from router.cli.integrations import integrations
from router.cli.keys import keys
from router.cli.letters import cancel, letters, replay, resolve
from router.cli.mappings import mappings
from router.cli.migrate import migrate
from router.cli.secrets import secrets
from router.cli.send import send
from router.cli.trace import audit, trace

COMMANDS: tuple[click.Command, ...] = (
    dev,
    migrate,
    keys,
    secrets,
    mappings,
    send,
    import_,
    trace,
    audit,
    integrations,
    letters,
    replay,
    resolve,
    cancel,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="integration-router", prog_name="router")
def main() -> None:
    """Accept customer data once, deliver it everywhere, lose nothing."""


for command in COMMANDS:
    main.add_command(command)
