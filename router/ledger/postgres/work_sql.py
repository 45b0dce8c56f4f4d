"""The statements of `work`: each is complete in itself and fenced by its hint.

A hint's row is locked first; whoever finds it gone does nothing. Requests are locked in the order of their ids, so two
chunks that end at once never wait for one another in a circle.
"""

# How many a rate allows now: what fits between the moment up to which it is spent and a quarter of a second ahead.
_ALLOWED = """floor(extract(epoch FROM greatest(interval '0.25 s', interval '1 s' / {rate}) + now()
            - greatest({spent_until}, now())) * {rate} + 0.001)"""

# What is given out. `busy` finds the destinations that have due work by hopping over the index, not by reading it.
# Candidates are, for each open destination, the oldest due of each lane, in shares: of eleven, eight live, two retried,
# one replayed, and all of what the others leave; where only one may go, luck gives the lanes the same shares. A key's
# deliveries go out in order: one goes only when every earlier one of its key that still lives goes with it, in the same
# chunk, and none of its key is still unplanned. What is held up behind another is looked at again when that one moves,
# or gives way.
CLAIM = f"""
WITH RECURSIVE busy (destination_id) AS (
    (SELECT destination_id FROM due WHERE hint_id IS NULL ORDER BY destination_id LIMIT 1)
    UNION ALL
    SELECT (SELECT due.destination_id FROM due WHERE due.hint_id IS NULL AND due.destination_id > busy.destination_id
            ORDER BY due.destination_id LIMIT 1)
    FROM busy WHERE busy.destination_id IS NOT NULL
), out_by_destination AS (
    SELECT destination_id, count(*) AS hints, bool_or(replay) AS replaying FROM hints GROUP BY destination_id
), out_by_queue AS (
    SELECT queue, count(*) AS hints FROM hints GROUP BY queue
), well AS (
    SELECT d.*, coalesce(o.replaying, false) AS replaying,
        CASE WHEN d.breaker = 'half_open' THEN 1 ELSE d.chunk END AS seats,
        CASE WHEN d.breaker = 'half_open' THEN 1 ELSE d.max_hints END - coalesce(o.hints, 0) AS room,
        %(hints_per_queue)s - coalesce(q.hints, 0) AS queue_room,
        CASE WHEN d.kind = 'route' THEN 'route' ELSE 'deliver' END AS task,
        coalesce(a.requests_next_at, '-infinity') AS requests_next_at,
        coalesce(a.records_next_at, '-infinity') AS records_next_at
    FROM busy
    JOIN destinations AS d USING (destination_id)
    LEFT JOIN out_by_destination AS o USING (destination_id)
    LEFT JOIN out_by_queue AS q ON q.queue = d.queue
    LEFT JOIN accounts AS a ON a.account = d.account
    WHERE d.enabled AND d.paused_at IS NULL AND d.breaker <> 'open' AND coalesce(a.blocked_until <= now(), true)
), open AS MATERIALIZED (
    SELECT well.*, greatest(0, least(
        seats * least(room, queue_room),
        batch * {_ALLOWED.format(rate="requests_per_second", spent_until="requests_next_at")},
        {_ALLOWED.format(rate="records_per_second", spent_until="records_next_at")},
        CASE WHEN catching_up THEN {_ALLOWED.format(rate="release_rate", spent_until="release_next_at")} END
    ))::integer AS take
    FROM well WHERE room > 0 AND queue_room > 0
), candidate AS MATERIALIZED (
    SELECT o.destination_id, o.queue, o.seats, o.room, o.queue_room, o.route_id, o.given_at, o.order_limit, o.task, u.*,
        row_number() OVER (PARTITION BY o.destination_id ORDER BY u.share, u.lane) AS place
    FROM open AS o CROSS JOIN LATERAL (
        SELECT turn.* FROM (
            VALUES (0::smallint, 1, random()), (1::smallint, 4, random()), (2::smallint, 8, random())
        ) AS lanes (lane, weight, luck)
        CROSS JOIN LATERAL (
            SELECT id, request_id, lane, ordering_key, seq, due_at, suspicion,
                lanes.weight * (row_number() OVER (ORDER BY due_at, seq) - lanes.luck) AS share
            FROM due WHERE due.destination_id = o.destination_id AND due.lane = lanes.lane AND due.hint_id IS NULL
                AND due.due_at <= now() AND NOT (lanes.lane = 2 AND o.replaying)
            ORDER BY due_at, seq LIMIT o.take
        ) AS turn
        ORDER BY turn.share, turn.lane LIMIT o.take
    ) AS u
), keyed AS (
    SELECT c.*, now() - c.order_limit * interval '1 second' AS gives_way, array_agg(c.seq) OVER key AS seqs,
        c.seq = max(c.seq) OVER key AS last
    FROM candidate AS c WINDOW key AS (PARTITION BY c.destination_id, c.ordering_key)
), judged AS MATERIALIZED (
    SELECT k.*, min(head.seq) OVER key AS head_seq, min(head.until) OVER key AS head_until,
        min(unplanned.seq) OVER key AS unplanned_seq
    FROM keyed AS k LEFT JOIN LATERAL (
        SELECT p.seq, least(p.due_at, born_at(p.id) + k.order_limit * interval '1 second') AS until FROM due AS p
        WHERE k.last AND k.task = 'deliver' AND p.destination_id = k.destination_id AND p.ordering_key = k.ordering_key
            AND p.seq < k.seq AND p.seq <> ALL (k.seqs) AND p.id > uuid_at(k.gives_way)
        ORDER BY p.seq LIMIT 1
    ) AS head ON true LEFT JOIN LATERAL (
        SELECT p.seq FROM due AS p
        WHERE k.last AND p.destination_id = k.route_id AND p.ordering_key = k.ordering_key AND p.seq < k.seq
            AND p.id > uuid_at(k.gives_way)
        ORDER BY p.seq LIMIT 1
    ) AS unplanned ON true
    WINDOW key AS (PARTITION BY k.destination_id, k.ordering_key)
), free AS (
    SELECT j.*, min(j.place) OVER key AS key_place, min(j.seq) OVER key AS key_seq,
        max(j.suspicion) OVER key > 2 AS alone, min(j.lane) OVER key = 2 AS replay
    FROM judged AS j WHERE coalesce(j.seq < j.head_seq, true) AND coalesce(j.seq < j.unplanned_seq, true)
    WINDOW key AS (PARTITION BY j.destination_id, j.ordering_key)
), seated AS (
    SELECT f.*,
        row_number() OVER (PARTITION BY f.destination_id, f.alone, f.replay ORDER BY f.key_place, f.seq) - 1 AS seat
    FROM free AS f WHERE NOT f.alone OR f.seq = f.key_seq
), chunked AS (
    SELECT s.*, CASE WHEN s.alone THEN -1 - s.seat ELSE s.seat / s.seats END AS chunk_number FROM seated AS s
), whole AS (
    SELECT c.*, min(c.chunk_number) OVER (PARTITION BY c.destination_id, c.ordering_key) AS key_chunk FROM chunked AS c
), offered AS (
    SELECT destination_id, chunk_number, replay, min(place) AS place, min(room) AS room, min(queue_room) AS queue_room,
        min(queue) AS queue, min(task) AS task, min(given_at) AS given_at,
        array_agg(id ORDER BY seq) AS ids, array_agg(DISTINCT request_id) AS requests
    FROM whole WHERE chunk_number = key_chunk GROUP BY destination_id, chunk_number, replay
), ranked AS (
    SELECT o.*, row_number() OVER (PARTITION BY destination_id ORDER BY place) AS turn,
        row_number() OVER (PARTITION BY destination_id, replay ORDER BY place) AS replay_turn
    FROM offered AS o
), fair AS (
    SELECT r.*, row_number() OVER (PARTITION BY queue ORDER BY turn, given_at, destination_id) AS in_queue
    FROM ranked AS r WHERE turn <= room AND (NOT replay OR replay_turn = 1)
), chosen AS MATERIALIZED (
    SELECT nextval('hint_seq') AS hint_id, f.* FROM fair AS f WHERE in_queue <= queue_room
), given AS (
    INSERT INTO hints (hint_id, destination_id, queue, task, replay, ids, requests)
    SELECT hint_id, destination_id, queue, task, replay, ids, requests FROM chosen
), taken AS (
    UPDATE due SET hint_id = chosen.hint_id FROM chosen CROSS JOIN LATERAL unnest(chosen.ids) AS member (id)
    WHERE due.id = member.id
), waiting AS (
    UPDATE due SET due_at = greatest(now() + interval '30 ms', CASE WHEN j.seq > j.head_seq THEN j.head_until END)
    FROM judged AS j WHERE due.id = j.id AND (j.seq > j.head_seq OR j.seq > j.unplanned_seq)
), bill AS MATERIALIZED (
    SELECT destination_id, sum(ceil(cardinality(ids)::float8 / batch)) AS calls, sum(cardinality(ids)) AS records
    FROM chosen JOIN open USING (destination_id) GROUP BY destination_id
), served AS (
    UPDATE destinations AS d SET given_at = now(),
        catching_up = d.catching_up
            AND o.take <= (SELECT count(*) FROM candidate AS c WHERE c.destination_id = bill.destination_id),
        release_next_at = CASE WHEN d.catching_up
            THEN greatest(d.release_next_at, now()) + bill.records / d.release_rate * interval '1 second'
            ELSE d.release_next_at END
    FROM bill JOIN open AS o USING (destination_id) WHERE d.destination_id = bill.destination_id
), spent AS (
    INSERT INTO accounts AS a (account, requests_next_at, records_next_at)
    SELECT o.account,
        coalesce(max(greatest(o.requests_next_at, now()))
            + sum(bill.calls / o.requests_per_second) * interval '1 s', '-infinity'),
        coalesce(max(greatest(o.records_next_at, now()))
            + sum(bill.records / o.records_per_second) * interval '1 s', '-infinity')
    FROM bill JOIN open AS o USING (destination_id)
    WHERE o.requests_per_second IS NOT NULL OR o.records_per_second IS NOT NULL
    GROUP BY o.account ORDER BY o.account
    ON CONFLICT (account) DO UPDATE SET requests_next_at = excluded.requests_next_at,
        records_next_at = excluded.records_next_at
)
SELECT c.hint_id, c.task, c.queue, d.client || '/' || d.group_key || '/' || d.integration, c.requests,
    cardinality(c.ids)
FROM chosen AS c JOIN destinations AS d USING (destination_id) ORDER BY c.hint_id
"""

