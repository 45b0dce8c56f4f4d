"""The statements of `intake`. Each is complete in itself: what it answers is durable when it does."""

from __future__ import annotations

# One statement: who the records are, the request, its records, and what is now due. Identities are locked in the order
# of their keys, so two requests that introduce the same entities cannot wait for one another in a circle.
ACCEPT = """
WITH {keep} input AS MATERIALIZED (
    SELECT *, nextval('record_seq') AS seq FROM (
        SELECT * FROM unnest(
            %(ids)s::uuid[], %(datas)s::text[], %(keys)s::uuid[], %(fresh)s::uuid[], %(pins)s::uuid[],
            %(subjects)s::uuid[], %(subject_fresh)s::uuid[], %(joins)s::uuid[], %(known_as)s::text[]
        ) AS t (id, data, key, fresh, pin, subject, subject_fresh, joins, known_as)
        {gate} ORDER BY id
    ) AS ordered
), wanted AS MATERIALIZED (
    SELECT DISTINCT ON (key) key, fresh, entity, type FROM (
        SELECT key, coalesce(pin, fresh) AS fresh, %(entity)s AS entity, %(type)s AS type,
            (pin IS NULL)::integer AS rank FROM input
        UNION ALL SELECT subject, subject_fresh, 'profile', %(subject_type)s, 1 FROM input WHERE subject IS NOT NULL
    ) AS named_keys ORDER BY key, rank
), known AS MATERIALIZED (
    SELECT identities.key, identities.datatalks_id FROM wanted JOIN identities USING (key)
), born AS (
    INSERT INTO identities (key, datatalks_id, client, entity, type)
    SELECT key, fresh, %(client)s, entity, type FROM wanted WHERE key NOT IN (SELECT key FROM known) ORDER BY key
    ON CONFLICT (key) DO UPDATE SET key = excluded.key
    RETURNING key, datatalks_id
), who AS MATERIALIZED (
    SELECT * FROM known UNION ALL SELECT * FROM born
), named AS MATERIALIZED (
    SELECT input.id, input.seq, input.data, input.joins, input.known_as,
        CASE WHEN input.pin <> own.datatalks_id THEN refuse('RT001', input.id::text) ELSE own.datatalks_id END
            AS datatalks_id,
        coalesce(subject.datatalks_id, own.datatalks_id) AS ordering_key
    FROM input JOIN who AS own ON own.key = input.key LEFT JOIN who AS subject ON subject.key = input.subject
), joined AS (
    INSERT INTO identities AS i (key, datatalks_id, client, entity, type, known_as)
    SELECT DISTINCT ON (joins) joins, datatalks_id, %(client)s, %(entity)s, %(type)s,
        jsonb_build_object(%(group)s::text, known_as)
    FROM named WHERE joins IS NOT NULL ORDER BY joins, id DESC
    ON CONFLICT (key) DO UPDATE SET datatalks_id = excluded.datatalks_id,
        known_as = coalesce(i.known_as, '{{}}') || excluded.known_as
), {forget} request AS (
    INSERT INTO requests (request_id, client, environment, surface, group_key, entity, type, action, mapping_version,
        credential, callback_id, records, open)
    SELECT %(request_id)s, %(client)s, %(environment)s, %(surface)s, %(group)s, %(entity)s, %(type)s, %(action)s,
        %(mapping_version)s, %(credential)s, %(callback)s, %(count)s, %(count)s {gate}
), kept AS (
    INSERT INTO records (record_id, seq, datatalks_id, ordering_key, data)
    SELECT id, seq, datatalks_id, ordering_key, data FROM named
), queued AS (
    INSERT INTO due (id, request_id, destination_id, lane, ordering_key, seq, due_at)
    SELECT id, %(request_id)s, %(route)s, 0, ordering_key, seq, now() FROM named
)
SELECT datatalks_id FROM named ORDER BY id
"""
KEEP = """
keep AS MATERIALIZED (
    INSERT INTO idempotency (client, key, fingerprint, request_id, expires_at)
    VALUES (%(client)s, %(idempotency_key)s, %(fingerprint)s, %(request_id)s, now() + %(days)s * interval '1 day')
    ON CONFLICT (client, key) DO UPDATE SET fingerprint = excluded.fingerprint, request_id = excluded.request_id,
        expires_at = excluded.expires_at WHERE idempotency.expires_at < now()
    RETURNING true
),
"""
# Who is deleted lends nobody a name any more.
FORGET = """
forgotten AS (
    UPDATE identities SET known_as = known_as - %(group)s::text
    WHERE datatalks_id = ANY (ARRAY(SELECT datatalks_id FROM named)) AND known_as ? %(group)s::text
),
"""
# The same for one record that belongs to nobody else: most calls.
SINGLE = """
WITH known AS MATERIALIZED (
    SELECT datatalks_id FROM identities WHERE key = %(key)s
), born AS (
    INSERT INTO identities (key, datatalks_id, client, entity, type)
    SELECT %(key)s, coalesce(%(pin)s, %(fresh)s), %(client)s, %(entity)s, %(type)s WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT (key) DO UPDATE SET key = excluded.key
    RETURNING datatalks_id
), named AS MATERIALIZED (
    SELECT nextval('record_seq') AS seq,
        CASE WHEN %(pin)s <> datatalks_id THEN refuse('RT001', %(id)s::text) ELSE datatalks_id END AS datatalks_id
    FROM (SELECT * FROM known UNION ALL SELECT * FROM born) AS who
), request AS (
    INSERT INTO requests (request_id, client, environment, surface, group_key, entity, type, action, mapping_version,
        credential, callback_id, records, open)
    VALUES (%(request_id)s, %(client)s, %(environment)s, %(surface)s, %(group)s, %(entity)s, %(type)s, %(action)s,
        %(mapping_version)s, %(credential)s, %(callback)s, 1, 1)
), kept AS (
    INSERT INTO records (record_id, seq, datatalks_id, ordering_key, data)
    SELECT %(id)s, seq, datatalks_id, datatalks_id, %(data)s FROM named
), queued AS (
    INSERT INTO due (id, request_id, destination_id, lane, ordering_key, seq, due_at)
    SELECT %(id)s, %(request_id)s, %(route)s, 0, datatalks_id, seq, now() FROM named
)
SELECT datatalks_id FROM named
"""
# The same for many requests that came at once: one commit for all, and who is who decided once.
TOGETHER = """
WITH calls AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(calls)s::json) AS t (request_id uuid, client text, environment text, surface text,
        group_key text, entity text, type text, action text, mapping_version text, credential text, callback_id integer,
        route integer, subject_type text, count integer)
), input AS MATERIALIZED (
    SELECT t.*, nextval('record_seq') AS seq FROM unnest(
        %(ids)s::uuid[], %(of)s::uuid[], %(datas)s::text[], %(keys)s::uuid[], %(fresh)s::uuid[], %(subjects)s::uuid[],
        %(subject_fresh)s::uuid[]
    ) AS t (id, request_id, data, key, fresh, subject, subject_fresh)
), wanted AS MATERIALIZED (
    SELECT DISTINCT ON (key) key, fresh, client, entity, type FROM (
        SELECT key, fresh, client, entity, type FROM input JOIN calls USING (request_id)
        UNION ALL SELECT subject, subject_fresh, client, 'profile', subject_type
        FROM input JOIN calls USING (request_id) WHERE subject IS NOT NULL
    ) AS named_keys ORDER BY key
), known AS MATERIALIZED (
    SELECT i.key, i.datatalks_id FROM wanted CROSS JOIN LATERAL (
        SELECT * FROM identities WHERE identities.key = wanted.key OFFSET 0) AS i
), born AS (
    INSERT INTO identities (key, datatalks_id, client, entity, type)
    SELECT key, fresh, client, entity, type FROM wanted WHERE key NOT IN (SELECT key FROM known) ORDER BY key
    ON CONFLICT (key) DO UPDATE SET key = excluded.key
    RETURNING key, datatalks_id
), who AS MATERIALIZED (
    SELECT * FROM known UNION ALL SELECT * FROM born
), named AS MATERIALIZED (
    SELECT input.id, input.request_id, input.seq, input.data, own.datatalks_id,
        coalesce(subject.datatalks_id, own.datatalks_id) AS ordering_key
    FROM input JOIN who AS own ON own.key = input.key LEFT JOIN who AS subject ON subject.key = input.subject
), request AS (
    INSERT INTO requests (request_id, client, environment, surface, group_key, entity, type, action, mapping_version,
        credential, callback_id, records, open)
    SELECT request_id, client, environment, surface, group_key, entity, type, action, mapping_version, credential,
        callback_id, count, count FROM calls
), kept AS (
    INSERT INTO records (record_id, seq, datatalks_id, ordering_key, data)
    SELECT id, seq, datatalks_id, ordering_key, data FROM named
), queued AS (
    INSERT INTO due (id, request_id, destination_id, lane, ordering_key, seq, due_at)
    SELECT id, request_id, route, 0, ordering_key, seq, now() FROM named JOIN calls USING (request_id)
)
SELECT id, datatalks_id FROM named
"""
# A statement cannot change a row that it made: what one record introduces and another of its call joins is made before.
INTRODUCE = """
INSERT INTO identities (key, datatalks_id, client, entity, type)
SELECT key, fresh, %(client)s, %(entity)s, %(type)s FROM unnest(%(keys)s::uuid[], %(fresh)s::uuid[]) AS t (key, fresh)
ORDER BY key ON CONFLICT DO NOTHING
"""


