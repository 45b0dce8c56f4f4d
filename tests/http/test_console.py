"""The console on requests, letters and integrations: found, explained, and acted on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from werkzeug.security import generate_password_hash

from router.ledger.base import Unavailable
from router.ledger.memory import MemoryLedger
from router.model import State
from tests.http.consoles import Console, receiving
from tests.http.shop import Receiver
from tests.support.shop import RENAMED, Shop, shop_in


@pytest.fixture(scope="module")
def shop(module_database_url: str) -> Iterator[Shop]:
    with shop_in(module_database_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def receiver(shop: Shop, module_database_url: str) -> Iterator[Receiver]:
    with receiving(shop.ledger, module_database_url) as listening:
        yield listening


@pytest.fixture(scope="module")
def console(receiver: Receiver) -> Console:
    return Console(receiver)


def crm_of(shop: Shop, request: UUID) -> str:
    (found,) = (each["deliveryId"] for each in shop.deliveries(request) if each["integration"] == "crm")
    return str(found)


def said(page: str) -> list[str]:
    return re.findall(r'role="status" class="said">([^<]*)<', page)


def title(page: str) -> str:
    return re.sub(r"<[^>]+>| · integration router", "", page.partition("<title>")[2].partition("</title>")[0])


# ---- found


def test_a_request_is_found_by_whatever_a_person_holds_of_it(shop: Shop, console: Console) -> None:
    request = shop.request("Ada")
    (record,) = shop.document(request)["records"]
    customer = shop.ledger.recorded(shop.ledger.publications()[-1].published_at, 1000)[-1]
    hard_id = re.findall(r'"customer_id":"([^"]+)"', customer.data)[0]
    shortened = crm_of(shop, request)[:30]
    for text in (str(request), f" {request} ", record["datatalksId"], crm_of(shop, request), shortened, hard_id):
        assert title(console.post("find", text=text)) == str(request), text


def test_a_hard_id_is_in_no_address(shop: Shop, console: Console, receiver: Receiver) -> None:
    shop.request("Ada")
    record = shop.ledger.recorded(shop.ledger.publications()[-1].published_at, 1000)[-1]
    hard_id = re.findall(r'"customer_id":"([^"]+)"', record.data)[0]
    assert hard_id not in console.landed("find", text=hard_id)


def test_what_is_found_nowhere_is_said(console: Console) -> None:
    assert said(console.post("find", text="nobody@example.com"))[0].startswith("Nothing has this id or hard id.")


def test_requests_are_narrowed_by_time(shop: Shop, console: Console) -> None:
    request = str(shop.request("Ada"))
    assert request in console.get("", since="2020-01-01T00:00")
    assert request not in console.get("", until="2020-01-01T00:00")
    assert "Nothing matches." in console.get("", since="2100-01-01T00:00")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("", {"after": "junk"}),
        ("", {"since": "yesterday"}),
        ("", {"group": "a\0b"}),
        ("", {"search": "\0"}),
        ("letters", {"after": "junk"}),
        ("letters", {"until": "25:00"}),
        ("letters", {"reason": "\0"}),
    ],
)
def test_what_makes_no_sense_is_said_on_a_page(console: Console, path: str, query: dict[str, str]) -> None:
    assert title(console.get(path, 400, **query)) == "Bad Request"


@pytest.mark.parametrize(
    ("path", "fields"), [("replay", {"delivery": "x"}), ("pause", {"destination": "x"}), ("resume", {})]
)
def test_a_form_that_makes_no_sense_is_said_on_a_page(console: Console, path: str, fields: dict[str, str]) -> None:
    assert title(console.post(path, 400, **fields)) == "Bad Request"


# ---- why it waits


def test_what_waits_says_why(shop: Shop, console: Console) -> None:
    request = shop.accept("Ada").request_id
    assert "Waits to be planned" in console.get(f"requests/{request}")
    shop.plan()
    assert "Waits for its turn, due " in console.get(f"requests/{request}")
    (number,) = (p.number for p in shop.ledger.places() if (p.group, p.integration) == ("main", "crm"))
    page = console.post("pause", destination=number)
    assert said(page) == ["It is paused; what is accepted for it waits."]
    assert re.search(
        r"Waits for <a [^>]*>its integration</a>, since [^<]*: paused by ada", console.get(f"requests/{request}")
    )
    console.post("resume", destination=number)
    shop.work()


# ---- acted on


def test_dead_letters_are_sent_again_all_that_are_shown(shop: Shop, console: Console) -> None:
    requests_ = [shop.request("Ada", crm=State.DEAD) for _ in range(2)]
    page = console.get("letters", state="dead")
    shown = re.findall(r'name="shown" value="([^"]+)"', page)
    assert {crm_of(shop, each) for each in requests_} <= set(shown)
    assert said(console.post("replay", which="chosen", shown=shown)) == ["Nothing was chosen."]
    done = console.post("replay", which="shown", shown=shown, back="/console/letters")
    assert said(done) == [f"{len(shown)} deliveries will be sent again, as it was."]
    shop.work()
    assert "Nothing has failed here." in console.get("letters", state="dead")


def test_letters_are_narrowed(shop: Shop, console: Console) -> None:
    dead, unknown = (shop.request("Ada", crm=state) for state in (State.DEAD, State.UNKNOWN))
    assert crm_of(shop, unknown) not in console.get("letters", state="dead")
    assert crm_of(shop, dead) not in console.get("letters", state="unknown")
    assert crm_of(shop, dead) not in console.get("letters", integration="main/mail")
    assert crm_of(shop, dead) not in console.get("letters", until="2020-01-01T00:00")
    assert crm_of(shop, dead) in console.get("letters", integration="main/crm", since="2020-01-01T00:00")
    assert said(console.post("resolve", delivery=crm_of(shop, unknown))) == ["1 delivery marked as delivered."]
    console.post("replay", delivery=crm_of(shop, dead))
    shop.work()


def test_what_the_mapping_in_force_would_send_is_said_before_it_is_sent(shop: Shop, console: Console) -> None:
    delivery = crm_of(shop, request := shop.request("Ada", crm=State.DEAD))
    assert "would send the same" in console.get(f"deliveries/{delivery}")
    shop.publish(RENAMED)
    done = console.post("remap", delivery=delivery, back=f"/console/deliveries/{delivery}")
    assert said(done) == ["1 delivery will be sent again, with the mapping in force."]
    shop.work()
    (sent,) = shop.ledger.replayable([UUID(delivery)])
    assert '"name":"ADA"' in sent.payload
    assert shop.states(request) == ["crm: delivered", "mail: delivered"]
    shop.publish()


# ---- who, and when it does not work


def test_who_is_no_operator_any_more_is_out(shop: Shop, receiver: Receiver, module_database_url: str) -> None:
    browser = Console(receiver)
    others = {"grace": generate_password_hash("x", "pbkdf2:sha256:1")}
    with receiving(shop.ledger, module_database_url, others) as later:
        assert title(browser.at(later).get("")) == "Log in"


class Away(MemoryLedger):
    def places(self, client: str | None = None) -> list[object]:  # type: ignore[override]
        raise Unavailable("away")

    def documents(self, *_: object) -> list[dict[str, object]]:
        raise RuntimeError("a fault of ours")


def test_a_ledger_that_is_away_and_a_fault_of_ours_are_pages(module_database_url: str) -> None:
    with receiving(Away(), module_database_url) as listening:
        browser = Console(listening, look=False)
        assert title(browser.get("integrations", 503)) == "The ledger does not answer"
        broken = browser.get("", 500)
    assert title(broken) == "This did not work"
    assert "a fault of ours" not in broken
