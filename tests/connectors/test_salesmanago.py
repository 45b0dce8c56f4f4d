"""SALESmanago against its stand-in, over a real socket: what is put on the wire, alone and in batches."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from connectors.base import Command, Kind
from connectors.http import HttpWire
from connectors.salesmanago import Salesmanago, signature
from connectors.salesmanago_body import UnfitError, milliseconds
from connectors.salesmanago_body import contact as contact_body
from connectors.sandbox.salesmanago import CREDENTIALS, SAMPLES
from connectors.sandbox.salesmanago_account import Account
from connectors.sandbox.server import Sandbox
from tests.connectors.salesmanago import ADA, PURCHASE, Make, commands, connect, contact, event, send

OFF = {"forceOptIn": False, "forceOptOut": False, "forcePhoneOptIn": False, "forcePhoneOptOut": False}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.clear()
    return running


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    found: Account = sandbox.provider("salesmanago").account
    return found


@pytest.fixture
def make(sandbox: Sandbox) -> Iterator[Make]:
    wires: list[HttpWire] = []
    yield lambda **options: connect(sandbox.url_of("salesmanago"), wires, **options)
    for wire in wires:
        wire.close()


@pytest.fixture
def connector(make: Make) -> Salesmanago:
    return make()


def bodies(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [each["body"] for each in sandbox.received("salesmanago")]


def paths(sandbox: Sandbox) -> list[str]:
    return [each["path"] for each in sandbox.received("salesmanago")]


# ---- authentication and headers --------------------------------------------------------------------------------------


def test_the_signature_is_the_vector_of_the_contract() -> None:
    """contracts.md §1.2."""
    signed = signature("your-api-key-123", "your-client-id-123", "your-api-secret-123")
    assert signed == "34e3fdc3b06a31900998225a26bad512e6942897"


def test_v2_takes_its_credentials_in_the_body_with_the_time_in_milliseconds(
    connector: Salesmanago, sandbox: Sandbox
) -> None:
    before = time.time_ns() // 1_000_000
    send(connector, "upsert_contact")
    (received,) = sandbox.received("salesmanago")
    assert received["body"]["clientId"] == CREDENTIALS["client_id"]
    assert (received["body"]["apiKey"], received["body"]["sha"]) == ("***", "***")
    assert before <= received["body"]["requestTime"] <= time.time_ns() // 1_000_000
    assert CREDENTIALS["api_secret"] not in str(received)
    assert received["headers"]["accept"] == "application/json, application/json"
    assert received["headers"]["content-type"] == "application/json;charset=UTF-8"


def test_v3_takes_its_key_in_a_header_and_nothing_else(connector: Salesmanago, sandbox: Sandbox) -> None:
    send(connector, "upsert_product")
    (received,) = sandbox.received("salesmanago")
    assert received["headers"]["api-key"] == "***"
    assert received["headers"]["content-type"] == "application/json"
    assert received["body"] == {"catalogId": "demo-catalog", "products": [SAMPLES["upsert_product"]]}


def test_the_user_agent_is_ours(connector: Salesmanago, sandbox: Sandbox) -> None:
    sandbox.scenario("salesmanago", "block_libraries")
    assert send(connector, "upsert_contact").delivered
    assert sandbox.received("salesmanago")[0]["headers"]["user-agent"].startswith("integration-router/")


def test_the_api_key_is_any_string(make: Make) -> None:
    """contracts.md §1.2: it is not a secret, and there is one where none is configured."""
    assert send(make(api_key=None), "upsert_contact").delivered
    assert send(make(api_key="7c9e"), "upsert_contact").delivered


def test_slashes_meet_once(make: Make, sandbox: Sandbox) -> None:
    address = sandbox.url_of("salesmanago") + "/"
    assert send(make(base_url=address, base_url_v3=address), "upsert_product").delivered


@pytest.mark.parametrize("missing", ["base_url", "client_id", "api_secret", "owner"])
def test_an_option_that_is_needed_is_named(make: Make, missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        make(**{missing: None})


def test_only_the_secrets_are_secret() -> None:
    declared = Salesmanago.options().fields.items()
    assert {name for name, field in declared if field.metadata.get("secret")} == {"api_secret", "api_v3_key"}


# ---- contacts --------------------------------------------------------------------------------------------------------


def test_a_contact_alone_is_the_documented_body(connector: Salesmanago, sandbox: Sandbox, account: Account) -> None:
    outcome = send(connector, "upsert_contact")
    (received,) = sandbox.received("salesmanago")
    sent = {name: value for name, value in received["body"].items() if name not in ("apiKey", "sha", "requestTime")}
    assert (received["method"], received["path"]) == ("POST", "/api/contact/upsert")
    assert sent == SAMPLES["upsert_contact"] | OFF | {
        "clientId": "demo-client",
        "owner": "crm@shop.example",
        "async": False,
        "useApiDoubleOptIn": False,
    }
    assert outcome.provider_id == account.contacts[ADA].id


def test_contacts_together_are_one_synchronous_batch(
    connector: Salesmanago, sandbox: Sandbox, account: Account
) -> None:
    outcomes = connector.send("upsert_contact", commands([contact(1, tags=["A"]), contact(2)]))
    (received,) = sandbox.received("salesmanago")
    assert received["path"] == "/api/contact/batchupsert"
    assert received["body"]["upsertDetails"] == [contact(1, tags=["A"]) | OFF, contact(2) | OFF]
    assert received["body"]["useApiDoubleOptIn"] is False
    assert [each.provider_id for each in outcomes] == [account.contacts[f"c{n}@example.com"].id for n in (1, 2)]


def test_nobody_is_subscribed_or_mailed_unless_it_is_mapped(connector: Salesmanago, account: Account) -> None:
    connector.send("upsert_contact", commands([contact(1), contact(2)]))
    send(connector, "upsert_contact", contact(3))
    send(connector, "add_event", event("c4@example.com"))
    assert all(each.opted_out and each.opted_out_phone for each in account.contacts.values())
    assert account.confirmed == []


def test_mapped_switches_and_double_opt_in_are_sent(connector: Salesmanago, account: Account) -> None:
    mapped = [
        contact(1, forceOptIn=True),
        contact(2, forcePhoneOptIn=True),
        contact(3, useApiDoubleOptIn=True),
        contact(4),
    ]
    assert all(each.delivered for each in connector.send("upsert_contact", commands(mapped)))
    contacts = [account.contacts[f"c{number}@example.com"] for number in (1, 2, 3, 4)]
    assert [each.opted_out for each in contacts] == [False, True, True, True]
    assert [each.opted_out_phone for each in contacts] == [True, False, True, True]
    assert account.confirmed == ["c3@example.com"]


def test_an_event_subscribes_only_when_it_is_mapped(connector: Salesmanago, account: Account) -> None:
    payloads = [event("c1@example.com") | {"forceOptIn": True}, event("c2@example.com")]
    assert all(each.delivered for each in connector.send("add_event", commands(payloads)))
    assert [account.contacts[f"c{number}@example.com"].opted_out for number in (1, 2)] == [False, True]


def test_what_a_batch_has_no_place_for_goes_alone(connector: Salesmanago, sandbox: Sandbox, account: Account) -> None:
    """contracts.md §1.4.1 lists what an item of a batch repeats; consents are not among it."""
    consent = {"consentName": "Newsletter", "consentAccept": True, "agreementDate": "2026-01-01"}
    payloads = [contact(1), contact(2, consentDetails=[consent]), contact(3)]
    assert all(each.delivered for each in connector.send("upsert_contact", commands(payloads)))
    assert paths(sandbox) == ["/api/contact/batchupsert", "/api/contact/upsert"]
    assert bodies(sandbox)[1]["consentDetails"] == [consent | {"agreementDate": 1767225600000}]
    assert account.contacts["c2@example.com"].consents == {"Newsletter": True}


def test_records_of_one_contact_keep_their_order(connector: Salesmanago, account: Account) -> None:
    """The middle one needs a call of its own, so the last must not share the first one's."""
    payloads = [
        contact(1, properties={"step": "1"}),
        contact(1, properties={"step": "2"}, loyaltyProgram="gold"),
        contact(1, properties={"step": "3"}),
    ]
    assert all(each.delivered for each in connector.send("upsert_contact", commands(payloads)))
    assert account.contacts["c1@example.com"].properties == {"step": "3"}


BODIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "an ISO birthday": ({"birthday": "1985-12-10"}, {"birthday": "19851210"}),
    "an ISO birthday with a time": ({"birthday": "1985-12-10 00:00:00"}, {"birthday": "19851210"}),
    "a birthday as it is": ({"birthday": "19851210"}, {"birthday": "19851210"}),
    "a birthday without a year": ({"birthday": "1210"}, {"birthday": "1210"}),
    "properties become texts": (
        {"properties": {"a": 1, "b": 1.5, "c": True, "d": "x", "e": ["x", 2], "f": {"g": "ö"}}},
        {"properties": {"a": "1", "b": "1.5", "c": "true", "d": "x", "e": "x,2", "f": '{"g": "ö"}'}},
    ),
    "a dictionary property's value becomes a text": (
        {"dictionaryProperties": [{"name": "size", "type": "NUMBER", "value": 42}]},
        {"dictionaryProperties": [{"name": "size", "type": "NUMBER", "value": "42"}]},
    ),
    "nothing empty is sent": (
        {"newEmail": "", "province": " ", "lang": None, "tags": [], "properties": {"a": None, "b": ""}},
        {},
    ),
    "false and zero are not empty": (
        {"tagScoring": False, "properties": {"a": 0}},
        {"tagScoring": False, "properties": {"a": "0"}},
    ),
    "tags without the empty ones": ({"tags": ["A", "", None]}, {"tags": ["A"]}),
}


