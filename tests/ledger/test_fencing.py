"""A hint's number fences all that is done under it: what comes late, twice or from the dead changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from router.cli.embedded import EmbeddedPostgres
from router.ledger.migrate import migrate
from router.ledger.postgres import PostgresLedger
from router.model import SEEN_DEATH, SILENCE, Hint, State, TakenOver
from tests.ledger.conftest import shift
from tests.ledger.kit import LEASE, ROUTE, WORKER, Kit, attempt, crm, verdict
from tests.support.conditions import eventually

NO_SUCH_HINT = 1 << 40


def expire(kit: Kit) -> list[int]:
    """Let every lease run out. A server that has only just started waits for its workers first."""
    kit.later(LEASE + 1)
    return eventually(kit.ledger.expired)


def take_over(kit: Kit, hint: Hint) -> TakenOver:
    taken = kit.ledger.take_over(hint.hint_id)
    assert taken is not None
    return taken


# ---- starting


def test_a_hint_starts_once(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    (hint,) = kit.claim()
    number, deliveries = kit.ledger.start_deliver(hint.hint_id, WORKER, LEASE)
    assert (number, len(deliveries)) == (kit.numbers["crm"], 1)
    assert kit.ledger.start_deliver(hint.hint_id, "another", LEASE) == (0, [])


def test_a_route_hint_starts_once(kit: Kit) -> None:
    kit.accept("ada")
    (hint,) = kit.claim()
    assert len(kit.ledger.start_route(hint.hint_id, WORKER, LEASE)) == 1
    assert kit.ledger.start_route(hint.hint_id, "another", LEASE) == []


def test_a_hint_that_never_was_starts_nothing(kit: Kit) -> None:
    assert kit.ledger.start_deliver(NO_SUCH_HINT, WORKER, LEASE) == (0, [])
    assert kit.ledger.start_route(NO_SUCH_HINT, WORKER, LEASE) == []


def test_of_eight_workers_that_got_the_same_hint_one_starts_it(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    (hint,) = kit.claim()
    with ThreadPoolExecutor(8) as pool:
        starts = list(pool.map(lambda _: kit.ledger.start_deliver(hint.hint_id, WORKER, LEASE)[1], range(8)))
    assert sorted(map(len, starts)) == [0] * 7 + [1]


def test_a_started_delivery_comes_with_all_its_worker_needs(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    _, (delivery,) = kit.only()
    assert (delivery.request_id, delivery.client, delivery.group) == (accepted.request_id, "acme", "main")
    assert (delivery.operation, delivery.payload, delivery.mapping_version) == (
        "upsert_contact",
        {"contact": {}},
        "sha256:1",
    )
    assert (delivery.attempts, delivery.age, delivery.suspicion, delivery.sending) == (0, 0.0, 0, False)


def test_a_retried_delivery_knows_its_attempts_and_its_age(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    kit.end_all(State.RETRYING)
    kit.later(61.0)
    kit.end_all(State.RETRYING)
    kit.later(61.0)
    _, (delivery,) = kit.only()
    assert delivery.attempts == 2
    assert delivery.age > 0.0


# ---- finishing


def test_an_outcome_is_kept_once(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    assert kit.finish(hint, verdict(delivery)) == 1
    assert kit.finish(hint, verdict(delivery, State.DEAD)) == 0
    assert kit.states(accepted) == ["delivered"]


def test_a_part_that_is_finished_twice_counts_once(kit: Kit) -> None:
    kit.publish(crm(chunk=20))
    accepted = kit.accept_and_plan(*[f"c-{number}" for number in range(20)])
    hint, (last, *others) = kit.only()
    with ThreadPoolExecutor(4) as pool:
        for each in others:  # many, for the first few find no four connections
            kept = list(pool.map(lambda _, one=each: kit.finish(hint, verdict(one), done=False), range(4)))
            assert sorted(kept) == [0, 0, 0, 1]
    assert kit.finish(hint, verdict(last)) == 1
    assert kit.document(accepted)["status"] == "completed"
    assert kit.ledger.audit().differences == []


def test_a_chunk_may_be_finished_in_parts(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada", "grace", "joan")
    hint, deliveries = kit.only()
    for delivery in deliveries[:2]:
        assert kit.finish(hint, verdict(delivery), done=False) == 1
    assert kit.states(accepted) == ["delivered", "delivered", "sending"]
    assert kit.finish(hint, verdict(deliveries[2])) == 1
    assert kit.states(accepted) == ["delivered"] * 3
    assert kit.claim() == []


def test_what_has_no_verdict_when_its_hint_ends_is_handed_back(kit: Kit) -> None:
    kit.accept_and_plan("ada", "grace")
    hint, (first, second) = kit.only()
    kit.finish(hint, verdict(first))
    _, (again,) = kit.only()
    assert (again.delivery_id, again.attempts, again.suspicion) == (second.delivery_id, 0, 0)


def test_what_was_marked_and_is_handed_back_was_not_sent(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    assert kit.ledger.leaving(hint.hint_id, [delivery.delivery_id], LEASE)
    kit.finish(hint)
    assert kit.states(accepted) == ["pending"]
    _, (again,) = kit.only()
    assert not again.sending


def test_a_verdict_that_hands_back_leaves_no_attempt(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    kit.finish(hint, verdict(delivery, State.PENDING))
    (shown,) = kit.document(accepted)["records"][0]["deliveries"]
    assert (shown["status"], shown["attempts"]) == ("pending", 0)
    assert len(kit.claim()) == 1


def test_verdicts_on_what_the_hint_does_not_carry_are_not_kept(kit: Kit) -> None:
    kit.publish(crm(chunk=1))
    kit.accept_and_plan("ada", "grace")
    (first, (a,)), (_, (b,)) = kit.given()
    assert kit.finish(first, verdict(a), verdict(b)) == 1


def test_plans_under_a_hint_that_ended_are_not_kept(kit: Kit) -> None:
    accepted = kit.accept("ada")
    (hint,) = kit.claim()
    records = kit.ledger.start_route(hint.hint_id, WORKER, LEASE)
    plans = [kit.planned(each, "crm") for each in records]
    kit.ledger.planned(hint.hint_id, plans)
    kit.ledger.planned(hint.hint_id, plans)
    assert kit.states(accepted) == ["pending"]
    assert kit.ledger.audit().differences == []


def test_plans_of_what_the_hint_does_not_carry_are_not_kept(kit: Kit) -> None:
    kit.publish(crm(), route=replace(ROUTE, chunk=1))
    accepted = [kit.accept("ada"), kit.accept("grace")]
    first, second = kit.claim()
    (ada,) = kit.ledger.start_route(first.hint_id, WORKER, LEASE)
    (grace,) = kit.ledger.start_route(second.hint_id, WORKER, LEASE)
    kit.ledger.planned(first.hint_id, [kit.planned(ada, "crm"), kit.planned(grace, "crm")])
    assert [kit.states(each) for each in accepted] == [["pending"], []]
    kit.ledger.planned(second.hint_id, [kit.planned(grace, "crm")])
    assert kit.states(accepted[1]) == ["pending"]
    assert kit.ledger.audit().differences == []


# ---- leaving


def test_what_is_leaving_is_being_sent(kit: Kit) -> None:
    kit.accept_and_plan("ada", "grace")
    hint, (first, _) = kit.only()
    assert kit.ledger.leaving(hint.hint_id, [first.delivery_id], LEASE)
    assert [each.sending for each in take_over_after_expiry(kit, hint).deliveries] == [True, False]


def take_over_after_expiry(kit: Kit, hint: Hint) -> TakenOver:
    expire(kit)
    return take_over(kit, hint)


def test_leaving_renews_the_lease(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    kit.later(LEASE - 5)
    assert kit.ledger.leaving(hint.hint_id, [delivery.delivery_id], LEASE)
    kit.later(LEASE - 5)
    assert kit.ledger.take_over(hint.hint_id) is None


def test_nothing_may_leave_under_a_hint_that_was_taken_over(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    take_over_after_expiry(kit, hint)
    assert not kit.ledger.leaving(hint.hint_id, [delivery.delivery_id], LEASE)


# ---- taking over


def test_a_lease_that_runs_out_is_told(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    hint, _ = kit.only()
    assert kit.ledger.expired() == []
    assert expire(kit) == [hint.hint_id]


def test_a_hint_that_nobody_started_does_not_expire(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    (hint,) = kit.claim()
    kit.later(3600.0)
    assert kit.ledger.take_over(hint.hint_id) is None


def test_a_worker_that_speaks_too_late_changes_nothing(kit: Kit) -> None:
    accepted = kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    taken = take_over_after_expiry(kit, hint)
    assert kit.finish(hint, verdict(delivery)) == 0
    assert [each.delivery_id for each in taken.deliveries] == [delivery.delivery_id]
    assert kit.finish(taken.hint_id, verdict(delivery, State.UNKNOWN)) == 1
    assert kit.states(accepted) == ["unknown"]


def test_of_eight_that_take_over_one_does(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    hint, _ = kit.only()
    expire(kit)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: kit.ledger.take_over(hint.hint_id), range(8)))
    assert sum(each is not None for each in taken) == 1


def test_a_judge_that_dies_is_followed_by_another(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    first = take_over_after_expiry(kit, hint)
    kit.later(31.0)
    second = kit.ledger.take_over(first.hint_id)
    assert second is not None
    assert kit.finish(first.hint_id, verdict(delivery)) == 0
    assert kit.finish(second.hint_id, verdict(delivery)) == 1


@pytest.mark.parametrize("seen", [True, False], ids=["seen to die", "fell silent"])
def test_whether_the_worker_was_seen_to_die_is_told(kit: Kit, seen: bool) -> None:
    kit.accept_and_plan("ada")
    hint, _ = kit.only()
    if seen:
        kit.ledger.lost(hint.hint_id)
        assert kit.ledger.expired() == [hint.hint_id]
    else:
        expire(kit)
    assert take_over(kit, hint).seen is seen


def test_a_hint_that_nobody_started_cannot_be_lost(kit: Kit) -> None:
    kit.accept_and_plan("ada")
    (hint,) = kit.claim()
    kit.ledger.lost(hint.hint_id)
    assert kit.ledger.expired() == []
    assert len(kit.start(hint)) == 1


def test_a_hint_whose_outcomes_were_all_kept_leaves_nothing_to_judge(kit: Kit) -> None:
    kit.publish(crm(max_hints=1))
    kit.accept_and_plan("ada")
    hint, (delivery,) = kit.only()
    kit.finish(hint, verdict(delivery), done=False)
    kit.ledger.lost(hint.hint_id)
    assert kit.ledger.take_over(hint.hint_id) is None
    kit.accept_and_plan("grace")
    assert len(kit.claim()) == 1


@pytest.mark.parametrize(
    ("seen", "suspicion"), [(True, SEEN_DEATH), (False, SILENCE)], ids=["seen to die", "fell silent"]
)
def test_records_whose_planner_died_are_due_again(kit: Kit, seen: bool, suspicion: int) -> None:
    kit.accept("ada")
    (hint,) = kit.claim()
    kit.ledger.start_route(hint.hint_id, WORKER, LEASE)
    if seen:
        kit.ledger.lost(hint.hint_id)
    else:
        expire(kit)
    assert kit.ledger.take_over(hint.hint_id) is None
    (again,) = kit.claim()
    (record,) = kit.ledger.start_route(again.hint_id, WORKER, LEASE)
    assert record.suspicion == suspicion


def test_after_a_restart_of_the_server_its_workers_come_first(run_dir: Path) -> None:
    """They hold outcomes that they could not write. Who was seen to die is not waited for."""
    with EmbeddedPostgres(run_dir / "restarted") as server:
        migrate(server.url)
        with closing(PostgresLedger(server.url, size=1)) as ledger:
            kit = Kit(ledger, shift(server.url))
            kit.publish(crm(chunk=1))
            kit.accept_and_plan("ada", "grace")
            (dead, _), _ = kit.given()
            kit.later(LEASE + 1)
        server.restart()
        with closing(PostgresLedger(server.url, size=1)) as ledger:
            assert ledger.expired() == []
            ledger.lost(dead.hint_id)
            assert ledger.expired() == [dead.hint_id]


# ---- suspicion


def test_what_was_in_a_worker_that_died_goes_alone(kit: Kit) -> None:
    kit.accept_and_plan("ada", "grace", "joan")
    hint, deliveries = kit.only()
    crashed = attempt("crashed", reason="the worker process died")
    kit.finish(
        hint,
        *(verdict(each, State.RETRYING, again_in=0.0, attempt=crashed, suspicion=SEEN_DEATH) for each in deliveries),
    )
    assert [each.size for each in kit.claim()] == [1, 1, 1]


def test_one_silence_does_not_part_a_chunk(kit: Kit) -> None:
    kit.accept_and_plan("ada", "grace")
    hint, deliveries = kit.only()
    kit.finish(hint, *(verdict(each, State.RETRYING, again_in=0.0, suspicion=SILENCE) for each in deliveries))
    assert [each.size for each in kit.claim()] == [2]


def test_a_suspicious_delivery_goes_before_the_others_of_its_key(kit: Kit) -> None:
    first = kit.accept_and_plan("ada")
    hint, deliveries = kit.only()
    kit.finish(hint, *(verdict(each, State.RETRYING, again_in=30.0, suspicion=SEEN_DEATH) for each in deliveries))
    second = kit.accept_and_plan("ada")
    kit.later(31.0)
    order = []
    for _ in range(2):
        hint, (delivery,) = kit.only()
        order.append(delivery.request_id)
        kit.finish(hint, verdict(delivery))
        kit.later(1.0)
    assert order == [first.request_id, second.request_id]
