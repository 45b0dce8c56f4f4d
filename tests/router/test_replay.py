"""Sent again as it was, or mapped anew: what would change is known before anything does."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from router.config import Config
from router.ledger.base import Selection
from router.ledger.memory import MemoryLedger
from router.model import State
from router.replay import OPERATION, PAGE, Change, changes, counted, differing, pages
from tests.support.shop import PERSON, RENAMED, WITHOUT_CRM, Shop

DEAD = State.DEAD
ADDED = PERSON.replace("who.id: customer_id}", "who: {map: {id: customer_id, called: name}}}")
STRICT = PERSON.replace("name: {type: string, optional: true}", "name: {type: integer, optional: true}")
CONDITIONAL = PERSON.replace("crm: {operation: send,", "crm: {operation: send, when: {field: name, equals: Bea},")


@pytest.fixture
def shop() -> Shop:
    made = Shop(MemoryLedger(), {})
    made.publish()
    return made


def delivery(shop: Shop, request: UUID, integration: str = "crm") -> UUID:
    return next(UUID(one["deliveryId"]) for one in shop.deliveries(request) if one["integration"] == integration)


def payload(shop: Shop, id: UUID) -> str:
    """As it is kept, to the byte."""
    (found,) = shop.ledger.replayable([id])
    return found.payload


def change(shop: Shop, id: UUID) -> Change:
    """What the current mapping makes of a delivery."""
    (made,) = changes(shop.ledger.replayable([id]), Config(shop.ledger).current())
    return made


def test_a_replay_as_it_was_is_the_same_to_the_byte(shop: Shop) -> None:
    id = delivery(shop, shop.request("Åda “A” Lovelace", crm=DEAD))
    before = payload(shop, id)
    for person in (RENAMED, WITHOUT_CRM):
        shop.publish(person)
    assert shop.ledger.replay([id], "ada") == 1
    assert payload(shop, id) == before
    sent = [each for hint in shop.ledger.claim(10) for each in shop.ledger.start_deliver(hint.hint_id, "w", 30.0)[1]]
    assert [(each.delivery_id, each.operation, dict(each.payload)["name"]) for each in sent] == [
        (id, "send", "Åda “A” Lovelace")
    ]


CHANGES: dict[str, tuple[str, str | None, tuple[str, ...], str]] = {
    "nothing": (PERSON + "# a remark\n", '{"name":"Ada","who":{"id":"c"}}', (), ""),
    "a value": (RENAMED, '{"name":"ADA","who":{"id":"c"}}', ("name",), ""),
    "a field more": (ADDED, '{"name":"Ada","who":{"id":"c","called":"Ada"}}', ("who.called",), ""),
    "not mapped": (WITHOUT_CRM, None, (), "today's mapping does not send it there"),
    "refused": (STRICT, None, (), "the record does not satisfy today's contract: name: "),
    "skipped": (CONDITIONAL, None, (), "name"),
}


@pytest.mark.parametrize(("person", "text", "fields", "reason"), CHANGES.values(), ids=CHANGES)
def test_what_the_current_mapping_changes(
    shop: Shop, person: str, text: str | None, fields: tuple[str, ...], reason: str
) -> None:
    id = delivery(shop, shop.request("Ada", crm=DEAD))
    customer = shop.ledger.replayable([id])[0].data.partition('"customer_id":"')[2][:36]
    shop.publish(person)
    made = change(shop, id)
    assert (made.delivery_id, made.integration, made.operation, made.fields) == (id, "crm", "send", fields)
    assert made.payload == (text and text.replace('"c"', f'"{customer}"'))
    assert reason in made.reason
    assert bool(made.reason) is (made.payload is None)


def test_another_operation_is_a_change(shop: Shop) -> None:
    id = delivery(shop, shop.request("Ada", crm=DEAD))
    text = payload(shop, id)
    shop.ledger.replay([id], "ada", {id: ("call", text)})
    assert change(shop, id).fields == (OPERATION,)


def test_what_is_mapped_anew_is_what_is_sent(shop: Shop) -> None:
    id = delivery(shop, shop.request("Ada", crm=DEAD))
    shop.publish(RENAMED)
    made = change(shop, id)
    assert made.payload is not None
    shop.ledger.replay([id], "ada", {id: (made.operation, made.payload)})
    assert payload(shop, id) == made.payload
    assert change(shop, id).fields == ()


ABSENT: dict[str, tuple[Any, Any, set[str]]] = {
    "same": ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2}]}}, set()),
    "value": ({"a": {"b": 1}}, {"a": {"b": 2}}, {"a.b"}),
    "more and less": ({"a": 1}, {"b": 1}, {"a", "b"}),
    "null is sent": ({}, {"a": None}, {"a"}),
    "true is not 1": ({"a": 1}, {"a": True}, {"a"}),
    "1.0 is not 1": ({"a": 1}, {"a": 1.0}, {"a"}),
    "an object for a value": ({"a": 1}, {"a": {"b": 1}}, {"a"}),
    "within a list": ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, {"a"}),
}


@pytest.mark.parametrize(("before", "after", "fields"), ABSENT.values(), ids=ABSENT)
def test_payloads_differ_where_their_json_does(before: Any, after: Any, fields: set[str]) -> None:
    assert set(differing(before, after)) == fields


def test_everything_selected_is_counted_page_by_page(shop: Shop) -> None:
    names = [f"n{number}" for number in range(PAGE // 2 + 1)]
    for _ in range(2):
        shop.request(*names, crm=DEAD)
    selection = Selection(states=[DEAD])
    assert [len(page) for page in pages(shop.ledger, selection)] == [PAGE, 2]
    assert counted(shop.ledger, selection) == Counter({("shop/main/crm", "dead"): PAGE + 2})


def test_what_leaves_the_selection_meanwhile_does_no_harm(shop: Shop) -> None:
    shop.request(*[f"n{number}" for number in range(PAGE + 5)], crm=DEAD)
    done = sum(
        shop.ledger.replay([each.delivery_id for each in page], "ada")
        for page in pages(shop.ledger, Selection(states=[DEAD]))
    )
    assert done == PAGE + 5
