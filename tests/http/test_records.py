"""What may be sent to the signed surfaces, and what is said about what may not; each answer compared whole."""

from __future__ import annotations

import json
from uuid import UUID

import psycopg
import pytest

from router.ledger.base import Filters
from tests.http.shop import OTHER_KEY
from tests.http.signing import ACCESS_KEY
from tests.http.told import kept, refused

GOOD = {"type": "person", "groupKey": "main_group", "data": {"customer_id": "c-1", "email": "ada@example.com"}}


def person(**data):
    return {"type": "person", "data": {"customer_id": "c-1"} | data}


def test_one_record(shop):
    told = kept(shop.post("/v2/profiles", GOOD))
    assert sorted(told) == ["datatalksId", "key", "messages", "requestId", "success"]
    assert told["key"] == ACCESS_KEY
    assert UUID(told["requestId"]).version == 7
    assert UUID(told["datatalksId"])


ROUTES = {
    "/v1/contacts": {"group_key": "main_group", "data": {"epost": "john.doe@example.com", "namn": "John Doe"}},
    "/v1/events": {"group_key": "main_group", "data": {"event_id": "e"}},
    "/v1/products": {"group_key": "main_group", "data": [{"product_id": "p"}]},
    "/v2/profiles": GOOD,
    "/v2/events": {
        "type": "purchase_ev",
        "data": {"event_id": "e-1", "line": 1, "customer_id": "c-1", "event_datetime": "2021-03-18 11:35:24"},
    },
    "/v2/inventory": {"type": "product_a", "data": {"item_id": "i-1", "name": "Milk"}},
}


@pytest.mark.parametrize("version", ["", "v3", "/staging"])
@pytest.mark.parametrize(("path", "body"), ROUTES.items(), ids=ROUTES.keys())
def test_every_route(shop, version, path, body):
    address = path.replace("/v2", f"/{version}") if version == "v3" else f"{version}{path}"
    kept(shop.post(address, body))


def test_a_contact_is_deleted_by_its_hard_id(shop):
    body = {"group_key": "main_group", "data": {"epost": "john.doe@example.com"}}
    first = kept(shop.post("/v1/contacts", body))["datatalksId"]
    told = kept(shop.call("DELETE", "/v1/contacts", body))
    assert told["datatalksId"] == first
    assert shop.receiver.ledger.document(UUID(told["requestId"]), "shop")["type"] == ""


def test_many_records_have_their_ids_beside_the_five(shop):
    told = kept(shop.post("/v2/profiles", {"type": "person", "data": [{"customer_id": "a"}, {"customer_id": "b"}]}))
    assert told["datatalksId"] is None
    assert len(set(told["datatalksIds"])) == 2


def test_an_array_of_one(shop):
    told = kept(shop.post("/v2/profiles", {"type": "person", "data": [{"customer_id": "a"}]}))
    assert told["datatalksIds"] == [told["datatalksId"]]


@pytest.mark.parametrize(
    "values",
    [
        {"email": None},
        {"unknown": "field", "another": [1, "a", None]},
        {"born": "1985-12-10", "tags": ["a"], "score": -5},
        {"tags": []},
        {"customer_id": 12345},
    ],
    ids=["null", "unlisted fields", "every type", "an empty list", "a number as text"],
)
def test_fine_values(shop, values):
    kept(shop.post("/v2/profiles", person(**values)))


ID = "data.customer_id: is part of the hard id and must not be"
EMAIL = "data.email: not a valid email address"
EMPTY = "empty; send null where there is no value"

