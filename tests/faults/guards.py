"""What holds the promise, line by line: the code that is taken away, and a test that must then fail."""

from __future__ import annotations

from typing import NamedTuple

WORK = "router/ledger/postgres/work_sql.py"
CLAIM = "router/ledger/postgres/claim_sql.py"
STEERING = "router/ledger/postgres/steering.py"
INTAKE = "router/ledger/postgres/intake.py"
INTAKE_SQL = "router/ledger/postgres/intake_sql.py"


class Guard(NamedTuple):
    """file: from the root. code: what stands in it exactly once. instead: what stands there without the guard.

    test: of `tests/`, in PostgreSQL where it runs over both ledgers.
    """

    file: str
    code: str
    instead: str
    test: str


def _sql(file: str, code: str, test: str, instead: str = "") -> Guard:
    return Guard(file, code, instead, f"ledger/test_{test}")


GUARDS = {
    # ---- starting, and giving out again
    "a hint starts once": _sql(
        WORK,
        " AND started_at IS NULL\n    RETURNING hint_id, destination_id, ids",
        "fencing.py::test_a_hint_starts_once",
        "\n    RETURNING hint_id, destination_id, ids",
    ),
    "what was started is not given again": _sql(
        CLAIM,
        '_UNHEARD = "started_at IS NULL AND ',
        "claim.py::test_a_started_hint_is_not_given_again",
        '_UNHEARD = "',
    ),
    "claims take turns": Guard(
        "router/ledger/postgres/line.py",
        "SELECT pg_advisory_xact_lock($1)",
        "SELECT $1::bigint",
        "ledger/test_claim.py::test_a_claim_waits_for_the_one_before_it",
    ),
    # ---- the fence
    "outcomes under a hint are of what it carries": _sql(
        WORK,
        " WHERE due.id = v.id AND due.hint_id = fence.hint_id FOR UPDATE OF due",
        "fencing.py::test_verdicts_on_what_the_hint_does_not_carry_are_not_kept",
        " WHERE due.id = v.id FOR UPDATE OF due",
    ),
    "an outcome is locked before it is kept": _sql(
        WORK,
        " AND due.hint_id = fence.hint_id FOR UPDATE OF due) AS due",
        "fencing.py::test_a_part_that_is_finished_twice_counts_once",
        " AND due.hint_id = fence.hint_id) AS due",
    ),
    "plans under a hint are of what it carries": _sql(
        WORK,
        " WHERE due.id = p.record_id AND due.hint_id = fence.hint_id OFFSET 0) AS mine",
        "fencing.py::test_plans_of_what_the_hint_does_not_carry_are_not_kept",
        " WHERE due.id = p.record_id OFFSET 0) AS mine",
    ),
    "who takes over gets a new number": _sql(
        WORK,
        "SELECT nextval('hint_seq'), destination_id, queue, task, replay, ids, requests, now(),\n",
        "fencing.py::test_a_worker_that_speaks_too_late_changes_nothing",
        "SELECT hint_id, destination_id, queue, task, replay, ids, requests, now(),\n",
    ),
    "only what expired is taken over": _sql(
        WORK,
        "DELETE FROM hints WHERE hint_id = %(hint)s AND lease_until <= now() RETURNING *",
        "fencing.py::test_leaving_renews_the_lease",
        "DELETE FROM hints WHERE hint_id = %(hint)s RETURNING *",
    ),
    "only what was started can be lost": _sql(
        WORK,
        "worker = 'lost' WHERE hint_id = %(hint)s AND started_at IS NOT NULL",
        "fencing.py::test_a_hint_that_nobody_started_cannot_be_lost",
        "worker = 'lost' WHERE hint_id = %(hint)s",
    ),
    "workers come first after a restart of the server": _sql(
        WORK,
        " AND (worker = 'lost' OR pg_postmaster_start_time() < now() - interval '15 seconds')",
        "fencing.py::test_after_a_restart_of_the_server_its_workers_come_first",
    ),
    # ---- what must not be repeated
    "what must not be repeated is marked": _sql(
        WORK,
        "SET state = 'sending' FROM mine",
        "fencing.py::test_what_is_leaving_is_being_sent",
        "SET state = d.state FROM mine",
    ),
    "a mark is taken away from what did not leave": _sql(
        WORK,
        " AND d.state = 'sending'\n), ended",
        "fencing.py::test_what_was_marked_and_is_handed_back_was_not_sent",
        " AND false\n), ended",
    ),
    "a worker marks before it sends": Guard(
        "workers/deliver.py",
        "if not chunk.channel.repeat_safe(each.operation)]",
        "if False]",
        "workers/test_deliver.py::test_what_could_do_harm_twice_is_marked_before_it_leaves",
    ),
    "a judge does not repeat what was marked": Guard(
        "router/judge.py",
        'if delivery.sending and policy.on_unknown != "retry":',
        "if False:",
        "workers/test_check.py::test_a_call_that_was_cut_may_have_arrived",
    ),
    "nothing leaves under a hint that is not ours": Guard(
        "workers/deliver.py",
        "    return chunk.held.ours\n",
        "    return True\n",
        "workers/test_deliver.py::test_what_waits_for_its_turn_does_not_go_when_the_worker_was_stopped_meanwhile",
    ),
    "a worker that was stopped asks first": Guard(
        "workers/deliver.py",
        "if careful or not chunk.held.ours:",
        "if careful:",
        "workers/test_deliver.py::test_a_worker_that_was_stopped_and_not_missed_goes_on",
    ),
    # ---- settling
    "what was not sent is handed back": _sql(
        WORK,
        "SELECT unnest(ids) FROM fence WHERE %(done)s EXCEPT",
        "fencing.py::test_what_has_no_verdict_when_its_hint_ends_is_handed_back",
        "SELECT unnest(ids) FROM fence WHERE %(done)s AND false EXCEPT",
    ),
    "the end is told once": _sql(
        WORK,
        " AND open = 0 AND completed_at = now()",
        "settle.py::test_a_delivery_that_recovers_is_told",
        " AND open = 0",
    ),
    "only what recovers is told to": _sql(
        WORK,
        "OR (state = 'delivered' AND recovering))",
        "settle.py::test_a_client_is_told_how_its_request_ended",
        "OR state = 'delivered')",
    ),
    "callbacks settle nothing": _sql(
        WORK,
        "FROM verdict WHERE NOT of_callbacks AND final GROUP BY",
        "settle.py::test_the_callback_of_a_worker_that_fell_silent_settles_nothing",
        "FROM verdict WHERE final GROUP BY",
    ),
    # ---- order
    "a key waits for its head": _sql(
        CLAIM,
        "coalesce(j.seq < j.head_seq, true)",
        "order.py::test_a_key_whose_head_is_retried_waits_for_it",
        "true",
    ),
    "a key waits for what is not planned": _sql(
        CLAIM,
        "WHERE k.last AND p.destination_id = k.route_id AND",
        "order.py::test_a_record_that_is_not_planned_yet_holds_the_later_ones_of_its_key",
        "WHERE false AND",
    ),
    "a key stays in one chunk": _sql(
        CLAIM,
        "WHERE chunk_number = key_chunk GROUP BY",
        "order.py::test_what_does_not_fit_into_its_keys_chunk_waits",
        "GROUP BY",
    ),
    "a key gives way in the end": _sql(
        CLAIM,
        "AND p.seq < k.seq AND p.seq <> ALL (k.seqs) AND born_at(p.id) > k.gives_way",
        "order.py::test_a_key_gives_way_when_its_head_is_too_old",
        "AND p.seq < k.seq AND p.seq <> ALL (k.seqs)",
    ),
    "behind one that must go again its key waits": Guard(
        "workers/deliver.py",
        "        if verdict.state not in FINAL:\n",
        "        if False:\n",
        "workers/test_deliver.py::test_behind_one_that_is_not_over_the_rest_of_its_key_is_handed_back",
    ),
    # ---- bounds, budgets, breakers
    "a destination has so many hints": _sql(
        CLAIM,
        " WHERE turn <= room AND (NOT replay",
        "claim.py::test_suspects_each_alone_are_no_more_hints_than_there_may_be",
        " WHERE (NOT replay",
    ),
    "a queue has so many hints": _sql(
        CLAIM,
        "FROM fair AS f WHERE in_queue <= queue_room",
        "claim.py::test_a_queue_has_no_more_hints_out_than_it_may",
        "FROM fair AS f",
    ),
    "replays leave room": _sql(
        CLAIM,
        "AND NOT (lanes.lane = 2 AND o.replaying)",
        "claim.py::test_replays_have_one_hint_of_a_destination_at_a_time",
    ),
    "what is paused waits": _sql(
        CLAIM,
        "d.enabled AND d.paused_at IS NULL AND",
        "claim.py::test_a_paused_destination_waits_for_its_person",
        "d.enabled AND",
    ),
    "an open breaker holds": _sql(
        CLAIM,
        " AND d.breaker <> 'open'",
        "claim.py::test_an_open_breaker_gives_nothing_and_a_half_open_one_a_single_delivery",
    ),
    "a half-open breaker lets one out": _sql(
        CLAIM,
        "CASE WHEN d.breaker = 'half_open' THEN 1 ELSE d.chunk END AS seats",
        "claim.py::test_an_open_breaker_gives_nothing_and_a_half_open_one_a_single_delivery",
        "d.chunk AS seats",
    ),
    "a blocked account waits": _sql(
        CLAIM,
        '\n        AND coalesce(a.blocked_until <= now(), true)"""',
        "claim.py::test_a_blocked_account_waits_with_all_its_destinations",
        '"""',
    ),
    "records per second": _sql(
        CLAIM,
        '        {_ALLOWED.format(rate="records_per_second", spent_until="records_next_at")},\n',
        "budgets.py::test_records_per_second_are_spent_ahead_of_time_by_a_quarter_second",
    ),
    "requests per second": _sql(
        CLAIM,
        '        batch * {_ALLOWED.format(rate="requests_per_second", spent_until="requests_next_at")},\n',
        "budgets.py::test_requests_per_second_count_batches",
    ),
    "what is released comes at its rate": _sql(
        CLAIM,
        "CASE WHEN catching_up THEN {",
        "budgets.py::test_what_was_paused_comes_out_at_its_rate",
        "CASE WHEN false THEN {",
    ),
    "no call before the account may be called": _sql(
        CLAIM,
        "SET slots_next_at = greatest(a.slots_next_at, a.blocked_until, now())",
        "budgets.py::test_no_slot_is_before_the_account_may_be_called",
        "SET slots_next_at = greatest(a.slots_next_at, now())",
    ),
    "a breaker is switched from the state it was judged in": _sql(
        WORK,
        "WHERE destination_id = %(destination)s AND breaker = %(was)s",
        "budgets.py::test_a_breaker_is_switched_by_who_is_first",
        "WHERE destination_id = %(destination)s",
    ),
    "no attempt before a Retry-After has passed": Guard(
        "router/retry.py",
        "return max(jittered, retry_after or 0.0)",
        "return jittered",
        "router/test_retry.py::test_a_delay_stays_in_its_step_and_never_comes_before_retry_after",
    ),
    "an account that says no is asked no more": Guard(
        "workers/deliver.py",
        "if any(outcome.kind in _STOPS for outcome in outcomes):",
        "if False:",
        "workers/test_deliver.py::test_an_account_that_must_wait_stops_the_chunk",
    ),
    # ---- poison
    "a suspect goes alone": _sql(
        CLAIM,
        "max(j.suspicion) OVER key > 2 AS alone",
        "fencing.py::test_what_was_in_a_worker_that_died_goes_alone",
        "false AS alone",
    ),
    "a record that kills its worker is set aside": Guard(
        "router/judge.py",
        "if delivery.suspicion + added >= SET_ASIDE:",
        "if False:",
        "workers/test_check.py::test_a_record_that_kills_its_worker_twice_is_set_aside_and_the_others_are_not",
    ),
    "a record that kills its planner is set aside": Guard(
        "router/plan.py",
        "if record.suspicion >= SET_ASIDE:",
        "if False:",
        "workers/test_route.py::test_a_record_that_kills_its_planner_twice_is_set_aside",
    ),
    # ---- accepting
    "a key is of one request": _sql(
        INTAKE_SQL,
        "{gate} ORDER BY id\n",
        "accept.py::test_the_same_key_and_body_get_the_first_answer",
        "ORDER BY id\n",
    ),
    "a key is of one body": _sql(
        INTAKE,
        "if bytes(fingerprint) != request.idempotency.fingerprint:",
        "accept.py::test_the_same_key_for_something_else_is_refused",
        "if False:",
    ),
    # ---- people
    "only what ended is replayed": _sql(
        STEERING,
        "WHERE d.state IN ('dead', 'unknown', 'delivered', 'cancelled') AND coalesce(",
        "steering.py::test_what_is_still_owed_cannot_be_replayed",
        "WHERE coalesce(",
    ),
    "only what is unknown is resolved": _sql(
        STEERING,
        "WHERE d.delivery_id = ANY(%(ids)s::uuid[]) AND d.state = 'unknown'",
        "steering.py::test_only_what_is_unknown_can_be_resolved",
        "WHERE d.delivery_id = ANY(%(ids)s::uuid[])",
    ),
    "what is being sent is not cancelled": _sql(
        STEERING,
        "AND due.hint_id IS NULL AND p.kind = 'deliver'",
        "steering.py::test_what_is_being_sent_cannot_be_cancelled",
        "AND p.kind = 'deliver'",
    ),
    # ---- patience
    "one connection that is cut renews them all": Guard(
        "router/ledger/postgres/pool.py",
        "                self._pool.drain()\n",
        "                pass\n",
        "ledger/test_deadline.py::test_of_connections_that_are_cut_only_one_is_met",
    ),
    "an outcome is held until it is kept": Guard(
        "workers/patience.py",
        "            if time.monotonic() > until:\n                raise\n",
        "            raise\n",
        "workers/test_trouble.py::test_outcomes_are_held_while_the_ledger_is_away",
    ),
    "a ledger that is away ends no dispatcher": Guard(
        "workers/dispatch.py",
        '        except Unavailable as away:\n            log.warning("ledger away"',
        '        except ZeroDivisionError as away:\n            log.warning("ledger away"',
        "workers/test_dispatch.py::test_a_ledger_that_is_away_is_asked_again_later",
    ),
    "a broker that evicts is refused": Guard(
        "workers/safety.py",
        'if policy is not None and policy != "noeviction" and not policy.startswith("volatile-"):',
        "if False:",
        "workers/test_safety.py::test_what_evicts_queues_is_not",
    ),
}
