"""Who is who, and what is kept of a call."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid4

import pytest

from router.ledger.base import IdempotencyMismatch, PinConflict
from router.model import Accepted, Action, NewRecord, Rejected, new_request_id
from tests.ledger.kit import LEASE, WORKER, Kit, event, idempotency, key_of, record

T = TypeVar("T")


def at_once(calls: list[Callable[[], T]]) -> list[T]:
    """What each call returns, all of them begun together."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_a_hard_id_keeps_its_datatalks_id(kit: Kit) -> None:
    assert kit.accept("ada").datatalks_ids == kit.accept("ada").datatalks_ids


def test_another_hard_id_gets_another(kit: Kit) -> None:
    assert kit.accept("ada").datatalks_ids != kit.accept("grace").datatalks_ids


def test_the_records_of_one_call_are_named_in_their_order(kit: Kit) -> None:
    names = [f"c-{number}" for number in range(500)]
    together = kit.accept(*names)
    alone = [kit.accept(name).datatalks_ids[0] for name in names[::100]]
    assert list(together.datatalks_ids[::100]) == alone


def test_a_hard_id_that_comes_twice_in_one_call_is_one_entity(kit: Kit) -> None:
    first, second, third = kit.accept("ada", "grace", "ada").datatalks_ids
    assert first == third != second


def test_a_call_of_500_with_every_hard_id_twice(kit: Kit) -> None:
    assert len(set(kit.accept(*[f"c-{number % 250}" for number in range(500)]).datatalks_ids)) == 250


def test_a_pin_names_a_new_entity(kit: Kit) -> None:
    pin = uuid4()
    assert kit.accept(record("ada", pinned=pin)).datatalks_ids == (pin,)
    assert kit.accept("ada").datatalks_ids == (pin,)


def test_a_pin_makes_a_hard_id_a_second_name_of_an_entity(kit: Kit) -> None:
    (ada,) = kit.accept("ada").datatalks_ids
    assert kit.accept(record("ada@example.com", pinned=ada)).datatalks_ids == (ada,)


def test_a_pin_that_names_what_is_known_is_fine(kit: Kit) -> None:
    (ada,) = kit.accept("ada").datatalks_ids
    assert kit.accept(record("ada", pinned=ada), "grace").datatalks_ids[0] == ada


def test_a_pinned_record_wins_over_an_unpinned_one_of_the_same_call(kit: Kit) -> None:
    pin = uuid4()
    assert kit.accept("ada", record("ada", pinned=pin)).datatalks_ids == (pin, pin)


@pytest.mark.parametrize("records", [1, 3], ids=["alone", "among others"])
def test_a_pin_against_a_known_hard_id_is_refused_with_its_index(kit: Kit, records: int) -> None:
    kit.accept("ada")
    others = [f"c-{number}" for number in range(records - 1)]
    with pytest.raises(PinConflict) as refused:
        kit.accept(*others, record("ada", pinned=uuid4()))
    assert refused.value.index == records - 1


def test_a_refused_call_leaves_nothing(kit: Kit) -> None:
    kit.accept("ada")
    request = kit.request("grace", record("ada", pinned=uuid4()))
    with pytest.raises(PinConflict):
        kit.ledger.accept(request)
    assert kit.ledger.document(request.request_id) is None
    assert kit.ledger.audit().accepted == 1


def test_two_pins_for_one_new_hard_id_are_refused(kit: Kit) -> None:
    with pytest.raises(PinConflict):
        kit.accept(record("ada", pinned=uuid4()), record("ada", pinned=uuid4()))


def test_an_event_is_ordered_by_its_profile(kit: Kit) -> None:
    (ada,) = kit.accept("ada").datatalks_ids
    kit.accept(event("order-1", "ada"))
    kit.plan()
    _, deliveries = kit.only()
    assert [each.ordering_key for each in deliveries] == [ada, ada]


def test_an_event_may_come_before_its_profile(kit: Kit) -> None:
    bought = kit.accept(event("order-1", "ada"), event("order-2", "ada"))
    profile = kit.accept("ada")
    kit.plan()
    _, deliveries = kit.only()
    assert {each.ordering_key for each in deliveries} == set(profile.datatalks_ids)
    assert profile.datatalks_ids[0] not in bought.datatalks_ids


def test_an_alias_joins_a_new_name(kit: Kit) -> None:
    (ada,) = kit.accept(record("ada", joins=key_of("anonymous-7"))).datatalks_ids
    assert kit.accept("anonymous-7").datatalks_ids == (ada,)