# The exact moment of the next calls of an account that has a rate, and never before it may be called at all. Nothing is
# taken when that is too far off to wait for.
SLOT = """
INSERT INTO accounts AS a (account, slots_next_at)
VALUES (%(account)s, now() + %(step)s * interval '1 second')
ON CONFLICT (account) DO UPDATE
    SET slots_next_at = greatest(a.slots_next_at, a.blocked_until, now()) + %(step)s * interval '1 second'
    WHERE greatest(a.slots_next_at, a.blocked_until) < now() + %(patience)s * interval '1 second'
RETURNING greatest(extract(epoch FROM slots_next_at - now())::float8 - %(step)s, 0.0)
"""

REGIVE = """
WITH again AS (
    UPDATE hints SET given_at = now() WHERE started_at IS NULL AND given_at < now() - %(after)s * interval '1 second'
    RETURNING *
)
SELECT a.hint_id, a.task, a.queue, d.client || '/' || d.group_key || '/' || d.integration, a.requests,
    cardinality(a.ids)
FROM again AS a JOIN destinations AS d USING (destination_id) ORDER BY a.hint_id
"""

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
JOIN due ON due.id = member.id AND due.hint_id = mine.hint_id
JOIN records AS c ON c.record_id = due.id
JOIN requests AS r ON r.request_id = due.request_id
ORDER BY due.seq
"""
)
_DELIVERIES = """
SELECT mine.destination_id, due.id, r.request_id, r.client, r.group_key, r.environment, due.ordering_key, d.operation,
    d.payload, r.mapping_version, r.received_at, jsonb_array_length(d.attempts) - d.earlier,
    coalesce(extract(epoch FROM now() - (d.attempts -> d.earlier::integer ->> 'at')::timestamptz)::float8, 0.0),
    due.suspicion, d.state
