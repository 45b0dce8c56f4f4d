"""The statements of `work`: each is complete in itself and fenced by its hint.

A hint's row is locked first; whoever finds it gone does nothing. Requests are locked in the order of their ids, so two
chunks that end at once never wait for one another in a circle.

Rows are found by their keys, one by one (`LATERAL … OFFSET 0`) or by an array of them (`= ANY`), and never by a join:
a plan is made once, perhaps while a table is empty, when reading the whole of it is the cheapest join, and is kept when
it is full (reliability.md §2). What is said of a row stands at its id's place beside a sorted array of the ids.

Before it runs, a statement prepares for every partition that it may touch, and a year-old ledger has many. `low` and
`high` bound all ids of a hint, its requests' included: partitions outside are left aside at once. Bounds go with an
array of ids, never with a single one: a row that waits for a lock is lost between both ways to choose partitions, in
PostgreSQL 18.4.
"""

from __future__ import annotations

from router.model import UNCOUNTED


def _given(name: str, type: str, id: str = "d.delivery_id") -> str:
    """What a parameter that lies beside `ids` says of the row with this id."""
    return f"(%({name})s::{type}[])[width_bucket({id}, %(ids)s::uuid[])]"


def _owed(name: str) -> str:
    """What `owing` says of the request `r`."""
    return f"(SELECT {name} FROM owing)[width_bucket(r.request_id, (SELECT ids FROM owing))]"


# After a restart of the server its workers come first: they still hold outcomes that they could not write.
EXPIRED = """
SELECT hint_id FROM hints
WHERE lease_until <= now() AND (worker = 'lost' OR pg_postmaster_start_time() < now() - interval '15 seconds')
ORDER BY hint_id LIMIT 100
"""

LOST = "UPDATE hints SET lease_until = now(), worker = 'lost' WHERE hint_id = %(hint)s AND started_at IS NOT NULL"

_START = """
WITH mine AS MATERIALIZED (
    UPDATE hints SET started_at = now(), lease_until = now() + %(lease)s * interval '1 second', worker = %(worker)s
    WHERE hint_id = %(hint)s AND started_at IS NULL
    RETURNING hint_id, destination_id, ids
)
"""
START_ROUTE = (
    _START
    + """
SELECT due.id, r.request_id, r.client, r.environment, r.group_key, r.entity, r.type, r.action, r.mapping_version,
    c.data, due.suspicion
FROM mine CROSS JOIN LATERAL unnest(mine.ids) AS member (id)
CROSS JOIN LATERAL (SELECT * FROM due WHERE due.id = member.id AND due.hint_id = mine.hint_id OFFSET 0) AS due
CROSS JOIN LATERAL (SELECT data FROM records WHERE record_id = due.id OFFSET 0) AS c
CROSS JOIN LATERAL (SELECT * FROM requests WHERE request_id = due.request_id OFFSET 0) AS r
ORDER BY due.seq
"""
)
_DELIVERIES = f"""
SELECT mine.destination_id, due.id, r.request_id, r.client, r.group_key, r.environment, due.ordering_key, d.operation,
    d.payload, r.mapping_version, r.received_at,
    (SELECT count(*) FROM jsonb_array_elements(d.attempts) WITH ORDINALITY AS a (one, nth)
        WHERE nth > d.earlier AND one ->> 'outcome' NOT IN {UNCOUNTED}),
    coalesce(extract(epoch FROM now() - (d.attempts -> d.earlier::integer ->> 'at')::timestamptz)::float8, 0.0),
    due.suspicion, d.state, due.lane
"""
_OF_MINE = """
FROM mine CROSS JOIN LATERAL unnest(mine.ids) AS member (id)
CROSS JOIN LATERAL (SELECT * FROM due WHERE due.id = member.id AND due.hint_id = mine.hint_id OFFSET 0) AS due
CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE delivery_id = due.id OFFSET 0) AS d
CROSS JOIN LATERAL (SELECT * FROM requests WHERE request_id = due.request_id OFFSET 0) AS r
ORDER BY due.seq
"""
START_DELIVER = _START + _DELIVERIES + _OF_MINE

_REQUEST_BOUNDS = "AND r.request_id BETWEEN %(low)s AND %(high)s"
_BOUNDS = "AND d.delivery_id BETWEEN %(low)s AND %(high)s"
LEAVING = f"""
WITH mine AS MATERIALIZED (
    UPDATE hints SET lease_until = now() + %(lease)s * interval '1 second' WHERE hint_id = %(hint)s RETURNING hint_id
), marked AS (
    UPDATE deliveries AS d SET state = 'sending' FROM mine WHERE d.delivery_id = ANY(%(ids)s::uuid[]) {_BOUNDS}
)
SELECT hint_id FROM mine
"""


