"""The published samples, as printed, against the demo client's own mappings (seeds 000 and 001, contracts.md §5.2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from router.ledger.base import AccessKey
from router.ledger.postgres import PostgresLedger
from router.mapping import read_tree
from router.publish import publish
from router.vault import Vault
from tests.http.shop import FERNET_KEY, Caller, serving, settings
from tests.http.signing import ACCESS_KEY, SECRET
from tests.http.told import kept

MAPPINGS = Path(__file__).parents[2] / "mappings"
ID = "3f2a0f5e-0d57-4c0c-9d3a-6f4f7d2f0a11"

CONTACT = {
    "data": {
        "epost": "john.doe@example.com",
        "namn": "John Doe",
        "something_else": "some value",
        "some_tags": ["TAG1", "TAG2"],
    },
    "group_key": "main_group",
}
PROFILE = {
    "type": "person",
    "groupKey": "main_group",
    "data": {
        "customer_id": "12345",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "postal_code": "111 17",
        "address": "Kungsbroplan 3",
    },
}
EVENT = {
    "type": "purchase_ev",
    "groupKey": "main_group",
    "data": {
        "event_id": "e-1",
        "event_type": "purchase",
        "event_datetime": "2021-03-18 11:35:24",
        "customer_id": "12345",
        "status": "paid",
        "payment_method": "Debit Card",
        "total_purchase_amount": "123.75",
        "currency": "SEK",
    },
}
ITEM = {
    "type": "product_a",
    "groupKey": "main_group",
    "data": {
        "item_id": "i-1",
        "inventory_type": "food",
        "item_modified": "2020-12-03 17:23:21",
        "name": "Milk",
        "category": "Dairy Products",
        "subcategory": "Cow Milk",
    },
}
SAMPLES = {
    "/v1/contacts": CONTACT,
    "/v2/profiles": PROFILE,
    "/v2/events": EVENT,
    "/v2/inventory": ITEM,
    "/v3/profiles": PROFILE,
    "/staging/v2/events": EVENT,
}


@pytest.fixture(scope="module")
def demo(module_database_url) -> Iterator[Caller]:
    """The demo client, with the garbled group key understood."""
    opened = PostgresLedger(module_database_url, size=4)
    publish(opened, read_tree(MAPPINGS), "tests", "")
    opened.add_access_key(AccessKey(ACCESS_KEY, "demo", Vault([FERNET_KEY]).seal(SECRET), datetime.now(UTC)))
    with serving(opened, settings(module_database_url, accept_null_group_key=True)) as listening:
        yield Caller(listening)
    opened.close()


@pytest.mark.parametrize(("path", "body"), SAMPLES.items(), ids=SAMPLES.keys())
def test_sample(demo, path, body):
    kept(demo.post(path, body))


@pytest.mark.parametrize("path", ["/v2/profiles", "/v2/events", "/v2/inventory"])
def test_sample_with_the_garbled_group_key(demo, path):
    garbled = {"null" if name == "groupKey" else name: value for name, value in SAMPLES[path].items()}
    kept(demo.post(path, garbled))


@pytest.mark.parametrize(
    ("path", "field"), [("/v2/profiles", "customer_id"), ("/v2/events", "event_id"), ("/v2/inventory", "item_id")]
)
def test_sample_with_a_datatalks_id(demo, path, field):
    body = SAMPLES[path]
    pinned = {**body, "data": {**body["data"], field: "pinned"}, "datatalksId": ID}
    assert kept(demo.post(path, pinned))["datatalksId"] == ID