def test_an_alias_joins_a_known_name_from_now_on(kit: Kit) -> None:
    (anonymous,) = kit.accept("anonymous-7").datatalks_ids
    (ada,) = kit.accept(record("ada", joins=key_of("anonymous-7"))).datatalks_ids
    assert kit.accept("anonymous-7").datatalks_ids == (ada,) != (anonymous,)


def test_an_alias_joins_a_name_that_the_same_call_introduces(kit: Kit) -> None:
    ada, anonymous = kit.accept(record("ada", joins=key_of("anonymous-7")), "anonymous-7").datatalks_ids
    assert ada != anonymous
    assert kit.accept("anonymous-7").datatalks_ids == (ada,)


def test_of_two_that_join_one_name_the_last_has_it(kit: Kit) -> None:
    joining = key_of("anonymous-7")
    _, grace = kit.accept(record("ada", joins=joining), record("grace", joins=joining)).datatalks_ids
    assert kit.accept("anonymous-7").datatalks_ids == (grace,)


def test_an_alias_of_itself_changes_nothing(kit: Kit) -> None:
    (ada,) = kit.accept(record("ada", joins=key_of("ada"))).datatalks_ids
    assert kit.accept("ada").datatalks_ids == (ada,)


def alias(name: str, known_as: str) -> NewRecord:
    return record(known_as, joins=key_of(name), known_as=known_as)


def test_an_identity_that_was_joined_is_known_by_the_others_name(kit: Kit) -> None:
    kit.accept("anonymous-8", alias("anonymous-7", "ada"))
    keys = [key_of(name) for name in ("anonymous-7", "anonymous-8", "ada", "nobody")]
    assert kit.ledger.known_as(keys, "main") == {keys[0]: "ada"}


def test_the_latest_join_names_an_identity(kit: Kit) -> None:
    kit.accept(alias("anonymous-7", "ada"))
    kit.accept(alias("anonymous-7", "eve"), alias("anonymous-7", "grace"))
    assert kit.ledger.known_as([key_of("anonymous-7")], "main") == {key_of("anonymous-7"): "grace"}


def test_of_a_chain_of_joins_each_is_known_by_what_it_was_joined_to(kit: Kit) -> None:
    kit.accept(alias("a", "b"))
    kit.accept(alias("b", "c"))
    assert kit.ledger.known_as([key_of("a"), key_of("b")], "main") == {key_of("a"): "b", key_of("b"): "c"}


def test_who_was_deleted_lends_nobody_a_name_in_that_group(kit: Kit) -> None:
    for group in ("main", "other"):
        kit.accept(alias("anonymous-7", "ada"), alias("anonymous-8", "grace"), group=group)
    kit.accept("ada", action=Action.DELETE)
    asked = [key_of("anonymous-7"), key_of("anonymous-8")]
    assert [sorted(kit.ledger.known_as(asked, group).values()) for group in ("main", "other")] == [
        ["grace"],
        ["ada", "grace"],
    ]


def test_each_group_has_its_own_name_for_who_was_joined(kit: Kit) -> None:
    kit.accept(alias("anonymous-7", "ada"))
    kit.accept(alias("anonymous-7", "grace"), group="other")
    asked = [key_of("anonymous-7")]
    assert [list(kit.ledger.known_as(asked, group).values()) for group in ("main", "other", "third")] == [
        ["ada"],
        ["grace"],
        [],
    ]


def test_what_is_kept_is_due_at_once(kit: Kit) -> None:
    accepted = kit.accept("ada", "grace")
    (hint,) = kit.claim()
    assert (hint.task, hint.requests, hint.size) == ("route", (accepted.request_id,), 2)


# ---- idempotency


def test_the_same_key_and_body_get_the_first_answer(kit: Kit) -> None:
    first = kit.accept("ada", "grace", idempotency=idempotency("k"))
    again = kit.accept("ada", "grace", idempotency=idempotency("k"))
    assert again == replace(first, replayed=True)
    assert kit.ledger.audit().accepted == 2


def test_the_same_key_for_something_else_is_refused(kit: Kit) -> None:
    kit.accept("ada", idempotency=idempotency("k"))
    with pytest.raises(IdempotencyMismatch):
        kit.accept("grace", idempotency=idempotency("k", b"2"))


def test_another_client_may_use_the_same_key(kit: Kit) -> None:
    kit.accept("ada", idempotency=idempotency("k"))
    assert not kit.accept("ada", client="umbrella", idempotency=idempotency("k")).replayed


def test_a_key_is_forgotten_after_a_day(kit: Kit) -> None:
    kit.accept("ada", idempotency=idempotency("k"))
    kit.later(24 * 3600 + 1)
    assert not kit.accept("ada", idempotency=idempotency("k", b"2")).replayed


