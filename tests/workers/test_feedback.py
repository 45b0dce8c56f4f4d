"""What a provider told, as its client hears of it: a signed callback about that one delivery."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID, uuid4

import pytest

from connectors.sandbox.server import Sandbox
from connectors.sandbox.webhook import SECRET
from router.config import CALLBACK, ROUTE, Config
from router.ledger.feedback import NewFeedback
from router.ledger.postgres import PostgresLedger
from router.mapping import Source
from router.model import (
    Action,
    DueRecord,
    Entity,
    Environment,
    Hint,
    NewRecord,
    NewRequest,
    identity_key,
    new_request_id,
)
from router.plan import plan
from router.publish import publish
from router.settings import Settings
from router.vault import Vault
from workers.channels import Channels
from workers.deliver import deliver
from workers.lease import Leases
from workers.services import Tools

KEY = Vault.new_key()
CLIENT = """client: shop
callback: {url: {setting: sandbox_url, path: /webhook}, secret: callback_key}
groups:
  main_group:
    integrations:
      mail:
        connector: sendios
        personal_data: true
        options: {client_id: 123, project_id: 55}
        secrets: {sdk_key: mail_key}
"""
PERSON = """entity: profile
type: person
hard_id: [email]
fields: {email: {type: email}}
deliver: {mail: {operation: set_user_fields, map: {email: email}}}
"""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def tools(database_url: str, sandbox: Sandbox) -> Iterator[Tools]:
    settings = Settings(
        database_url, "memory://", (KEY,), allow_private_targets=True, links={"sandbox_url": sandbox.url}
    )
    with closing(PostgresLedger(database_url, size=2)) as ledger:
        publish(ledger, [Source("shop/client.yaml", CLIENT), Source("shop/profile.person.yaml", PERSON)], "tests", "")
        ledger.set_secret("shop", "callback_key", Vault([KEY]).seal(SECRET))
        config = Config(ledger)
        channels = Channels(ledger, config, Vault([KEY]), settings)
        leases = Leases(ledger, 30.0)
        yield Tools(ledger, config, channels.of, "tests", leases, lambda: False, lambda _: None)
        leases.close()


def request(config: Config, *emails: str) -> NewRequest:
    snapshot = config.current()
    return NewRequest(
        request_id=new_request_id(),
        client="shop",
        environment=Environment.PRODUCTION,
        surface="v2",
        group="main_group",
        entity=Entity.PROFILE,
        type="person",
        action=Action.UPSERT,
        mapping_version=snapshot.publication.digest,
        credential="AKID",
        route=snapshot.number("shop", "", ROUTE) or 0,
        callback=snapshot.number("shop", "main_group", CALLBACK),
        records=[
            NewRecord(f'{{"email":"{email}"}}', identity_key("shop", "profile", "person", [email])) for email in emails
        ],
    )


def planned(tools: Tools, hint: Hint) -> list[UUID]:
    """The deliveries of a route hint, planned."""
    records: list[DueRecord] = tools.ledger.start_route(hint.hint_id, "tests", 30)
    snapshot = tools.config.current()
    plans = [each for record in records for each in plan(record, snapshot.set, snapshot.number)]
    tools.ledger.planned(hint.hint_id, plans)
    return [each.delivery_id for each in plans]


def test_a_client_hears_what_a_provider_told_of_one_delivery(tools: Tools, sandbox: Sandbox) -> None:
    accepted = tools.ledger.accept(request(tools.config, "ada@example.com", "grace@example.com"))
    (route,) = tools.ledger.claim(1)
    _, second = planned(tools, route)
    place = next(number for number, each in tools.ledger.destinations().items() if each.integration == "mail")
    tools.ledger.keep_feedback(place, [NewFeedback(uuid4(), "opened", "open", delivery=second, detail={"mail_id": 7})])

    (hint,) = [hint for hint in tools.ledger.claim(8) if hint.queue == "callbacks"]
    deliver(hint.hint_id, tools)

    (call,) = sandbox.received("webhook")
    data = call["body"]["data"]
    assert call["body"]["type"] == "delivery.feedback"
    assert (data["requestId"], data["deliveryId"]) == (str(accepted.request_id), str(second))
    assert (data["feedback"]["event"], data["feedback"]["detail"]) == ("opened", {"mail_id": 7})
    assert [record["index"] for record in data["records"]] == [1]
    assert [each["deliveryId"] for each in data["records"][0]["deliveries"]] == [str(second)]
