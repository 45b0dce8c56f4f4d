"""What a monitoring system reads, and who may."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from router.model import State
from tests.http.shop import Receiver, serving, settings
from tests.support.shop import Shop, shop_in

TOKEN = "a-token-of-some-length"
SAMPLE = re.compile(r'([a-z_]+)\{((?:[a-z]+="[^"\n]*",?)+)\} (\S+)')


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with shop_in(database_url) as opened:
        yield opened


@pytest.fixture
def receiver(shop: Shop, database_url: str) -> Iterator[Receiver]:
    with serving(shop.ledger, settings(database_url, metrics_token=TOKEN)) as listening:
        yield listening


def scrape(receiver: Receiver) -> dict[str, float]:
    """Sample → value; of the labels only those that tell the shop's integrations and states apart."""
    response = requests.get(f"{receiver.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {}
    for line in response.text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP [a-z_]+ .+|TYPE [a-z_]+ (gauge|counter))", line)
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample is not None, line
        labels = dict(re.findall(r'([a-z]+)="([^"]*)"', sample[2]))
        path = "/".join(
            labels[each] for each in ("group", "integration", "state", "surface", "status") if each in labels
        )
        found[f"{sample[1]} {path}"] = float(sample[3])
    return found


def test_what_waits_and_what_is_in_flight(shop, receiver):
    shop.accept("Ada", "Bea")
    shop.plan()
    waiting = scrape(receiver)
    assert (waiting["router_waiting main/crm"], waiting["router_in_flight main/crm"]) == (2, 0)
    assert waiting["router_waiting north/crm"] == 0
    assert waiting["router_oldest_due_age_seconds main/crm"] >= 0
    shop.start()
    begun = scrape(receiver)
    assert (begun["router_waiting main/crm"], begun["router_in_flight main/crm"]) == (2, 2)


def test_what_is_due_later_is_not_late(shop, receiver):
    shop.accept()
    shop.work(crm=State.RETRYING)
    told = scrape(receiver)
    assert (told["router_waiting main/crm"], told["router_oldest_due_age_seconds main/crm"]) == (1, 0)


def test_pauses_and_breakers(shop, receiver):
    numbers = {f"{place.group}/{place.integration}": place.number for place in shop.ledger.places()}
    shop.ledger.pause([numbers["main/mail"]], "ada")
    shop.ledger.switch(numbers["main/crm"], "closed", "open", 1, "30 of 30 deliveries failed")
    told = scrape(receiver)
    assert {name: told[f"router_paused {name}"] for name in ("main/crm", "main/mail")} == {
        "main/crm": 0,
        "main/mail": 1,
    }
    assert [told[f"router_breaker main/crm/{state}"] for state in ("closed", "half_open", "open")] == [0, 0, 1]
    assert [told[f"router_breaker main/mail/{state}"] for state in ("closed", "half_open", "open")] == [1, 0, 0]


def test_calls_are_counted_by_surface_and_status(receiver):
    assert requests.post(f"{receiver.url}/v2/profiles", data=b"{}", timeout=30).status_code == 403
    assert requests.post(f"{receiver.url}/v2/profiles", data=b"{}", timeout=30).status_code == 403
    assert requests.post(f"{receiver.url}/api/client/identify", data=b"{}", timeout=30).status_code == 401
    told = {name: value for name, value in scrape(receiver).items() if name.startswith("router_calls_total")}
    assert told == {"router_calls_total v2/403": 2, "router_calls_total client/401": 1}


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer \xff"],
    ids=["none", "empty", "longer", "basic", "bare", "bytes"],
)
def test_only_for_who_knows_the_token(receiver, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    response = requests.get(f"{receiver.url}/metrics", headers=headers, timeout=30)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "router_" not in response.text


def test_without_a_token_there_is_nothing(shop, database_url):
    with serving(shop.ledger, settings(database_url)) as listening:
        response = requests.get(f"{listening.url}/metrics", headers={"Authorization": "Bearer "}, timeout=30)
    assert response.status_code == 404
