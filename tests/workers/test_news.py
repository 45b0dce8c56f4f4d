"""The whole way of a provider's news: what was delivered comes back by its hook, to the trace and to the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any
from uuid import UUID

import pytest

from connectors.sandbox.digitalonboarding import CREDENTIALS as ONBOARDING
from connectors.sandbox.sendios import CREDENTIALS as MAIL
from connectors.sandbox.server import Sandbox
from connectors.sandbox.webhook import SECRET
from router.accept import Call, accept
from router.config import Config
from router.feedback import new_token, path, secret_name
from router.ledger.postgres import PostgresLedger
from router.mapping import Source
from router.model import Action, Entity, Environment, new_request_id
from router.publish import publish
from router.settings import Settings
from router.vault import Vault
from tests.http.shop import serving
from tests.support.conditions import eventually
from workers.channels import Channels
from workers.deliver import deliver
from workers.lease import Leases
from workers.route import route
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
        options: {base_url: {setting: sandbox_url, path: /sendios}, client_id: 123, project_id: 55}
        secrets: {sdk_key: mail_key}
      onboarding:
        connector: digitalonboarding
        personal_data: true
        options: {base_url: {setting: sandbox_url, path: /digitalonboarding}, client_id: do-demo}
        secrets: {client_secret: onboarding_key, webhook_secrets: onboarding_hooks}
"""
PERSON = """entity: profile
type: {type}
hard_id: [email]
fields: {{email: {{type: email}}}}
deliver: {deliver}
"""
FILES = {
    "shop/client.yaml": CLIENT,
    "shop/profile.reader.yaml": PERSON.format(
        type="reader", deliver="{mail: {operation: send_system, map: {type_id: {value: 7}, data.user.email: email}}}"
    ),
    "shop/profile.member.yaml": PERSON.format(
        type="member", deliver="{onboarding: {operation: upsert_contact, map: {unique_id: email, email: email}}}"
    ),
}
SECRETS = {
    "callback_key": SECRET,
    "mail_key": MAIL["sdk_key"],
    "onboarding_key": ONBOARDING["client_secret"],
    "onboarding_hooks": " ".join(ONBOARDING["webhook_secrets"]),
}


class House:
    """A receiver and a worker on one ledger, with the providers and the client in the sandbox."""

    def __init__(self, ledger: PostgresLedger, settings: Settings, sandbox: Sandbox, hooks: str, leases: Leases):
        self.ledger, self.sandbox, self._hooks = ledger, sandbox, hooks
        self._vault = Vault([KEY])
        config = Config(ledger)
        channels = Channels(ledger, config, self._vault, settings)
        self._tools = Tools(ledger, config, channels.of, "tests", leases, lambda: False, lambda _: None)

    def hook(self, integration: str) -> str:
        """The address that an integration's provider is told."""
        number, place = next(
            (number, each) for number, each in self.ledger.destinations().items() if each.integration == integration
        )
        token = new_token(number)
        self.ledger.set_secret("shop", secret_name(place), self._vault.seal(token))
        return self._hooks + path(integration, token)

    def deliver(self, type: str) -> UUID:
        """One of such a person, accepted and delivered."""
        call = Call(
            request_id=new_request_id(),
            client="shop",
            credential="AKID",
            environment=Environment.PRODUCTION,
            surface="v2",
            entity=Entity.PROFILE,
            action=Action.UPSERT,
            type=type,
            group=None,
            records=[{"email": "ada@example.com"}],
        )
        accepted = accept(call, self._tools.config.current(), self.ledger)
        self.work()
        return accepted.request_id

    def work(self) -> None:
        """Until there is nothing to do."""
        while hints := self.ledger.claim(8):
            for hint in hints:
                (route if hint.task == "route" else deliver)(hint.hint_id, self._tools)

    def shown(self, request_id: UUID) -> list[tuple[str, str]]:
        """The news beside the request's delivery: (event, how it was found)."""
        document = self.ledger.document(request_id)
        assert document is not None
        (delivery,) = document["records"][0]["deliveries"]
        assert delivery["status"] == "delivered"
        return [(one["event"], one["matchedBy"]) for one in delivery.get("feedback", ())]

    def told(self) -> list[dict[str, Any]]:
        """What the client has heard of news."""
        self.work()
        bodies = [call["body"] for call in self.sandbox.received("webhook")]
        return [body["data"] for body in bodies if body["type"] == "delivery.feedback"]


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox())
        ledger = stack.enter_context(closing(PostgresLedger(database_url, size=4)))
        settings = Settings(
            database_url, "memory://", (KEY,), allow_private_targets=True, links={"sandbox_url": sandbox.url}
        )
        publish(ledger, [Source(path, text) for path, text in FILES.items()], "tests", "")
        for name, value in SECRETS.items():
            ledger.set_secret("shop", name, Vault([KEY]).seal(value))
        receiver = stack.enter_context(serving(ledger, settings))
        leases = stack.enter_context(closing(Leases(ledger, 30.0)))
        yield House(ledger, settings, sandbox, receiver.url, leases)


def heard(house: House, count: int) -> Callable[[], list[dict[str, Any]]]:
    return lambda: told if len(told := house.told()) == count else []


def test_a_mail_that_was_sent(house: House) -> None:
    house.sandbox.provider("sendios").webhook_url = house.hook("mail")
    request_id = house.deliver("reader")
    told = eventually(heard(house, 2))
    assert sorted(house.shown(request_id)) == [("created", "delivery"), ("sent", "delivery")]
    assert {each["requestId"] for each in told} == {str(request_id)}
    assert {each["feedback"]["event"] for each in told} == {"created", "sent"}
    assert "ada@" not in repr(told)


def test_a_contact_that_was_updated(house: House) -> None:
    house.sandbox.provider("digitalonboarding").webhook_url = house.hook("onboarding")
    first = house.deliver("member")
    second = house.deliver("member")  # what exists already is updated, of which the provider tells, perhaps at once
    (told,) = eventually(heard(house, 1))
    assert house.shown(first) + house.shown(second) == [("updated", "provider_id")]
    assert told["requestId"] in {str(first), str(second)}
    assert told["feedback"]["event"] == "updated"
