"""Our own surfaces as destinations of our own connectors: Data Talks by v1, v2 and v3, Parcelvoy by the client API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from connectors.base import Command, Connector, Kind, Outcome
from connectors.datatalks import DataTalks
from connectors.http import HttpWire
from connectors.parcelvoy import MAX_BODY, Parcelvoy
from connectors.tokens import MemoryTokens
from tests.http.shop import PUBLIC, SECRET_KEY, Receiver, serving, settings
from tests.http.signing import ACCESS_KEY, SECRET

Records = Callable[[], list[dict[str, Any]]]

ADA = {"customer_id": "c-1", "email": "ada@example.com", "born": "1815-12-10", "tags": ["A", "B"], "score": 7}
BOUGHT = {"event_id": "e-1", "line": 1, "customer_id": "c-1", "event_datetime": "2021-03-18 11:35:24"}
DEVICE = {"device_id": "d", "os": "iOS", "model": "m", "app_build": "1", "app_version": "1"}
# (operation, what is sent, the record's entity and action)
TYPED = [
    ("upsert_profile", {"type": "person", "data": ADA}, ("profile", "upsert")),
    ("post_event", {"type": "purchase_ev", "data": BOUGHT}, ("event", "upsert")),
    ("upsert_item", {"type": "product_a", "data": {"item_id": "i", "name": "Stuhl, größer"}}, ("inventory", "upsert")),
]
PLAIN = [
    ("upsert_contact", {"data": {"epost": "ada@example.com", "some_tags": ["A"]}}, ("contact", "upsert")),
    ("delete_contact", {"data": {"epost": "ada@example.com"}}, ("contact", "delete")),
    ("post_contact_event", {"data": {"event_id": "e"}}, ("event", "upsert")),
    ("upsert_product", {"data": {"product_id": "p"}}, ("product", "upsert")),
]


@pytest.fixture(scope="module")
def wire() -> Iterator[HttpWire]:
    with closing(HttpWire(allow_private=True)) as made:
        yield made


@pytest.fixture
def arrived(receiver: Receiver, module_database_url: str) -> Records:
    """What is accepted from now on, oldest first: each record, under "of" its entity and action, under "id" its id."""
    query = (
        "SELECT data, entity, action, datatalks_id FROM records JOIN requests"
        " ON substring(record_id::text, 1, 13) = substring(request_id::text, 1, 13) ORDER BY record_id"
    )

    def rows() -> list[Any]:
        with psycopg.connect(module_database_url) as connection:
            return connection.execute(query).fetchall()

    before = len(rows())

    def since() -> list[dict[str, Any]]:
        return [
            {name: value for name, value in json.loads(data).items() if value is not None}
            | {"of": (entity, action), "id": str(own)}
            for data, entity, action, own in rows()[before:]
        ]

    return since


def sent(connector: Connector, operation: str, *payloads: dict[str, Any], ids: Sequence[str] = ()) -> list[Outcome]:
    named = ids or [str(uuid4()) for _ in payloads]
    return list(connector.send(operation, [Command(id, each) for id, each in zip(named, payloads, strict=True)]))


# ---- Data Talks ------------------------------------------------------------------------------------------------------


def datatalks(receiver: Receiver, wire: HttpWire, **options: Any) -> DataTalks:
    told = {"base_url": receiver.url, "access_key_id": ACCESS_KEY, "secret_access_key": SECRET} | options
    return DataTalks(DataTalks.options().load(told), wire, MemoryTokens())


@pytest.mark.parametrize("version", ["v2", "v3"])
@pytest.mark.parametrize(("operation", "payload", "of"), TYPED, ids=[each[0] for each in TYPED])
def test_what_has_a_type_is_accepted(receiver, wire, arrived, version, operation, payload, of):
    (outcome,) = sent(datatalks(receiver, wire, version=version, group_key="main_group"), operation, payload)
    (record,) = arrived()
    assert (outcome.kind, outcome.status, outcome.warnings) == (Kind.DELIVERED, 200, ())
    assert record == payload["data"] | {"of": of, "id": outcome.provider_id}
    assert UUID(outcome.reason.removeprefix("requestId ")).version == 7


@pytest.mark.parametrize(("operation", "payload", "of"), PLAIN, ids=[each[0] for each in PLAIN])
def test_what_v1_has_is_accepted(receiver, wire, arrived, operation, payload, of):
    (outcome,) = sent(datatalks(receiver, wire, group_key="main_group"), operation, payload)
    (record,) = arrived()
    assert outcome.kind is Kind.DELIVERED, outcome.reason
    assert record == payload["data"] | {"of": of, "id": outcome.provider_id}


def test_a_repeat_of_a_delivery_is_accepted_once(receiver, wire, arrived):
    connector, name = datatalks(receiver, wire), str(uuid4())
    first, second = (sent(connector, "post_event", TYPED[1][1], ids=[name])[0] for _ in range(2))
    assert (first.kind, second) == (Kind.DELIVERED, first)
    assert len(arrived()) == 1


def test_a_delivery_that_is_mapped_anew_is_another_call(receiver, wire, arrived):
    connector, name = datatalks(receiver, wire), str(uuid4())
    payloads = [{"type": "person", "data": ADA | {"score": score}} for score in (1, 2)]
    outcomes = [sent(connector, "upsert_profile", payload, ids=[name])[0] for payload in payloads]
    assert [each.kind for each in outcomes] == [Kind.DELIVERED] * 2, outcomes[1].reason
    assert [each["score"] for each in arrived()] == [1, 2]


def test_a_record_that_breaks_the_contract_is_rejected_alone(receiver, wire, arrived):
    bad, good = sent(
        datatalks(receiver, wire), "upsert_profile", {"type": "person", "data": ADA | {"born": "soon"}}, TYPED[0][1]
    )
    assert (bad.kind, bad.status, good.kind) == (Kind.REJECTED, 400, Kind.DELIVERED)
    assert "born" in bad.reason
    assert len(arrived()) == 1


@pytest.mark.parametrize(
    ("options", "kind", "status"),
    [
        ({"secret_access_key": "another"}, Kind.REFUSED, 403),
        ({"access_key_id": "AKIDNOBODY"}, Kind.REFUSED, 403),
        ({"region": "us-east-1"}, Kind.REFUSED, 403),
        ({"group_key": "nobody"}, Kind.REJECTED, 400),
    ],
    ids=["secret", "key", "region", "group"],
)
def test_what_is_wrong_with_an_integration_is_told(receiver, wire, arrived, options, kind, status):
    (outcome,) = sent(datatalks(receiver, wire, **options), "upsert_profile", TYPED[0][1])
    assert (outcome.kind, outcome.status, arrived()) == (kind, status, [])
    assert SECRET not in repr(outcome)


def test_another_address_is_not_the_api(receiver, wire):
    (outcome,) = sent(datatalks(receiver, wire, base_url=receiver.url + "/v2"), "upsert_profile", TYPED[0][1])
    assert (outcome.kind, outcome.status) == (Kind.REFUSED, 404)


# ---- Parcelvoy -------------------------------------------------------------------------------------------------------


def parcelvoy(receiver: Receiver, wire: HttpWire, key: str = SECRET_KEY) -> Parcelvoy:
    return Parcelvoy(Parcelvoy.options().load({"base_url": receiver.url, "api_key": key}), wire, MemoryTokens())


@pytest.fixture(scope="module")
def strict(ledger, module_database_url) -> Iterator[Receiver]:
    with serving(ledger, settings(module_database_url, strict_client_api=True)) as listening:
        yield listening


@pytest.fixture(params=["lenient", "strict"])
def host(request: pytest.FixtureRequest) -> Receiver:
    found: Receiver = request.getfixturevalue({"lenient": "receiver"}.get(request.param, request.param))
    return found


USERS = [{"external_id": f"u-{n}", "email": f"u{n}@example.com", "data": {"city": "Umeå"}} for n in range(3)]
EVENTS = [{"external_id": "u-1", "name": "Bought", "data": {"sku": f"A-{n}"}} for n in range(3)]


@pytest.mark.parametrize("key", [SECRET_KEY, PUBLIC], ids=["together", "one by one"])
def test_users_are_accepted(host, wire, arrived, key):
    outcomes = sent(parcelvoy(host, wire, key), "upsert_user", *USERS)
    assert outcomes == [Outcome(Kind.DELIVERED, status=204)] * 3
    assert [(each["external_id"], each["email"], each["data.city"]) for each in arrived()] == [
        (each["external_id"], each["email"], "Umeå") for each in USERS
    ]


def test_events_are_accepted_under_their_deliveries_ids(host, wire, arrived):
    names = [str(uuid4()) for _ in EVENTS]
    assert sent(parcelvoy(host, wire), "post_event", *EVENTS, ids=names) == [Outcome(Kind.DELIVERED, status=204)] * 3
    assert [(each["event_id"], each["data.sku"]) for each in arrived()] == list(
        zip(names, ["A-0", "A-1", "A-2"], strict=True)
    )


def test_an_event_that_is_repeated_is_the_same_one(host, wire, arrived):
    for _ in range(2):
        sent(parcelvoy(host, wire), "post_event", EVENTS[0], ids=["delivery-7"])
    assert len({each["id"] for each in arrived()}) == 1


@pytest.mark.parametrize(
    ("operation", "payload", "of"),
    [
        ("alias_user", {"external_id": "u-1", "anonymous_id": "a-1"}, ("alias", "upsert")),
        ("register_device", DEVICE | {"external_id": "u-1"}, ("device", "upsert")),
        ("register_device", DEVICE | {"anonymous_id": "a-2", "token": None}, ("device", "upsert")),
        ("delete_user", {"external_id": "å/&?=1"}, ("profile", "delete")),
    ],
)
def test_the_rest_is_accepted(host, wire, arrived, operation, payload, of):
    assert sent(parcelvoy(host, wire), operation, payload) == [Outcome(Kind.DELIVERED, status=204)]
    (record,) = arrived()
    assert record["of"] == of
    assert record["user_id"] == payload.get("external_id", payload.get("anonymous_id"))


@pytest.mark.parametrize("key", ["sk_nobody", "pk_nobody"])
def test_a_key_that_nobody_has_is_a_matter_of_credentials(host, wire, arrived, key):
    (outcome,) = sent(parcelvoy(host, wire, key), "upsert_user", USERS[0])
    assert (outcome.kind, outcome.status, arrived()) == (Kind.REFUSED, 404, [])
    assert "unknown or revoked" in outcome.reason


def test_a_user_whom_the_contract_refuses_is_found_by_halving(host, wire, arrived):
    bad = {"external_id": "bad", "data": {"city": ["Umeå"]}}
    outcomes = sent(parcelvoy(host, wire), "upsert_user", *USERS, bad, *USERS)
    assert [each.kind for each in outcomes] == [Kind.DELIVERED] * 3 + [Kind.REJECTED] + [Kind.DELIVERED] * 3
    assert "data.city" in outcomes[3].reason
    assert len(arrived()) == 6


def test_large_users_are_split_to_what_is_taken(host, wire, arrived):
    """Each is 0.4 MB, the largest body 1 MB."""
    large = [{"external_id": f"u-{n}", "data": {"city": "x" * (MAX_BODY * 2 // 5)}} for n in range(3)]
    assert {each.kind for each in sent(parcelvoy(host, wire), "upsert_user", *large)} == {Kind.DELIVERED}
    assert [len(each["data.city"]) for each in arrived()] == [MAX_BODY * 2 // 5] * 3
