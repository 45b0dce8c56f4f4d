"""What holds for every signed call, whatever it carries: who may call, how large, in what form, how often."""

from __future__ import annotations

import http.client
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
import requests

from router.http import sigv4
from router.ledger.base import AccessKey
from router.vault import Vault
from tests.http.shop import FERNET_KEY, Caller, Receiver, serving, settings
from tests.http.signing import ACCESS_KEY
from tests.http.told import kept, refused

PATH = "/v2/profiles"
GOOD = {"type": "person", "data": {"customer_id": "c-1"}}


# ---- who -------------------------------------------------------------------------------------------------------------


def test_no_credentials(receiver):
    refused(requests.post(receiver.url + PATH, json=GOOD), 403, sigv4.MISSING_TOKEN, key=None)


def test_wrong_secret_and_unknown_key_are_told_the_same(receiver):
    for caller in (Caller(receiver, secret="x"), Caller(receiver, "AKIDNOBODY")):
        refused(caller.post(PATH, GOOD), 403, sigv4.MISMATCH, key=None)


def test_a_clock_six_minutes_off(shop):
    response = shop.post(PATH, GOOD, now=datetime.now(UTC) - timedelta(minutes=6))
    assert response.status_code == 403
    assert response.json()["messages"][0].startswith("Signature expired: ")
    assert "Date" in response.headers


def with_key(receiver: Receiver, **how) -> Caller:
    """A caller with a key of its own."""
    name = f"AKID{uuid4().hex[:16].upper()}"
    sealed = Vault([FERNET_KEY]).seal("its-secret")
    receiver.ledger.add_access_key(AccessKey(name, "shop", sealed, datetime.now(UTC), **how))
    return Caller(receiver, name, "its-secret")


def test_several_keys_of_one_client_are_the_same_client(receiver, shop):
    ids = {kept(caller.post(PATH, GOOD))["datatalksId"] for caller in (shop, with_key(receiver))}
    assert len(ids) == 1


def test_an_expired_key(receiver):
    expired = with_key(receiver, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    refused(expired.post(PATH, GOOD), 403, sigv4.MISMATCH, key=None)


def test_a_revoked_key(receiver):
    revoked = with_key(receiver, revoked_at=datetime.now(UTC))
    refused(revoked.post(PATH, GOOD), 403, sigv4.MISMATCH, key=None)


def test_a_key_is_noted_as_used(receiver):
    caller = with_key(receiver)
    kept(caller.post(PATH, GOOD))
    used = receiver.ledger.access_key(caller.access_key).last_used_at
    assert used is not None


# ---- where -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/v2", "/v2/profile", "/v4/profiles", "/v2/profiles/", "/v2/Profiles"])
def test_an_unknown_path(shop, path):
    refused(shop.post(path, GOOD), 404, f"There is nothing at {path}.", key=None)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v2/profiles", "POST"),
        ("DELETE", "/v2/profiles", "POST"),
        ("OPTIONS", "/v2/profiles", "POST"),
        ("PUT", "/v1/contacts", "DELETE, POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("POST", "/v2/requests", "GET, HEAD"),
    ],
)
def test_another_method(shop, method, path, allowed):
    response = shop.call(method, path)
    refused(response, 405, f"{method} is not possible at {path}.", key=None)
    assert ", ".join(sorted(response.headers["Allow"].split(", "))) == allowed


def test_the_environment_is_told_by_path_and_by_host(shop):
    calls = {
        "production": shop.post(PATH, GOOD),
        "by path": shop.post("/staging" + PATH, GOOD),
        "by host": shop.post(PATH, GOOD, host="staging.api.example.com"),
        "another host": shop.post(PATH, GOOD, host="notstaging.example.com"),
    }
    found = {
        name: shop.receiver.ledger.document(UUID(kept(response)["requestId"]), "shop")["environment"]
        for name, response in calls.items()
    }
    assert found == {
        "production": "production",
        "by path": "staging",
        "by host": "staging",
        "another host": "production",
    }


# ---- in what form ----------------------------------------------------------------------------------------------------

TYPE = "The Content-Type must be application/json or application/x-ndjson, in UTF-8."


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "application/problem+json",
        "json",
        "",
    ],
)
def test_a_wrong_content_type(shop, content_type):
    refused(shop.post(PATH, GOOD, headers={"Content-Type": content_type}), 415, TYPE)


@pytest.mark.parametrize(
    "content_type", ["application/json;charset=UTF-8", "Application/JSON", "application/json; a=b"]
)
def test_a_right_content_type(shop, content_type):
    kept(shop.post(PATH, GOOD, headers={"Content-Type": content_type}))


