"""What providers tell later, in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence

from router.ledger.feedback import MATCHED_WITHIN, FeedbackRow, KeptFeedback, NewFeedback
from router.ledger.postgres.pool import Database
from router.ledger.postgres.traces_sql import FEEDBACK

MOST_AT_ONCE = 1000

# `told` with the delivery that each belongs to: the first way that leads to one ends the search. Of several deliveries
# it is the latest that was accepted before it happened, but for a minute by which clocks may differ.
_BEFORE = "uuid_at(least(greatest(coalesce(t.at, now()), 'epoch'), now()) + interval '1 minute')"
_MATCHED = f"""
SELECT t.*, coalesce(named.id, answered.id, earlier.id, identified.id) AS found,
    CASE WHEN named.id IS NOT NULL THEN 'delivery' WHEN answered.id IS NOT NULL THEN 'provider_id'
        WHEN earlier.id IS NOT NULL THEN 'earlier_feedback' WHEN identified.id IS NOT NULL THEN 'identity' END AS how
FROM told AS t
LEFT JOIN LATERAL (
    SELECT d.delivery_id AS id FROM deliveries AS d
    WHERE d.delivery_id = t.named AND d.destination_id = t.destination_id
) AS named ON true
LEFT JOIN LATERAL (
    SELECT d.delivery_id AS id FROM deliveries AS d
    WHERE named.id IS NULL AND d.provider_id = t.person AND d.delivery_id < {_BEFORE}
        AND d.destination_id = t.destination_id
    ORDER BY d.delivery_id DESC LIMIT 1
) AS answered ON true
LEFT JOIN LATERAL (
    SELECT f.delivery_id AS id FROM feedback AS f
    WHERE named.id IS NULL AND answered.id IS NULL AND f.destination_id = t.destination_id AND f.person = t.person
        AND f.delivery_id < {_BEFORE}
    ORDER BY f.delivery_id DESC LIMIT 1
) AS earlier ON true
LEFT JOIN LATERAL (
    SELECT (array_agg(d.delivery_id ORDER BY d.delivery_id DESC))[1] AS id
    FROM unnest(t.identities) AS one (key) JOIN identities AS i ON i.key = one.key
    JOIN records AS c ON c.datatalks_id = i.datatalks_id AND c.record_id < {_BEFORE}
    JOIN deliveries AS d
        ON d.delivery_id = (left(c.record_id::text, 31) || lpad(to_hex(t.destination_id), 5, '0'))::uuid
    WHERE named.id IS NULL AND answered.id IS NULL AND earlier.id IS NULL AND d.payload IS NOT NULL
) AS identified ON true
"""

# A callback for each that was found, in the order in which they happened.
_CALLED_BACK = """
news AS MATERIALIZED (
    SELECT fresh_id() AS id, news.*, nextval('record_seq') AS seq FROM (
        SELECT r.request_id, r.callback_id, json_build_object(
            'type', 'delivery.feedback', 'deliveryId', f.delivery_id, 'feedbackId', f.feedback_id)::text AS payload
        FROM kept AS f JOIN deliveries AS d USING (delivery_id) JOIN requests AS r ON r.request_id = d.request_id
        WHERE r.callback_id IS NOT NULL ORDER BY f.at, f.feedback_id
    ) AS news
), callbacks AS (
    INSERT INTO deliveries (delivery_id, request_id, destination_id, operation, state, payload)
    SELECT id, request_id, callback_id, 'callback', 'pending', payload FROM news
), callbacks_due AS (
    INSERT INTO due (id, request_id, destination_id, lane, ordering_key, seq, due_at)
    SELECT id, request_id, callback_id, 0, request_id, seq, now() FROM news
)
SELECT count(*), count(delivery_id) FROM kept
"""

_WEEK = "left(uuid_at(date_trunc('week', now() - {ago}))::text, 13)"
_ID = f"overlay(key::text PLACING {_WEEK} FROM 1 FOR 13)::uuid"
KEEP = f"""
WITH told AS MATERIALIZED (
    SELECT DISTINCT ON (key) {_ID.format(ago="interval '0'")} AS feedback_id,
        %(destination)s::integer AS destination_id, named, event, original, at, person,
        ARRAY(SELECT jsonb_array_elements_text(identities)::uuid) AS identities, detail
    FROM unnest(%(keys)s::uuid[], %(named)s::uuid[], %(events)s::text[], %(originals)s::text[], %(ats)s::timestamptz[],
        %(people)s::text[], %(identities)s::jsonb[], %(details)s::jsonb[])
        AS given (key, named, event, original, at, person, identities, detail)
    WHERE NOT EXISTS (SELECT FROM feedback AS f WHERE f.feedback_id = {_ID.format(ago="interval '7 days'")})
), matched AS MATERIALIZED ({_MATCHED}), kept AS (
    INSERT INTO feedback (feedback_id, destination_id, delivery_id, matched_by, event, original, at, person, identities,
        detail)
    SELECT feedback_id, destination_id, found, how, event, original, at, person, identities, detail FROM matched
    ORDER BY feedback_id
    ON CONFLICT (feedback_id) DO NOTHING RETURNING *
), {_CALLED_BACK}
"""
MATCH = f"""
WITH told AS MATERIALIZED (
    SELECT feedback_id, destination_id, NULL::uuid AS named, at, person, identities FROM feedback
    WHERE delivery_id IS NULL AND received_at > now() - %(within)s * interval '1 second'
        AND (person IS NOT NULL OR identities <> '{{}}')
    ORDER BY received_at DESC LIMIT %(most)s FOR UPDATE SKIP LOCKED
), matched AS MATERIALIZED ({_MATCHED}), kept AS (
    UPDATE feedback AS f SET delivery_id = m.found, matched_by = m.how FROM matched AS m
    WHERE f.feedback_id = m.feedback_id AND m.found IS NOT NULL RETURNING f.*
), {_CALLED_BACK}
"""
LATEST = f"""
{FEEDBACK} WHERE destination_id = %(destination)s ORDER BY received_at DESC, feedback_id LIMIT %(limit)s
"""


class Feedback:
    """`router.ledger.feedback.Feedback`."""

    _db: Database

    def keep_feedback(self, destination: int, told: Sequence[NewFeedback]) -> KeptFeedback:
        rows = self._db.rows(
            KEEP,
            {
                "destination": destination,
                "keys": [one.key for one in told],
                "named": [one.delivery for one in told],
                "events": [one.event for one in told],
                "originals": [one.original for one in told],
                "ats": [one.at for one in told],
                "people": [one.person for one in told],
                "identities": [json.dumps([str(key) for key in one.identities]) for one in told],
                "details": [json.dumps(one.detail) for one in told],
            },
        )
        return KeptFeedback(*rows[0])

    def match_feedback(self) -> int:
        return int(self._db.rows(MATCH, {"within": MATCHED_WITHIN, "most": MOST_AT_ONCE})[0][0])

    def feedback(self, destination: int, limit: int) -> list[FeedbackRow]:
        return [FeedbackRow(*row) for row in self._db.rows(LATEST, {"destination": destination, "limit": limit})]
