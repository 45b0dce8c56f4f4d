"""`router integrations catalogues`, as an integration engineer types it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from connectors.sandbox.digitalonboarding import CLIENT_SECRET, TEMPLATES
from connectors.sandbox.server import Sandbox
from router.cli import main
from router.ledger.postgres import PostgresLedger
from router.mapping import Source
from router.publish import publish
from router.vault import Vault

CLIENT = """client: shop
groups:
  main_group:
    integrations:
      onboarding:
        connector: digitalonboarding
        options: {base_url: {setting: sandbox_url, path: /digitalonboarding}, client_id: do-demo}
        secrets: {client_secret: onboarding_key}
      mail:
        connector: sendios
        options: {client_id: 123, project_id: 55}
        secrets: {sdk_key: onboarding_key}
"""
KEY = Vault.new_key()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def ledger(database_url: str) -> Iterator[PostgresLedger]:
    opened = PostgresLedger(database_url, size=1)
    publish(opened, [Source("shop/client.yaml", CLIENT)], "tests", "")
    yield opened
    opened.close()


def run(database_url: str, sandbox: Sandbox, integration: str) -> Result:
    environment = {
        "ROUTER_DATABASE_URL": database_url,
        "ROUTER_BROKER_URL": "memory://",
        "ROUTER_SECRET_KEYS": KEY,
        "ROUTER_LINK_SANDBOX_URL": sandbox.url,
        "ROUTER_ALLOW_PRIVATE_TARGETS": "true",
    }
    arguments = ["integrations", "catalogues", "shop", "main_group", integration]
    return CliRunner().invoke(main, arguments, env=environment)


def test_what_the_account_has_is_listed(database_url: str, ledger: PostgresLedger, sandbox: Sandbox) -> None:
    ledger.set_secret("shop", "onboarding_key", Vault([KEY]).seal(CLIENT_SECRET))
    shown = run(database_url, sandbox, "onboarding")
    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    assert lines[:2] == ["templates", f"  {TEMPLATES[0]['id']}  {TEMPLATES[0]['name']}"]
    assert "  loyalty-card  Loyalty card  objective-12  team-1" in lines


@pytest.mark.parametrize(
    ("integration", "secret", "words"),
    [
        ("onboarding", None, "secret 'onboarding_key' is not set"),
        ("onboarding", "another", "invalid_client"),
        ("mail", "any", "has no lists that mappings name"),
        ("nobody", "any", "known: shop/main_group/"),
    ],
)
def test_why_there_is_nothing(
    database_url: str, ledger: PostgresLedger, sandbox: Sandbox, integration: str, secret: str | None, words: str
) -> None:
    if secret:
        ledger.set_secret("shop", "onboarding_key", Vault([KEY]).seal(secret))
    shown = run(database_url, sandbox, integration)
    assert shown.exit_code == 1
    assert words in shown.output
    assert "Traceback" not in shown.output
