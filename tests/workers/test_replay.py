"""Sent again as it was: what a provider gets is the same to the byte, whatever was published meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from connectors.sandbox.server import Sandbox
from connectors.sandbox.webhook import SECRET
from router.config import Config
from router.ledger.base import Selection
from router.model import State
from router.settings import Settings
from router.vault import Vault
from tests.support.shop import KEY, PERSON, RENAMED, WITHOUT_CRM, Shop, shop_in
from workers.channels import Channels
from workers.deliver import deliver
from workers.lease import Leases
from workers.route import route
from workers.services import Tools

SHORT = PERSON.replace("{name: name, who.id: customer_id}", "{who.id: customer_id}")


def work(shop: Shop, sandbox: Sandbox) -> None:
    """What a worker does that has just been started, until nothing is due."""
    settings = Settings.from_env(
        {**shop.environment, "ROUTER_ALLOW_PRIVATE_TARGETS": "true", "ROUTER_LINK_SANDBOX_URL": sandbox.url}
    )
    config = Config(shop.ledger)
    channels = Channels(shop.ledger, config, Vault([KEY]), settings)
    tasks: dict[str, Callable[[int, Tools], None]] = {"route": route, "deliver": deliver}
    with closing(Leases(shop.ledger, 30.0)) as leases:
        tools = Tools(shop.ledger, config, channels.of, "tests", leases, lambda: False, lambda _: None)
        while given := shop.ledger.claim(100):
            for hint in given:
                tasks[hint.task](hint.hint_id, tools)


def test_a_replay_after_three_changes_of_the_mapping_sends_the_same_bytes(database_url: str) -> None:
    with shop_in(database_url) as shop, Sandbox() as sandbox:
        shop.ledger.set_secret("shop", "crm", Vault([KEY]).seal(SECRET))

        def bodies() -> list[bytes]:
            return sorted(call.body for call, _ in sandbox.desk("webhook").received.kept())

        shop.accept("Åda “A” Lovelace", "1.10", "")
        work(shop, sandbox)
        before = bodies()
        sandbox.forget()
        for person in (RENAMED, SHORT, WITHOUT_CRM):
            shop.publish(person)
            work(shop, sandbox)
        delivered = Selection(states=[State.DELIVERED])
        assert shop.ledger.replay([each.delivery_id for each in shop.ledger.letters(delivered, 100)], "ada") == 6
        work(shop, sandbox)
        assert bodies() == before
        assert len(before) == 6
