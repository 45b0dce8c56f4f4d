"""What providers tell later: kept once, with the delivery it belongs to, and passed on."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from router.ledger.feedback import KeptFeedback, NewFeedback
from router.ledger.postgres import PostgresLedger
from router.model import Accepted, State, new_request_id
from tests.ledger.conftest import shift
from tests.ledger.kit import Kit, attempt, crm, key_of, other, verdict

ADA = key_of("ada")


def now() -> datetime:
    return datetime.now(UTC)


def told(event: str = "opened", **more: Any) -> NewFeedback:
    """News that names nothing to find its delivery by, unless it is given."""
    return NewFeedback(**{"key": uuid4(), "event": event, "original": event[:4], "at": now(), **more})


def keep(kit: Kit, *news: NewFeedback, integration: str = "crm") -> KeptFeedback:
    return kit.ledger.keep_feedback(kit.numbers[integration], news)


def delivered(kit: Kit, *names: str, provider_id: str | None = None, **changes: Any) -> Accepted:
    """Profiles accepted and delivered to `crm`, which answered with an id of the person."""
    accepted = kit.accept_and_plan(*names, **changes)
    hint, deliveries = kit.only()
    kit.finish(hint, *(verdict(each, attempt=attempt(provider_id=provider_id)) for each in deliveries))
    return accepted


def deliveries_of(kit: Kit, accepted: Accepted) -> list[Mapping[str, Any]]:
    return [delivery for record in kit.document(accepted)["records"] for delivery in record["deliveries"]]


def delivery_of(kit: Kit, accepted: Accepted) -> UUID:
    (delivery,) = deliveries_of(kit, accepted)
    return UUID(delivery["deliveryId"])


def matched(kit: Kit, accepted: Accepted) -> list[str]:
    """How the feedback of a request's only delivery was found."""
    (delivery,) = deliveries_of(kit, accepted)
    return [one["matchedBy"] for one in delivery["feedback"]]


# ---- kept ------------------------------------------------------------------------------------------------------------


def test_feedback_is_shown_with_its_delivery(kit: Kit) -> None:
    accepted = delivered(kit, "ada")
    at = datetime(2026, 3, 1, 9, 0, 0, 5000, tzinfo=UTC)
    keep(kit, told("clicked", original="click", at=at, delivery=delivery_of(kit, accepted), detail={"mail_id": 7}))
    (delivery,) = deliveries_of(kit, accepted)
    (shown,) = delivery["feedback"]
    assert all(shown.pop(name) for name in ("feedbackId", "receivedAt"))
    assert shown == {
        "event": "clicked",
        "original": "click",
        "at": "2026-03-01T09:00:00.005Z",
        "matchedBy": "delivery",
        "detail": {"mail_id": 7},
    }


def test_a_delivery_that_nobody_spoke_of_has_none(kit: Kit) -> None:
    (delivery,) = deliveries_of(kit, delivered(kit, "ada"))
    assert delivery["feedback"] == []


def test_feedback_of_one_record_is_not_shown_with_another(kit: Kit) -> None:
    accepted = delivered(kit, "ada", "bob")
    first, second = (UUID(each["deliveryId"]) for each in deliveries_of(kit, accepted))
    keep(kit, told("opened", delivery=first), told("clicked", delivery=second))
    events = [[one["event"] for one in each["feedback"]] for each in deliveries_of(kit, accepted)]
    assert events == [["opened"], ["clicked"]]


def test_what_is_new_and_what_was_found_is_counted(kit: Kit) -> None:
    id = delivery_of(kit, delivered(kit, "ada"))
    assert keep(kit, told(delivery=id), told(delivery=id), told()) == KeptFeedback(new=3, matched=2)


@pytest.mark.parametrize("together", [True, False], ids=["in one call", "in another call"])
def test_a_repeat_is_nothing_new(kit: Kit, together: bool) -> None:
    accepted = delivered(kit, "ada", callback=True)
    kit.end_all()
    news = told(delivery=delivery_of(kit, accepted))
    for call in [[news, news]] if together else [[news], [news]]:
        keep(kit, *call)
    assert matched(kit, accepted) == ["delivery"]
    assert kit.callbacks(accepted).count("delivery.feedback") == 1


def test_a_repeat_at_the_same_moment_is_nothing_new(kit: Kit) -> None:
    accepted = delivered(kit, "ada")
    news = told(delivery=delivery_of(kit, accepted))
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda _: keep(kit, news), range(16)))
    assert sum(each.new for each in kept) == 1