def settle(bounds: str = "") -> str:
    """What a request is still owed goes down by what became final; the one statement that brings it to nothing also
    makes its callback. Callbacks settle nothing and have no callbacks of their own. bounds: of the request `r`."""
    return f"""
locked AS MATERIALIZED (
    SELECT r.request_id FROM requests AS r WHERE r.request_id = ANY (ARRAY(SELECT request_id FROM counted)) {bounds}
    ORDER BY r.request_id FOR UPDATE OF r
), owing AS MATERIALIZED (
    SELECT array_agg(c.request_id ORDER BY c.request_id) AS ids, array_agg(c.planned ORDER BY c.request_id) AS planned,
        array_agg(c.opened ORDER BY c.request_id) AS opened, array_agg(c.failed ORDER BY c.request_id) AS failed
    FROM counted AS c JOIN locked USING (request_id)
), settled AS (
    UPDATE requests AS r SET
        planned = r.planned + {_owed("planned")},
        open = r.open + {_owed("opened")},
        failed = r.failed + {_owed("failed")},
        completed_at = CASE WHEN r.open + {_owed("opened")} = 0 THEN coalesce(r.completed_at, now())
            ELSE r.completed_at END
    WHERE r.request_id = ANY ((SELECT ids FROM owing)::uuid[]) {bounds}
    RETURNING r.request_id, r.callback_id, r.open, r.failed, r.completed_at
), told AS MATERIALIZED (
    SELECT fresh_id() AS id, news.*, nextval('record_seq') AS seq FROM (
        SELECT s.request_id, s.callback_id, h.event, h.subject FROM settled AS s JOIN happened AS h USING (request_id)
        WHERE s.callback_id IS NOT NULL
        UNION ALL
        SELECT request_id, callback_id, CASE WHEN failed > 0 THEN 'request.completed_with_errors'
            ELSE 'request.completed' END, NULL FROM settled
        WHERE callback_id IS NOT NULL AND open = 0 AND completed_at = now()
    ) AS news
), callbacks AS (
    INSERT INTO deliveries (delivery_id, request_id, destination_id, operation, state, payload)
    SELECT id, request_id, callback_id, 'callback', 'pending',
        json_build_object('type', event, 'deliveryId', subject)::text FROM told
), callbacks_due AS (
    INSERT INTO due (id, request_id, destination_id, lane, ordering_key, seq, due_at)
    SELECT id, request_id, callback_id, 0, request_id, seq, now() FROM told
)
"""


PLANNED = f"""
WITH fence AS MATERIALIZED (
    SELECT hint_id, ids FROM hints WHERE hint_id = %(hint)s FOR UPDATE
), mine AS MATERIALIZED (
    SELECT due.id, due.request_id, due.ordering_key, due.seq
    FROM fence CROSS JOIN LATERAL unnest(fence.ids) AS member (id)
    CROSS JOIN LATERAL (SELECT * FROM due WHERE due.id = member.id AND due.hint_id = fence.hint_id OFFSET 0) AS due
), plan AS MATERIALIZED (
    SELECT p.*, mine.request_id, mine.ordering_key, mine.seq FROM fence CROSS JOIN unnest(
        %(ids)s::uuid[], %(records)s::uuid[], %(destinations)s::integer[], %(operations)s::text[], %(states)s::text[],
        %(finals)s::boolean[], %(payloads)s::text[], %(reasons)s::text[]
    ) AS p (id, record_id, destination_id, operation, state, final, payload, reason)
    CROSS JOIN LATERAL (SELECT * FROM due WHERE due.id = p.record_id AND due.hint_id = fence.hint_id OFFSET 0) AS mine
), stored AS (
    INSERT INTO deliveries (delivery_id, request_id, destination_id, operation, state, payload, reason, finished_at)
    SELECT id, request_id, destination_id, operation, state, payload, reason, CASE WHEN final THEN now() END FROM plan
), queued AS (
    INSERT INTO due (id, request_id, destination_id, lane, ordering_key, seq, due_at)
    SELECT id, request_id, destination_id, 0, ordering_key, seq, now() FROM plan WHERE NOT final
), gone AS (
    DELETE FROM due WHERE id = ANY (ARRAY(SELECT id FROM mine))
), ended AS (
    DELETE FROM hints USING fence WHERE hints.hint_id = fence.hint_id
), counted AS MATERIALIZED (
    SELECT request_id, sum(planned)::integer AS planned, sum(opened)::integer AS opened, sum(failed)::integer AS failed
    FROM (
        SELECT request_id, 0 AS planned, -1 AS opened, 0 AS failed FROM mine
        UNION ALL SELECT request_id, 1, (NOT final)::integer, (state IN ('dead', 'unknown'))::integer FROM plan
    ) AS changes GROUP BY request_id
), happened AS (
    SELECT request_id, 'delivery.dead' AS event, id AS subject FROM plan WHERE state = 'dead'
), {settle(_REQUEST_BOUNDS)}
SELECT count(*) FROM plan
"""

