"""`router keys`: who may send."""

from __future__ import annotations

import hashlib
import secrets
import string
import uuid
from datetime import UTC, datetime, timedelta

import click
from werkzeug.security import generate_password_hash

from router.cli import context
from router.ledger.base import AccessKey, ClientApiKey
from router.vault import Vault

ALPHABET = string.ascii_uppercase + "234567"


def new_access_key() -> tuple[str, str]:
    """An access key id (20 characters, `AKIA…`) and its secret (40 characters)."""
    return "AKIA" + "".join(secrets.choice(ALPHABET) for _ in range(16)), secrets.token_urlsafe(30)


def new_client_api_key(scope: str) -> tuple[str, bytes, str]:
    """A bearer key, the digest it is found by, and the name it is shown under."""
    key = f"{'pk' if scope == 'public' else 'sk'}_{uuid.uuid4()}"
    return key, hashlib.sha256(key.encode()).digest(), key[:11]


def operator_entry(name: str, password: str) -> str:
    """An operator of the console, as ROUTER_OPERATORS lists them."""
    return f"{name}:{generate_password_hash(password)}"


@click.group()
def keys() -> None:
    """Create, list and revoke access keys (SigV4) and client API keys (Bearer)."""


@keys.command()
@click.argument("client")
@click.option("--expires-in-days", type=click.IntRange(1), help="The key ends by itself after so many days.")
@click.option("--bearer", type=click.Choice(["public", "secret"]), help="A client API key (pk_… or sk_…) instead.")
@click.option("--group", help="The group that a client API key is bound to.")
def create(client: str, expires_in_days: int | None, bearer: str | None, group: str | None) -> None:
    """Make a key for CLIENT and show it, this once."""
    now = datetime.now(UTC)
    with context.ledger() as ledger:
        if bearer is not None:
            if group is None:
                raise click.UsageError("--bearer needs --group: a client API key is bound to one group")
            key, digest, name = new_client_api_key(bearer)
            ledger.add_client_api_key(ClientApiKey(name, client, group, bearer, now), digest)
            click.echo(f"key  {key}\n\nIt is not shown again.")
            return
        access_key_id, secret = new_access_key()
        expires_at = now + timedelta(days=expires_in_days) if expires_in_days else None
        ledger.add_access_key(AccessKey(access_key_id, client, context.vault().seal(secret), now, expires_at))
        click.echo(f"ACCESS_KEY_ID      {access_key_id}\nSECRET_ACCESS_KEY  {secret}\n\nThe secret is not shown again.")


@keys.command("list")
@click.argument("client", required=False)
def list_(client: str | None) -> None:
    """Show the keys, of CLIENT or of all."""
    with context.ledger() as ledger:
        for key in ledger.access_keys(client):
            state = _state(key.revoked_at, key.expires_at)
            used = f"last used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
            click.echo(f"{key.access_key_id}  {key.client}  {state}  created {key.created_at:%Y-%m-%d}  {used}")
        for bearer in ledger.client_api_keys(client):
            state = _state(bearer.revoked_at, None)
            click.echo(f"{bearer.name}…  {bearer.client}/{bearer.group}  {bearer.scope}  {state}")


@keys.command()
@click.argument("key")
def revoke(key: str) -> None:
    """End KEY (an access key id, or a client API key's name) everywhere, within seconds."""
    with context.ledger() as ledger:
        if not ledger.revoke_access_key(key) and not ledger.revoke_client_api_key(key.rstrip("…")):
            raise click.ClickException(f"there is no active key {key}; `router keys list` shows them")
    click.echo(f"{key} is revoked")


@keys.command()
def fernet() -> None:
    """Make a key for ROUTER_SECRET_KEYS."""
    click.echo(Vault.new_key())


@keys.command("operator")
@click.argument("name")
@click.option("--password", help="Asked for when left out, so that no shell keeps it.")
def operator_(name: str, password: str | None) -> None:
    """Make NAME's entry for ROUTER_OPERATORS, who may use the console."""
    given = password or click.prompt("Password", hide_input=True, confirmation_prompt=True)
    click.echo(operator_entry(name, given))


def _state(revoked_at: datetime | None, expires_at: datetime | None) -> str:
    if revoked_at is not None:
        return f"revoked {revoked_at:%Y-%m-%d}"
    if expires_at is not None:
        return f"{'expired' if expires_at < datetime.now(UTC) else 'expires'} {expires_at:%Y-%m-%d}"
    return "active"
