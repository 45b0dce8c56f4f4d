"""What the commands share: the settings of this terminal, an open ledger, and errors told in one line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from router.ledger.base import LedgerError
from router.ledger.postgres import PostgresLedger
from router.settings import Settings
from router.vault import Unreadable, Vault

DEV_ENV = Path(".router/dev.env")
"""What `router dev` runs with, so that commands in another terminal work on the same."""


def environment() -> Mapping[str, str]:
    """The process's environment; where it names no ledger, that of a `router dev` in this directory."""
    if {"ROUTER_DATABASE_URL", "ROUTER_DATABASE_URL_FILE", "DATABASE_URL"} & os.environ.keys() or not DEV_ENV.is_file():
        return os.environ
    lines = DEV_ENV.read_text(encoding="utf-8").splitlines()
    return {**dict(line.split("=", 1) for line in lines if "=" in line), **os.environ}


def settings() -> Settings:
    return Settings.from_env(environment())


def vault() -> Vault:
    return Vault(settings().secret_keys)


@contextmanager
def ledger() -> Iterator[PostgresLedger]:
    """An open ledger; what it refuses ends the command with one line."""
    opened = PostgresLedger(settings().database_url, size=2)
    try:
        yield opened
    except (LedgerError, Unreadable) as error:
        raise click.ClickException(str(error)) from None
    finally:
        opened.close()