FINISH = f"""
WITH fence AS MATERIALIZED (
    SELECT h.hint_id, h.ids, h.destination_id, d.kind = 'callback' AS of_callbacks, d.account
    FROM hints AS h JOIN destinations AS d USING (destination_id) WHERE h.hint_id = %(hint)s FOR UPDATE OF h
), was AS MATERIALIZED (
    SELECT array_agg(d.delivery_id) FILTER (WHERE d.recovering) AS recovering
    FROM deliveries AS d WHERE d.delivery_id = ANY (%(ids)s::uuid[]) {_BOUNDS}
), verdict AS MATERIALIZED (
    SELECT v.*, due.request_id, fence.of_callbacks, coalesce(v.id = ANY (was.recovering), false) AS recovering
    FROM fence CROSS JOIN was CROSS JOIN unnest(
        %(ids)s::uuid[], %(states)s::text[], %(finals)s::boolean[], %(again)s::float8[], %(suspicions)s::smallint[],
        %(attempts)s::text[]::jsonb[], %(reasons)s::text[], %(providers)s::text[]
    ) AS v (id, state, final, again, suspicion, attempt, reason, provider)
    CROSS JOIN LATERAL (
        SELECT request_id FROM due WHERE due.id = v.id AND due.hint_id = fence.hint_id FOR UPDATE OF due) AS due
), judged AS (
    UPDATE deliveries AS d SET state = {_given("states", "text")},
        reason = coalesce({_given("reasons", "text")}, d.reason),
        provider_id = coalesce({_given("providers", "text")}, d.provider_id),
        attempts = d.attempts || coalesce({_given("attempts", "text")}::jsonb, '[]'),
        finished_at = CASE WHEN {_given("finals", "boolean")} THEN now() END,
        recovering = d.recovering AND NOT {_given("finals", "boolean")}
    WHERE d.delivery_id = ANY (ARRAY(SELECT id FROM verdict)) {_BOUNDS}
), gone AS (
    DELETE FROM due WHERE id = ANY (ARRAY(SELECT id FROM verdict WHERE final))
), again AS (
    UPDATE due SET hint_id = NULL,
        suspicion = suspicion + {_given("suspicions", "smallint", "id")},
        lane = CASE WHEN {_given("attempts", "text", "id")} IS NOT NULL AND lane = 0 THEN 1 ELSE lane END,
        due_at = now() + {_given("again", "float8", "id")} * interval '1 second'
    WHERE id = ANY (ARRAY(SELECT id FROM verdict WHERE NOT final))
), handed_back AS (
    UPDATE due SET hint_id = NULL
    WHERE hint_id = %(hint)s AND id = ANY (ARRAY(
        SELECT unnest(ids) FROM fence WHERE %(done)s EXCEPT SELECT id FROM verdict))
    RETURNING id
), unmarked AS (
    UPDATE deliveries AS d SET state = CASE WHEN d.attempts = '[]' THEN 'pending' ELSE 'retrying' END
    WHERE d.delivery_id = ANY (ARRAY(SELECT id FROM handed_back)) {_BOUNDS} AND d.state = 'sending'
), ended AS (
    DELETE FROM hints USING fence WHERE %(done)s AND hints.hint_id = fence.hint_id
), counted AS MATERIALIZED (
    SELECT request_id, 0 AS planned, -(count(*) FILTER (WHERE final))::integer AS opened,
        (count(*) FILTER (WHERE state IN ('dead', 'unknown')))::integer AS failed
    FROM verdict WHERE NOT of_callbacks AND final GROUP BY request_id
), happened AS (
    SELECT request_id, CASE WHEN state = 'delivered' THEN 'delivery.recovered' ELSE 'delivery.' || state END AS event,
        id AS subject
    FROM verdict WHERE NOT of_callbacks AND (state IN ('dead', 'unknown') OR (state = 'delivered' AND recovering))
), {settle(_REQUEST_BOUNDS)}, blocked AS (
    INSERT INTO accounts (account, blocked_until)
    SELECT account, now() + %(blocked_for)s * interval '1 second' FROM fence WHERE %(blocked_for)s::float8 > 0
    ON CONFLICT (account) DO UPDATE SET blocked_until = greatest(accounts.blocked_until, excluded.blocked_until)
), health AS (
    UPDATE destinations AS d SET delivered_lately = d.delivered_lately + %(delivered)s,
        failed_lately = d.failed_lately + %(failed)s,
        lately_since = CASE WHEN d.failed_lately = 0 THEN now() ELSE d.lately_since END,
        breaker = CASE WHEN %(refused)s::text IS NULL THEN d.breaker ELSE 'open' END,
        breaker_reason = coalesce(%(refused)s, d.breaker_reason),
        breaker_since = CASE WHEN %(refused)s::text IS NULL OR d.breaker = 'open' THEN d.breaker_since ELSE now() END,
        opened_times = d.opened_times + CASE WHEN %(refused)s::text IS NULL OR d.breaker = 'open' THEN 0 ELSE 1 END
    FROM fence WHERE d.destination_id = fence.destination_id
        AND (%(refused)s::text IS NOT NULL OR %(failed)s > 0 OR d.failed_lately > 0 OR d.breaker <> 'closed')
)
SELECT count(*) FROM verdict
"""

