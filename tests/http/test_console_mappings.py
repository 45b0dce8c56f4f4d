"""The console on mappings: what was published, what becomes of a record, why a delivery has its values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
import requests

from router.ledger.memory import MemoryLedger
from router.model import State
from tests.http.consoles import CHOICE, OPERATORS, Console, receiving
from tests.http.shop import Receiver, serving, settings
from tests.support.shop import RENAMED, WITHOUT_CRM, Shop, shop_in


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


def cells(page: str) -> list[str]:
    """The texts of a page's table cells."""
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", page, re.DOTALL)]


def outcome(page: str) -> str:
    """What a preview shows below its form, which holds the sample itself."""
    return page.rpartition("</form>")[2]


def test_the_pages_are_for_operators(receiver: Receiver) -> None:
    for path in ("mappings", "preview", f"deliveries/{uuid4()}"):
        response = requests.get(f"{receiver.url}/console/{path}", allow_redirects=False)
        assert response.status_code == 302
        assert "/console/login" in response.headers["Location"]


def test_a_preview_is_made_from_the_page_alone(receiver: Receiver, console: Console) -> None:
    assert "This form has expired" in console.preview(status=403, form="forged")


# ---- mappings --------------------------------------------------------------------------------------------------------


def test_history_begins_with_what_is_in_force(shop: Shop, console: Console) -> None:
    shop.publish(RENAMED)
    shop.publish()
    shown = console.get("mappings")
    newest, *earlier = shop.ledger.publications()
    numbers = [cell for cell in cells(shown) if cell.isdigit()]
    assert numbers == [str(each.number) for each in (newest, *earlier)]
    assert shown.count("in force") == 1
    assert shown.index(newest.digest[:19]) < shown.index("in force")


def test_two_publications_are_compared_by_field(shop: Shop, console: Console) -> None:
    shop.publish()
    before = shop.ledger.publications()[0].number
    shop.publish(WITHOUT_CRM)
    shown = cells(console.get("mappings", before=before, after=before + 1))
    row = ["shop/main", "profile.person", "crm", "name", '{"from": "name"}', "not there"]
    assert [row] == [shown[at : at + 6] for at in range(len(shown)) if shown[at : at + 4] == row[:4]]
    assert "They mean the same." in console.get("mappings", before=before, after=before)
    shop.publish()


def test_a_number_that_was_not_published(console: Console) -> None:
    assert "Nothing was published lately as number 99." in console.get("mappings", 404, before=99, after=1)


def test_a_set_that_cannot_be_compiled_is_told(shop: Shop, console: Console) -> None:
    shop.ledger.publish("sha256:bad", {"shop/client.yaml": "client: [\n"}, [], "tests", "")
    bad = shop.ledger.publications()[0].number
    shop.publish(RENAMED)
    shop.publish()
    shown = console.get("mappings", 400, before=bad, after=bad + 1)
    assert f"Number {bad} cannot be compiled any more: shop/client.yaml:" in shown


# ---- preview ---------------------------------------------------------------------------------------------------------


def test_every_kind_of_record_can_be_chosen(console: Console) -> None:
    assert re.findall(r'<option value="([^"]+)"', console.get("preview")) == [CHOICE, "shop/north/profile/person"]


def test_a_record_is_explained(console: Console) -> None:
    shown = outcome(console.preview())
    assert cells(shown)[:5] == ["name", '"A***"', "name", "", "shop/profile.person.yaml:8:38"]
    assert "POST http://127.0.0.1:9/webhook" in shown
    assert re.search(r"<code>shoe</code> <span[^>]*>not in the contract", shown)


def test_values_are_masked_in_everything(console: Console) -> None:
    shown = outcome(console.preview())
    assert "Lovelace" not in shown
    assert "c-1" not in shown


def test_values_are_shown_on_demand(console: Console) -> None:
    shown = outcome(console.preview(reveal="on"))
    assert cells(shown)[:2] == ["name", '"Ada Lovelace"']
    assert '"id": "c-1"' in shown
    assert "whsec" not in shown


