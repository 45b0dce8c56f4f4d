"""The `router` command: one module for each subcommand, one line for each here, imported when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

COMMANDS: Mapping[str, str] = {
    "dev": "router.cli.dev:dev",
    "migrate": "router.cli.migrate:migrate",
    "keys": "router.cli.keys:keys",
    "secrets": "router.cli.secrets:secrets",
    "mappings": "router.cli.mappings:mappings",
    "send": "router.cli.send:send",
    "import": "router.cli.importing:import_",
    "trace": "router.cli.trace:trace",
    "audit": "router.cli.trace:audit",
    "integrations": "router.cli.integrations:integrations",
    "connectors": "router.cli.connectors:connectors",
    "sandbox": "router.cli.sandbox:sandbox",
    "letters": "router.cli.letters:letters",
    "replay": "router.cli.letters:replay",
    "resolve": "router.cli.letters:resolve",
    "cancel": "router.cli.letters:cancel",
}


class _Commands(click.Group):
    """Nothing is imported for a command but what it needs: a trace should not wait for the mapping engine."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click names it
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click passes it
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="integration-router", prog_name="router")
def main() -> None:
    """Accept customer data once, deliver it everywhere, lose nothing."""