@pytest.mark.parametrize(("mapped", "sent"), BODIES.values(), ids=BODIES)
def test_a_contacts_members_in_the_providers_forms(mapped: dict[str, Any], sent: dict[str, Any]) -> None:
    (command,) = commands([contact(1, **mapped)])
    assert contact_body(command) == contact(1, **sent) | OFF | {"useApiDoubleOptIn": False}


UNFIT: dict[str, tuple[str, dict[str, Any], str]] = {
    "contact without an address": ("upsert_contact", {"contact": {"name": "Ada"}}, "contact.email"),
    "empty address": ("upsert_contact", {"contact": {"email": " "}}, "contact.email"),
    "contact as a text": ("upsert_contact", {"contact": ADA}, "contact"),
    "properties as a list": ("upsert_contact", contact(1, properties=["gold"]), "properties"),
    "consents as an object": ("upsert_contact", contact(1, consentDetails={"a": 1}), "consentDetails"),
    "consents as texts": ("upsert_contact", contact(1, consentDetails=["a"]), "consentDetails"),
    "event as a text": ("add_event", {"email": ADA, "contactEvent": "PURCHASE"}, "contactEvent"),
    "consent at an unreadable time": (
        "set_consents",
        {"contact": {"email": ADA}, "consentDetails": [{"agreementDate": "yesterday"}]},
        "consentDetails.agreementDate",
    ),
    "deletion of nobody": ("delete_contact", {"permanently": True}, "email"),
    "tags of nobody": ("manage_tags", {"tags": ["A"]}, "email"),
    "event of nobody": ("add_event", {"contactEvent": PURCHASE}, "email"),
    "event at an unreadable time": ("add_event", event(ADA, date="soon"), "contactEvent.date"),
    "product without a key": ("upsert_product", {"name": "A chair"}, "productId"),
}


@pytest.mark.parametrize(("operation", "payload", "field"), UNFIT.values(), ids=UNFIT)
def test_what_cannot_be_said_is_rejected_without_a_call(
    connector: Salesmanago, sandbox: Sandbox, operation: str, payload: dict[str, Any], field: str
) -> None:
    outcome = send(connector, operation, payload)
    assert (outcome.kind, list(outcome.errors)) == (Kind.REJECTED, [field])
    assert sandbox.calls("salesmanago") == 0


def test_one_that_cannot_be_said_does_not_disturb_the_others(connector: Salesmanago, sandbox: Sandbox) -> None:
    outcomes = connector.send("upsert_contact", commands([contact(1), {"contact": {}}, contact(2)]))
    assert [each.kind for each in outcomes] == [Kind.DELIVERED, Kind.REJECTED, Kind.DELIVERED]
    assert sandbox.calls("salesmanago") == 1


ABOUT = {
    "delete_contact": ("/api/contact/delete", {"permanently": True, "owner": "crm@shop.example"}),
    "manage_tags": (
        "/api/contact/managetags",
        {"tags": ["VIP"], "removeTags": ["LOST"], "owner": "crm@shop.example"},
    ),
    "opt_in": ("/api/contact/optin", {}),
    "opt_out": ("/api/contact/optout", {}),
    "phone_opt_in": ("/api/contact/phoneoptin", {}),
    "phone_opt_out": ("/api/contact/phoneoptout", {}),
}