"""
_OF_MINE = """
FROM mine CROSS JOIN LATERAL unnest(mine.ids) AS member (id)
JOIN due ON due.id = member.id AND due.hint_id = mine.hint_id
JOIN deliveries AS d ON d.delivery_id = due.id
JOIN requests AS r ON r.request_id = due.request_id
ORDER BY due.seq
"""
START_DELIVER = _START + _DELIVERIES + _OF_MINE

LEAVING = """
WITH mine AS MATERIALIZED (
    UPDATE hints SET lease_until = now() + %(lease)s * interval '1 second' WHERE hint_id = %(hint)s RETURNING hint_id
), marked AS (
    UPDATE deliveries SET state = 'sending' FROM mine WHERE delivery_id = ANY(%(ids)b::uuid[])
)
SELECT hint_id FROM mine
"""

# What a request is still owed goes down by what became final; the one statement that brings it to nothing also makes
# its callback. Callbacks settle nothing and have no callbacks of their own.
SETTLE = """
owing AS MATERIALIZED (
    SELECT counted.* FROM requests AS r JOIN counted USING (request_id) ORDER BY r.request_id FOR UPDATE OF r
), settled AS (
    UPDATE requests AS r SET planned = r.planned + c.planned, open = r.open + c.opened, failed = r.failed + c.failed,
        completed_at = CASE WHEN r.open + c.opened = 0 THEN coalesce(r.completed_at, now()) ELSE r.completed_at END
    FROM owing AS c WHERE r.request_id = c.request_id
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
    JOIN due ON due.id = member.id AND due.hint_id = fence.hint_id
), plan AS MATERIALIZED (
    SELECT p.*, mine.request_id, mine.ordering_key, mine.seq FROM unnest(
        %(ids)b::uuid[], %(records)b::uuid[], %(destinations)b::integer[], %(operations)b::text[], %(states)b::text[],
        %(finals)b::boolean[], %(payloads)b::text[], %(reasons)b::text[]
    ) AS p (id, record_id, destination_id, operation, state, final, payload, reason)
    JOIN mine ON mine.id = p.record_id
), stored AS (
    INSERT INTO deliveries (delivery_id, request_id, destination_id, operation, state, payload, reason, finished_at)
    SELECT id, request_id, destination_id, operation, state, payload, reason, CASE WHEN final THEN now() END FROM plan
), queued AS (
    INSERT INTO due (id, request_id, destination_id, lane, ordering_key, seq, due_at)
    SELECT id, request_id, destination_id, 0, ordering_key, seq, now() FROM plan WHERE NOT final
), gone AS (
    DELETE FROM due USING mine WHERE due.id = mine.id
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
), {SETTLE}
SELECT count(*) FROM plan
"""

FINISH = f"""
WITH fence AS MATERIALIZED (
    SELECT h.hint_id, h.ids, h.destination_id, d.kind = 'callback' AS of_callbacks, d.account
    FROM hints AS h JOIN destinations AS d USING (destination_id) WHERE h.hint_id = %(hint)s FOR UPDATE OF h
), verdict AS MATERIALIZED (
    SELECT v.*, due.request_id, fence.of_callbacks, d.recovering FROM fence CROSS JOIN unnest(
        %(ids)b::uuid[], %(states)b::text[], %(finals)b::boolean[], %(again)b::float8[], %(suspicions)b::smallint[],
        %(attempts)b::text[]::jsonb[], %(reasons)b::text[], %(providers)b::text[]
    ) AS v (id, state, final, again, suspicion, attempt, reason, provider)
    JOIN due ON due.id = v.id AND due.hint_id = fence.hint_id
    JOIN deliveries AS d ON d.delivery_id = v.id
    FOR UPDATE OF due
), judged AS (
    UPDATE deliveries AS d SET state = v.state, reason = coalesce(v.reason, d.reason),
        provider_id = coalesce(v.provider, d.provider_id),
        attempts = CASE WHEN v.attempt IS NULL THEN d.attempts ELSE d.attempts || v.attempt END,
        finished_at = CASE WHEN v.final THEN now() END,
        recovering = d.recovering AND NOT v.final
    FROM verdict AS v WHERE d.delivery_id = v.id
), gone AS (
    DELETE FROM due USING verdict AS v WHERE due.id = v.id AND v.final
), again AS (
    UPDATE due SET hint_id = NULL, suspicion = due.suspicion + v.suspicion,
        lane = CASE WHEN v.attempt IS NOT NULL AND due.lane = 0 THEN 1 ELSE due.lane END,
        due_at = now() + coalesce(v.again, 0) * interval '1 second'
    FROM verdict AS v WHERE due.id = v.id AND NOT v.final
), handed_back AS (
    UPDATE due SET hint_id = NULL FROM fence CROSS JOIN LATERAL unnest(fence.ids) AS member (id)
    WHERE %(done)s AND due.id = member.id AND due.hint_id = fence.hint_id AND due.id NOT IN (SELECT id FROM verdict)
    RETURNING due.id
), unmarked AS (
    UPDATE deliveries AS d SET state = CASE WHEN d.attempts = '[]' THEN 'pending' ELSE 'retrying' END
    FROM handed_back WHERE d.delivery_id = handed_back.id AND d.state = 'sending'
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
), {SETTLE}, blocked AS (
    INSERT INTO accounts (account, blocked_until)
    SELECT account, now() + %(blocked_for)s * interval '1 second' FROM fence WHERE %(blocked_for)s::float8 IS NOT NULL
    ON CONFLICT (account) DO UPDATE SET blocked_until = greatest(accounts.blocked_until, excluded.blocked_until)
), health AS (
    UPDATE destinations AS d SET delivered_lately = d.delivered_lately + %(delivered)s,
        failed_lately = d.failed_lately + %(failed)s,
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
    delivered_lately, failed_lately, extract(epoch FROM now() - lately_since)::float8
FROM destinations WHERE breaker <> 'closed' OR failed_lately > 0
"""

# Only from the state it was judged in: two dispatchers may judge at once.
SWITCH = """
UPDATE destinations SET breaker = %(state)s,
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
