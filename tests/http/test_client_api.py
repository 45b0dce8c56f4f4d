"""The client API: in its strict mode as Parcelvoy's server answers, in its lenient one as its SDKs need it.

The recorded answers are those of koa 2, koa-body 5.0.0, @koa/cors 5.0.0, @koa/router 12 and ajv 8.17.1 on the routes
and schemas of contracts.md §4.
"""

from __future__ import annotations

import http.client
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest
import requests

from router.ledger.base import Filters
from tests.http.shop import PUBLIC, SECRET_KEY, Receiver, serving, settings
from tests.http.test_client_schemas import PUBLISHED

RECORDED = json.loads((Path(__file__).parent / "recorded_client_answers.json").read_text(encoding="utf-8"))
COMPARED = (
    "vary",
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "allow",
    "content-type",
)
KEYS = {"pk_known": PUBLIC, "sk_known": SECRET_KEY}
# Its server can list users, ours cannot: the method is not offered.
OURS = {"HEAD, GET, PATCH, DELETE": "PATCH, DELETE"}


@pytest.fixture(scope="module")
def strict(ledger, module_database_url):
    with serving(ledger, settings(module_database_url, strict_client_api=True)) as listening:
        yield listening


def sent(receiver: Receiver, call: dict[str, Any]) -> dict[str, Any]:
    """A recorded call made to us, and our answer in the form of the recorded one."""
    headers = dict(call["headers"])
    for known, ours in KEYS.items():
        headers = {name: value.replace(known, ours) for name, value in headers.items()}
    body = call["body"].encode("latin-1" if "content-encoding" in headers else "utf-8")
    connection = http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=10)
    connection.request(call["method"], call["path"], body or None, headers)
    response = connection.getresponse()
    text = response.read().decode()
    told = {name.lower(): value for name, value in response.getheaders() if name.lower() in COMPARED}
    connection.close()
    assert UUID(response.headers["X-Request-Id"])
    return {"status": response.status, "headers": told, "body": text}


@pytest.mark.parametrize("call", RECORDED, ids=lambda call: call["id"])
def test_as_its_server_answers(strict, call):
    expected = call["answer"]
    if "allow" in expected["headers"]:
        expected["headers"]["allow"] = OURS.get(expected["headers"]["allow"], expected["headers"]["allow"])
    assert sent(strict, call) == expected


@pytest.mark.parametrize(
    "call", [call for call in RECORDED if call["answer"]["status"] < 300], ids=lambda call: call["id"]
)
def test_what_it_accepts_is_accepted_leniently_too(receiver, call):
    assert sent(receiver, call) == call["answer"]


@pytest.mark.parametrize(
    ("path", "body", "sentence"), PUBLISHED, ids=[f"{path} {json.dumps(body)[:50]}" for path, body, _ in PUBLISHED]
)
def test_every_published_fault_is_told_to_the_byte(strict, path, body, sentence):
    """contracts.md §4.2, §4.8"""
    text = isinstance(body, str)
    response = requests.request(
        "PATCH" if path == "users" else "POST",
        f"{strict.url}/api/client/{path}",
        data=body if text else json.dumps(body),
        headers={"Authorization": f"Bearer {SECRET_KEY}", "Content-Type": "text/plain" if text else "application/json"},
    )
    told = f'{{"status":"error","error":"{sentence}"}}' if sentence else ""
    assert (response.status_code, response.text) == (422 if sentence else 204, told)


def test_health(receiver):
    told = requests.get(f"{receiver.url}/api/health").json()
    assert (told["status"], told["environment"], sorted(told)) == (
        "ok",
        "production",
        ["environment", "status", "time"],
    )


# ---- sizes -----------------------------------------------------------------------------------------------------------