@pytest.mark.parametrize("operation", ABOUT)
def test_what_is_said_about_a_contact(connector: Salesmanago, sandbox: Sandbox, operation: str) -> None:
    assert send(connector, operation).delivered
    (received,) = sandbox.received("salesmanago")
    path, members = ABOUT[operation]
    identity = {"clientId", "apiKey", "sha", "requestTime"}
    sent = {name: value for name, value in received["body"].items() if name not in identity}
    assert (received["path"], sent) == (path, {"email": ADA, **members})


def test_switches_tags_and_deletion_have_their_effect(connector: Salesmanago, account: Account) -> None:
    ada = account.contacts[ADA]
    send(connector, "opt_in")
    send(connector, "phone_opt_in")
    assert (ada.opted_out, ada.opted_out_phone) == (False, False)
    send(connector, "opt_out")
    send(connector, "phone_opt_out")
    assert (ada.opted_out, ada.opted_out_phone) == (True, True)
    send(connector, "manage_tags", {"email": ADA, "tags": ["vip", "lost"]})
    send(connector, "manage_tags")
    assert ada.tags == {"VIP"}
    send(connector, "delete_contact")
    assert ada.deleted


# ---- events ----------------------------------------------------------------------------------------------------------


def test_an_event_alone_is_the_documented_body(connector: Salesmanago, sandbox: Sandbox, account: Account) -> None:
    outcome = send(connector, "add_event")
    (received,) = sandbox.received("salesmanago")
    assert received["path"] == "/api/contact/addContactExtEvent"
    assert (received["body"]["email"], received["body"]["owner"]) == (ADA, "crm@shop.example")
    assert received["body"]["contactEvent"] == SAMPLES["add_event"]["contactEvent"] | {"date": 1767268800000}
    assert outcome.provider_id == account.events[0]["eventId"]


def test_an_event_without_a_date_happened_when_it_was_accepted(connector: Salesmanago, account: Account) -> None:
    send(connector, "add_event", {"email": ADA, "contactEvent": {"contactExtEventType": "LOGIN"}})
    assert account.events[0]["date"] == 1767225600000


def test_the_id_wins_over_the_address_of_an_event(connector: Salesmanago, sandbox: Sandbox, account: Account) -> None:
    ada = account.contacts[ADA]
    assert send(connector, "add_event", event("other@example.com") | {"contactId": ada.id}).delivered
    assert "email" not in bodies(sandbox)[0]


def test_events_together_fail_one_by_one(connector: Salesmanago, sandbox: Sandbox, account: Account) -> None:
    payloads = [event(ADA), event("Nobody@example.com"), event(ADA), event("nobody@example.com")]
    outcomes = connector.send("add_event", commands(payloads))
    (received,) = sandbox.received("salesmanago")
    assert received["path"] == "/api/v2/contact/addBatchContactExtEvent"
    assert received["body"]["events"][0] == event(ADA)
    assert [each.kind for each in outcomes] == [Kind.DELIVERED, Kind.REJECTED] * 2
    assert "failedContacts" in outcomes[1].reason
    assert len(account.events) == 2


def test_an_event_that_the_provider_cannot_read_is_found_by_halving(
    connector: Salesmanago, sandbox: Sandbox, account: Account
) -> None:
    payloads = [event(ADA, externalId=str(number)) for number in range(64)]
    payloads[40] = event(ADA, contactExtEventType="PARTY")
    outcomes = connector.send("add_event", commands(payloads))
    assert [number for number, each in enumerate(outcomes) if each.kind is Kind.REJECTED] == [40]
    assert "contactExtEventType" in outcomes[40].reason
    assert len({each["externalId"] for each in account.events}) == len(account.events) == 63
    assert sandbox.calls("salesmanago") == 1 + 2 * 6


MOMENTS = {
    "ms": (1767225600000, 1767225600000),
    "ms with a fraction": (1767225600000.7, 1767225600000),
    "naive is UTC": ("2026-01-01 00:00:00", 1767225600000),
    "without seconds": ("2026-01-01 00:00", 1767225600000),
    "a date": ("2026-01-01", 1767225600000),
    "with an offset": ("2026-01-01T01:00:00+01:00", 1767225600000),
    "Z": ("2026-01-01T00:00:00.123Z", 1767225600123),
    "before 1970": ("1969-12-31T23:59:59.999Z", -1),
}


