"""What a person may do to the work, in PostgreSQL: pause and resume, list what failed, replay, resolve, cancel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from router.ledger.base import Letter, Place, Remapped, Selection
from router.ledger.postgres.pool import Database
from router.ledger.postgres.work_sql import settle
from router.ledger.ranges import LOWEST, between
from router.model import FAILED, State, ids_of

PLACES = """
SELECT d.destination_id, d.client, d.group_key, d.integration, d.kind, d.connector, d.account, d.enabled, d.paused_at,
    d.paused_by, d.breaker, d.breaker_reason, d.breaker_since, d.catching_up,
    CASE WHEN a.blocked_until > now() THEN a.blocked_until END,
    (SELECT count(*) FROM (SELECT FROM due WHERE due.destination_id = d.destination_id LIMIT %(most)s) AS counted),
    (SELECT coalesce(sum(cardinality(h.ids)), 0) FROM hints AS h WHERE h.destination_id = d.destination_id
        AND h.started_at IS NOT NULL),
    (SELECT min(oldest.due_at) FROM (VALUES (0::smallint), (1::smallint), (2::smallint)) AS lanes (lane)
        CROSS JOIN LATERAL (SELECT due_at FROM due WHERE due.destination_id = d.destination_id AND due.lane = lanes.lane
            AND due.hint_id IS NULL ORDER BY due_at LIMIT 1) AS oldest)
FROM destinations AS d LEFT JOIN accounts AS a USING (account)
WHERE (%(client)s::text IS NULL OR d.client = %(client)s) ORDER BY d.client, d.group_key, d.integration
"""
PAUSE = """
UPDATE destinations SET paused_at = coalesce(paused_at, now()), paused_by = coalesce(paused_by, %(by)s)
WHERE destination_id = ANY(%(ids)s::integer[]) AND kind <> 'route' AND paused_at IS NULL RETURNING destination_id
"""
RESUME = """
UPDATE destinations SET paused_at = NULL, paused_by = NULL, catching_up = true, release_next_at = now(),
    breaker = 'closed', breaker_reason = NULL, breaker_since = NULL, opened_times = 0, delivered_lately = 0,
    failed_lately = 0, lately_since = now()
WHERE destination_id = ANY(%(ids)s::integer[]) AND (paused_at IS NOT NULL OR breaker <> 'closed')
RETURNING destination_id
"""
_LETTERS = """
SELECT d.delivery_id, d.request_id, p.client, p.group_key, p.integration, r.entity, r.type, d.operation, d.state,
    coalesce(d.reason, ''), jsonb_array_length(d.attempts), r.received_at, d.finished_at, d.payload IS NOT NULL
FROM deliveries AS d
CROSS JOIN LATERAL (SELECT * FROM destinations WHERE destination_id = d.destination_id OFFSET 0) AS p
CROSS JOIN LATERAL (SELECT * FROM requests WHERE request_id = d.request_id OFFSET 0) AS r
WHERE {conditions} ORDER BY d.delivery_id LIMIT %(limit)s
"""
_MEANT = (
    "d.state = ANY(%(states)s::text[])",
    "p.kind = 'deliver'",
    "d.delivery_id > %(after)s",
    "d.delivery_id >= %(low)s AND d.delivery_id < %(high)s",
)
_NARROWER = {
    "destinations": "d.destination_id = ANY(%(destinations)s::integer[])",
    "reason": "position(lower(%(reason)s) IN lower(d.reason)) > 0",
    "entity": "r.entity = %(entity)s",
    "type": "r.type = %(type)s",
    "deliveries": "d.delivery_id = ANY(%(deliveries)s::uuid[])",
}
RECORDS = """
SELECT d.delivery_id, p.client, p.group_key, p.integration, r.entity, r.type, r.action, d.operation,
    r.mapping_version, d.payload, c.data
