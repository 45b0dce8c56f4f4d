"""What would become of a record, and what became of one: payload, lineage, request, and nothing of the person."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from connectors.sandbox.registry import PROVIDERS
from router import catalog
from router.config import Config
from router.ledger.base import LedgerError
from router.ledger.memory import MemoryLedger
from router.mapping import Entry, Source, compile_set, read_tree
from router.model import Action, State
from router.preview import STAND_INS, Past, entries_of, of_delivery, preview
from router.veil import veiled
from tests.mapping.strategies import value
from tests.support.shop import CLIENT, PERSON, RENAMED, WITHOUT_CRM, Shop

LINKS = {"sandbox_url": "http://127.0.0.1:9"}
FILE = "shop/profile.person.yaml"
ADA = {"customer_id": "c-1", "name": "Ada Lovelace"}
FOR_NORTH = PERSON.replace("  mail: {operation: send, map: {name: name}}\n", "")


def entry(person: str = PERSON) -> Entry:
    found = compile_set([Source("shop/client.yaml", CLIENT), Source(FILE, person)], catalog.facts()).entry(
        "shop", "main", "profile", "person"
    )
    assert found is not None
    return found


# ---- before ----------------------------------------------------------------------------------------------------------


def test_each_integration_has_its_payload_and_request() -> None:
    made = preview(entry(), ADA, LINKS, reveal=True)
    payloads = {one.integration: one.payload for one in made.explanation.integrations}
    assert payloads == {"crm": {"name": "Ada Lovelace", "who": {"id": "c-1"}}, "mail": {"name": "Ada Lovelace"}}
    assert {name: (one["method"], one["url"], one["body"]) for name, one in made.requests.items()} == {
        name: ("POST", "http://127.0.0.1:9/webhook", payloads[name]) for name in ("crm", "mail")
    }


def test_nothing_of_the_person_is_shown_unless_revealed() -> None:
    shown = repr(preview(entry(), ADA, LINKS))
    assert "Lovelace" not in shown
    assert "c-1" not in shown


def test_a_missing_link_says_which() -> None:
    made = preview(entry(), ADA, {})
    assert made.requests["crm"]["url"] == "https://sandbox-url.invalid/webhook"


def test_a_refused_record_has_no_request() -> None:
    made = preview(entry(), {"name": "Ada"}, LINKS)
    assert [each.field for each in made.explanation.problems] == ["customer_id"]
    assert (made.explanation.integrations, made.requests) == ((), {})


def test_a_delete_is_skipped_where_nothing_is_said_of_it() -> None:
    made = preview(entry(), {"customer_id": "c-1"}, LINKS, Action.DELETE)
    assert [one["nothing_sent"] for one in made.requests.values()] == [
        one.skipped for one in made.explanation.integrations
    ]


def test_options_that_do_not_load_are_told() -> None:
    made = preview(entry(), ADA, {"sandbox_url": "ftp://nowhere"})
    assert "options: " in made.requests["crm"]["nothing_sent"]


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_no_connector_needs_a_real_secret(name: str) -> None:
    """What a preview puts in place of the secrets is taken for one by each connector."""
    credentials = dict(importlib.import_module(PROVIDERS[name].__module__).CREDENTIALS)
    known = catalog.facts()[name].options().fields
    for option in [one for one in credentials if known[one].metadata.get("secret")]:
        assert any(_takes(known[option], each) for each in STAND_INS), option


def _takes(option: Any, value: str) -> bool:
    try:
        option.deserialize(value)
    except ValidationError:
        return False
    return True


def test_files_are_found_for_each_of_their_groups() -> None:
    sources = [
        Source("shop/client.yaml", CLIENT, "here"),
        Source(FILE, PERSON, "here"),
        Source("shop/north/profile.person.yaml", FOR_NORTH, "here"),
    ]
    made = compile_set(sources, catalog.facts())
    assert [group for group, _ in entries_of(made, f"here/{FILE}")] == ["main"]
    assert [group for group, _ in entries_of(made, "here/shop/north/profile.person.yaml")] == ["north"]
    assert list(entries_of(made, FILE)) == []


DEMO = compile_set(read_tree(Path(__file__).parents[2] / "mappings"), catalog.facts())
ENTRIES = {".".join(key): one for key, one in DEMO.entries["demo", "main_group"].items()}
LONG = 12  # characters that nothing but the record brings


@pytest.mark.parametrize("name", ENTRIES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_a_contract_admits_is_previewed_and_masked(name: str, data: st.DataObject) -> None:
    one = ENTRIES[name]
    drawn = {
        field.name: data.draw(
            value(field.type) if field.name in one.contract.hard_id else st.none() | value(field.type)
        )
        for field in one.contract.fields.values()
    }
    other = {
        name: None if found is None else data.draw(value(one.contract.fields[name].type))
        for name, found in drawn.items()
    }
    told, ours = all_told(one, drawn), all_told(one, other)  # hypothesis draws words of our source as well
    long = {text for text in drawn.values() if isinstance(text, str) and len(text) >= LONG}
    assert [text for text in long if text in told and text not in ours] == []


def all_told(one: Entry, record: dict[str, Any]) -> str:
    made = preview(one, record, LINKS)
    assert set(made.requests) == {each.integration for each in made.explanation.integrations}
    return json.dumps([asdict(made.explanation), made.requests], ensure_ascii=False)


# ---- after -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def shop() -> Shop:
    made = Shop(MemoryLedger(), {})
    made.publish()
    return made


def delivery(shop: Shop, *names: str) -> UUID:
    request = shop.request(*names, crm=State.DEAD)
    return next(UUID(one["deliveryId"]) for one in shop.deliveries(request) if one["integration"] == "crm")


def past(shop: Shop, id: UUID, *, reveal: bool = True) -> Past:
    return of_delivery(shop.ledger, Config(shop.ledger), id, LINKS, reveal=reveal)


def test_a_delivery_is_explained_by_its_own_version_and_integration(shop: Shop) -> None:
    version = shop.ledger.publications()[0].digest
    id = delivery(shop, "Ada Lovelace")
    for person in (RENAMED, WITHOUT_CRM):
        shop.publish(person)
    made = past(shop, id)
    (one,) = made.preview.explanation.integrations
    assert made.delivery.mapping_version == version
    assert (one.integration, one.payload) == ("crm", json.loads(made.delivery.payload))
    assert list(made.preview.requests) == ["crm"]
    assert made.preview.requests["crm"]["body"] == one.payload
    assert made.remapped == ()


def test_a_past_deliverys_values_are_masked(shop: Shop) -> None:
    made = past(shop, delivery(shop, "Ada Lovelace"), reveal=False)
    assert "Lovelace" not in repr(made)


def test_what_was_mapped_anew_is_shown_as_it_was_sent(shop: Shop) -> None:
    id = delivery(shop, "Ada Lovelace")
    shop.ledger.replay([id], "ada", {id: ("send", '{"name":"ADA","who":{"id":"x"}}')})
    made = past(shop, id)
    assert made.remapped == ("name", "who.id")
    assert made.preview.requests["crm"]["body"] == {"name": "ADA", "who": {"id": "x"}}


def test_a_skipped_delivery_says_why(shop: Shop) -> None:
    shop.publish(PERSON.replace("crm: {operation: send,", "crm: {operation: send, when: {field: name, equals: Bea},"))
    made = past(shop, delivery(shop, "Ada"))
    (one,) = made.preview.explanation.integrations
    assert one.skipped
    assert made.preview.requests == {}


def test_fields_that_were_not_sent_by_the_client_went_nowhere_else(shop: Shop) -> None:
    shop.publish(PERSON.replace("deliver:", "  one: {type: string, optional: true}\ndeliver:"))
    assert past(shop, delivery(shop, "Ada")).preview.explanation.nowhere == {}


def test_a_delivery_that_never_was(shop: Shop) -> None:
    id = uuid4()
    with pytest.raises(LedgerError, match=f"there is no delivery {id} of a record"):
        past(shop, id)


def test_a_set_that_cannot_be_compiled_any_more_is_told(shop: Shop) -> None:
    id = delivery(shop, "Ada")
    digest = shop.ledger.publications()[0].digest
    ended = Config(_Changed(shop.ledger, digest, {"shop/client.yaml": "client: [\n"}))
    with pytest.raises(LedgerError, match="cannot be compiled any more"):
        of_delivery(shop.ledger, ended, id, LINKS, reveal=True)


class _Changed:
    """A registry one of whose sets is another one now, as when a connector has changed."""

    def __init__(self, registry: Any, digest: str, documents: dict[str, str]) -> None:
        self._registry, self._digest, self._documents = registry, digest, documents

    def documents_of(self, digest: str) -> Any:
        return self._documents if digest == self._digest else self._registry.documents_of(digest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)


# ---- masked ----------------------------------------------------------------------------------------------------------

PAYLOAD = {"email": "ada@example.com", "id": 7, "number": 12345, "vip": True, "tags": ["gold star"]}


def shown(
    url: str = "https://crm.example/v1", headers: dict[str, str] | None = None, body: Any = None
) -> dict[str, Any]:
    return veiled({"method": "POST", "url": url, "headers": headers or {}, "body": body}, PAYLOAD)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://crm.example/v1/users", "https://crm.example/v1/users"),
        ("https://crm.example/users/ada%40example.com/tags", "https://crm.example/users/a***/tags"),
        ("https://crm.example/users/u-12345", "https://crm.example/users/u***"),
        ("https://crm.example/v7/users/7", "https://crm.example/v7/users/***"),
        ("https://crm.example/find?email=ada%40example.com&v=1", "https://crm.example/find?email=a***&v=***"),
    ],
    ids=["none", "segment", "within", "short", "query"],
)
def test_addresses_tell_nothing_of_the_person(url: str, expected: str) -> None:
    assert shown(url)["url"] == expected


def test_headers_tell_nothing_of_the_person() -> None:
    told = shown(headers={"X-User": "ada@example.com", "X-Key": "for gold star 7", "Accept": "application/json"})
    assert told["headers"] == {"X-User": "a***", "X-Key": "for g*** 7", "Accept": "application/json"}


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("application/json", {"a": ["Ada L", 5, True, None]}, {"a": ["A***", "***", True, None]}),
        ("application/x-www-form-urlencoded", "mail=ada%40example.com&n=1", "mail=a***&n=***"),
        ("text/plain", "anything at all", "a***"),
        ("application/json", None, None),
    ],
    ids=["json", "form", "text", "nothing"],
)
def test_bodies_keep_their_shape(kind: str, body: Any, expected: Any) -> None:
    assert shown(headers={"Content-Type": kind}, body=body)["body"] == expected


def test_reasons_tell_nothing_of_the_person() -> None:
    told = veiled({"nothing_sent": "'ada@example.com' is not known"}, PAYLOAD)
    assert told == {"nothing_sent": "'a***' is not known"}