FAULTS = {
    "hard id missing": ({"type": "person", "data": {}}, f"{ID} missing"),
    "hard id null": (person(customer_id=None), f"{ID} null"),
    "hard id empty": (person(customer_id=""), f"{ID} empty"),
    "space in the local part": (person(email="mma a@gma.com"), EMAIL),
    "quoted local part": (person(email='"cogwheel the orange"@example.com'), EMAIL),
    "curly quotes": (person(email="“cogwheel the orange”@example.com"), EMAIL),
    "empty email": (person(email=""), f"data.email: {EMPTY}"),
    "empty date": (person(born=""), f"data.born: {EMPTY}"),
    "empty integer": (person(score=""), f"data.score: {EMPTY}"),
    "a number for an email": (person(email=5), EMAIL),
    "a number for a date": (person(born=19851210), "data.born: not a date (YYYY-MM-DD)"),
    "a date in another form": (person(born="10/12/1985"), "data.born: not a date (YYYY-MM-DD)"),
    "a date with a time zone": (person(born="1985-12-10Z"), "data.born: must not have a time zone"),
    "text for an integer": (person(score="5"), "data.score: not a whole number"),
    "a part of an integer": (person(score=1.5), "data.score: not a whole number"),
    "true for an integer": (person(score=True), "data.score: not a whole number"),
    "true for text": (person(customer_id=True), "data.customer_id: not text"),
    "text for a list": (person(tags="a"), "data.tags: not a list"),
    "a list with an item of another type": (person(tags=["a", None]), "data.tags: an item is not text"),
    "a list for text": (person(customer_id=["c-1"]), "data.customer_id: not text"),
    "nested, listed": (person(tags={"a": 1}), "data.tags: not a list"),
    "nested, unlisted": (person(more={"a": 1}), "data.more: must be a single value or a list of them"),
    "nested in a list": (person(more=[[1]]), "data.more: must be a single value or a list of them"),
    "type unknown": (
        {"type": "robot", "data": {}},
        "type: 'robot' is not known for profile; this client has person, user",
    ),
    "group unknown": (GOOD | {"groupKey": "nowhere"}, "groupKey: 'nowhere' is not known; this client has main_group"),
    "pin of another form": (
        GOOD | {"datatalksId": "x"},
        "datatalksId: must be a UUID, such as 3f2a0f5e-0d57-4c0c-9d3a-6f4f7d2f0a11",
    ),
    "no object": ([], "the body must be an object with the members type and data"),
    "not JSON": (b"{", "not JSON at column 2: expecting property name enclosed in double quotes"),
    "no body": (b"", "the body is empty; send JSON"),
    "named twice": (b'{"type":"person","type":"person"}', 'an object names "type" twice'),
    "NaN": (b'{"type":"person","data":{"customer_id":NaN}}', "not JSON: NaN is not a value of JSON"),
    "half a surrogate pair": (
        b'{"type":"person","data":{"customer_id":"\\ud800"}}',
        "data.customer_id: contains half a surrogate pair (\\ud800), which cannot be kept",
    ),
    "too deep": (b'{"type":"person","data":{"a":[[[[1]]]]}}', "nested deeper than 5 levels"),
}