def test_a_delete_is_explained_as_one(console: Console) -> None:
    assert outcome(console.preview({"customer_id": "c-1"}, delete="on")).count("Skipped: ") == 2


def test_what_the_contract_refuses(console: Console) -> None:
    shown = outcome(console.preview({"name": "Ada"}))
    assert re.search(r"<code>customer_id</code> is part of the hard id and must not be missing", shown)


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        ("", "the body is empty"),
        ("{", "not JSON at column 2"),
        ("[]", "must be one record: a JSON object"),
        ('{"a": 1, "a": 2}', 'names "a" twice'),
        ('{"a": "\\ud800"}', "half a surrogate pair"),
        (" " * (256 * 1024 + 1), "longer than 262,144 characters"),
    ],
    ids=["nothing", "not JSON", "array", "twice", "surrogate", "long"],
)
def test_a_sample_that_cannot_be_read(console: Console, sample: str, said: str) -> None:
    assert said in console.preview(sample)


def test_markup_in_a_record_stays_text(console: Console) -> None:
    shown = console.preview({"customer_id": "c-1", "name": "<img src=x>"}, reveal="on")
    assert cells(outcome(shown))[2] == "name"
    assert "<img src=x>" in shown  # as the operator reads it


def test_nothing_can_be_previewed_before_something_is_published() -> None:
    with serving(MemoryLedger(), settings("postgresql://nowhere", operators=OPERATORS)) as empty:
        newcomer = Console(empty)
        assert "no mapping set is published" in newcomer.get("preview", 404)
        assert "Nothing has been published." in newcomer.get("mappings")


# ---- a past delivery -------------------------------------------------------------------------------------------------


def delivery_of(shop: Shop, request: UUID, integration: str = "crm") -> str:
    found = {each["integration"]: each["deliveryId"] for each in shop.deliveries(request)}
    return str(found[integration])


def test_a_request_leads_to_why(shop: Shop, console: Console) -> None:
    request = shop.request("Ada Lovelace")
    page = console.get(f"requests/{request}")
    assert page.count("Why these values?") == 2
    assert f'href="/console/deliveries/{delivery_of(shop, request)}"' in page


def test_a_delivery_is_explained_by_its_own_version(shop: Shop, console: Console) -> None:
    request = shop.request("Ada Lovelace", crm=State.DEAD)
    id = delivery_of(shop, request)
    version = shop.ledger.publications()[0].digest
    shop.publish(WITHOUT_CRM)
    shown = console.get(f"deliveries/{id}")
    shop.publish()
    assert version[:19] in shown
    assert f'href="/console/requests/{request}#d-{id}"' in shown
    assert "no such field" in shown  # what became of it
    assert cells(shown)[:5] == ["name", '"A***"', "name", "", "shop/profile.person.yaml:8:38"]
    assert "Lovelace" not in shown
    assert "mail" not in shown


def test_a_deliverys_values_are_shown_on_demand(shop: Shop, console: Console) -> None:
    id = delivery_of(shop, shop.request("Ada Lovelace"))
    assert cells(console.get(f"deliveries/{id}", reveal="on"))[:2] == ["name", '"Ada Lovelace"']


def test_a_delivery_that_was_mapped_anew_says_so(shop: Shop, console: Console) -> None:
    id = UUID(delivery_of(shop, shop.request("Ada Lovelace")))
    shop.ledger.replay([id], "tests", {id: ("send", '{"name":"ADA"}')})
    shown = console.get(f"deliveries/{id}", reveal="on")
    assert "sent again with a later mapping, which differs in" in shown
    assert '"name": "ADA"' in shown
    shop.work()


def test_a_delivery_that_never_was(console: Console) -> None:
    id = uuid4()
    assert f"there is no delivery {id} of a record." in console.get(f"deliveries/{id}", 404)