FROM deliveries AS d JOIN destinations AS p USING (destination_id) JOIN requests AS r ON r.request_id = d.request_id
JOIN records AS c ON c.record_id = (left(d.delivery_id::text, 31) || '00000')::uuid
WHERE d.delivery_id = ANY(%(ids)s::uuid[]) ORDER BY d.delivery_id
"""

# Who asked, and for what, in the history.
_NOTE = """jsonb_build_object('at', to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'ms', 0, 'outcome', '{what}',
            'by', %(by)s::text)"""
_NOTHING_HAPPENED = "SELECT NULL::uuid AS request_id, NULL AS event, NULL::uuid AS subject WHERE false"

# A replay is new attempts of the same delivery: what was tried before stays in its history and counts no more.
REPLAY = f"""
WITH chosen AS MATERIALIZED (
    SELECT c.*, d.state, d.request_id, d.destination_id, p.kind FROM unnest(
        %(ids)s::uuid[], %(operations)s::text[], %(payloads)s::text[]) AS c (id, operation, payload)
    JOIN deliveries AS d ON d.delivery_id = c.id JOIN destinations AS p USING (destination_id)
    WHERE d.state IN ('dead', 'unknown', 'delivered', 'cancelled') AND coalesce(c.payload, d.payload) IS NOT NULL
    ORDER BY d.delivery_id FOR UPDATE OF d
), revived AS (
    UPDATE deliveries AS d SET state = 'pending', finished_at = NULL, payload = coalesce(c.payload, d.payload),
        operation = coalesce(c.operation, d.operation), recovering = d.state IN ('dead', 'unknown'),
        earlier = jsonb_array_length(d.attempts) + 1, attempts = d.attempts || {_NOTE.format(what="replayed")}
    FROM chosen AS c WHERE d.delivery_id = c.id
), queued AS (
    INSERT INTO due (id, request_id, destination_id, lane, ordering_key, seq, due_at)
    SELECT c.id, c.request_id, c.destination_id, 2, coalesce(r.ordering_key, c.request_id),
        coalesce(r.seq, nextval('record_seq')), now()
    FROM chosen AS c LEFT JOIN records AS r ON r.record_id = (left(c.id::text, 31) || '00000')::uuid
    ON CONFLICT DO NOTHING
), counted AS MATERIALIZED (
    SELECT request_id, 0 AS planned, count(*)::integer AS opened,
        -(count(*) FILTER (WHERE state IN ('dead', 'unknown')))::integer AS failed
    FROM chosen WHERE kind = 'deliver' GROUP BY request_id
), happened AS (
    {_NOTHING_HAPPENED}
), {settle()}
SELECT count(*) FROM chosen
"""
RESOLVE = f"""
WITH chosen AS MATERIALIZED (
    SELECT d.delivery_id, d.request_id, p.kind FROM deliveries AS d JOIN destinations AS p USING (destination_id)
    WHERE d.delivery_id = ANY(%(ids)s::uuid[]) AND d.state = 'unknown' ORDER BY d.delivery_id FOR UPDATE OF d
), known AS (
    UPDATE deliveries AS d SET state = 'delivered', attempts = d.attempts || {_NOTE.format(what="delivered")}
    FROM chosen AS c WHERE d.delivery_id = c.delivery_id
), counted AS MATERIALIZED (
    SELECT request_id, 0 AS planned, 0 AS opened, -count(*)::integer AS failed FROM chosen WHERE kind = 'deliver'
    GROUP BY request_id
), happened AS (
    SELECT request_id, 'delivery.recovered' AS event, delivery_id AS subject FROM chosen WHERE kind = 'deliver'
), {settle()}
SELECT count(*) FROM chosen
"""
# What a claim is giving out at this moment is locked by it, and too late to be cancelled.
CANCEL = f"""
WITH chosen AS MATERIALIZED (
    DELETE FROM due WHERE id IN (
        SELECT due.id FROM due JOIN destinations AS p USING (destination_id)
        WHERE due.id = ANY(%(ids)s::uuid[]) AND due.hint_id IS NULL AND p.kind = 'deliver'
        FOR UPDATE OF due SKIP LOCKED)
    RETURNING id, request_id
), cancelled AS (
    UPDATE deliveries AS d SET state = 'cancelled', finished_at = now(), recovering = false,
        attempts = d.attempts || {_NOTE.format(what="cancelled")}
    FROM chosen AS c WHERE d.delivery_id = c.id
), counted AS MATERIALIZED (
    SELECT request_id, 0 AS planned, -count(*)::integer AS opened, 0 AS failed FROM chosen GROUP BY request_id
), happened AS (
    {_NOTHING_HAPPENED}
), {settle()}
SELECT count(*) FROM chosen
"""
MOST_COUNTED = 1_000_000


class Steering:
    """`router.ledger.base.Steering`."""

    _db: Database

    def places(self, client: str | None = None) -> list[Place]:
        return [Place(*row) for row in self._db.rows(PLACES, {"client": client, "most": MOST_COUNTED})]

    def pause(self, destinations: Sequence[int], by: str) -> int:
        return len(self._db.rows(PAUSE, {"ids": list(destinations), "by": by}))

    def resume(self, destinations: Sequence[int]) -> int:
        return len(self._db.rows(RESUME, {"ids": list(destinations)}))

    def letters(self, selection: Selection, limit: int, after: UUID | None = None) -> list[Letter]:
        params = _selected(selection)
        conditions = [*_MEANT, *(text for name, text in _NARROWER.items() if params[name] is not None)]
        if set(selection.states) <= FAILED:
            conditions.append("d.failed")
        statement = _LETTERS.format(conditions=" AND ".join(conditions))
        rows = self._db.rows(statement, {**params, "limit": limit, "after": after or LOWEST})
        return [Letter(*(*row[:8], State(row[8]), *row[9:])) for row in rows]

    def replayable(self, deliveries: Sequence[UUID]) -> list[Remapped]:
        return [Remapped(*row) for row in self._db.rows(RECORDS, {"ids": list(deliveries)})]

    def replay(self, deliveries: Sequence[UUID], by: str, changed: Mapping[UUID, tuple[str, str]] | None = None) -> int:
        ids = list(dict.fromkeys(deliveries))
        new = changed or {}
        rows = self._db.rows(
            REPLAY,
            {
                "ids": ids,
                "operations": [new[each][0] if each in new else None for each in ids],
                "payloads": [new[each][1] if each in new else None for each in ids],
                "by": by,
            },
        )
        return int(rows[0][0])

    def resolve(self, deliveries: Sequence[UUID], by: str) -> int:
        return int(self._db.rows(RESOLVE, {"ids": list(deliveries), "by": by})[0][0])

    def cancel(self, deliveries: Sequence[UUID], by: str) -> int:
        return int(self._db.rows(CANCEL, {"ids": list(deliveries), "by": by})[0][0])


def _selected(selection: Selection) -> dict[str, object]:
    low, high = between(selection.since, selection.until)
    if selection.request_id is not None:
        first, last = ids_of(selection.request_id)
        low, high = max(low, first), min(high, UUID(int=last.int + 1))
    return {
        "states": [str(state) for state in selection.states],
        "low": low,
        "high": high,
        "destinations": None if selection.destinations is None else list(selection.destinations),
        "reason": selection.reason,
        "entity": selection.entity,
        "type": selection.type,
        "deliveries": None if selection.deliveries is None else list(selection.deliveries),
    }
