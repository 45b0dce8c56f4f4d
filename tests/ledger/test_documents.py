"""What is shown of a request (api.md §5), and how requests are found and listed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from router.ledger.base import Filters
from router.model import Accepted, Entity, Rejected, State, delivery_id, new_request_id, record_id
from tests.ledger.kit import AT, LEASE, Kit, attempt, crm, event, key_of, other, verdict

AN_HOUR = timedelta(hours=1)


def deliveries(kit: Kit, accepted: Accepted) -> list[dict[str, object]]:
    return [each for record in kit.document(accepted)["records"] for each in record["deliveries"]]


def test_a_document_says_who_and_when(kit: Kit) -> None:
    accepted = kit.accept("ada")
    document = kit.document(accepted)
    assert document.pop("receivedAt").endswith("Z")
    assert document == {
        "requestId": str(accepted.request_id),
        "status": "accepted",
        "environment": "production",
        "groupKey": "main",
        "entity": "profile",
        "type": "person",
        "completedAt": None,
        "mappingVersion": "sha256:1",
        "records": [{"index": 0, "datatalksId": str(accepted.datatalks_ids[0]), "deliveries": []}],
        "callbacks": [],
    }


def test_a_document_tells_its_records_in_order(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada", "grace", "joan")
    records = kit.document(accepted)["records"]
    assert [record["index"] for record in records] == [0, 1, 2]
    assert [record["datatalksId"] for record in records] == [str(id) for id in accepted.datatalks_ids]
    assert [len(record["deliveries"]) for record in records] == [1, 1, 1]


def test_a_delivery_is_shown_with_its_history(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    failed = attempt("retryable", status=503, reason="busy", errors={"email": "?"})
    kit.finish(hint, verdict(delivery, State.RETRYING, attempt=failed))
    kit.later(61.0)
    hint, (delivery,) = kit.only()
    kit.finish(hint, verdict(delivery, attempt=attempt(status=200, provider_id="p-1", warnings=("slow",))))
    (shown,) = deliveries(kit, accepted)
    assert str(shown.pop("deliveredAt")).endswith("Z")
    assert shown == {
        "deliveryId": str(delivery_id(record_id(accepted.request_id, 0), kit.numbers["crm"])),
        "integration": "crm",
        "connector": "salesmanago",
        "operation": "upsert_contact",
        "status": "delivered",
        "reason": None,
        "since": None,
        "attempts": 2,
        "providerId": "p-1",
        "nextAttemptAt": None,
        "error": None,
        "feedback": [],
        "history": [
            {
                "at": "2026-03-01T08:00:00.120Z",
                "ms": 12.3,
                "outcome": "retryable",
                "status": 503,
                "reason": "busy",
                "errors": {"email": "?"},
            },
            {
                "at": "2026-03-01T08:00:00.120Z",
                "ms": 12.3,
                "outcome": "delivered",
                "status": 200,
                "providerId": "p-1",
                "warnings": ["slow"],
            },
        ],
    }


def test_what_will_be_tried_again_says_when_and_why(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    failed = attempt("retryable", status=503, reason="busy")
    kit.finish(hint, verdict(delivery, State.RETRYING, attempt=failed, again_in=60.0))
    (shown,) = deliveries(kit, accepted)
    assert (shown["status"], shown["error"]) == ("retrying", {"reason": "busy", "status": 503, "errors": {}})
    assert str(shown["nextAttemptAt"]).endswith("Z")


def test_what_staging_would_have_sent_is_shown(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    request = {"method": "POST", "url": "https://example.com/api", "body": {"email": "***"}}
    kit.finish(hint, verdict(delivery, attempt=attempt(request=request)))
    (shown,) = deliveries(kit, accepted)
    assert shown["history"][0]["request"] == request  # type: ignore[index]


@pytest.mark.parametrize(
    "text", ["a\0b", "\ud800", "åäö 🎉", "\\u0000"], ids=["a NUL", "half a pair", "fine", "escaped"]
)
def test_whatever_a_provider_says_can_be_kept(kit: Kit, text: str) -> None:
    accepted = kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    said = attempt("rejected", reason=text, provider_id=text, errors={text: text}, warnings=(text,))
    assert kit.finish(hint, verdict(delivery, State.DEAD, attempt=said)) == 1
    (shown,) = deliveries(kit, accepted)
    kept = text.replace("\0", "\ufffd").replace("\ud800", "?")
    assert shown["error"] == {"reason": kept, "status": None, "errors": {kept: kept}}


def test_a_record_that_was_skipped_says_why(kit: Kit) -> None:
    accepted = kit.accept("ada")
    kit.plan("crm", state=State.SKIPPED)
    (shown,) = deliveries(kit, accepted)
    assert (shown["status"], shown["reason"], shown["attempts"]) == ("skipped", "a rule said no", 0)


# ---- states that are read off the hint and the destination


def test_what_a_worker_holds_is_being_sent(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    (hint,) = kit.claim()
    assert kit.states(accepted) == ["pending"]
    kit.start(hint)
    assert kit.states(accepted) == ["sending"]


def test_what_left_and_never_came_back_is_being_sent(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    kit.ledger.leaving(hint.hint_id, [delivery.delivery_id], LEASE)
    assert kit.states(accepted) == ["sending"]


def test_what_is_paused_is_parked(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    kit.ledger.pause([kit.numbers["crm"]], "grace")
    (shown,) = deliveries(kit, accepted)
    assert (shown["status"], shown["reason"]) == ("parked", "paused by grace")
    assert str(shown["since"]).endswith("Z")


def test_what_an_open_breaker_holds_is_parked(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    kit.ledger.switch(kit.numbers["crm"], "closed", "open", 1, "10 of 10 failed")
    (shown,) = deliveries(kit, accepted)
    assert (shown["status"], shown["reason"]) == ("parked", "10 of 10 failed")
    assert str(shown["since"]).endswith("Z")


def test_what_no_set_names_any_more_is_parked(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    kit.publish()
    assert kit.states(accepted) == ["parked"]


def test_what_goes_after_another_one_of_its_record_says_so(kit: Kit) -> None:
    first, second = kit.accept("ada"), kit.accept("ada")
    kit.plan()
    (shown,), (behind,) = deliveries(kit, first), deliveries(kit, second)
    assert (shown["status"], shown["reason"]) == ("pending", None)
    first_goes = f"goes after delivery {shown['deliveryId']} of the same record"
    assert (behind["status"], behind["reason"]) == ("pending", first_goes)


def test_what_waits_for_its_account_says_so(kit: Kit) -> None:
    first, second = kit.accept("ada"), kit.accept("grace")
    kit.plan()
    hint, (delivery, other_one) = kit.only()
    kit.finish(hint, verdict(delivery, State.RETRYING), verdict(other_one, State.PENDING), blocked_for=40.0)
    for each in (first, second):
        (shown,) = deliveries(kit, each)
        assert str(shown["reason"]).startswith("the provider asked to be left alone until ")


def test_an_identity_is_found_by_its_key(kit: Kit) -> None:
    accepted = kit.accept("ada", "grace")
    keys = [key_of("ada"), uuid4(), key_of("grace")]
    assert kit.ledger.identified(keys) == sorted(accepted.datatalks_ids)
    assert kit.ledger.identified([]) == []


@pytest.mark.parametrize("state", [State.DELIVERED, State.DEAD, State.UNKNOWN])
def test_what_has_ended_is_not_parked(kit: Kit, state: State) -> None:
    accepted = kit.accept_and_plan("ada")
    kit.end_all(state)
    kit.ledger.pause([kit.numbers["crm"]], "grace")
    assert kit.states(accepted) == [state]


def test_callbacks_are_shown_beside_the_records(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada", callback=True)
    kit.end_all()
    hint, (callback,) = kit.only()
    kit.finish(hint, verdict(callback, State.RETRYING, attempt=attempt("retryable", status=500, reason="oops")))
    (shown,) = kit.document(accepted)["callbacks"]
    assert (shown["type"], shown["about"], shown["status"]) == ("request.completed", None, "retrying")
    assert (shown["deliveryId"], shown["attempts"]) == (str(callback.delivery_id), 1)
    assert shown["error"] == {"reason": "oops", "status": 500, "errors": {}}


# ---- whose it is


def test_another_client_sees_nothing(kit: Kit) -> None:
    accepted = kit.accept("ada")
    assert kit.ledger.document(accepted.request_id, "acme") is not None
    assert kit.ledger.document(accepted.request_id, "umbrella") is None


def test_another_client_sees_no_refused_call(kit: Kit) -> None:
    id = new_request_id()
    kit.ledger.reject(Rejected(id, "acme", "v2", None, 400, ["no"]))
    assert kit.ledger.document(id, "acme") is not None
    assert kit.ledger.document(id, "umbrella") is None


def test_what_never_was_is_nothing(kit: Kit) -> None:
    assert kit.ledger.document(new_request_id()) is None


def test_the_requests_of_one_moment_do_not_mix(kit: Kit) -> None:
    """Ids that differ in their last bits only, which say which record, or in those just before."""
    base = new_request_id().int & ~((1 << 62) - 1)
    ids = [UUID(int=base | low << 34) for low in (1, 2, 3)]
    for id in ids:
        kit.accept("ada", "grace", request_id=id)
    kit.plan()
    for id in ids:
        records = kit.document(id)["records"]
        assert [len(record["deliveries"]) for record in records] == [1, 1]


# ---- finding


def test_a_request_is_found_by_how_it_begins(kit: Kit) -> None:
    id = kit.accept("ada").request_id
    for prefix in (str(id), str(id)[:8], str(id)[:13], id.hex[:20], str(id).upper()[:15]):
        assert kit.ledger.find(prefix) == [id]


def test_a_refused_call_is_found_as_well(kit: Kit) -> None:
    id = new_request_id()
    kit.ledger.reject(Rejected(id, None, "v2", None, 403, ["no"]))
    assert kit.ledger.find(str(id)[:18]) == [id]


@pytest.mark.parametrize("prefix", ["ffffffff", "xyz", "0" * 40, "%"], ids=["none", "no digits", "too long", "percent"])
def test_what_no_id_begins_with_finds_nothing(kit: Kit, prefix: str) -> None:
    kit.accept("ada")
    assert kit.ledger.find(prefix) == []


def test_the_ten_newest_are_found(kit: Kit) -> None:
    ids = [kit.accept("ada").request_id for _ in range(12)]
    assert kit.ledger.find(str(ids[0])[:6]) == ids[:1:-1]


# ---- listing


def listed(kit: Kit, client: str | None = "acme", **filters: object) -> list[UUID]:
    found = kit.ledger.documents(client, Filters(**filters), 100, None)  # type: ignore[arg-type]
    return [UUID(one["requestId"]) for one in found]


def test_requests_are_listed_newest_first_without_their_records(kit: Kit) -> None:
    ids = [kit.accept("ada").request_id for _ in range(3)]
    assert listed(kit) == ids[::-1]
    (one,) = kit.ledger.documents("acme", Filters(), 1, None)
    assert one == {key: value for key, value in kit.document(ids[-1]).items() if key not in ("records", "callbacks")}


def test_pages_follow_one_another(kit: Kit) -> None:
    ids = [kit.accept("ada").request_id for _ in range(5)]
    pages = []
    before = None
    while page := kit.ledger.documents("acme", Filters(), 2, before):
        pages.append([UUID(one["requestId"]) for one in page])
        before = pages[-1][-1]
    assert pages == [ids[:2:-1], ids[2:0:-1], ids[:1]]


def test_lists_are_of_one_client_or_of_all(kit: Kit) -> None:
    kit.accept("ada")
    foreign = kit.accept("ada", client="umbrella").request_id
    assert listed(kit, "umbrella") == [foreign]
    assert len(listed(kit, None)) == 2


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"status": "completed"}, True),
        ({"status": "accepted"}, False),
        ({"status": "completed_with_errors"}, False),
        ({"status": "no such"}, False),
        ({"group": "main"}, True),
        ({"group": "other"}, False),
        ({"entity": "profile"}, True),
        ({"entity": "event"}, False),
        ({"type": "person"}, True),
        ({"type": "company"}, False),
        ({"integration": "crm"}, True),
        ({"integration": "erp"}, False),
        ({"datatalks_id": UUID(int=4)}, False),
        ({"since": datetime.now(UTC) - AN_HOUR}, True),
        ({"since": datetime.now(UTC) + AN_HOUR}, False),
        ({"until": datetime.now(UTC) + AN_HOUR}, True),
        ({"until": datetime.now(UTC) - AN_HOUR}, False),
        ({"group": "main", "entity": "profile", "integration": "crm", "status": "completed"}, True),
    ],
)
def test_lists_are_narrowed(kit: Kit, filters: dict[str, object], found: bool) -> None:
    kit.publish(crm(), other("erp"))
    id = kit.accept_and_plan("ada").request_id
    kit.end_all()
    assert listed(kit, **filters) == ([id] if found else [])


def test_a_list_of_what_failed(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    kit.end_all()
    dead = kit.accept_and_plan("ada").request_id
    kit.end_all(State.DEAD)
    assert listed(kit, status="completed_with_errors") == [dead]


def test_a_list_of_one_entity(kit: Kit) -> None:
    first = kit.accept("ada", "grace", "ada")
    kit.accept("grace")
    again = kit.accept("ada")
    kit.accept(event("order-1", "ada"), entity=Entity.EVENT, type="purchase")
    assert listed(kit, datatalks_id=first.datatalks_ids[0]) == [again.request_id, first.request_id]


def test_a_list_of_refused_calls(kit: Kit) -> None:
    kit.accept("ada")
    ids = [new_request_id() for _ in range(3)]
    for id in ids:
        kit.ledger.reject(Rejected(id, "acme", "v2", None, 400, ["no"]))
    assert listed(kit, status="rejected") == ids[::-1]
    assert listed(kit, "umbrella", status="rejected") == []
    assert len(listed(kit, None, status="rejected")) == 3


def test_refused_calls_are_in_no_other_list(kit: Kit) -> None:
    kit.ledger.reject(Rejected(new_request_id(), "acme", "v2", None, 400, ["no"]))
    assert listed(kit) == []


def test_times_are_told_in_utc_with_milliseconds(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    elsewhere = AT.astimezone(tz=None)
    kit.finish(hint, verdict(delivery, attempt=attempt(at=elsewhere)))
    (shown,) = deliveries(kit, accepted)
    assert shown["history"][0]["at"] == "2026-03-01T08:00:00.120Z"  # type: ignore[index]
