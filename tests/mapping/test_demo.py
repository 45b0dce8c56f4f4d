"""The demo client is clean against the real connectors, and its documented samples go where they should."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.registry import PROVIDERS
from router import catalog
from router.mapping import Mapped, MappingSet, Setting, compile_set, digest, read_tree, to_bytes
from router.mapping.lint import check
from router.model import Action, Entity

MAPPINGS = Path(__file__).parents[2] / "mappings"
SOURCES = read_tree(MAPPINGS)
SETTINGS = {"sandbox_url": "http://127.0.0.1:9"}


@pytest.fixture(scope="module")
def demo() -> MappingSet:
    return compile_set(SOURCES, catalog.facts())


def test_nothing_is_wrong_with_the_demo_its_examples_included() -> None:
    assert [str(fault) for fault in check(SOURCES, catalog.facts())] == []


def test_every_file_of_the_demo_has_examples() -> None:
    lacking = [one.path for one in SOURCES if not one.path.endswith("client.yaml") and "\nexamples:\n" not in one.text]
    assert lacking == []


# contracts.md §5.2 and §5.4, seeds 000 and 001
PERSON = {
    "customer_id": 12345,
    "first_name": "Ada",
    "last_name": "Lovelace",
    "postal_code": "111 17",
    "address": "Kungsbroplan 3",
    "birth_date": "1985-12-10",
    "email": "ada@example.com",
}
PURCHASE = {
    "event_id": "ev-1",
    "event_type": "purchase",
    "event_datetime": "2021-03-18 11:35:24",
    "customer_id": "12345",
    "status": "completed",
    "payment_method": "Debit Card",
    "total_purchase_amount": "123.75",
    "currency": "SEK",
    "email": "ada@example.com",
}
PRODUCT = {
    "item_id": "i-1",
    "inventory_type": "product_a",
    "item_modified": "2020-12-03 17:23:21",
    "name": "Milk",
    "category": "Dairy Products",
    "subcategory": "Cow Milk",
}
V1_CONTACT = {
    "epost": "john.doe@example.com",
    "namn": "John Doe",
    "something_else": "some value",
    "some_tags": ["TAG1", "TAG2"],
}
V1_EVENT = {"externalId": "o-1", "email": "john.doe@example.com", "contactExtEventType": "PURCHASE", "value": 12.5}
V1_PRODUCT = {"product_id": "p-1", "name": "Milk"}
EVERYWHERE = ["salesmanago", "sendios", "digitalonboarding"]

SAMPLES: dict[str, tuple[Entity, str, dict[str, Any], list[str]]] = {
    "profile": (Entity.PROFILE, "person", PERSON, EVERYWHERE),
    "event": (Entity.EVENT, "purchase_ev", PURCHASE, ["salesmanago", "sendios"]),
    "inventory": (Entity.INVENTORY, "product_a", PRODUCT, ["salesmanago"]),
    "v1 contact": (Entity.CONTACT, "", V1_CONTACT, EVERYWHERE),
    "v1 event": (Entity.EVENT, "", V1_EVENT, ["salesmanago"]),
    "v1 product": (Entity.PRODUCT, "", V1_PRODUCT, ["salesmanago"]),
}


@pytest.mark.parametrize(("entity", "type_", "record", "names"), SAMPLES.values(), ids=SAMPLES)
def test_the_documented_samples_become_requests(
    demo: MappingSet, entity: Entity, type_: str, record: dict[str, Any], names: list[str]
) -> None:
    contract = demo.contract("demo", entity, type_, "main_group")
    assert contract is not None
    values, problems = contract.validate(record)
    assert problems == []
    reached = []
    for route in demo.routes("demo", "main_group", entity, type_):
        outcome = route.map(values)
        assert isinstance(outcome, Mapped)
        one = route.integration
        secrets = dict.fromkeys(one.secrets.values(), "hush-hush-hush")
        options = {name: value for name, value in one.configure(SETTINGS, secrets).items() if name != "webhook_secrets"}
        loaded = catalog.load(one.connector, options)
        request = catalog.preview(one.connector, loaded, route.operation, outcome.payload)
        assert request["method"] in ("POST", "PUT")
        assert request["url"].startswith(f"http://127.0.0.1:9/{one.name}/")
        assert "hush" not in json.dumps(request)
        reached.append(one.name)
    assert reached == names


HARD_IDS = {
    Entity.PROFILE: "customer_id",
    Entity.EVENT: "event_id",
    Entity.INVENTORY: "item_id",
    Entity.CONTACT: "epost",
}


@pytest.mark.parametrize("sample", ["profile", "event", "inventory", "v1 contact"])
def test_only_the_hard_id_is_required(demo: MappingSet, sample: str) -> None:
    entity, type_, record, _ = SAMPLES[sample]
    contract = demo.contract("demo", entity, type_, "main_group")
    assert contract is not None
    name = HARD_IDS[entity]
    assert contract.hard_id == (name,)
    assert contract.validate({name: record[name]})[1] == []
    assert [problem.field for problem in contract.validate({})[1]] == [name]


def test_a_v1_delete_erases_where_the_provider_can(demo: MappingSet) -> None:
    contract = demo.contract("demo", Entity.CONTACT, "", "main_group", Action.DELETE)
    assert contract is not None
    values, problems = contract.validate({"epost": "john.doe@example.com"})
    assert problems == []
    routes = demo.routes("demo", "main_group", Entity.CONTACT, "", Action.DELETE)
    assert [(route.integration.name, route.operation, isinstance(route.map(values), Mapped)) for route in routes] == [
        ("salesmanago", "delete_contact", True),
        ("sendios", "erase_user", True),
        ("digitalonboarding", "", False),
    ]


def test_the_demo_has_the_accounts_of_the_sandboxes(demo: MappingSet) -> None:
    for one in demo.groups("demo")["main_group"].integrations.values():
        credentials = importlib.import_module(PROVIDERS[one.connector].__module__).CREDENTIALS
        plain = {name: value for name, value in one.options.items() if not isinstance(value, Setting)}
        assert plain.items() <= credentials.items()
        assert one.secrets == {name: f"{one.name}_{name}" for name in one.secrets}
        assert one.secrets.keys() <= credentials.keys()


ELSEWHERE = """
import json, sys
from router import catalog
from router.mapping import compile_set, from_bytes
demo = compile_set(from_bytes(sys.stdin.buffer.read()), catalog.facts())
contract = demo.contract("demo", "profile", "person", "main_group")
values, _ = contract.validate(json.loads(sys.argv[1]))
made = [route.map(values).payload for route in demo.routes("demo", "main_group", "profile", "person")]
print(demo.digest, json.dumps(made))
"""


def test_any_process_makes_the_same_bytes_of_the_same_set() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-c", ELSEWHERE, json.dumps(PERSON)],
            input=to_bytes(SOURCES),
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(MAPPINGS.parent)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert digest(SOURCES).encode() in told.pop()


def test_an_events_time_is_local_to_the_shop(demo: MappingSet) -> None:
    contract = demo.contract("demo", Entity.EVENT, "purchase_ev", "main_group")
    assert contract is not None
    (route, _) = demo.routes("demo", "main_group", Entity.EVENT, "purchase_ev")
    outcome = route.map(contract.validate(PURCHASE)[0])
    assert isinstance(outcome, Mapped)
    assert outcome.payload["contactEvent"]["date"] == 1616063724000  # 11:35:24 in Stockholm is 10:35:24 UTC