def identify(size: int) -> bytes:
    body = b'{"external_id":"c","data":{"a":"%s"}}'
    return body.replace(b"%s", b"x" * (size - len(body) + 2))


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", identify(1_048_576), 204),
        ("application/json", identify(1_048_577), 400),
        ("application/x-www-form-urlencoded", b"external_id=".ljust(57_344, b"x"), 204),
        ("application/x-www-form-urlencoded", b"external_id=".ljust(57_345, b"x"), 400),
        ("text/plain", b"x" * 57_344, 422),
        ("text/plain", b"x" * 57_345, 400),
    ],
    ids=["JSON", "JSON too large", "form", "form too large", "text", "text too large"],
)
def test_size(strict, content_type, body, status):
    headers = {"Content-Type": content_type, "Authorization": f"Bearer {PUBLIC}"}
    response = requests.post(f"{strict.url}/api/client/identify", data=body, headers=headers)
    assert response.status_code == status


def test_an_inflated_bomb(strict):
    headers = {"Content-Type": "application/json", "Content-Encoding": "deflate", "Authorization": f"Bearer {PUBLIC}"}
    bomb = zlib.compress(b" " * (50 << 20))
    assert requests.post(f"{strict.url}/api/client/identify", data=bomb, headers=headers).status_code == 400


def test_two_thousand_events_in_one_array(strict):
    body = [{"name": "n", "external_id": "c"}] * 2000
    response = requests.post(
        f"{strict.url}/api/client/events", json=body, headers={"Authorization": f"Bearer {PUBLIC}"}
    )
    assert response.status_code == 204


def test_more_events_than_a_request_may_have(receiver):
    """There is no most in Parcelvoy's API (contracts.md §4.2); the size of the body is all."""
    before = len(entities(receiver))
    body = b"[" + b",".join([b'{"name":"n","external_id":"c"}'] * 20_000) + b"]"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {PUBLIC}"}
    response = requests.post(f"{receiver.url}/api/client/events", data=body, headers=headers)
    assert response.status_code == 204
    assert entities(receiver)[:-before] == ["event", "event"]


# ---- what arrives ----------------------------------------------------------------------------------------------------


@pytest.fixture
def arrived(module_database_url) -> Callable[[requests.Response], list[dict[str, Any]]]:
    """The records that a call led to, each with its datatalksId and ordering key."""

    def find(response: requests.Response) -> list[dict[str, Any]]:
        assert (response.status_code, response.content) == (204, b"")
        with psycopg.connect(module_database_url) as connection:
            rows = connection.execute(
                "SELECT records.data, records.datatalks_id, records.ordering_key FROM records JOIN requests"
                " ON substring(records.record_id::text, 1, 13) = substring(requests.request_id::text, 1, 13)"
                " WHERE requests.request_id = %s ORDER BY records.record_id",
                [response.headers["X-Request-Id"]],
            ).fetchall()
        return [json.loads(data) | {"id": str(own), "key": str(key)} for data, own, key in rows]

    return find


