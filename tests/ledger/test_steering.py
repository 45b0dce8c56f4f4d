"""What a person may do to the work: list what failed, replay, resolve, cancel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from router.ledger.base import Selection
from router.model import Accepted, State
from tests.ledger.kit import Kit, crm, other, verdict


def ended(kit: Kit, state: State, *names: str, callback: bool = False) -> Accepted:
    accepted = kit.accept_and_plan(*(names or ("ada",)), callback=callback)
    kit.end_all(state)
    return accepted


def ids(kit: Kit, accepted: Accepted) -> list[UUID]:
    records = kit.document(accepted)["records"]
    return [UUID(delivery["deliveryId"]) for record in records for delivery in record["deliveries"]]


def selected(kit: Kit, **selection: object) -> Sequence[UUID]:
    return [each.request_id for each in kit.ledger.letters(Selection(**selection), 100)]  # type: ignore[arg-type]


# ---- letters


def test_a_letter_says_what_failed_and_why(kit: Kit) -> None:
    accepted = ended(kit, State.DEAD)
    (letter,) = kit.failed()
    assert (letter.request_id, letter.client, letter.group, letter.integration) == (
        accepted.request_id,
        "acme",
        "main",
        "crm",
    )
    assert (letter.entity, letter.type, letter.operation) == ("profile", "person", "upsert_contact")
    assert (letter.state, letter.reason, letter.attempts) == (State.DEAD, "no such field", 1)
    assert letter.finished_at is not None


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        ({}, True),
        ({"states": [State.DEAD]}, True),
        ({"states": [State.UNKNOWN]}, False),
        ({"reason": "NO SUCH"}, True),
        ({"reason": "timeout"}, False),
        ({"entity": "profile"}, True),
        ({"entity": "event"}, False),
        ({"type": "person"}, True),
        ({"type": "company"}, False),
        ({"since": datetime.now(UTC) - timedelta(hours=1)}, True),
        ({"since": datetime.now(UTC) + timedelta(hours=1)}, False),
        ({"until": datetime.now(UTC) + timedelta(hours=1)}, True),
        ({"until": datetime.now(UTC) - timedelta(hours=1)}, False),
        ({"destinations": []}, False),
    ],
    ids=lambda case: "+".join(case) or "all" if isinstance(case, dict) else str(case),
)
def test_letters_are_selected(kit: Kit, selection: dict[str, object], found: bool) -> None:
    accepted = ended(kit, State.DEAD)
    assert selected(kit, **selection) == ([accepted.request_id] if found else [])


def test_letters_are_selected_by_destination_request_and_name(kit: Kit) -> None:
    kit.publish(crm(), other("erp"))
    first, second = ended(kit, State.DEAD, "ada"), ended(kit, State.DEAD, "grace")
    assert selected(kit, destinations=[kit.numbers["crm"]]) == [first.request_id, second.request_id]
    assert selected(kit, destinations=[kit.numbers["erp"]]) == []
    assert selected(kit, request_id=second.request_id) == [second.request_id]
    assert selected(kit, deliveries=ids(kit, first)) == [first.request_id]


def test_letters_come_in_pages(kit: Kit) -> None:
    ended(kit, State.DEAD, "ada", "grace", "joan")
    first = kit.ledger.letters(Selection(), 2)
    rest = kit.ledger.letters(Selection(), 2, after=first[-1].delivery_id)
    assert [len(first), len(rest)] == [2, 1]
    assert len({each.delivery_id for each in [*first, *rest]}) == 3


def test_callbacks_are_no_letters(kit: Kit) -> None:
    ended(kit, State.DELIVERED, callback=True)
    kit.end_all(State.DEAD)
    assert kit.failed() == []


# ---- replays


@pytest.mark.parametrize("state", [State.DEAD, State.UNKNOWN, State.DELIVERED])
def test_what_has_ended_can_be_sent_again(kit: Kit, state: State) -> None:
    accepted = ended(kit, state)
    assert kit.ledger.replay(ids(kit, accepted), "ada") == 1
    assert kit.document(accepted)["status"] == "accepted"
    _, (again,) = kit.only()
    assert (again.request_id, again.payload, again.attempts) == (accepted.request_id, {"contact": {}}, 0)
    assert again.replayed
    assert kit.ledger.audit().differences == []


@pytest.mark.parametrize("state", [State.RETRYING, State.PENDING])
def test_what_is_still_owed_cannot_be_replayed(kit: Kit, state: State) -> None:
    accepted = ended(kit, state)
    assert kit.ledger.replay(ids(kit, accepted), "ada") == 0


def test_a_replay_that_is_asked_for_twice_is_one(kit: Kit) -> None:
    accepted = ended(kit, State.DEAD)
    twice = ids(kit, accepted) * 2
    assert [kit.ledger.replay(twice, "ada"), kit.ledger.replay(twice, "ada")] == [1, 0]
    kit.end_all()
    assert kit.document(accepted)["status"] == "completed"
    assert kit.ledger.audit().differences == []


def test_a_replay_keeps_the_history_and_names_who_asked(kit: Kit) -> None:
    accepted = ended(kit, State.DEAD)
    kit.ledger.replay(ids(kit, accepted), "grace")
    kit.end_all()
    (delivery,) = kit.document(accepted)["records"][0]["deliveries"]
    assert [(one["outcome"], one.get("by")) for one in delivery["history"]] == [
        ("rejected", None),
        ("replayed", "grace"),
        ("delivered", None),
    ]
    assert (delivery["status"], delivery["attempts"], delivery["error"]) == ("delivered", 2, None)


def test_a_replay_may_carry_what_is_mapped_anew(kit: Kit) -> None:
    accepted = ended(kit, State.DEAD)
    (id,) = ids(kit, accepted)
    kit.ledger.replay([id], "ada", {id: ("add_event", '{"event":{}}')})
    _, (again,) = kit.only()
    assert (again.operation, again.payload) == ("add_event", {"event": {}})


def test_what_is_replayed_can_be_mapped_from_its_record(kit: Kit) -> None:
    accepted = ended(kit, State.DEAD)
    (kept,) = kit.ledger.replayable(ids(kit, accepted))
    assert (kept.entity, kept.type, kept.action, kept.integration) == ("profile", "person", "upsert", "crm")
    assert (kept.operation, kept.payload, kept.data) == (
        "upsert_contact",
        '{"contact":{}}',
        '{"customer_id":"ada"}',
    )


def test_what_was_never_mapped_is_a_letter_and_goes_out_mapped_anew(kit: Kit) -> None:
    accepted = kit.accept("ada")
    kit.plan(state=State.DEAD)
    (letter,) = kit.failed()
    (found,) = kit.ledger.replayable([letter.delivery_id])
    assert (letter.mapped, found.payload) == (False, None)
    assert kit.ledger.replay([letter.delivery_id], "ada") == 0
    assert kit.ledger.replay([letter.delivery_id], "ada", {letter.delivery_id: ("upsert_contact", "{}")}) == 1
    kit.end_all()
    assert kit.states(accepted) == ["delivered"]
    assert kit.ledger.audit().differences == []


def test_a_schedule_begins_anew_with_a_replay(kit: Kit) -> None:
    accepted = ended(kit, State.DEAD)
    kit.ledger.replay(ids(kit, accepted), "ada")
    kit.end_all(State.RETRYING)
    kit.later(61.0)
    _, (again,) = kit.only()
    assert again.attempts == 1


# ---- resolving


def test_what_a_person_knows_to_have_arrived_is_delivered(kit: Kit) -> None:
    accepted = ended(kit, State.UNKNOWN, callback=True)
    assert kit.ledger.resolve(ids(kit, accepted), "ada") == 1
    document = kit.document(accepted)
    assert (document["status"], kit.states(accepted)) == ("completed", ["delivered"])
    assert sorted(kit.callbacks(accepted)) == [
        "delivery.recovered",
        "delivery.unknown",
        "request.completed_with_errors",
    ]
    assert kit.ledger.audit().differences == []


@pytest.mark.parametrize("state", [State.DEAD, State.DELIVERED, State.RETRYING])
def test_only_what_is_unknown_can_be_resolved(kit: Kit, state: State) -> None:
    accepted = ended(kit, state)
    assert kit.ledger.resolve(ids(kit, accepted), "ada") == 0


# ---- cancelling


def test_what_is_cancelled_is_not_sent(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada", callback=True)
    assert kit.ledger.cancel(ids(kit, accepted), "ada") == 1
    assert (kit.document(accepted)["status"], kit.states(accepted)) == ("completed", ["cancelled"])
    assert kit.callbacks(accepted) == ["request.completed"]
    assert [hint.queue for hint in kit.claim()] == ["callback"]
    assert kit.ledger.audit().differences == []


def test_what_is_being_sent_cannot_be_cancelled(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada", "grace")
    hint, deliveries = kit.only()
    assert kit.ledger.cancel(ids(kit, accepted), "ada") == 0
    assert kit.finish(hint, *map(verdict, deliveries)) == 2


def test_what_was_cancelled_can_be_sent_after_all(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    kit.ledger.cancel(ids(kit, accepted), "ada")
    kit.ledger.replay(ids(kit, accepted), "ada")
    kit.end_all()
    assert kit.states(accepted) == ["delivered"]


# ---- places


def test_a_place_tells_what_waits_and_what_is_in_flight(kit: Kit) -> None:
    kit.publish(crm(chunk=2, max_hints=1))
    kit.accept_and_plan("ada", "grace", "joan")
    kit.given()
    (place,) = [each for each in kit.ledger.places("acme") if each.integration == "crm"]
    assert (place.number, place.waiting, place.in_flight) == (kit.numbers["crm"], 3, 2)
    assert (place.enabled, place.paused_at, place.breaker, place.blocked_until) == (True, None, "closed", None)
    assert place.oldest_due_at is not None


def test_places_are_of_one_client_or_of_all(kit: Kit) -> None:
    assert [each.integration for each in kit.ledger.places("acme")] == ["-route", "-callback", "crm"]
    assert kit.ledger.places("umbrella") == []
    assert len(kit.ledger.places()) == 3