def test_keeping_house_drops_expired_keys_only(kit: Kit) -> None:
    kit.accept("ada", idempotency=idempotency("old"))
    kit.later(26 * 3600)
    kit.accept("ada", idempotency=idempotency("new"))
    kit.ledger.keep_house(retention_days=90)
    assert kit.accept("ada", idempotency=idempotency("new")).replayed
    assert not kit.accept("ada", idempotency=idempotency("old")).replayed


def test_a_refused_call_does_not_use_up_its_key(kit: Kit) -> None:
    kit.accept("ada")
    with pytest.raises(PinConflict):
        kit.accept(record("ada", pinned=uuid4()), idempotency=idempotency("k"))
    assert not kit.accept("ada", idempotency=idempotency("k", b"2")).replayed


# ---- many at once


def test_a_new_hard_id_posted_by_eight_at_once_gets_one_id(kit: Kit) -> None:
    for round in range(10):
        accepted = at_once([lambda name=f"c-{round}": kit.accept(name)] * 8)
        assert len({each.datatalks_ids for each in accepted}) == 1


def test_the_same_key_used_by_eight_at_once_is_one_request(kit: Kit) -> None:
    def post() -> Accepted:
        return kit.accept("ada", idempotency=idempotency("k"))

    accepted = at_once([post] * 8)
    assert len({each.request_id for each in accepted}) == 1
    assert sum(not each.replayed for each in accepted) == 1


def test_batches_that_cross_do_not_wait_for_one_another(kit: Kit) -> None:
    names = [f"c-{number}" for number in range(100)]
    orders = [names, names[::-1], names[50:] + names[:50], names[1::2] + names[::2]] * 2
    accepted = at_once([lambda order=order: kit.accept(*order) for order in orders])
    known = [dict(zip(order, each.datatalks_ids, strict=True)) for order, each in zip(orders, accepted, strict=True)]
    assert all(names == known[0] for names in known)


def test_aliases_that_cross_are_both_kept(kit: Kit) -> None:
    def join(one: str, other: str) -> UUID:
        return kit.accept(record(one, joins=key_of(other))).datatalks_ids[0]

    for round in range(5):
        a, b = f"a-{round}", f"b-{round}"
        assert len(at_once([lambda a=a, b=b: join(a, b), lambda a=a, b=b: join(b, a)])) == 2


# ---- refused calls, and turns


def test_a_refused_call_is_kept_for_tracing(kit: Kit) -> None:
    id = new_request_id()
    kit.ledger.reject(Rejected(id, "acme", "v2", "AKIDEXAMPLE", 400, ["data[0].email: not a valid email address"]))
    document = kit.document(id)
    assert document.pop("receivedAt").endswith("Z")
    assert document == {
        "requestId": str(id),
        "status": "rejected",
        "httpStatus": 400,
        "messages": ["data[0].email: not a valid email address"],
    }


def test_a_client_takes_its_turns_at_its_rate(kit: Kit) -> None:
    assert kit.ledger.take_turn("acme", 1.0) == 0.0
    assert max(kit.ledger.take_turn("acme", 1.0) for _ in range(2)) > 0.0
    assert kit.ledger.take_turn("umbrella", 1.0) == 0.0


def test_a_client_that_waited_may_go_on(kit: Kit) -> None:
    for _ in range(3):
        kit.ledger.take_turn("acme", 1.0)
    kit.later(2.0)
    assert kit.ledger.take_turn("acme", 1.0) == 0.0


def test_a_turn_may_be_slower_than_one_a_second(kit: Kit) -> None:
    assert kit.ledger.take_turn("acme", 0.1) == 0.0
    assert 8.0 < kit.ledger.take_turn("acme", 0.1) <= 10.0


def test_calls_that_come_at_once_are_each_kept_for_themselves(kit: Kit) -> None:
    wanted = [kit.request(f"c-{number % 20}", group=f"g-{number}", callback=number % 2 == 0) for number in range(60)]
    kept = at_once([partial(kit.ledger.accept, each) for each in wanted])
    assert [each.request_id for each in kept] == [each.request_id for each in wanted]
    ids = {name.records[0].data: one.datatalks_ids for name, one in zip(wanted, kept, strict=True)}
    assert len(set(ids.values())) == 20
    assert [one.datatalks_ids for one in kept] == [ids[each.records[0].data] for each in wanted]
    started = [each for hint in kit.claim() for each in kit.ledger.start_route(hint.hint_id, WORKER, LEASE)]
    assert {each.request_id: (each.group, json.dumps(each.data, separators=(",", ":"))) for each in started} == {
        each.request_id: (each.group, each.records[0].data) for each in wanted
    }