def post(receiver: Receiver, path: str, body: Any, method: str = "POST", key: str = PUBLIC, **headers: str):
    return requests.request(
        method,
        f"{receiver.url}/api/client/{path}",
        json=body,
        headers={
            "Authorization": f"Bearer {key}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
    )


def told(record: dict[str, Any]) -> dict[str, Any]:
    """What there is in a record, without the nulls, the ids that we gave and where it belongs."""
    return {
        name: value for name, value in record.items() if value is not None and name not in ("id", "key", "event_id")
    }


SDKS = {
    "iOS identify": (
        "identify",
        {"external_id": "u", "email": "a@example.com", "data": {"city": "Umeå"}},
        {"user_id": "u", "external_id": "u", "email": "a@example.com", "data.city": "Umeå"},
    ),
    "Android identify": (
        "identify",
        {"anonymous_id": "alone", "external_id": None, "email": None, "data": {"city": "Umeå"}},
        {"user_id": "alone", "anonymous_id": "alone", "data.city": "Umeå"},
    ),
    "JS identify": (
        "identify",
        {"external_id": "u", "traits": {"city": "Umeå"}},
        {"user_id": "u", "external_id": "u", "data.city": "Umeå"},
    ),
    "iOS event": (
        "events",
        [{"name": "Bought", "external_id": "u", "data": {"sku": "A-1"}}],
        {"user_id": "u", "name": "Bought", "data.sku": "A-1"},
    ),
    "Android event": (
        "events",
        [{"name": "Bought", "anonymous_id": "alone", "external_id": None, "properties": {"sku": "A-1"}}],
        {"user_id": "alone", "name": "Bought", "data.sku": "A-1"},
    ),
    "a single event": (
        "events",
        {"name": "Bought", "external_id": "u"},
        {"user_id": "u", "name": "Bought"},
    ),
    "JS track": (
        "track",
        {"event": "Bought", "anonymous_id": "a", "external_id": "u", "data": {"sku": "A-1"}},
        {"user_id": "u", "name": "Bought", "data.sku": "A-1"},
    ),
    "JS track by its README": (
        "track",
        {"event": "Bought", "anonymous_id": "alone", "traits": {"sku": "A-1"}},
        {"user_id": "alone", "name": "Bought", "data.sku": "A-1"},
    ),
    "an event with a user": (
        "events",
        [{"name": "n", "external_id": "u", "user": {"email": "a@example.com"}, "data": {"items": [{"sku": "A-1"}]}}],
        {"user_id": "u", "name": "n", "user.email": "a@example.com", "data.items": '[{"sku":"A-1"}]'},
    ),
    "Android device": (
        "devices",
        {
            "anonymous_id": "alone",
            "external_id": None,
            "device_id": "d",
            "token": None,
            "os": "Android",
            "model": "m",
            "app_build": "1",
            "app_version": "1",
            "sdk_version": "2",
        },
        {"device_id": "d", "user_id": "alone", "os": "Android"},
    ),
    "alias": (
        "alias",
        {"anonymous_id": "a", "external_id": "u"},
        {"user_id": "u", "external_id": "u", "anonymous_id": "a"},
    ),
}


@pytest.mark.parametrize(("path", "body", "record"), SDKS.values(), ids=SDKS.keys())
def test_what_the_sdks_send_arrives(receiver, arrived, path, body, record):
    assert [told(each) for each in arrived(post(receiver, path, body))] == [record]


def test_segments_messages_arrive(receiver, arrived):
    body = [
        {"type": "identify", "userId": "u", "traits": {"city": "Umeå"}, "context": {"locale": "sv"}},
        {"type": "page", "userId": "u"},
    ]
    record = {"user_id": "u", "external_id": "u", "locale": "sv", "data.city": "Umeå"}
    assert [told(each) for each in arrived(post(receiver, "segment", body))] == [record]


def test_segments_messages_of_several_kinds_are_requests_of_their_own(receiver):
    before = len(entities(receiver))
    body = [{"type": "alias", "userId": "u", "previousId": "a"}, {"type": "track", "userId": "u", "event": "e"}]
    assert post(receiver, "segment", body).status_code == 204
    assert entities(receiver)[:-before] == ["event", "alias"]


def entities(receiver: Receiver) -> list[str]:
    """Of every request, the newest first."""
    return [each["entity"] for each in receiver.ledger.documents("shop", Filters(), 1000, None)]


def test_users_are_updated_and_deleted_by_a_secret_key(receiver, arrived):
    user = str(uuid4())
    (updated,) = arrived(post(receiver, "users", [{"external_id": user, "email": "x"}], "PATCH", SECRET_KEY))
    (deleted,) = arrived(post(receiver, f"users?user_id={user}", None, "DELETE", SECRET_KEY))
    assert (told(deleted), deleted["id"]) == ({"user_id": user}, updated["id"])


def test_an_event_follows_its_user(receiver, arrived):
    user = str(uuid4())
    (profile,) = arrived(post(receiver, "identify", {"external_id": user}))
    (event,) = arrived(post(receiver, "events", [{"name": "n", "external_id": user}]))
    assert event["key"] == profile["id"] != event["id"]


def test_an_alias_joins_two_ids(receiver, arrived):
    anonymous, user = str(uuid4()), str(uuid4())
    (before,) = arrived(post(receiver, "identify", {"anonymous_id": anonymous}))
    (alias,) = arrived(post(receiver, "alias", {"anonymous_id": anonymous, "external_id": user}))
    (after,) = arrived(post(receiver, "identify", {"anonymous_id": anonymous}))
    (named,) = arrived(post(receiver, "identify", {"external_id": user}))
    assert before["id"] != after["id"]
    assert after["id"] == named["id"] == alias["id"]


@pytest.mark.parametrize("path", ["alias", "identify"])
def test_what_comes_with_a_joined_id_alone_is_its_users(receiver, arrived, path):
    anonymous, user = str(uuid4()), str(uuid4())
    event = [{"name": "n", "anonymous_id": anonymous}]
    (before,) = arrived(post(receiver, "events", event))
    (profile,) = arrived(post(receiver, path, {"anonymous_id": anonymous, "external_id": user}))
    (after,) = arrived(post(receiver, "events", event))
    (again,) = arrived(post(receiver, "identify", {"anonymous_id": anonymous, "external_id": None}))
    assert [before["user_id"], after["user_id"]] == [anonymous, user]
    assert [after["key"], again["id"]] == [profile["id"]] * 2
    assert told(again) == {"user_id": user, "external_id": user, "anonymous_id": anonymous}


def test_a_join_counts_for_the_rest_of_its_call(receiver, module_database_url):
    anonymous, user = str(uuid4()), str(uuid4())
    body = [{"type": "alias", "userId": user, "previousId": anonymous}, {"type": "track", "anonymousId": anonymous}]
    assert post(receiver, "segment", [{**each, "event": "e"} for each in body]).status_code == 204
    with psycopg.connect(module_database_url) as connection:
        found = connection.execute("SELECT count(*) FROM records WHERE data::jsonb ->> 'user_id' = %s", [user])
        assert found.fetchone() == (2,)


def test_a_repeat_by_its_distinct_id_is_the_same_event(receiver, arrived):
    body = [{"name": "n", "external_id": "u", "distinct_id": str(uuid4())}]
    (first,), (second,) = arrived(post(receiver, "events", body)), arrived(post(receiver, "events", body))
    assert first["id"] == second["id"]


def test_two_events_without_one_are_two(receiver, arrived):
    first, second = arrived(post(receiver, "events", [{"name": "n", "external_id": "u"}] * 2))
    assert first["id"] != second["id"]


def test_what_names_nobody_is_left_out_and_can_be_looked_up(receiver, arrived):
    body = [{"name": "n", "external_id": None}, {"name": "n", "external_id": "u"}, {"name": "n", "anonymous_id": ""}]
    response = post(receiver, "events", body)
    assert len(arrived(response)) == 1
    nobody = post(receiver, "identify", {"external_id": None})
    assert arrived(nobody) == []
    document = receiver.ledger.document(UUID(nobody.headers["X-Request-Id"]), "shop")
    assert document["messages"] == ["left out, for an id that they need is blank: items 0"]


def test_a_device_without_a_name_is_left_out(strict, arrived):
    device = {"external_id": "u", "device_id": " ", "os": "", "model": "", "app_build": "", "app_version": ""}
    assert arrived(post(strict, "devices", device)) == []
    assert len(arrived(post(strict, "devices", device | {"device_id": "d"}))) == 1


def test_the_same_call_with_the_same_key_is_one(receiver):
    key = str(uuid4())
    first, second = (post(receiver, "identify", {"external_id": "u"}, Idempotency_Key=key) for _ in range(2))
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["X-Request-Id"] == first.headers["X-Request-Id"]


def test_notifications_are_none(receiver):
    headers = {"Authorization": f"Bearer {PUBLIC}", "x-anonymous-id": "a"}
    response = requests.get(f"{receiver.url}/api/client/notifications", headers=headers)
    assert (response.status_code, response.text) == (200, '{"results":[],"nextCursor":null}')
    assert post(receiver, "notifications/5", {"anonymous_id": "a"}, "PUT").status_code == 204


def test_the_operators_contract_may_be_stricter(receiver):
    response = post(receiver, "identify", {"external_id": "u", "data": {"city": ["Umeå"]}})
    assert (response.status_code, response.json()["status"]) == (422, "error")
    assert response.json()["error"].startswith("data[0].data.city: ")
