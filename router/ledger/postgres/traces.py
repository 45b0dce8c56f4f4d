"""What can be read back, from PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import TupleRow

from router.ledger.base import Audit, Filters, Kept
from router.ledger.documents import DeliveryRow, RejectionRow, RequestRow, document, rejection, summary
from router.ledger.feedback import FeedbackRow
from router.ledger.postgres import audit, traces_sql
from router.ledger.postgres.pool import Database
from router.ledger.ranges import HIGHEST, beginning, between
from router.model import RequestStatus, ids_of, record_of


class Traces:
    """`router.ledger.base.Traces`."""

    _db: Database

    def document(
        self, request_id: UUID, client: str | None = None, delivery: UUID | None = None
    ) -> dict[str, Any] | None:
        low, high = ids_of(request_id) if delivery is None else (record_of(delivery), delivery)
        params: dict[str, Any] = {"id": request_id, "client": client, "low": low, "high": high}
        params |= {"first": delivery or low, "alone": delivery is not None}
        request, records, deliveries, callbacks, feedback, rejections = self._at_once(traces_sql.DOCUMENT, params)
        if request:
            return document(
                RequestRow(*request[0]),
                [(row[0], row[1]) for row in records],
                [DeliveryRow(*row) for row in deliveries],
                [DeliveryRow(*row) for row in callbacks],
                [FeedbackRow(*row) for row in feedback],
            )
        return rejection(RejectionRow(*rejections[0])) if rejections else None

    def documents(self, client: str | None, filters: Filters, limit: int, before: UUID | None) -> list[dict[str, Any]]:
        low, high = between(filters.since, filters.until)
        params = {
            "client": client,
            "low": low,
            "high": min(high, before or HIGHEST),
            "limit": limit,
            "group": filters.group,
            "entity": filters.entity,
            "type": filters.type,
            "datatalks_id": filters.datatalks_id,
            "integration": filters.integration,
        }
        if filters.status == RequestStatus.REJECTED:
            return [rejection(RejectionRow(*row)) for row in self._db.rows(traces_sql.rejected(client), params)]
        if filters.status not in (None, *traces_sql.STATUS):
            return []
        statement = traces_sql.listing({name for name, value in params.items() if value is not None}, filters.status)
        return [summary(RequestRow(*row)) for row in self._db.rows(statement, params)]

    def recorded(self, since: datetime, limit: int, after: UUID | None = None) -> list[Kept]:
        rows = self._db.rows(traces_sql.RECORDED, {"after": after or between(since, None)[0], "limit": limit})
        return [Kept(*row) for row in rows]

    def find(self, prefix: str) -> list[UUID]:
        found = beginning(prefix)
        if found is None:
            return []
        return [row[0] for row in self._db.rows(traces_sql.FIND, {"low": found[0], "high": found[1]})]

    def identified(self, keys: Sequence[UUID]) -> list[UUID]:
        return [row[0] for row in self._db.rows(traces_sql.IDENTIFIED, {"keys": list(keys)})]

    def audit(self, since: datetime | None = None, until: datetime | None = None) -> Audit:
        low, high = between(since, until)
        return audit.audit(self._db, low, high)

    def _at_once(self, statements: Sequence[str], params: dict[str, Any]) -> list[list[TupleRow]]:
        """The rows of several statements, of one moment and in one round trip."""
        with self._db.connection() as connection, connection.pipeline(), connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursors = [connection.execute(statement, params, binary=True) for statement in statements]
            return [cursor.fetchall() for cursor in cursors]