def test_a_compressed_body(shop):
    response = shop.post(PATH, GOOD, headers={"Content-Encoding": "gzip"})
    refused(response, 415, "The Content-Encoding is not understood; send the body as it is.")


def padded(size: int) -> bytes:
    body = json.dumps(GOOD).encode()
    return body + b" " * (size - len(body))


def test_the_largest_body(shop):
    kept(shop.post(PATH, padded(1_048_576)))


def test_a_body_that_is_too_large(shop):
    refused(shop.post(PATH, padded(1_048_577)), 413, "The body is too large; send it in parts.", key=None)


def test_a_chunked_body_that_is_too_large(receiver):
    host = urlsplit(receiver.url).netloc
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request(
        "POST", PATH, iter([b" " * 600_000] * 2), {"Content-Type": "application/json"}, encode_chunked=True
    )
    assert connection.getresponse().status == 413
    connection.close()


# ---- how often -------------------------------------------------------------------------------------------------------


@contextmanager
def limited(receiver: Receiver, database_url: str, rate: float):
    with serving(receiver.ledger, settings(database_url, client_rate=rate)) as listening:
        yield Caller(listening)


def test_a_client_that_calls_too_often(receiver, module_database_url):
    with limited(receiver, module_database_url, 0.01) as caller:
        responses = [caller.post(PATH, GOOD) for _ in range(3)]
    last = responses[-1]
    refused(last, 429, "Too many requests; wait as long as Retry-After says.")
    assert 1 <= int(last.headers["Retry-After"]) <= 200


# ---- again -----------------------------------------------------------------------------------------------------------


def again(caller: Caller, key: str, body=GOOD, path: str = PATH) -> requests.Response:
    return caller.post(path, body, headers={"Idempotency-Key": key})


def test_the_same_call_with_the_same_key(shop):
    key = str(uuid4())
    first, second = again(shop, key), again(shop, key)
    assert second.json() == kept(first)
    assert second.headers["X-Request-Id"] == first.headers["X-Request-Id"]
    assert (first.headers.get("Idempotent-Replayed"), second.headers.get("Idempotent-Replayed")) == (None, "true")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"type": "person", "data": {"customer_id": "c-2"}}, PATH),
        (GOOD, "/v3/profiles"),
        (GOOD, "/staging/v2/profiles"),
        (GOOD, PATH + "?a=1"),
    ],
    ids=["body", "version", "environment", "query"],
)
def test_another_call_with_the_same_key(shop, body, path):
    key = str(uuid4())
    kept(again(shop, key))
    refused(again(shop, key, body, path), 422, "the Idempotency-Key was used before, with another request")


def test_the_keys_of_another_client_are_its_own(shop, other):
    key = str(uuid4())
    kept(again(shop, key))
    kept(again(other, key, GOOD | {"groupKey": "north"}))


@pytest.mark.parametrize("key", ["a b", "x" * 256, ""], ids=["space", "too long", "empty"])
def test_a_key_that_is_none(shop, key):
    message = "Idempotency-Key: must be 1 to 255 printable ASCII characters without spaces"
    refused(shop.post(PATH, GOOD, headers={"Idempotency-Key": key}), 400, message)


def test_twenty_at_once_are_one(shop):
    key = str(uuid4())
    answers: list[requests.Response] = []
    threads = [Thread(target=lambda: answers.append(again(shop, key))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({kept(answer)["requestId"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 19


def test_one_hard_id_at_once_from_many_is_one_entity(shop):
    answers: list[requests.Response] = []
    body = {"type": "person", "data": {"customer_id": str(uuid4())}}
    threads = [Thread(target=lambda: answers.append(shop.post(PATH, body))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({kept(answer)["datatalksId"] for answer in answers}) == 1


# ---- refusals are remembered -----------------------------------------------------------------------------------------


def test_a_refused_call_can_be_looked_up(shop, other):
    request_id = shop.post(PATH, {"type": "person", "data": {}}).json()["requestId"]
    told = shop.get(f"/v2/requests/{request_id}").json()
    assert {name: told[name] for name in ("requestId", "status", "httpStatus", "messages")} == {
        "requestId": request_id,
        "status": "rejected",
        "httpStatus": 400,
        "messages": ["data.customer_id: is part of the hard id and must not be missing"],
    }
    assert other.get(f"/v2/requests/{request_id}").status_code == 404


def test_the_key_of_a_refusal_is_the_callers(shop):
    assert shop.post(PATH, b"{").json()["key"] == ACCESS_KEY
