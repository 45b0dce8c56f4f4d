"""The demo client's keys, and the secrets with which its integrations may talk to the sandboxes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from router.cli.keys import new_access_key, new_client_api_key, operator_entry
from router.ledger.base import AccessKey, ClientApiKey, Registry
from router.mapping import ClientConfig, MappingSet
from router.vault import Unreadable, Vault

CLIENT, GROUP = "demo", "main_group"


def new_credentials(kept: Mapping[str, str]) -> dict[str, str]:
    """Those that are kept, and new ones where there are none.

    `secret_keys`; `flower_auth` (user:password, for the console too), `flower_cookie`; `operators`.
    """
    auth = kept.get("flower_auth") or f"{CLIENT}:{secrets.token_urlsafe(12)}"
    made = {
        "secret_keys": kept.get("secret_keys") or Vault.new_key(),
        "flower_auth": auth,
        "flower_cookie": kept.get("flower_cookie") or secrets.token_urlsafe(32),
        "operators": kept.get("operators") or operator_entry(*auth.split(":", 1)),
    }
    return {**kept, **made}


def ensure_keys(registry: Registry, vault: Vault, kept: Mapping[str, str]) -> dict[str, str]:
    """`access_key_id`, `secret_access_key`, `public_key` and `secret_key`: the kept ones while the ledger has them."""
    now = datetime.now(UTC)
    credentials = dict(kept)
    if not _access_key_works(registry, vault, kept):
        key_id, secret = new_access_key()
        registry.add_access_key(AccessKey(key_id, CLIENT, vault.seal(secret), now))
        credentials |= {"access_key_id": key_id, "secret_access_key": secret}
    for member, scope in (("public_key", "public"), ("secret_key", "secret")):
        if not _bearer_key_works(registry, kept.get(member)):
            key, digest, name = new_client_api_key(scope)
            registry.add_client_api_key(ClientApiKey(name, CLIENT, GROUP, scope, now), digest)
            credentials[member] = key
    return credentials


def ensure_secrets(
    registry: Registry, vault: Vault, client: ClientConfig, accounts: Mapping[str, Mapping[str, Any]]
) -> None:
    """Give the client the sandboxes' secrets that its configuration names and nobody has set.

    accounts: connector → the options with which its sandbox may be talked to.
    """
    for name, connector, option in _named(client):
        value = accounts.get(connector, {}).get(option)
        if value is not None and not _readable(vault, registry.secret(client.name, name)):
            registry.set_secret(client.name, name, vault.seal(str(value)))


def demo_client(mapping: MappingSet) -> ClientConfig | None:
    """The client that the demo is shown with, if the mappings still have it."""
    client = mapping.clients.get(CLIENT)
    return client if client is not None and GROUP in client.groups else None


def _named(client: ClientConfig) -> Iterator[tuple[str, str, str]]:
    """(secret's name, connector, option) of everything that is secret in a client's configuration."""
    for group in client.groups.values():
        for integration in group.integrations.values():
            yield from ((name, integration.connector, option) for option, name in integration.secrets.items())
        if group.callback is not None:
            yield group.callback.secret, "webhook", "secret"


def _access_key_works(registry: Registry, vault: Vault, kept: Mapping[str, str]) -> bool:
    found = registry.access_key(kept.get("access_key_id", ""))
    return found is not None and found.revoked_at is None and _readable(vault, found.secret)


def _bearer_key_works(registry: Registry, key: str | None) -> bool:
    found = registry.client_api_key(hashlib.sha256(key.encode()).digest()) if key else None
    return found is not None and found.revoked_at is None


def _readable(vault: Vault, sealed: bytes | None) -> bool:
    try:
        return sealed is not None and bool(vault.open(sealed))
    except Unreadable:
        return False