# Whoever takes an expired hint over gives it a new number: what its old worker may still say counts for nothing.
TAKE_OVER = (
    """
WITH old AS MATERIALIZED (
    DELETE FROM hints WHERE hint_id = %(hint)s AND lease_until <= now() RETURNING *
), mine AS MATERIALIZED (
    INSERT INTO hints (hint_id, destination_id, queue, task, replay, ids, requests, started_at, lease_until, worker)
    SELECT nextval('hint_seq'), destination_id, queue, task, replay, ids, requests, now(),
        now() + interval '30 seconds', 'judge'
    FROM old WHERE task = 'deliver'
        AND EXISTS (SELECT FROM unnest(ids) AS member (id) JOIN due USING (id) WHERE due.hint_id = old.hint_id)
    RETURNING hint_id, destination_id, ids
), freed AS (
    UPDATE due SET hint_id = NULL,
        suspicion = due.suspicion + CASE WHEN old.worker = 'lost' THEN %(seen)s ELSE %(silent)s END
    FROM old CROSS JOIN LATERAL unnest(old.ids) AS member (id)
    WHERE old.task = 'route' AND due.id = member.id AND due.hint_id = old.hint_id
), taken AS (
    UPDATE due SET hint_id = mine.hint_id FROM mine CROSS JOIN old CROSS JOIN LATERAL unnest(mine.ids) AS member (id)
    WHERE due.id = member.id AND due.hint_id = old.hint_id RETURNING due.*
)
"""
    + _DELIVERIES
    + """, mine.hint_id, (SELECT old.worker = 'lost' FROM old)
FROM mine JOIN taken AS due ON true
JOIN deliveries AS d ON d.delivery_id = due.id
JOIN requests AS r ON r.request_id = due.request_id
ORDER BY due.seq
"""
)

TROUBLED = """
SELECT destination_id, breaker, coalesce(extract(epoch FROM now() - breaker_since)::float8, 0.0), opened_times,
    delivered_lately, failed_lately, extract(epoch FROM now() - lately_since)::float8, coalesce(breaker_reason, '')
FROM destinations WHERE breaker <> 'closed' OR failed_lately > 0
"""

# Only from the state it was judged in: two dispatchers may judge at once.
SWITCH = """
UPDATE destinations SET breaker = %(state)s,
    catching_up = catching_up OR (breaker = 'half_open' AND %(state)s = 'closed'),
    release_next_at = CASE WHEN breaker = 'half_open' AND %(state)s = 'closed' THEN now() ELSE release_next_at END,
    breaker_reason = CASE WHEN %(state)s = 'closed' THEN NULL ELSE coalesce(%(reason)s, breaker_reason) END,
    breaker_since = CASE WHEN %(state)s = breaker THEN breaker_since ELSE now() END,
    opened_times = %(opened_times)s, delivered_lately = 0, failed_lately = 0, lately_since = now()
WHERE destination_id = %(destination)s AND breaker = %(was)s
RETURNING client || '/' || group_key || '/' || integration
"""

# An open breaker that is tried and fails again was told of before.
BREAKER_NEWS = """
UPDATE destinations SET breaker_told = breaker WHERE breaker <> breaker_told AND breaker <> 'half_open'
RETURNING client || '/' || group_key || '/' || integration, breaker, breaker_reason, coalesce(breaker_since, now())
"""

UNSTARTED = "SELECT hint_id FROM hints WHERE started_at IS NULL AND queue = ANY(%(queues)s) ORDER BY hint_id"

HOUSE = """
SELECT make_partitions(now() - interval '7 days', now() + interval '28 days'),
    drop_partitions(now() - %(days)s * interval '1 day')
"""

FORGET = "DELETE FROM idempotency WHERE expires_at < now() - interval '1 hour'"
