"""`router integrations hook-url` and `feedback`, as an operator types them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from router.cli import main
from router.feedback import number_of
from router.ledger.feedback import NewFeedback
from router.ledger.postgres import PostgresLedger
from router.mapping import Source
from router.publish import publish
from router.vault import Vault

CLIENT = """client: shop
groups:
  main_group:
    integrations:
      mail:
        connector: sendios
        options: {client_id: 123, project_id: 55}
        secrets: {sdk_key: mail_key}
      crm:
        connector: salesmanago
        options: {base_url: "https://app2.salesmanago.com", client_id: c, owner: crm@shop.example}
        secrets: {api_secret: crm_key}
"""
FIRST, SECOND = Vault.new_key(), Vault.new_key()


class Terminal:
    """Commands on one ledger."""

    def __init__(self, database_url: str) -> None:
        self.environment = {
            "ROUTER_DATABASE_URL": database_url,
            "ROUTER_BROKER_URL": "memory://",
            "ROUTER_SECRET_KEYS": FIRST,
        }

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["integrations", *arguments], env=self.environment)

    def url(self, *more: str) -> str:
        shown = self.run("hook-url", "shop", "main_group", "mail", *more)
        assert shown.exit_code == 0, shown.output
        return shown.output.strip()


@pytest.fixture(scope="module")
def ledger(module_database_url: str) -> Iterator[PostgresLedger]:
    opened = PostgresLedger(module_database_url, size=1)
    publish(opened, [Source("shop/client.yaml", CLIENT)], "tests", "")
    yield opened
    opened.close()


@pytest.fixture
def terminal(module_database_url: str, ledger: PostgresLedger) -> Terminal:
    return Terminal(module_database_url)


def numbers(ledger: PostgresLedger) -> dict[str, int]:
    return {place.integration: number for number, place in ledger.destinations().items()}


def test_the_address_is_the_same_each_time(terminal: Terminal, ledger: PostgresLedger) -> None:
    first, second = terminal.url(), terminal.url("--receiver", "https://router.example/")
    assert first.startswith("http://127.0.0.1:8080/hooks/mail/")
    assert second == first.replace("http://127.0.0.1:8080", "https://router.example")
    assert number_of(first.rpartition("/")[2]) == numbers(ledger)["mail"]


def test_a_new_one_on_request(terminal: Terminal) -> None:
    first, second, third = terminal.url(), terminal.url("--renew"), terminal.url()
    assert first != second
    assert second == third


def test_it_outlives_a_change_of_the_keys(terminal: Terminal) -> None:
    first = terminal.url()
    terminal.environment["ROUTER_SECRET_KEYS"] = f"{SECOND},{FIRST}"
    rotated = CliRunner().invoke(main, ["secrets", "rotate"], env=terminal.environment)
    assert rotated.exit_code == 0, rotated.output
    terminal.environment["ROUTER_SECRET_KEYS"] = SECOND
    assert terminal.url() == first
    terminal.environment["ROUTER_SECRET_KEYS"] = f"{FIRST},{SECOND}"
    assert CliRunner().invoke(main, ["secrets", "rotate"], env=terminal.environment).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("shop", "main_group", "crm"), "the provider behind salesmanago tells nothing back"),
        (("shop", "main_group", "mial"), "known: shop/main_group/"),
        (("shop", "", "route"), "there is no integration"),
    ],
)
def test_who_has_none(terminal: Terminal, arguments: tuple[str, ...], words: str) -> None:
    shown = terminal.run("hook-url", *arguments)
    assert shown.exit_code == 1
    assert words in shown.output


def test_what_was_told_is_listed(terminal: Terminal, ledger: PostgresLedger) -> None:
    told = NewFeedback(uuid4(), "unsubscribed", "unsubscribe", datetime.now(UTC), detail={"reason": "fbl"})
    ledger.keep_feedback(numbers(ledger)["mail"], [told])
    shown = terminal.run("feedback", "shop", "main_group", "mail")
    assert shown.exit_code == 0
    assert 'unsubscribed (unsubscribe)  unmatched  {"reason": "fbl"}' in shown.output
