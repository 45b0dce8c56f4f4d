"""What a client may send again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import requests

from router.http import sigv4
from router.ledger.base import AccessKey
from router.model import State
from router.vault import Vault
from tests.http.shop import OTHER_KEY, OTHER_SECRET, Caller, Receiver, serving, settings
from tests.http.signing import ACCESS_KEY, SECRET
from tests.http.told import refused
from tests.support.shop import KEY, Shop, shop_in


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with shop_in(database_url) as opened:
        vault, now = Vault([KEY]), datetime.now(UTC)
        opened.ledger.add_access_key(AccessKey(ACCESS_KEY, "shop", vault.seal(SECRET), now))
        opened.ledger.add_access_key(AccessKey(OTHER_KEY, "other", vault.seal(OTHER_SECRET), now))
        yield opened


@pytest.fixture
def receiver(shop: Shop, database_url: str) -> Iterator[Receiver]:
    with serving(shop.ledger, replace(settings(database_url), secret_keys=(KEY,))) as listening:
        yield listening


def replay(caller: Caller, request_id: object, prefix: str = "") -> requests.Response:
    return caller.post(f"{prefix}/v2/requests/{request_id}/replay", b"")


@pytest.mark.parametrize("prefix", ["", "/staging"])
def test_what_failed_is_sent_again_once(shop, receiver, prefix):
    request_id = shop.request("Ada", "Bea", crm=State.DEAD, mail=State.UNKNOWN)
    apart = shop.request(crm=State.DEAD)
    told = [replay(Caller(receiver), request_id, prefix).json() for _ in range(2)]
    assert told == [{"requestId": str(request_id), "replayed": count} for count in (4, 0)]
    shop.work()
    assert shop.states(request_id) == ["crm: delivered", "crm: delivered", "mail: delivered", "mail: delivered"]
    assert shop.states(apart) == ["crm: dead", "mail: delivered"]


def test_the_history_names_who_asked(shop, receiver):
    request_id = shop.request(crm=State.DEAD)
    replay(Caller(receiver), request_id)
    (dead,) = (each for each in shop.deliveries(request_id) if each["integration"] == "crm")
    assert [(each["outcome"], each.get("by")) for each in dead["history"]] == [
        ("rejected", None),
        ("replayed", f"{ACCESS_KEY} (client)"),
    ]


def test_what_is_delivered_or_still_owed_is_left_alone(shop, receiver):
    request_id = shop.accept().request_id
    shop.plan()
    assert replay(Caller(receiver), request_id).json()["replayed"] == 0
    assert shop.states(request_id) == ["crm: pending", "mail: pending"]


def test_another_clients_request_is_unknown(shop, receiver):
    request_id = shop.request(crm=State.DEAD)
    told = replay(Caller(receiver, OTHER_KEY, OTHER_SECRET), request_id)
    refused(told, 404, f"There is no request {request_id}.", key=OTHER_KEY)
    assert shop.states(request_id) == ["crm: dead", "mail: delivered"]


def test_a_request_that_never_was(receiver):
    request_id = uuid4()
    refused(replay(Caller(receiver), request_id), 404, f"There is no request {request_id}.")


def test_only_those_who_sign_may(receiver):
    refused(requests.post(f"{receiver.url}/v2/requests/{uuid4()}/replay"), 403, sigv4.MISSING_TOKEN, key=None)


def test_it_is_a_post(receiver):
    path = f"/v2/requests/{uuid4()}/replay"
    response = Caller(receiver).get(path)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