@pytest.mark.parametrize(("given", "sent"), MOMENTS.values(), ids=MOMENTS)
def test_a_moment_is_sent_in_milliseconds(given: Any, sent: int) -> None:
    assert milliseconds(given, "date") == sent


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])))
def test_any_moment_survives_to_the_millisecond(moment: datetime) -> None:
    sent = milliseconds(moment.isoformat(), "date")
    assert (
        timedelta(0)
        <= moment - (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=sent))
        < timedelta(milliseconds=1)
    )


@pytest.mark.parametrize("value", [True, "", "tomorrow", [], {}, "2026-13-01"], ids=repr)
def test_what_is_no_moment_is_said(value: Any) -> None:
    with pytest.raises(UnfitError, match=r"date: neither milliseconds nor"):
        milliseconds(value, "date")


# ---- products --------------------------------------------------------------------------------------------------------


def test_products_of_each_catalog_share_a_call(connector: Salesmanago, sandbox: Sandbox) -> None:
    sandbox.provider("salesmanago").catalogs.products["other"] = {}
    products = [{"productId": str(number), "name": "A chair"} for number in range(4)]
    mapped = [each | ({"catalogId": "other"} if number % 2 else {}) for number, each in enumerate(products)]
    outcomes = connector.send("upsert_product", commands(mapped))
    assert [each.provider_id for each in outcomes] == ["0", "1", "2", "3"]
    assert [(each["catalogId"], [one["productId"] for one in each["products"]]) for each in bodies(sandbox)] == [
        ("demo-catalog", ["0", "2"]),
        ("other", ["1", "3"]),
    ]


def test_a_bad_product_is_told_apart_with_its_fields(connector: Salesmanago, sandbox: Sandbox) -> None:
    products: list[dict[str, Any]] = [{"productId": str(number), "name": "A chair"} for number in range(100)]
    products[7] |= {"name": "x" * 300}
    products[80] |= {"price": "free"}
    outcomes = connector.send("upsert_product", commands(products))
    assert {n: dict(each.errors) for n, each in enumerate(outcomes) if not each.delivered} == {
        7: {"name": "min:0|max:255|too long"},
        80: {"price": "must be a number"},
    }
    assert len(sandbox.provider("salesmanago").catalogs.products["demo-catalog"]) == 1 + 98


def test_a_trimmed_field_is_a_warning_of_the_product_it_belongs_to(connector: Salesmanago) -> None:
    products = [{"productId": "1", "name": "A"}, {"productId": "2", "name": "B", "description": "x" * 20_000}]
    first, second = connector.send("upsert_product", commands(products))
    assert (first.kind, first.warnings) == (Kind.DELIVERED, ())
    assert (second.kind, second.warnings) == (Kind.DELIVERED, ("description|max:16384|Trimmed",))


def test_more_than_a_hundred_products_are_several_calls(connector: Salesmanago, sandbox: Sandbox) -> None:
    products = [{"productId": str(number), "name": "A chair"} for number in range(150)]
    assert all(each.delivered for each in connector.send("upsert_product", commands(products)))
    assert [len(each["products"]) for each in bodies(sandbox)] == [100, 50]


@pytest.mark.parametrize("operation", ["update_quantity", "update_price", "upsert_catalog"])
def test_the_rest_of_v3(connector: Salesmanago, sandbox: Sandbox, operation: str) -> None:
    assert send(connector, operation).delivered
    names = {"update_quantity": "updateQuantity", "update_price": "updatePrice", "upsert_catalog": "catalogUpsert"}
    assert paths(sandbox) == [f"/v3/product/{names[operation]}"]


def test_products_without_their_key_wait_for_an_operator(make: Make) -> None:
    outcome = send(make(api_v3_key=None), "upsert_product")
    assert outcome.kind is Kind.REFUSED
    assert "api_v3_key" in outcome.reason


def test_a_product_without_a_catalog_is_rejected(make: Make) -> None:
    outcome = send(make(catalog_id=None), "upsert_product")
    assert (outcome.kind, list(outcome.errors)) == (Kind.REJECTED, ["catalogId"])


# ---- batches with truth ----------------------------------------------------------------------------------------------