def test_what_nobody_can_place_is_kept_unmatched(kit: Kit) -> None:
    accepted = delivered(kit, "ada")
    assert keep(kit, told(person="stranger", identities=[key_of("eve")])) == KeptFeedback(new=1, matched=0)
    (row,) = kit.ledger.feedback(kit.numbers["crm"], 10)
    assert (row.event, row.delivery_id, row.matched_by) == ("opened", None, None)
    assert matched(kit, accepted) == []


def test_the_latest_feedback_comes_first_and_not_more_than_wanted(kit: Kit) -> None:
    for event in ("one", "two", "three"):
        keep(kit, told(event))
        kit.later(1)
    kit.publish(other("shop"))
    keep(kit, told("elsewhere"), integration="shop")
    assert [row.event for row in kit.ledger.feedback(kit.numbers["crm"], 2)] == ["three", "two"]


# ---- found -----------------------------------------------------------------------------------------------------------


def test_by_the_id_that_went_along(kit: Kit) -> None:
    first, second = delivered(kit, "ada", provider_id="p-1"), delivered(kit, "ada", provider_id="p-1")
    keep(kit, told(delivery=delivery_of(kit, first), person="p-1"))
    assert (matched(kit, first), matched(kit, second)) == (["delivery"], [])


def test_by_the_id_that_was_the_answer(kit: Kit) -> None:
    bob, ada = delivered(kit, "bob", provider_id="p-1"), delivered(kit, "ada", provider_id="p-2")
    keep(kit, told(person="p-1"))
    assert (matched(kit, bob), matched(kit, ada)) == (["provider_id"], [])


def test_by_a_person_of_whom_there_was_feedback(kit: Kit) -> None:
    accepted = delivered(kit, "ada")
    keep(kit, told("sent", delivery=delivery_of(kit, accepted), person="p-1"))
    keep(kit, told("unsubscribed", person="p-1"))
    assert sorted(matched(kit, accepted)) == ["delivery", "earlier_feedback"]


def test_by_a_hard_id_of_the_person(kit: Kit) -> None:
    accepted = delivered(kit, "ada")
    keep(kit, told(person="p-1", identities=[key_of("nobody"), ADA]))
    assert matched(kit, accepted) == ["identity"]


def test_of_several_deliveries_the_latest(kit: Kit) -> None:
    first, second = delivered(kit, "ada"), delivered(kit, "ada")
    keep(kit, told(identities=[ADA]))
    assert (matched(kit, first), matched(kit, second)) == ([], ["identity"])


@pytest.mark.parametrize("way", [{"person": "p-1"}, {"identities": [ADA]}], ids=["provider's id", "hard id"])
def test_not_one_that_was_accepted_after_it_happened(kit: Kit, way: Mapping[str, Any]) -> None:
    accepted = delivered(kit, "ada", provider_id="p-1")
    keep(kit, told(at=now() - timedelta(hours=1), **way))
    assert matched(kit, accepted) == []


@pytest.mark.parametrize("at", [None, datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)], ids=str)
def test_any_time_will_do(kit: Kit, at: datetime | None) -> None:
    accepted = delivered(kit, "ada")
    keep(kit, told(at=at, delivery=delivery_of(kit, accepted)))
    assert matched(kit, accepted) == ["delivery"]


@pytest.mark.parametrize("at", [None, datetime(9999, 1, 1, tzinfo=UTC)], ids=["untold", "in the future"])
def test_without_a_time_it_happened_now(kit: Kit, at: datetime | None) -> None:
    accepted = delivered(kit, "ada")
    keep(kit, told(at=at, identities=[ADA]))
    assert matched(kit, accepted) == ["identity"]


def test_never_a_delivery_to_another_integration(kit: Kit) -> None:
    accepted = delivered(kit, "ada", provider_id="p-1")
    kit.publish(other("shop"))
    keep(kit, told(delivery=delivery_of(kit, accepted), person="p-1", identities=[ADA]), integration="shop")
    assert matched(kit, accepted) == []


def test_never_one_that_was_skipped(kit: Kit) -> None:
    accepted = kit.accept("ada")
    kit.plan(state=State.SKIPPED)
    keep(kit, told(identities=[ADA]))
    assert matched(kit, accepted) == []


