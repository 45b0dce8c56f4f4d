"""The statements by which due work is given out, and budgets are spent."""

from __future__ import annotations

from router.ledger.pace import REPLAY_CHUNK, SPARE

# Destinations with due work that nobody holds, found by hopping over the index, not by reading it.
_BUSY = """busy (destination_id) AS (
    (SELECT destination_id FROM due WHERE hint_id IS NULL ORDER BY destination_id LIMIT 1)
    UNION ALL
    SELECT (SELECT due.destination_id FROM due WHERE due.hint_id IS NULL AND due.destination_id > busy.destination_id
            ORDER BY due.destination_id LIMIT 1)
    FROM busy WHERE busy.destination_id IS NOT NULL
)"""

# Whether a hint waits for workers who are all busy; one that waits for longer waits for workers that are not there.
_CROWDED = """EXISTS (SELECT FROM hints WHERE started_at IS NULL AND given_at < now() - %(soon)s * interval '1 second'
        AND given_at > now() - %(late)s * interval '1 second')"""
# Or those that are named, while workers are not busy.
_ONWARD = f"busy (destination_id) AS (SELECT unnest(%(destinations)s::integer[]) WHERE NOT {_CROWDED})"

# Whether its last turn was long enough ago, or lies ahead, where only a clock that went back can have put it.
_HAS_TURN = "NOT (d.given_at > now() - %(apart)s * interval '1 second' AND d.given_at <= now())"

# How many a rate allows now: what fits between the moment up to which it is spent and a quarter of a second ahead.
_ALLOWED = """floor(extract(epoch FROM greatest(interval '0.25 s', interval '1 s' / {rate}) + now()
            - greatest({spent_until}, now())) * {rate} + 0.001)"""
_SPENT = "coalesce(a.{}_next_at, '-infinity')"
# `pace.spacing`.
_SPACING = f"(1 / {{rate}} + {SPARE} / greatest({{rate}}, 1))"

# Whether it may be called at all.
_MAY_BE_CALLED = """d.enabled AND d.paused_at IS NULL AND d.breaker <> 'open'
        AND coalesce(a.blocked_until <= now(), true)"""

# Those destinations of which something may go now, within every bound, and how much. Of a backlog behind a rate, a
# pause or busy workers nothing can go; nor can a replay while a chunk of it is out. Whether something is due is asked
# lane by lane (`OFFSET 0`): else all that is due is read once and hashed, which is the cheapest while there is nothing.
# Columns are named, for the server describes each of them anew with every run, on every way that it goes.
_ABLE = f"""out_by_destination AS (
    SELECT destination_id, count(*) AS hints, bool_or(replay) AS replaying FROM hints GROUP BY destination_id
), out_by_queue AS (
    SELECT queue, count(*) AS hints FROM hints GROUP BY queue
), well AS (
    SELECT d.destination_id, d.queue, d.given_at, d.route_id, d.order_limit, d.batch, d.requests_per_second,
        d.records_per_second, d.catching_up, d.release_rate, d.release_next_at, d.account,
        coalesce(o.replaying, false) AS replaying,
        CASE WHEN d.breaker = 'half_open' THEN 1 ELSE d.chunk END AS seats,
        CASE WHEN d.breaker = 'half_open' THEN 1 ELSE d.max_hints END - coalesce(o.hints, 0) AS room,
        %(hints_per_queue)s - coalesce(q.hints, 0) AS queue_room,
        CASE WHEN d.kind = 'route' THEN 'route' ELSE 'deliver' END AS task,
        {_SPENT.format("requests")} AS requests_next_at, {_SPENT.format("records")} AS records_next_at
    FROM busy
    JOIN destinations AS d USING (destination_id)
    LEFT JOIN out_by_destination AS o USING (destination_id)
    LEFT JOIN out_by_queue AS q ON q.queue = d.queue
    LEFT JOIN accounts AS a ON a.account = d.account
    WHERE {_MAY_BE_CALLED} AND {_HAS_TURN}
), able AS MATERIALIZED (
    SELECT well.*, greatest(0, least(
        seats * least(room, queue_room),
        batch * {_ALLOWED.format(rate="requests_per_second", spent_until="requests_next_at")},
        {_ALLOWED.format(rate="records_per_second", spent_until="records_next_at")},
        CASE WHEN catching_up THEN {_ALLOWED.format(rate="release_rate", spent_until="release_next_at")} END
    ))::integer AS able_to_take
    FROM well WHERE room > 0 AND queue_room > 0 AND EXISTS (
        SELECT FROM (VALUES (0::smallint), (1::smallint), (2::smallint)) AS lanes (lane)
        WHERE NOT (lanes.lane = 2 AND well.replaying) AND EXISTS (
            SELECT FROM due WHERE due.destination_id = well.destination_id AND due.lane = lanes.lane
                AND due.hint_id IS NULL AND due.due_at <= now() OFFSET 0))
)"""
# Hints that nobody started in time: they are given again.
_UNHEARD = "started_at IS NULL AND given_at < now() - %(after)s * interval '1 second'"

