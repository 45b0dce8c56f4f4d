"""SALESmanago's stand-in refuses and keeps what contracts.md §1.8 says, whoever asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha1
from http.client import HTTPConnection
from typing import Any

import pytest

from connectors.sandbox.salesmanago import CREDENTIALS
from connectors.sandbox.salesmanago_account import Account
from connectors.sandbox.server import Sandbox

ADA = "ada@example.com"
NOW = 1767225600000
EVENT = {"contactExtEventType": "PURCHASE", "date": NOW}
JSON = {"Content-Type": "application/json"}
KEY = JSON | {"API-KEY": CREDENTIALS["api_v3_key"]}

Post = Callable[..., tuple[int, Any]]


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
def client(sandbox: Sandbox) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", int(sandbox.url.rpartition(":")[2]), timeout=10)
    yield connection
    connection.close()


@pytest.fixture
def post(client: HTTPConnection) -> Post:
    def call(path: str, body: Any, headers: dict[str, str] = JSON, method: str = "POST") -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        client.request(method, "/salesmanago" + path, body=data, headers=headers)
        answer = client.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text[:1] in (b"{", b"[") else text

    return call


def v2(**members: Any) -> dict[str, Any]:
    """A v2 body as the documentation has it; a member of None is left out."""
    secret = CREDENTIALS["api_secret"]
    body = {
        "clientId": CREDENTIALS["client_id"],
        "apiKey": "any",
        "requestTime": NOW,
        "sha": sha1(f"any{CREDENTIALS['client_id']}{secret}".encode()).hexdigest(),
        "owner": CREDENTIALS["owner"],
    }
    return {name: value for name, value in (body | members).items() if value is not None}


def contact(email: str = "c@example.com", **more: Any) -> dict[str, Any]:
    return {"contact": {"email": email}, **more}


# ---- 1 to 3: who asks, and how ---------------------------------------------------------------------------------------

STRANGERS: dict[str, tuple[dict[str, Any], str]] = {
    "sha of another secret": ({"sha": "0" * 40}, "User not authenticated"),
    "sha in upper case": ({"sha": v2()["sha"].upper()}, "User not authenticated"),
    "another client": ({"clientId": "x", "sha": v2()["sha"]}, "User not authenticated"),
    "no clientId": ({"clientId": None}, "clientId: required"),
    "empty apiKey": ({"apiKey": ""}, "apiKey: required"),
    "no sha": ({"sha": None}, "sha: required"),
    "no requestTime": ({"requestTime": None}, "requestTime: must be a whole number"),
    "requestTime as a text": ({"requestTime": str(NOW)}, "requestTime: must be a whole number"),
    "no owner": ({"owner": None}, "owner: no such user"),
    "another owner": ({"owner": "x@example.com"}, "owner: no such user"),
}


@pytest.mark.parametrize(("members", "message"), STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_is_answered_200_and_success_false(post: Post, members: dict[str, Any], message: str) -> None:
    status, answer = post("/api/contact/upsert", v2(**contact(), **members))
    assert (status, answer) == (200, {"success": False, "message": [message]})


def test_seconds_are_a_request_time_too(post: Post) -> None:
    """contracts.md §1.2: several clients send them and work."""
    assert post("/api/contact/upsert", v2(**contact(), requestTime=NOW // 1000))[1]["success"] is True


def test_the_owner_is_not_needed_to_switch_a_subscription(post: Post) -> None:
    assert post("/api/contact/optin", v2(email=ADA, owner=None))[1]["success"] is True


UNFIT: dict[str, tuple[dict[str, Any], int]] = {
    "GET": ({"method": "GET"}, 405),
    "a form": ({"headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 415),
    "malformed JSON": ({"body": b"{"}, 400),
    "a list": ({"body": []}, 400),
    "a path nobody has": ({"path": "/api/contact/nothing"}, 404),
    "a double slash": ({"path": "//api/contact/upsert"}, 404),
}


@pytest.mark.parametrize(("how", "status"), UNFIT.values(), ids=UNFIT)
def test_what_is_no_call_of_the_api_is_not_200(post: Post, how: dict[str, Any], status: int) -> None:
    assert post(**{"path": "/api/contact/upsert", "body": v2(**contact())} | how)[0] == status


# ---- 4: what a record may say ----------------------------------------------------------------------------------------

BAD_CONTACTS: dict[str, dict[str, Any]] = {
    "no contact": {"contact": None},
    "no address": {"contact": {"name": "Ada"}},
    "an address without @": contact("ada"),
    "65 characters before the @": contact("a" * 65 + "@example.com"),
    "255 characters": contact("a@" + "b" * 249 + ".com"),
    "an unknown state": {"contact": {"email": "c@example.com", "state": "FRIEND"}},
    "a phone as a number": {"contact": {"email": "c@example.com", "phone": 5}},
    "a zip code as a number": {"contact": {"email": "c@example.com", "address": {"zipCode": 11143}}},
    "an ISO birthday": contact(birthday="1985-12-10"),
    "a birthday that is no day": contact(birthday="19850231"),
    "a switch as a text": contact(forceOptIn="true"),
    "tags as a text": contact(tags="A"),
    "a property as a number": contact(properties={"a": 1}),
    "a dictionary property without a type": contact(dictionaryProperties=[{"name": "a", "value": "1"}]),
    "an unknown consent": contact(consentDetails=[{"consentName": "x", "consentAccept": True}]),
    "a consent in seconds": contact(
        consentDetails=[{"consentName": "Newsletter", "consentAccept": True, "agreementDate": NOW // 1000}]
    ),
    "another contact's address": contact(newEmail=ADA),
}


@pytest.mark.parametrize("members", BAD_CONTACTS.values(), ids=BAD_CONTACTS)
@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a batch"])
def test_a_bad_contact_is_refused(post: Post, sandbox: Sandbox, members: dict[str, Any], together: bool) -> None:
    known = len(sandbox.provider("salesmanago").account.contacts)
    if together:
        status, answer = post("/api/contact/batchupsert", v2(upsertDetails=[contact("good@example.com"), members]))
    else:
        status, answer = post("/api/contact/upsert", v2(**members))
    assert (status, answer["success"]) == (200, False)
    assert answer["message"]
    assert len(sandbox.provider("salesmanago").account.contacts) == known
    assert sandbox.received("salesmanago") == []


BAD_EVENTS: dict[str, Any] = {
    "no event": None,
    "an unknown type": EVENT | {"contactExtEventType": "PARTY"},
    "seconds": EVENT | {"date": NOW // 1000},
    "a naive date": EVENT | {"date": "2026-01-01 00:00:00"},
    "a long description": EVENT | {"description": "x" * 2049},
    "many products": EVENT | {"products": "p," * 257},
    "a long detail": EVENT | {"detail20": "x" * 256},
    "a number as a detail": EVENT | {"detail1": 1},
    "a location with a space": EVENT | {"location": "the shop"},
    "a long location": EVENT | {"location": "x" * 37},
    "a value as a text": EVENT | {"value": "249.50"},
    "a value of 20 digits": EVENT | {"value": 10**19},
}


@pytest.mark.parametrize("bad", BAD_EVENTS.values(), ids=BAD_EVENTS)
@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a batch"])
def test_a_bad_event_is_refused(post: Post, account: Account, bad: Any, together: bool) -> None:
    if together:
        events = [{"email": ADA, "contactEvent": EVENT}, {"email": ADA, "contactEvent": bad}]
        status, answer = post("/api/v2/contact/addBatchContactExtEvent", v2(events=events))
    else:
        status, answer = post("/api/contact/addContactExtEvent", v2(email=ADA, contactEvent=bad))
    assert (status, answer["success"]) == (200, False)
    assert not account.events


@pytest.mark.parametrize("date", [NOW, "2026-01-01T00:00:00+01:00", "2026-01-01T00:00:00Z"], ids=str)
def test_an_event_may_have_an_iso_date(post: Post, account: Account, date: Any) -> None:
    answer = post("/api/v2/contact/addContactExtEvent", v2(email=ADA, contactEvent=EVENT | {"date": date}))[1]
    assert answer["eventId"] == account.events[0]["eventId"]


# ---- 5: contacts -----------------------------------------------------------------------------------------------------


def test_a_contact_is_one_whatever_the_case_of_its_address(post: Post) -> None:
    first = post("/api/contact/upsert", v2(**contact("New@Example.com", tags=["a"])))[1]
    second = post("/api/contact/upsert", v2(**contact("new@example.com", tags=["b"], removeTags=["A"])))[1]
    assert first["contactId"] == second["contactId"]
    (shown,) = post("/api/contact/list", v2(email=["NEW@example.com"]))[1]["contacts"]
    assert [tag["tag"] for tag in shown["contactTags"]] == ["B"]


def test_switches_change_a_subscription_and_all_false_leaves_it(post: Post, account: Account) -> None:
    ada = account.contacts[ADA]
    post("/api/contact/upsert", v2(**contact(ADA, forceOptIn=True, forcePhoneOptIn=True)))
    assert (ada.opted_out, ada.opted_out_phone) == (False, False)
    post("/api/contact/upsert", v2(**contact(ADA, forceOptIn=False, forceOptOut=False)))
    assert (ada.opted_out, ada.opted_out_phone) == (False, False)
    post("/api/contact/upsert", v2(**contact(ADA, forceOptOut=True, forcePhoneOptOut=True)))
    assert (ada.opted_out, ada.opted_out_phone) == (True, True)


@pytest.mark.parametrize(("flag", "mailed"), [(None, True), (True, True), (False, False)], ids=str)
def test_double_opt_in_is_the_default(post: Post, account: Account, flag: bool | None, mailed: bool) -> None:
    body = v2(upsertDetails=[contact()], useApiDoubleOptIn=flag)
    post("/api/contact/batchupsert", body)
    assert account.confirmed == (["c@example.com"] if mailed else [])


def test_a_contact_is_renamed(post: Post, account: Account) -> None:
    kept = account.contacts[ADA].id
    post("/api/contact/upsert", v2(**contact(ADA, newEmail="countess@example.com")))
    assert {email: each.id for email, each in account.contacts.items()} == {"countess@example.com": kept}


def test_insert_is_for_new_and_update_for_known_contacts(post: Post) -> None:
    assert post("/api/contact/insert", v2(**contact(ADA)))[1]["message"] == ["Contact already exists"]
    assert post("/api/contact/insert", v2(**contact()))[1]["success"] is True
    assert post("/api/contact/update", v2(**contact("new@example.com")))[1]["message"] == ["Contact not found"]
    assert post("/api/contact/update", v2(**contact(ADA)))[1]["success"] is True


def test_a_contact_is_found_and_deleted_once(post: Post, account: Account) -> None:
    found = post("/api/contact/hasContact", v2(email=ADA))[1]
    assert (found["result"], found["contactId"]) == (True, account.contacts[ADA].id)
    assert post("/api/contact/delete", v2(email=ADA))[1]["result"] == "Contact deleted"
    assert post("/api/contact/hasContact", v2(email=ADA))[1]["result"] is False
    assert post("/api/contact/delete", v2(email=ADA))[1] == {"success": False, "message": ["Contact not found"]}


def test_the_credentials_can_be_checked(post: Post) -> None:
    assert post("/api/user/listByClient", v2(owner=None))[1]["users"] == [CREDENTIALS["owner"]]


# ---- 6 to 8: batches, events and jobs --------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1001])
def test_batches_have_1_to_1000_records(post: Post, count: int) -> None:
    contacts = v2(upsertDetails=[contact()] * count)
    events = v2(events=[{"email": ADA, "contactEvent": EVENT}] * count)
    paths = [("/api/contact/batchupsert", contacts), ("/api/contact/batchupsertv2", contacts)]
    for path, body in [*paths, ("/api/v2/contact/addBatchContactExtEvent", events)]:
        assert post(path, body)[1]["success"] is False


def test_events_of_a_batch_fail_one_by_one_and_are_never_the_same(post: Post, account: Account) -> None:
    same = {"email": ADA, "contactEvent": EVENT | {"externalId": "order-1"}}
    answer = post(
        "/api/contact/batchAddContactExtEvent",
        v2(events=[same, {"email": "x@example.com", "contactEvent": EVENT}, same]),
    )[1]
    assert answer == {
        "success": True,
        "message": [],
        "failedContacts": ["x@example.com"],
        "createdAmount": 2,
        "failedAmount": 1,
    }
    assert [each["externalId"] for each in account.events] == ["order-1"] * 2


@pytest.mark.parametrize(("flag", "opted_out"), [(None, True), (True, False)], ids=str)
def test_an_event_makes_the_contact_it_does_not_find(
    post: Post, account: Account, flag: bool | None, opted_out: bool
) -> None:
    body = v2(email="new@example.com", contactEvent=EVENT, forceOptIn=flag)
    assert post("/api/contact/addContactExtEvent", body)[1]["success"] is True
    assert account.contacts["new@example.com"].opted_out is opted_out


def test_an_event_is_refused_for_nobody_when_the_scenario_says_so(post: Post, sandbox: Sandbox) -> None:
    sandbox.scenario("salesmanago", "strict_events")
    body = v2(email="new@example.com", contactEvent=EVENT)
    assert post("/api/contact/addContactExtEvent", body)[1]["message"] == ["Contact not found"]


def test_an_event_is_updated_and_deleted_by_its_id(post: Post, account: Account) -> None:
    event_id = post("/api/contact/addContactExtEvent", v2(email=ADA, contactEvent=EVENT))[1]["eventId"]
    changed = EVENT | {"eventId": event_id, "detail1": "x"}
    assert post("/api/v2/contact/updateContactExtEvent", v2(contactEvent=changed))[1]["eventId"] == event_id
    assert account.events[0]["detail1"] == "x"
    assert post("/api/contact/deleteContactExtEvent", v2(eventId=event_id))[1]["result"] == "deleted"
    assert not account.events


def test_an_asynchronous_batch_is_applied_later(post: Post, account: Account) -> None:
    job = post("/api/contact/batchupsertv2", v2(upsertDetails=[contact()], useApiDoubleOptIn=False))[1]["requestId"]
    assert "c@example.com" not in account.contacts
    assert post("/api/job/status", v2(requestId=job))[1]["message"]
    assert post("/api/job/status", v2(requestId=job))[1]["message"] == []
    assert "c@example.com" in account.contacts
    assert post("/api/job/status", v2(requestId=99))[1]["success"] is False


# ---- 9: v3 -----------------------------------------------------------------------------------------------------------


def v3(*products: Any, catalog: str = "demo-catalog") -> dict[str, Any]:
    return {"catalogId": catalog, "products": list(products)}


CHAIR = {"productId": "p-1", "name": "A chair"}
PROBLEMS: dict[str, tuple[str, Any, int, str]] = {
    "no name": ("upsert", v3({"productId": "p-1"}), 13, "name|Required field missing"),
    "null name": ("upsert", v3(CHAIR | {"name": None}), 17, "name|must not be null"),
    "long name": ("upsert", v3(CHAIR | {"name": "x" * 256}), 11, "name|min:0|max:255|too long"),
    "price as a text": ("upsert", v3(CHAIR | {"price": "9"}), 14, "price:number|must be a number"),
    "available as a text": ("upsert", v3(CHAIR | {"available": "yes"}), 14, "available:boolean|must be true or false"),
    "six categories": ("upsert", v3(CHAIR | {"categories": list("abcdef")}), 11, "categories|min:0|max:5|too many"),
    "no catalog": ("upsert", {"products": [CHAIR]}, 13, "catalogId|Required field missing"),
    "unknown catalog": ("upsert", v3(CHAIR, catalog="x"), 16, "catalogId does not exist"),
    "no products": ("upsert", v3(), 13, "products|Required field missing"),
    "101 products": ("upsert", v3(*[CHAIR] * 101), 19, "products|max:100|too many products"),
    "a product that is none": ("upsert", v3("p-1"), 14, "products:object|must be an object"),
    "quantity of an unknown product": (
        "updateQuantity",
        v3({"productId": "x", "quantity": 1}),
        16,
        "productId does not exist",
    ),
    "no price": ("updatePrice", v3({"productId": "demo-product"}), 13, "price|Required field missing"),
    "a currency that is none": (
        "catalogUpsert",
        {"name": "A", "setAsDefault": False, "currency": "kr", "location": "a"},
        18,
        "currency|must be ISO 4217",
    ),
    "a catalog's name again": (
        "catalogUpsert",
        {"name": "Demo", "setAsDefault": False, "currency": "SEK", "location": "a"},
        15,
        "name|must be unique",
    ),
}


@pytest.mark.parametrize(("path", "body", "code", "message"), PROBLEMS.values(), ids=PROBLEMS)
def test_v3_refuses_with_a_code(post: Post, sandbox: Sandbox, path: str, body: Any, code: int, message: str) -> None:
    status, answer = post(f"/v3/product/{path}", body, KEY)
    assert (status, answer["problems"]) == (400, [{"reasonCode": code, "message": message}])
    assert sandbox.received("salesmanago") == []


@pytest.mark.parametrize("headers", [JSON, JSON | {"API-KEY": "x"}], ids=["no key", "another key"])
def test_v3_answers_400_to_a_wrong_key(post: Post, headers: dict[str, str]) -> None:
    status, answer = post("/v3/product/upsert", v3(CHAIR), headers)
    assert (status, answer["reasonCode"]) == (400, 10)


def test_v3_trims_a_description_and_says_so(post: Post, sandbox: Sandbox) -> None:
    status, answer = post("/v3/product/upsert", v3(CHAIR | {"description": "x" * 16385}), KEY)
    assert (status, answer["productIds"]) == (200, ["p-1"])
    assert answer["problems"] == [{"reasonCode": 12, "message": "description|max:16384|Trimmed"}]
    assert len(sandbox.provider("salesmanago").catalogs.products["demo-catalog"]["p-1"]["description"]) == 16384


def test_v3_says_that_json_is_not_valid(post: Post) -> None:
    status, answer = post("/v3/product/upsert", b"{", KEY)
    assert status == 400
    assert b"specified json is not valid" in answer


def test_catalogs_are_made_listed_and_deleted(post: Post) -> None:
    made = {"name": "Outlet", "setAsDefault": False, "currency": "SEK", "location": "outlet"}
    catalog_id = post("/v3/product/catalogUpsert", made, KEY)[1]["catalogId"]
    listed = post("/v3/product/catalogList", b"", KEY, method="GET")[1]
    assert {"catalogId": catalog_id, **made} in listed["catalogs"]
    assert post("/v3/product/catalogDelete", {"catalogId": catalog_id}, KEY)[0] == 200
    assert post("/v3/product/upsert", v3(CHAIR, catalog=catalog_id), KEY)[0] == 400


@pytest.mark.parametrize("agent", ["Python-urllib/3.11", "python-requests/2.32.3", "curl/8.5.0"])
def test_libraries_are_blocked_in_one_scenario(post: Post, sandbox: Sandbox, agent: str) -> None:
    sandbox.scenario("salesmanago", "block_libraries")
    status, page = post("/v3/product/upsert", v3(CHAIR), KEY | {"User-Agent": agent})
    assert (status, b"1010" in page) == (403, True)
    assert post("/v3/product/upsert", v3(CHAIR), KEY | {"User-Agent": "integration-router/1"})[0] == 200
