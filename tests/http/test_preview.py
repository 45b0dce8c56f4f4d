"""What a client is told would become of its records; nothing is kept, nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from router.http import sigv4
from router.ledger.base import Filters
from tests.http.demo import receiving
from tests.http.shop import OTHER_KEY, OTHER_SECRET, Caller, Receiver
from tests.http.told import refused

ADA = {"customer_id": 12345, "email": "ada@example.com", "first_name": "Ada", "city": "STOCKHOLM", "shoe": 38}
PERSON = {"entity": "profile", "type": "person", "data": ADA}
ENTITIES = "profile, event, inventory, device, alias, contact, product"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving(links={"sandbox_url": "http://127.0.0.1:9"}) as listening:
        yield listening


@pytest.fixture(scope="module")
def demo(receiver: Receiver) -> Caller:
    return Caller(receiver)


def previewed(caller: Caller, body: object, prefix: str = "") -> dict[str, object]:
    response = caller.post(f"{prefix}/v2/preview", body)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json"), response.text
    told: dict[str, object] = response.json()
    assert told["requestId"] == response.headers["X-Request-Id"]
    return told


@pytest.mark.parametrize("prefix", ["", "/staging"])
def test_a_record_is_explained_for_each_integration(demo, receiver, prefix):
    told = previewed(demo, PERSON, prefix)
    publication = receiver.ledger.publication()
    assert {name: told[name] for name in ("groupKey", "entity", "type", "mappingVersion")} == {
        "groupKey": "main_group",
        "entity": "profile",
        "type": "person",
        "mappingVersion": publication.digest,
    }
    (record,) = told["records"]
    assert record["problems"] == []
    assert record["nowhere"] == {"shoe": "not in the contract"}
    by_name = {each["integration"]: each for each in record["integrations"]}
    assert list(by_name) == ["salesmanago", "sendios", "digitalonboarding"]
    assert by_name["digitalonboarding"]["payload"] == {
        "unique_id": "12345",
        "email": "ada@example.com",
        "name_first": "Ada",
        "city": "Stockholm",
    }
    request = by_name["salesmanago"]["request"]
    assert (request["method"], request["url"]) == ("POST", "http://127.0.0.1:9/salesmanago/api/contact/upsert")
    assert request["body"]["contact"]["email"] == "ada@example.com"


def test_each_field_names_its_rule_and_steps(demo):
    (record,) = previewed(demo, PERSON)["records"]
    (city,) = (each for each in record["integrations"][2]["fields"] if each["target"] == "city")
    rule = city.pop("rule")
    assert rule.startswith("demo/profile.person.yaml:")
    assert city == {
        "target": "city",
        "sources": ["city"],
        "steps": [{"step": "title", "before": "STOCKHOLM", "after": "Stockholm"}],
        "value": "Stockholm",
        "absent": None,
    }


def test_what_is_not_sent_says_why(demo):
    (record,) = previewed(demo, {**PERSON, "data": {"customer_id": "c-2"}})["records"]
    skipped, _, sent = record["integrations"]
    assert skipped["skipped"]
    assert (skipped["payload"], skipped["request"]) == (None, None)
    assert skipped["notSent"] == skipped["skipped"]
    assert (sent["skipped"], sent["notSent"]) == (None, None)
    (city,) = (each for each in sent["fields"] if each["target"] == "city")
    assert (city["value"], city["absent"]) == (None, "the record has no value for 'city'")


def test_no_credential_is_shown(demo):
    (record,) = previewed(demo, PERSON)["records"]
    shown = json.dumps(record)
    assert "nobodys-secret" not in shown
    assert record["integrations"][0]["request"]["body"]["sha"] == "***"


def test_records_are_explained_one_by_one(demo):
    good, bad = previewed(demo, {**PERSON, "data": [ADA, {"email": "ada"}]})["records"]
    assert good["problems"] == []
    assert [each["field"] for each in bad["problems"]] == ["customer_id", "email"]
    assert bad["integrations"] == []


def test_v1_is_previewed_as_it_is_sent(demo):
    body = {"entity": "contact", "group_key": "main_group", "data": {"epost": "ada@example.com"}}
    told = previewed(demo, body)
    assert (told["entity"], told["type"]) == ("contact", "")
    assert told["records"][0]["problems"] == []


def test_a_group_has_its_own_contract(receiver):
    other = Caller(receiver, OTHER_KEY, OTHER_SECRET)
    body = {"entity": "profile", "type": "person", "data": {"customer_id": "c-1"}}
    north, south = (previewed(other, {**body, "groupKey": group})["records"][0] for group in ("north", "south"))
    assert north["problems"] == []
    assert south["problems"] == [{"field": "email", "message": "missing; only an optional field may be left out"}]


def test_nothing_is_kept_and_nothing_is_sent(demo, receiver):
    previewed(demo, PERSON)
    assert receiver.ledger.documents("demo", Filters(), 10, None) == []
    assert receiver.ledger.claim(100) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON at column 2: expecting property name enclosed in double quotes"),
        ([], "the body must be an object with the members type and data"),
        ({**PERSON, "entity": "person"}, f"entity: unknown; send one of {ENTITIES}"),
        ({"type": "person", "data": ADA}, f"entity: missing; send one of {ENTITIES}"),
        ({**PERSON, "entity": ["profile"]}, f"entity: unknown; send one of {ENTITIES}"),
        ({"entity": "profile", "data": ADA}, "type: missing"),
        ({**PERSON, "type": "robot"}, "type: 'robot' is not known for profile; this client has person, user"),
        ({**PERSON, "groupKey": "south"}, "groupKey: 'south' is not known; this client has main_group"),
        ({"entity": "contact", "data": {"epost": "a@example.com"}}, "group_key: missing"),
        ({**PERSON, "data": []}, "data: is empty; send at least one record"),
    ],
    ids=["bytes", "array", "entity", "no entity", "list", "no type", "type", "group", "v1 group", "no data"],
)
def test_a_call_that_cannot_be_previewed(demo, body, message):
    refused(demo.post("/v2/preview", body), 400, message)


def test_only_those_who_sign_may(receiver):
    refused(requests.post(f"{receiver.url}/v2/preview", json=PERSON), 403, sigv4.MISSING_TOKEN, key=None)


def test_another_clients_mappings_are_its_own(receiver):
    other = Caller(receiver, OTHER_KEY, OTHER_SECRET)
    body = {"entity": "event", "type": "purchase_ev", "groupKey": "north", "data": {}}
    message = "type: 'purchase_ev' is not known for event; this client has none"
    refused(other.post("/v2/preview", body), 400, message, key=OTHER_KEY)
