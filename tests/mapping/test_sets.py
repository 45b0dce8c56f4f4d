"""A client's configuration, its groups' own files, and what a set is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from router.mapping import Budget, Integration, Mapped, OnUnknown, Setting, Skipped, Webhook
from router.model import Action
from tests.mapping.sample import CLIENT, PERSON, changed, compiled

TWO = """\
client: shop
callback: {url: "https://shop.example/hook", secret: hook}
groups:
  main:
    integrations:
      crm: &
  other:
    callback: {url: {setting: here, path: /hook}, secret: other_hook}
    integrations:
      crm: &
      more: &
""".replace(
    "&",
    "{connector: crm, personal_data: true, secrets: {key: crm_key}, "
    "options: {base_url: 'https://crm.example', owner: o}}",
)
P = "profile.person.yaml"


def test_an_integration_says_all_that_is_configured() -> None:
    more = """\
        account: shop-eu
        enabled: false
        budget: {requests_per_second: 2.5, records_per_second: 100, concurrent: 4}
        schedule: [5, 30, 0.5]
        batch: 50
        max_in_flight: 8
        on_unknown: retry
        order_limit: 60
"""
    config = compiled({"client.yaml": CLIENT + more, P: PERSON}).clients["shop"]
    assert config.groups["main"].integrations["crm"] == Integration(
        name="crm",
        connector="crm",
        options={"base_url": Setting("crm_url", "/v1"), "owner": "crm@shop.example"},
        secrets={"key": "crm_key"},
        account="crm:shop:shop-eu",
        enabled=False,
        personal_data=True,
        budget=Budget(2.5, 100, 4),
        schedule=(5, 30, 0.5),
        batch=50,
        max_in_flight=8,
        on_unknown=OnUnknown.RETRY,
        order_limit=60,
    )


def integration(**changes: str) -> Integration:
    text = CLIENT
    for old, new in changes.items():
        text = changed(old, new, text)
    return compiled({"client.yaml": text, P: PERSON}).clients["shop"].groups["main"].integrations["crm"]


def test_settings_and_secrets_are_put_in_where_it_is_used() -> None:
    made = integration()
    assert made.settings() == {"crm_url"}
    assert made.configure({"crm_url": "http://127.0.0.1:9/"}, {"crm_key": "hush"}) == {
        "base_url": "http://127.0.0.1:9/v1",
        "owner": "crm@shop.example",
        "key": "hush",
    }
    assert "hush" not in repr(made)


LACKING: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "setting": ({"other": "x"}, {"crm_key": "k"}, "the setting 'crm_url' is not there; known: other"),
    "secret": ({"crm_url": "x"}, {}, "the secret 'crm_key' of integration 'crm' is not there"),
}


@pytest.mark.parametrize(("settings", "secrets", "message"), LACKING.values(), ids=LACKING)
def test_what_the_host_lacks_is_named(settings: dict[str, str], secrets: dict[str, str], message: str) -> None:
    with pytest.raises(LookupError) as told:
        integration().configure(settings, secrets)
    assert told.value.args == (message,)


def test_integrations_of_the_same_options_and_secrets_share_an_account() -> None:
    groups = compiled({"client.yaml": TWO, P: PERSON}).groups("shop")
    accounts = {one.account for group in groups.values() for one in group.integrations.values()}
    assert len(accounts) == 1
    assert accounts != {integration(owner="owner").account}


def test_a_group_has_its_own_callback_or_the_clients() -> None:
    groups = compiled({"client.yaml": TWO, P: PERSON}).groups("shop")
    assert groups["main"].callback == Webhook("https://shop.example/hook", "hook")
    own = groups["other"].callback
    assert own is not None
    assert (own.address({"here": "http://127.0.0.1:1"}), own.secret) == ("http://127.0.0.1:1/hook", "other_hook")
    assert compiled({P: PERSON}).groups("shop")["main"].callback is None


def test_a_groups_own_file_holds_for_that_group_alone() -> None:
    own = changed("name: id", "name: {value: own}")
    mappings = compiled({"client.yaml": TWO, P: PERSON, f"other/{P}": own})
    values = {"id": "7", "email": "a@b.se"}
    made = {
        group: [route.map(values) for route in mappings.routes("shop", group, "profile", "person")]
        for group in ("main", "other")
    }
    assert made == {
        "main": [Mapped({"email": "a@b.se", "name": "7"})],
        "other": [Mapped({"email": "a@b.se", "name": "own"})],
    }


def test_a_groups_own_file_may_add_a_type_and_fields() -> None:
    own = changed("type: person", "type: vip").replace("fields:\n", "fields:\n  more: {type: string}\n")
    own = own.replace("name: id", "name: more")
    mappings = compiled({"client.yaml": TWO, P: PERSON, "other/profile.vip.yaml": own})
    assert mappings.types("shop", "profile", "main") == ["person"]
    assert mappings.types("shop", "profile") == ["person", "vip"]
    assert mappings.contract("shop", "profile", "vip", "main") is None


def test_routes_are_in_the_order_of_the_clients_file() -> None:
    deliver = PERSON[PERSON.index("  crm:") :]
    text = PERSON.replace(deliver, deliver.replace("  crm:", "  more:") + deliver)
    mappings = compiled({"client.yaml": TWO, P: text})
    names = {
        key: [one.integration.name for one in mappings.routes("shop", key, "profile", "person")]
        for key in ("main", "other")
    }
    assert names == {"main": ["crm"], "other": ["crm", "more"]}


def test_a_disabled_integration_skips_visibly() -> None:
    mappings = compiled({"client.yaml": CLIENT + "        enabled: false\n", P: PERSON})
    for action in Action:
        (route,) = mappings.routes("shop", "main", "profile", "person", action)
        assert route.map({"id": "7", "email": "a@b.se"}) == Skipped("the integration is disabled")


UNKNOWN: dict[str, tuple[Any, ...]] = {
    "client": ("shep", "main", "profile", "person"),
    "group": ("shop", "mian", "profile", "person"),
    "entity": ("shop", "main", "event", "person"),
    "type": ("shop", "main", "profile", "preson"),
    "no type": ("shop", "main", "profile", None),
}


@pytest.mark.parametrize(("client", "group", "entity", "type_"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_unknown_has_no_contract_and_no_routes(client: str, group: str, entity: str, type_: str | None) -> None:
    mappings = compiled({P: PERSON})
    assert mappings.contract(client, entity, type_, group) is None
    assert mappings.routes(client, group, entity, type_) == ()
    assert mappings.groups("shep") == {}


def test_v1_is_asked_for_without_a_type() -> None:
    text = changed("entity: profile\ntype: person", "entity: contact")
    mappings = compiled({"contact.yaml": text})
    assert mappings.types("shop", "contact") == [""]
    found = mappings.contract("shop", "contact", None, "main")
    assert found is not None
    assert found == mappings.contract("shop", "contact", "", "main")