@pytest.mark.parametrize(("body", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_fault(shop, body, message):
    refused(shop.post("/v2/profiles", body), 400, message)


EVENT = {"event_id": "e", "line": 1, "event_datetime": "2021-03-18 11:35:24"}
MISSING = {
    "event_id": "is part of the hard id and must not be missing",
    "line": "is part of the hard id and must not be missing",
    "event_datetime": "missing; only an optional field may be left out",
}


@pytest.mark.parametrize(("name", "what"), MISSING.items(), ids=MISSING.keys())
def test_a_listed_field_must_come(shop, name, what):
    data = {each: value for each, value in EVENT.items() if each != name}
    refused(shop.post("/v2/events", {"type": "purchase_ev", "data": data}), 400, f"data.{name}: {what}")


def test_an_optional_field_that_is_missing_is_null_and_an_unlisted_one_is_ignored(shop, module_database_url):
    told = kept(shop.post("/v2/events", {"type": "purchase_ev", "data": EVENT | {"event_id": "alone", "more": 5}}))
    with psycopg.connect(module_database_url) as connection:
        row = connection.execute("SELECT data FROM records WHERE datatalks_id = %s", [told["datatalksId"]]).fetchone()
    assert json.loads(row[0]) == EVENT | {"event_id": "alone", "customer_id": None}


TIMES = {
    "zone": ("2021-03-18T11:35:24Z", False),
    "offset": ("2021-03-18 11:35:24+01:00", False),
    "date alone": ("2021-03-18", False),
    "no such day": ("2021-02-30 11:35", False),
    "seconds": ("2021-03-18 11:35:24", True),
    "minutes": ("2021-03-18 11:35", True),
    "T": ("2021-03-18T11:35:24", True),
}


@pytest.mark.parametrize(("moment", "fine"), TIMES.values(), ids=TIMES.keys())
def test_a_datetime_has_no_zone(shop, moment, fine):
    body = {"type": "purchase_ev", "data": {"event_id": "e", "line": 1, "event_datetime": moment}}
    response = shop.post("/v2/events", body)
    assert response.status_code == (200 if fine else 400)
    assert fine or [message.partition(":")[0] for message in response.json()["messages"]] == ["data.event_datetime"]


def test_every_fault_is_told_at_once(shop):
    body = {"type": "person", "groupKey": 5, "data": [{"customer_id": "a"}, {"email": "x", "born": "1.1.2000"}, {}]}
    messages = shop.post("/v2/profiles", body).json()["messages"]
    assert [message.partition(":")[0] for message in messages] == [
        "groupKey",
        "data[1].customer_id",
        "data[1].email",
        "data[1].born",
        "data[2].customer_id",
    ]


def test_of_many_faults_fifty_are_told(shop):
    messages = shop.post("/v2/profiles", {"type": "person", "data": [{}] * 60}).json()["messages"]
    assert messages[0] == "data[0].customer_id: is part of the hard id and must not be missing"
    assert (len(messages), messages[-1]) == (50, "11 more faults are not shown")


def test_nothing_of_a_call_with_a_fault_is_kept(shop):
    before = len(shop.receiver.ledger.documents("shop", Filters(), 1000, None))
    shop.post("/v2/profiles", {"type": "person", "data": [{"customer_id": "good"}, {}]})
    assert len(shop.receiver.ledger.documents("shop", Filters(), 1000, None)) == before


def test_a_client_with_two_groups_names_one(other):
    told = other.post("/v2/profiles", {"type": "person", "data": {"customer_id": "c"}})
    refused(told, 400, "groupKey: missing; this client has north, south", key=OTHER_KEY)
    kept(other.post("/v2/profiles", {"type": "person", "group_key": "north", "data": {"customer_id": "c"}}))


def test_v1_always_names_its_group(shop):
    refused(shop.post("/v1/contacts", {"data": {"epost": "a@example.com"}}), 400, "group_key: missing")


def test_an_entity_without_a_mapping(other):
    refused(
        other.post("/v1/contacts", {"group_key": "north", "data": {"epost": "a@example.com"}}),
        400,
        "contact: this client has no mapping for it",
        key=OTHER_KEY,
    )


# ---- identity --------------------------------------------------------------------------------------------------------


def test_the_same_hard_id_is_the_same_entity(shop):
    ids = {kept(shop.post("/v2/profiles", person(customer_id=each)))["datatalksId"] for each in ("same", "same", "not")}
    assert len(ids) == 2


def test_another_clients_hard_id_is_another_entity(shop, other):
    body = {"type": "person", "groupKey": "main_group", "data": {"customer_id": "shared"}}
    ours = kept(shop.post("/v2/profiles", body))["datatalksId"]
    assert kept(other.post("/v2/profiles", body | {"groupKey": "north"}))["datatalksId"] != ours


def test_a_pin_names_the_entity(shop):
    pin = "11111111-2222-4333-8444-555555555555"
    assert kept(shop.post("/v2/profiles", person(customer_id="pinned") | {"datatalksId": pin}))["datatalksId"] == pin
    assert kept(shop.post("/v2/profiles", person(customer_id="pinned")))["datatalksId"] == pin


def test_a_pin_that_belongs_to_another_hard_id(shop):
    kept(shop.post("/v2/profiles", person(customer_id="taken")))
    pinned = person(customer_id="taken") | {"datatalksId": "99999999-2222-4333-8444-555555555555"}
    refused(shop.post("/v2/profiles", pinned), 400, "data[0]: the hard id already belongs to another datatalksId")


def test_a_composite_hard_id(shop):
    def line(event, number):
        data = {"event_id": event, "line": number, "event_datetime": "2021-03-18 11:35"}
        return kept(shop.post("/v2/events", {"type": "purchase_ev", "data": data}))["datatalksId"]

    assert len({line("e", 1), line("e", 2), line("f", 1), line("e", 1)}) == 3


# ---- newline-delimited -----------------------------------------------------------------------------------------------

LINES = {"Content-Type": "application/x-ndjson"}


def ndjson(*records):
    return "\n".join(json.dumps(record) for record in records).encode()


def test_lines(shop):
    body = ndjson({"customer_id": "l-1"}, {"customer_id": "l-2"})
    told = kept(shop.post("/v2/profiles?type=person&groupKey=main_group", body, headers=LINES))
    assert (told["datatalksId"], len(told["datatalksIds"])) == (None, 2)


def test_lines_with_faults(shop):
    body = ndjson({"customer_id": "l-1"}, {"email": "x"}, 5)
    refused(shop.post("/v2/profiles?type=person", body, headers=LINES), 400, "data[2]: must be an object")
    refused(
        shop.post("/v2/profiles", b'{"customer_id":"l"}\nx\n', headers=LINES),
        400,
        "line 2: not JSON at column 1: expecting value",
    )


def test_ten_thousand_lines(shop):
    body = ndjson(*({"customer_id": f"many-{index}"} for index in range(10_000)))
    told = kept(shop.post("/v2/profiles?type=person", body, headers=LINES))
    assert len(set(told["datatalksIds"])) == 10_000
