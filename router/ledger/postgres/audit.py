"""Whether the ledger balances: everything in a range of ids counted at one moment, and what does not add up named."""

from __future__ import annotations

from uuid import UUID

from router.ledger.base import Audit
from router.ledger.postgres.pool import Database

MOST = 1000
AT_MOST = 3 * 660.0
"""Seconds for three statements that may take ten minutes each."""
# It reads whole tables: at its own pace, by whatever plan is best for that (not one made before), and of one moment.
CALMLY = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL statement_timeout = '10min'; SET LOCAL work_mem = '64MB'; SET LOCAL plan_cache_mode = auto;
SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on
"""

_REQUESTS = "requests AS r WHERE r.request_id >= %(low)s AND r.request_id < %(high)s"
_DELIVERIES = "deliveries AS d WHERE d.delivery_id >= %(low)s AND d.delivery_id < %(high)s"
_UNPLANNED = "due AS u JOIN records AS c ON c.record_id = u.id WHERE u.id >= %(low)s AND u.id < %(high)s"
TOTALS = f"""
SELECT (SELECT coalesce(sum(r.records), 0)::bigint FROM {_REQUESTS}),
    (SELECT coalesce(sum(r.planned), 0)::bigint FROM {_REQUESTS}), (SELECT count(*) FROM {_UNPLANNED})
"""
BY_STATE = (
    f"SELECT d.state, count(*) FROM {_DELIVERIES} AND d.operation <> 'callback' GROUP BY d.state ORDER BY d.state"
)

_FINAL = "('delivered', 'dead', 'unknown', 'skipped', 'suppressed', 'cancelled')"
# The same rows told by requests, records, deliveries and what is due: each must say what the others say.
DIFFERENCES = f"""
WITH asked AS MATERIALIZED (
    SELECT r.*, lowest_id(r.request_id, '8') AS first_id FROM {_REQUESTS}
), kept AS MATERIALIZED (
    SELECT c.record_id, lowest_id(c.record_id, '8') AS first_id FROM records AS c
    WHERE c.record_id >= %(low)s AND c.record_id < %(high)s
), owed AS MATERIALIZED (
    SELECT u.*, c.record_id IS NOT NULL AS unplanned FROM due AS u LEFT JOIN records AS c ON c.record_id = u.id
    WHERE u.id >= %(low)s AND u.id < %(high)s
), sent AS MATERIALIZED (
    SELECT d.delivery_id, d.request_id, d.state, d.state IN {_FINAL} AS final, d.operation = 'callback' AS callback,
        overlay(d.delivery_id::text PLACING '00000' FROM 32)::uuid AS record_id,
        d.state <> 'delivered' OR d.attempts @> '[{{"outcome": "delivered"}}]' AS proven
    FROM {_DELIVERIES}
), by_record AS MATERIALIZED (
    SELECT record_id, count(*) AS deliveries FROM sent WHERE NOT callback GROUP BY record_id
), of_records AS (
    SELECT first_id, count(*) AS kept FROM kept GROUP BY first_id
), of_owed AS (
    SELECT request_id, count(*) AS unplanned FROM owed WHERE unplanned GROUP BY request_id
), of_sent AS (
    SELECT request_id, count(*) AS sent, count(*) FILTER (WHERE NOT final) AS live,
        count(*) FILTER (WHERE state IN ('dead', 'unknown')) AS dead
    FROM sent WHERE NOT callback GROUP BY request_id
), request AS MATERIALIZED (
    SELECT a.request_id, a.first_id, a.records, a.planned, a.open, a.failed, a.completed_at, coalesce(kept, 0) AS kept,
        coalesce(sent, 0) AS sent, coalesce(unplanned, 0) + coalesce(live, 0) AS live, coalesce(dead, 0) AS dead
    FROM asked AS a LEFT JOIN of_records USING (first_id) LEFT JOIN of_owed USING (request_id)
        LEFT JOIN of_sent USING (request_id)
), short AS (
    SELECT k.record_id, coalesce(b.deliveries, 0) AS deliveries, r.sent, r.planned,
        max(coalesce(b.deliveries, 0)) OVER (PARTITION BY r.request_id) AS most
    FROM request AS r JOIN kept AS k USING (first_id) LEFT JOIN by_record AS b USING (record_id)
    WHERE r.sent <> r.planned AND NOT EXISTS (SELECT FROM owed WHERE owed.id = k.record_id)
)
SELECT id, says FROM (
    SELECT request_id AS id, format('has %%s of its %%s records', kept, records) AS says FROM request
        WHERE kept <> records
    UNION ALL
    SELECT request_id, format('has %%s of its %%s deliveries', sent, planned) FROM request
        WHERE sent <> planned
    UNION ALL
    SELECT request_id, format('says %%s are open, but %%s are', open, live) FROM request
        WHERE open <> live
    UNION ALL
    SELECT request_id, format('says %%s failed, but %%s did', failed, dead) FROM request
        WHERE failed <> dead
    UNION ALL
    SELECT request_id, 'is owed nothing, and not completed' FROM request
        WHERE open = 0 AND completed_at IS NULL
    UNION ALL
    SELECT record_id, 'has no request' FROM kept WHERE first_id NOT IN (SELECT first_id FROM asked)
    UNION ALL
    SELECT id, 'is still to be planned, and has deliveries' FROM owed JOIN by_record ON record_id = id
    UNION ALL
    SELECT record_id, format('is planned, and has %%s deliveries', deliveries) FROM short
        WHERE deliveries = 0 OR deliveries < most
    UNION ALL
    SELECT delivery_id, 'has no record' FROM sent LEFT JOIN kept USING (record_id)
        WHERE NOT callback AND kept.record_id IS NULL
    UNION ALL
    SELECT delivery_id, format('is %%s, and not due', state) FROM sent LEFT JOIN owed ON owed.id = delivery_id
        WHERE NOT final AND owed.id IS NULL
    UNION ALL
    SELECT delivery_id, format('is %%s, and still due', state) FROM sent JOIN owed ON owed.id = delivery_id
        WHERE final
    UNION ALL
    SELECT delivery_id, 'is delivered, and no attempt says so' FROM sent WHERE NOT proven
    UNION ALL
    SELECT id, 'is due, and is nothing' FROM owed LEFT JOIN sent ON delivery_id = id
        WHERE NOT unplanned AND delivery_id IS NULL
    UNION ALL
    SELECT id, format('is due to destination %%s, which is not known', destination_id) FROM owed
        WHERE destination_id NOT IN (SELECT destination_id FROM destinations)
    UNION ALL
    SELECT id, format('is given out under hint %%s, which does not have it', hint_id) FROM owed
        WHERE hint_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM hints WHERE hints.hint_id = owed.hint_id AND id = ANY (ids))
) AS differences ORDER BY id, says LIMIT %(most)s
"""


def audit(db: Database, low: UUID, high: UUID) -> Audit:
    """Count what was born from `low` up to `high`, and name what does not add up, at most a thousand lines of it."""
    params = {"low": low, "high": high, "most": MOST}
    with db.connection(AT_MOST) as connection, connection.transaction():
        connection.execute(CALMLY, prepare=False)
        accepted, planned, unplanned = connection.execute(TOTALS, params, prepare=False).fetchall()[0]
        by_state = dict(connection.execute(BY_STATE, params, prepare=False).fetchall())
        found = connection.execute(DIFFERENCES, params, prepare=False).fetchall()
        differences = [f"{row[0]}: {row[1]}" for row in found]
    if unplanned:
        by_state["unplanned"] = unplanned
    return Audit(accepted, planned + unplanned, by_state, differences)