OUTLOOK = f"""
WITH RECURSIVE {_BUSY}, {_ABLE}
SELECT EXISTS (SELECT FROM able WHERE able_to_take > 0) OR EXISTS (SELECT FROM hints WHERE {_UNHEARD}), {_CROWDED}
"""

# What is given out, again where nobody started it. Of the destinations of a queue as many are looked at as it has
# room for, those who were served longest ago, and a few more by luck, for it may be that nothing of the first can go;
# the more there are, the fewer chunks of each. Candidates are, for each of them, the oldest due of each lane, in
# shares: of eleven, eight live, two retried, one replayed, and all of what the others leave, but few replayed; where
# only one may go, luck gives the lanes the same shares. A key's deliveries go out in order: one goes only when every
# earlier one of its key that still lives goes with it, in the same chunk, and none of its key is still unplanned.
# What is held up behind another is looked at again when that one moves, or gives way. Rows are found by keys, not by
# joins, for the reason that `work_sql` gives.
_GIVE_OUT = f"""again AS (
    UPDATE hints SET given_at = now() WHERE {_UNHEARD} RETURNING *
), {_ABLE}, rival AS (
    SELECT able.*, count(*) OVER queue AS rivals,
        row_number() OVER (PARTITION BY queue ORDER BY given_at, destination_id) AS turn,
        row_number() OVER (PARTITION BY queue ORDER BY random()) AS luck
    FROM able WHERE able_to_take > 0 WINDOW queue AS (PARTITION BY queue)
), open AS MATERIALIZED (
    SELECT rival.*, least(able_to_take, seats * (1 + queue_room / rivals))::integer AS take
    FROM rival WHERE turn <= queue_room OR luck <= (queue_room + 3) / 4
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
            ORDER BY due_at, seq LIMIT CASE WHEN lanes.lane = 2 THEN least(o.take, {REPLAY_CHUNK}) ELSE o.take END
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
            AND p.seq < k.seq AND p.seq <> ALL (k.seqs) AND born_at(p.id) > k.gives_way
        ORDER BY p.seq LIMIT 1
    ) AS head ON true LEFT JOIN LATERAL (
        SELECT p.seq FROM due AS p
        WHERE k.last AND p.destination_id = k.route_id AND p.ordering_key = k.ordering_key AND p.seq < k.seq
            AND born_at(p.id) > k.gives_way
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
), member AS MATERIALIZED (
    SELECT array_agg(id ORDER BY id) AS ids, array_agg(hint_id ORDER BY id) AS hints
    FROM chosen CROSS JOIN LATERAL unnest(chosen.ids) AS one (id)
), taken AS (
    UPDATE due SET hint_id = (SELECT hints FROM member)[width_bucket(id, (SELECT ids FROM member))]
    WHERE id = ANY ((SELECT ids FROM member)::uuid[])
), held_up AS MATERIALIZED (
    SELECT array_agg(id ORDER BY id) AS ids,
        array_agg(greatest(now() + interval '30 ms', CASE WHEN seq > head_seq THEN head_until END) ORDER BY id) AS until
    FROM judged WHERE seq > head_seq OR seq > unplanned_seq
), waiting AS (
    UPDATE due SET due_at = (SELECT until FROM held_up)[width_bucket(id, (SELECT ids FROM held_up))]
    WHERE id = ANY ((SELECT ids FROM held_up)::uuid[])
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
            + sum(bill.calls * {_SPACING.format(rate="o.requests_per_second")}) * interval '1 s', '-infinity'),
        coalesce(max(greatest(o.records_next_at, now()))
            + sum(bill.records / o.records_per_second) * interval '1 s', '-infinity')
    FROM bill JOIN open AS o USING (destination_id)
    WHERE o.requests_per_second IS NOT NULL OR o.records_per_second IS NOT NULL
    GROUP BY o.account ORDER BY o.account
    ON CONFLICT (account) DO UPDATE SET requests_next_at = excluded.requests_next_at,
        records_next_at = excluded.records_next_at
)
SELECT told.hint_id, told.task, told.queue, d.client || '/' || d.group_key || '/' || d.integration, told.requests,
    cardinality(told.ids), told.again
FROM (
    SELECT hint_id, destination_id, task, queue, requests, ids, true AS again FROM again
    UNION ALL SELECT hint_id, destination_id, task, queue, requests, ids, false FROM chosen
) AS told JOIN destinations AS d USING (destination_id) ORDER BY told.hint_id
"""
CLAIM = f"WITH RECURSIVE {_BUSY}, {_GIVE_OUT}"
CLAIM_ONWARD = f"WITH {_ONWARD}, {_GIVE_OUT}"

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
