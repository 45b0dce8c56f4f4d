"""`router sandbox`: the providers' stand-ins alone, for whoever wants something to talk to."""

from __future__ import annotations

import os
import sys

import click


@click.command()
@click.option("--port", default=8090, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
def sandbox(port: int) -> None:
    """Serve a stand-in of every provider on 127.0.0.1, each at /{connector}, until Ctrl-C.

    They refuse what the providers refuse. GET /_/received shows what was accepted, POST /_/scenario has one misbehave.
    """
    command = [sys.executable, "-m", "connectors.sandbox", "--port", str(port)]
    os.execv(command[0], command)  # noqa: S606 — becoming the sandbox is the whole purpose