def test_news_that_came_before_the_outcome_was_kept_is_found_a_little_later(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada", callback=True)
    hint, deliveries = kit.only()
    keep(kit, told(person="p-1"))
    assert kit.ledger.match_feedback() == 0
    kit.finish(hint, *(verdict(each, attempt=attempt(provider_id="p-1")) for each in deliveries))
    assert [kit.ledger.match_feedback(), kit.ledger.match_feedback()] == [1, 0]
    assert matched(kit, accepted) == ["provider_id"]
    assert "delivery.feedback" in kit.callbacks(accepted)


def test_news_that_stays_unmatched_is_given_up(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    hint, deliveries = kit.only()
    keep(kit, told(person="p-1"))
    kit.finish(hint, *(verdict(each, attempt=attempt(provider_id="p-1")) for each in deliveries))
    kit.later(200)
    assert kit.ledger.match_feedback() == 0
    assert matched(kit, accepted) == []


# ---- passed on -------------------------------------------------------------------------------------------------------


def test_the_client_is_told_of_each_in_the_order_in_which_they_happened(kit: Kit) -> None:
    accepted = delivered(kit, "ada", callback=True)
    kit.end_all()
    id = delivery_of(kit, accepted)
    at = now()
    keep(kit, told("clicked", delivery=id, at=at), told("opened", delivery=id, at=at - timedelta(seconds=9)))
    _, due = kit.only()
    (delivery,) = deliveries_of(kit, accepted)
    ids = {one["event"]: one["feedbackId"] for one in delivery["feedback"]}
    assert [each.payload for each in due] == [
        {"type": "delivery.feedback", "deliveryId": str(id), "feedbackId": ids[event]}
        for event in ("opened", "clicked")
    ]


@pytest.mark.parametrize("how", ["no callback", "unmatched"])
def test_nobody_is_told(kit: Kit, how: str) -> None:
    accepted = delivered(kit, "ada", callback=how != "no callback")
    kit.end_all()
    keep(kit, told(delivery=delivery_of(kit, accepted) if how == "no callback" else None))
    assert kit.claim() == []


def test_the_ledger_balances_with_feedback(kit: Kit) -> None:
    accepted = delivered(kit, "ada", callback=True)
    keep(kit, told(delivery=delivery_of(kit, accepted)))
    assert kit.ledger.audit().differences == []
    kit.end_all()
    assert kit.ledger.audit().differences == []


# ---- read back -------------------------------------------------------------------------------------------------------


def test_the_document_of_one_delivery_has_that_alone(kit: Kit) -> None:
    kit.publish(other("shop"))
    accepted = kit.accept("ada", "bob", callback=True)
    kit.plan("crm", "shop")
    kit.end_all()
    whole = kit.document(accepted)
    wanted = whole["records"][1]["deliveries"][0]
    keep(kit, told(delivery=UUID(wanted["deliveryId"])), integration=wanted["integration"])
    found = kit.ledger.document(accepted.request_id, delivery=UUID(wanted["deliveryId"]))
    assert found is not None
    assert found["callbacks"] == []
    assert [record["index"] for record in found["records"]] == [1]
    (delivery,) = found["records"][0]["deliveries"]
    assert delivery["deliveryId"] == wanted["deliveryId"]
    assert [one["event"] for one in delivery["feedback"]] == ["opened"]


def test_what_the_client_is_still_to_be_told_is_kept_however_old_its_request(database_url: str) -> None:
    past = UUID(int=new_request_id().int - (100 * 86_400_000 << 80))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT make_partitions(now() - interval '110 days', now() - interval '90 days')")
    with closing(PostgresLedger(database_url, size=2)) as ledger:
        kit = Kit(ledger, shift(database_url))
        kit.publish(crm())
        old = delivered(kit, "ada", callback=True, request_id=past)
        kit.end_all()
        keep(kit, told(delivery=delivery_of(kit, old)))
        ledger.keep_house(30)
        assert kit.callbacks(old) == ["request.completed", "delivery.feedback"]
        kit.end_all()
        ledger.keep_house(30)
        assert ledger.document(old.request_id) is None


def test_values_are_kept_as_told(kit: Kit) -> None:
    detail = {"reason": "settings_all_types", "mail_id": 2**40, "å": "ö"}
    keep(kit, replace(told(), detail=detail))
    (row,) = kit.ledger.feedback(kit.numbers["crm"], 10)
    assert row.detail == detail
