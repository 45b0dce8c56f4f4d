"""The statements of `traces`: every one reads by ranges of ids, so that it visits no partition without need."""

from __future__ import annotations

from collections.abc import Mapping, Set

from router.model import RequestStatus

_REQUEST = """
r.request_id, r.environment, r.group_key, r.entity, r.type, r.mapping_version, r.received_at, r.completed_at, r.open,
r.failed
"""
_REJECTION = "request_id, status, messages, received_at"
_DELIVERY = """
SELECT d.delivery_id, t.integration, t.connector, d.operation, d.state, d.reason, d.provider_id, d.attempts,
    d.planned_at, d.finished_at, due.due_at, h.started_at IS NOT NULL, t.enabled, t.paused_at, t.paused_by, t.breaker,
    t.breaker_reason, t.breaker_since, CASE WHEN d.operation = 'callback' THEN d.payload END,
    CASE WHEN a.blocked_until > now() THEN a.blocked_until END,
    (SELECT earlier.id FROM due AS earlier WHERE earlier.destination_id = due.destination_id
        AND earlier.ordering_key = due.ordering_key AND earlier.seq < due.seq
        AND born_at(earlier.id) > now() - t.order_limit * interval '1 second' ORDER BY earlier.seq LIMIT 1)
FROM deliveries AS d JOIN destinations AS t USING (destination_id)
    LEFT JOIN accounts AS a ON a.account = t.account
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
    "integration": """EXISTS (SELECT FROM destinations AS t
            WHERE t.client = r.client AND t.group_key = r.group_key AND t.integration = %(integration)s)
        AND EXISTS (SELECT FROM deliveries AS d JOIN destinations AS t USING (destination_id)
            WHERE d.delivery_id BETWEEN lowest_id(r.request_id, '8') AND highest_id(r.request_id, '8')
                AND t.integration = %(integration)s)""",
}
STATUS: Mapping[str, str] = {
    RequestStatus.ACCEPTED: "r.open > 0",
    RequestStatus.COMPLETED: "r.open = 0 AND r.failed = 0",
    RequestStatus.COMPLETED_WITH_ERRORS: "r.open = 0 AND r.failed > 0",
}
_FOUND = "CROSS JOIN LATERAL (SELECT * FROM requests WHERE request_id BETWEEN named.low AND named.high OFFSET 0) AS r"
_OF_ENTITY = f"""
FROM (SELECT DISTINCT lowest_id(record_id, '7') AS low, highest_id(record_id, '7') AS high FROM records
    WHERE datatalks_id = %(datatalks_id)s AND record_id >= %(low)s AND record_id < %(high)s) AS named {_FOUND}
"""
# What is owed is little beside what was: found by hopping down the due rows from one request to the one before. They
# come newest first, and only as many as are asked for; sorting them would fetch them all.
_OWED = """
WITH RECURSIVE owed (id) AS (
    (SELECT id FROM due WHERE id < %(high)s ORDER BY id DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT due.id FROM due WHERE due.id < lowest_id(owed.id, '8') ORDER BY due.id DESC LIMIT 1)
    FROM owed WHERE owed.id >= %(low)s
)
"""
_OF_OWED = f"FROM (SELECT lowest_id(id, '7') AS low, highest_id(id, '7') AS high FROM owed) AS named {_FOUND}"
# Few are; by their own index, whatever else narrows the list.
_OF_FAILED = f"FROM (SELECT * FROM requests WHERE failed > 0 AND {_RANGE} ORDER BY request_id DESC OFFSET 0) AS r"
_NEWEST_FIRST = "ORDER BY r.request_id DESC"


def listing(given: Set[str], status: str | None) -> str:
    """Requests of a status that meet the filters that are given, newest first."""
    first, source, order = "", "FROM requests AS r", _NEWEST_FIRST
    if "datatalks_id" in given:
        source = _OF_ENTITY
    elif status == RequestStatus.ACCEPTED:
        first, source, order = _OWED, _OF_OWED, ""
    elif status == RequestStatus.COMPLETED_WITH_ERRORS:
        source = _OF_FAILED
    conditions = [_RANGE, *(_NARROWER[name] for name in _NARROWER if name in given)]
    if status is not None:
        conditions.append(STATUS[status])
    return f"{first} SELECT {_REQUEST} {source} WHERE {' AND '.join(conditions)} {order} LIMIT %(limit)s"


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

IDENTIFIED = """
SELECT DISTINCT datatalks_id FROM identities WHERE key = ANY(%(keys)s::uuid[]) ORDER BY datatalks_id
"""

RECORDED = """
SELECT c.record_id, r.request_id, r.client, r.group_key, r.entity, r.type, r.action, c.data
FROM (SELECT record_id, data FROM records WHERE record_id > %(after)s ORDER BY record_id LIMIT %(limit)s) AS c
JOIN requests AS r ON r.request_id BETWEEN lowest_id(c.record_id, '7') AND highest_id(c.record_id, '7')
ORDER BY c.record_id
"""