def accept(*, once: bool, delete: bool) -> str:
    """once: under an idempotency key."""
    gate = "WHERE EXISTS (SELECT FROM keep)" if once else ""
    return ACCEPT.format(keep=KEEP if once else "", gate=gate, forget=FORGET if delete else "")


EARLIER = "SELECT fingerprint, request_id FROM idempotency WHERE client = %(client)s AND key = %(idempotency_key)s"
EARLIER_IDS = "SELECT datatalks_id FROM records WHERE record_id BETWEEN %(low)s AND %(high)s ORDER BY record_id"
KNOWN_AS = """
SELECT key, known_as ->> %(group)s FROM identities
WHERE key = ANY(%(keys)s::uuid[]) AND known_as ->> %(group)s IS NOT NULL
"""
REJECT = """
INSERT INTO rejections (request_id, client, surface, credential, status, messages)
VALUES (%(request_id)s, %(client)s, %(surface)s, %(credential)s, %(status)s, %(messages)s)
"""
# The generic cell rate algorithm with a burst of one second's worth: `next_at` runs ahead of now by at most that.
TURN = """
INSERT INTO clients_turns AS t (client, next_at) VALUES (%(client)s, now() + %(step)s * interval '1 second')
ON CONFLICT (client) DO UPDATE SET next_at = greatest(t.next_at, now()) + %(step)s * interval '1 second'
    WHERE t.next_at < now() + interval '1 second'
RETURNING 0.0
"""
WAIT = """
SELECT extract(epoch FROM next_at - now() - interval '1 second')::float8 FROM clients_turns WHERE client = %(client)s
"""