def test_a_thousand_contacts_of_which_seven_are_bad(connector: Salesmanago, sandbox: Sandbox, account: Account) -> None:
    """993 delivered, 7 rejected for the provider's reason, and at most 7 x 2 x log2(400) extra calls."""
    bad = {3, 4, 250, 399, 400, 777, 999}
    payloads = [
        {"contact": {"email": "nowhere"}} if number in bad else contact(number, tags=["IMPORT"])
        for number in range(1000)
    ]
    outcomes = [
        outcome
        for start in range(0, 1000, 400)
        for outcome in connector.send("upsert_contact", commands(payloads[start : start + 400]))
    ]
    assert sum(each.delivered for each in outcomes) == 993
    assert {number for number, each in enumerate(outcomes) if each.kind is Kind.REJECTED} == bad
    assert all("contact.email: not a valid e-mail address" in outcomes[number].reason for number in bad)
    assert all(each.provider_id for each in outcomes if each.delivered)
    assert len(account.contacts) == 993 + 1
    assert sandbox.calls("salesmanago") - 3 <= 7 * 2 * math.log2(400)


@settings(max_examples=25, deadline=None)
@given(bad=st.sets(st.integers(0, 39)))
def test_whichever_are_bad_each_contact_gets_its_own_outcome(running: Sandbox, bad: set[int]) -> None:
    wires: list[HttpWire] = []
    payloads = [contact(number, **({"birthday": "x"} if number in bad else {})) for number in range(40)]
    outcomes = connect(running.url_of("salesmanago"), wires).send("upsert_contact", commands(payloads))
    wires[0].close()
    assert {number for number, each in enumerate(outcomes) if each.kind is Kind.REJECTED} == bad
    assert sum(each.delivered for each in outcomes) == 40 - len(bad)


def test_nothing_more_is_sent_to_a_provider_who_is_not_well(connector: Salesmanago, sandbox: Sandbox) -> None:
    sandbox.scenario("salesmanago", "error")
    outcomes = connector.send("upsert_contact", commands([contact(number, loyaltyProgram="x") for number in range(5)]))
    assert [each.kind for each in outcomes] == [Kind.RETRYABLE] * 5
    assert outcomes[4].reason.startswith("not sent, because of those before it")
    assert sandbox.calls("salesmanago") == 1


def test_no_call_is_begun_when_half_of_the_time_is_gone(make: Make, sandbox: Sandbox) -> None:
    sandbox.scenario("salesmanago", "slow", seconds=0.6)
    payloads = [contact(number, loyaltyProgram="x") for number in range(3)]
    outcomes = make(timeout=1.0).send("upsert_contact", commands(payloads))
    assert [each.kind for each in outcomes] == [Kind.DELIVERED, Kind.RETRYABLE, Kind.RETRYABLE]
    assert [each.retry_in for each in outcomes] == [None, 0.0, 0.0]
    assert sandbox.calls("salesmanago") == 1


def test_no_commands_are_no_calls(connector: Salesmanago, sandbox: Sandbox) -> None:
    assert list(connector.send("upsert_contact", [])) == []
    assert sandbox.calls("salesmanago") == 0


WORDS = sorted({"contact", "contactEvent", "email", "productId", "catalogId", "date", "birthday", "properties", "tags"})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.dictionaries(st.sampled_from(WORDS), VALUES))
def test_any_record_gets_an_outcome(running: Sandbox, operation: str, payload: dict[str, Any]) -> None:
    wires: list[HttpWire] = []
    outcome = send(connect(running.url_of("salesmanago"), wires), operation, payload)
    wires[0].close()
    assert outcome.kind in {Kind.DELIVERED, Kind.REJECTED}


@pytest.mark.parametrize("operation", SAMPLES)
def test_every_operation_has_a_sample_that_its_fields_take(operation: str) -> None:
    assert SAMPLES.keys() == Salesmanago.operations.keys()
    assert Salesmanago.operations[operation].fields().validate(SAMPLES[operation]) == {}


def test_a_command_is_not_changed(connector: Salesmanago) -> None:
    payload = contact(1, properties={"a": 1}, consentDetails=[{"consentName": "Newsletter", "consentAccept": True}])
    payload["consentDetails"][0]["agreementDate"] = "2026-01-01"
    kept = Command(id="1", payload=payload)
    connector.send("upsert_contact", [kept])
    assert payload["consentDetails"][0]["agreementDate"] == "2026-01-01"
    assert payload["properties"] == {"a": 1}
