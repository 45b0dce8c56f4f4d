"""The statements of `traces`: every one reads by ranges of ids, so that it visits no partition without need."""

from __future__ import annotations

from collections.abc import Set

_REQUEST = """
r.request_id, r.environment, r.group_key, r.entity, r.type, r.mapping_version, r.received_at, r.completed_at, r.open,
r.failed
"""
_REJECTION = "request_id, status, messages, received_at"
_DELIVERY = """
SELECT d.delivery_id, t.integration, t.connector, d.operation, d.state, d.reason, d.provider_id, d.attempts,
    d.planned_at, d.finished_at, due.due_at, h.started_at IS NOT NULL, t.enabled, t.paused_at, t.paused_by, t.breaker,
    t.breaker_reason, t.breaker_since, CASE WHEN d.operation = 'callback' THEN d.payload END
FROM deliveries AS d JOIN destinations AS t USING (destination_id)
    LEFT JOIN due ON due.id = d.delivery_id LEFT JOIN hints AS h ON h.hint_id = due.hint_id
"""
FEEDBACK = "SELECT feedback_id, event, original, at, detail, received_at, delivery_id, matched_by FROM feedback"
_OF_CLIENT = "(%(client)s::text IS NULL OR client = %(client)s)"

# Records and deliveries have ids that begin with their request's; callbacks and feedback come later, and have an index.
DOCUMENT = (
    f"SELECT {_REQUEST} FROM requests AS r WHERE request_id = %(id)s AND {_OF_CLIENT}",
    "SELECT record_id, datatalks_id FROM records WHERE record_id BETWEEN %(low)s AND %(high)s ORDER BY record_id",
    f"{_DELIVERY} WHERE d.delivery_id BETWEEN %(first)s AND %(high)s ORDER BY d.delivery_id",
    f"""{_DELIVERY} WHERE d.request_id = %(id)s AND d.operation = 'callback' AND d.delivery_id > %(low)s
        AND NOT %(alone)s""",
    f"""{FEEDBACK} WHERE delivery_id BETWEEN %(first)s AND %(high)s
        AND feedback_id >= uuid_at(date_trunc('week', born_at(%(low)s))) ORDER BY received_at, at, feedback_id""",
    f"SELECT {_REJECTION} FROM rejections WHERE request_id = %(id)s AND {_OF_CLIENT}",
)

_RANGE = "request_id >= %(low)s AND request_id < %(high)s"
_NARROWER = {
    "client": "r.client = %(client)s",
    "group": "r.group_key = %(group)s",
    "entity": "r.entity = %(entity)s",
    "type": "r.type = %(type)s",
    "status": """CASE %(status)s WHEN 'accepted' THEN r.open > 0 WHEN 'completed' THEN r.open = 0 AND r.failed = 0
        WHEN 'completed_with_errors' THEN r.open = 0 AND r.failed > 0 ELSE false END""",
    "integration": """EXISTS (SELECT FROM deliveries AS d JOIN destinations AS t USING (destination_id)
        WHERE d.delivery_id BETWEEN lowest_id(r.request_id, '8') AND highest_id(r.request_id, '8')
            AND t.integration = %(integration)s)""",
}
_ALL = "requests AS r"
_OF_ENTITY = """
(SELECT DISTINCT lowest_id(record_id, '7') AS low, highest_id(record_id, '7') AS high FROM records
    WHERE datatalks_id = %(datatalks_id)s AND record_id >= %(low)s AND record_id < %(high)s) AS named
JOIN requests AS r ON r.request_id BETWEEN named.low AND named.high
"""


def listing(given: Set[str]) -> str:
    """Requests that meet the filters that are given, newest first."""
    source = _OF_ENTITY if "datatalks_id" in given else _ALL
    conditions = " AND ".join([_RANGE, *(_NARROWER[name] for name in _NARROWER if name in given)])
    return f"SELECT {_REQUEST} FROM {source} WHERE {conditions} ORDER BY r.request_id DESC LIMIT %(limit)s"


def rejected(client: str | None) -> str:
    """Refused calls, newest first."""
    of_client = "true" if client is None else "client = %(client)s"
    return (
        f"SELECT {_REJECTION} FROM rejections WHERE {_RANGE} AND {of_client} ORDER BY request_id DESC LIMIT %(limit)s"
    )


FIND = """
SELECT request_id FROM (
    (SELECT request_id FROM requests WHERE request_id BETWEEN %(low)s AND %(high)s ORDER BY request_id DESC LIMIT 10)
    UNION ALL
    (SELECT request_id FROM rejections WHERE request_id BETWEEN %(low)s AND %(high)s ORDER BY request_id DESC LIMIT 10)
) AS found ORDER BY request_id DESC LIMIT 10
"""

RECORDED = """
SELECT c.record_id, r.request_id, r.client, r.group_key, r.entity, r.type, r.action, c.data
FROM (SELECT record_id, data FROM records WHERE record_id > %(after)s ORDER BY record_id LIMIT %(limit)s) AS c
JOIN requests AS r ON r.request_id BETWEEN lowest_id(c.record_id, '7') AND highest_id(c.record_id, '7')
ORDER BY c.record_id
"""
