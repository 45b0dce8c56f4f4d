"""What the receiver keeps, in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

import psycopg

from router.ledger.base import IdempotencyMismatch, LedgerError, PinConflict
from router.ledger.postgres import intake_sql as sql
from router.ledger.postgres.pool import ANSWERED_WITHIN, Database, Refused
from router.ledger.postgres.together import Together
from router.model import Accepted, Action, NewRequest, Rejected, ids_of, record_id, record_index

PIN_CONFLICT = "RT001"
MOST_TOGETHER = 64
KEPT_WITHIN = 2.4
"""Seconds after which the caller of a small request is told that it may not have been kept, and calls again: a line to
the server that died says nothing."""
SMALL = 20
"""Records: with more, a request goes by itself, for it would keep others waiting."""


class Intake:
    """`router.ledger.base.Intake`."""

    _db: Database
    _together: Together[NewRequest, Accepted]

    def accept(self, request: NewRequest) -> Accepted:
        if _is_small(request):
            return self._together(request)
        return self._accept(request)

    def _accept_all(self, requests: Sequence[NewRequest]) -> Sequence[Accepted | Exception]:
        """Small requests in one statement: that halves what each costs the server."""
        if len(requests) == 1:
            return [self._alone(requests[0])]
        try:
            named: dict[UUID, UUID] = dict(self._db.rows(sql.TOGETHER, _of_all(requests), KEPT_WITHIN))
        except Refused:  # whoever it was about, the others are not held up
            return [self._alone(each) for each in requests]
        return [
            Accepted(each.request_id, tuple([named[record_id(each.request_id, at)] for at in range(len(each.records))]))
            for each in requests
        ]

    def _alone(self, request: NewRequest) -> Accepted | Exception:
        try:
            return self._accept(request)
        except LedgerError as error:
            return error

    def _accept(self, request: NewRequest) -> Accepted:
        statement, params = _statement(request)
        if joined := _joined(request):
            fresh = [pinned or uuid4() for pinned in joined.values()]
            self._db.rows(sql.INTRODUCE, {**params, "keys": list(joined), "fresh": fresh})
        try:
            rows = self._db.rows(statement, params, KEPT_WITHIN if _is_small(request) else ANSWERED_WITHIN)
        except psycopg.Error as error:
            if error.sqlstate != PIN_CONFLICT:
                raise
            raise PinConflict(record_index(UUID(error.diag.message_primary or ""))) from None
        if rows:
            return Accepted(request.request_id, tuple(row[0] for row in rows))
        return self._earlier(request, params)

    def _earlier(self, request: NewRequest, params: dict[str, object]) -> Accepted:
        assert request.idempotency
        (fingerprint, request_id), *_ = self._db.rows(sql.EARLIER, params)
        if bytes(fingerprint) != request.idempotency.fingerprint:
            raise IdempotencyMismatch("the Idempotency-Key was used before, with another request")
        low, high = ids_of(request_id)
        rows = self._db.rows(sql.EARLIER_IDS, {"low": low, "high": high})
        return Accepted(request_id, tuple(row[0] for row in rows), replayed=True)

    def known_as(self, keys: Sequence[UUID], group: str) -> Mapping[UUID, str]:
        return dict(self._db.rows(sql.KNOWN_AS, {"keys": list(keys), "group": group}))

    def reject(self, rejected: Rejected) -> None:
        self._db.rows(
            sql.REJECT,
            {
                "request_id": rejected.request_id,
                "client": rejected.client,
                "surface": rejected.surface,
                "credential": rejected.credential,
                "status": rejected.status,
                "messages": json.dumps(list(rejected.messages)),
            },
        )

    def take_turn(self, client: str, rate: float) -> float:
        if self._db.rows(sql.TURN, {"client": client, "step": 1.0 / rate}):
            return 0.0
        return max(float(self._db.rows(sql.WAIT, {"client": client})[0][0]), 0.001)


def _joined(request: NewRequest) -> dict[UUID, UUID | None]:
    """The identities that one record of the request introduces and another joins, with the datatalksId sent along."""
    joins = {record.joins for record in request.records if record.joins}
    return {record.key: record.pinned for record in request.records if record.key in joins} if joins else {}


def _is_simple(request: NewRequest) -> bool:
    """One record to keep that belongs to nobody else, under no key: most calls."""
    first, keeps = request.records[0], request.action is not Action.DELETE
    return keeps and len(request.records) == 1 and not (request.idempotency or first.subject or first.joins)


def _is_small(request: NewRequest) -> bool:
    """A few records that nothing is said about beyond whose they are."""
    return (
        len(request.records) <= SMALL
        and request.action is not Action.DELETE
        and request.idempotency is None
        and not any(record.pinned or record.joins for record in request.records)
    )


def _of_all(requests: Sequence[NewRequest]) -> dict[str, object]:
    """Few parameters, and texts: an array for each column takes longer to write down than the statement to run."""
    records = [(each, at, record) for each in requests for at, record in enumerate(each.records)]
    calls = [
        {
            "request_id": str(each.request_id),
            "client": each.client,
            "environment": each.environment,
            "surface": each.surface,
            "group_key": each.group,
            "entity": each.entity,
            "type": each.type,
            "action": each.action,
            "mapping_version": each.mapping_version,
            "credential": each.credential,
            "callback_id": each.callback,
            "route": each.route,
            "subject_type": _subject_type(each),
            "count": len(each.records),
        }
        for each in requests
    ]
    return {
        "calls": json.dumps(calls),
        "ids": _array([record_id(each.request_id, at) for each, at, _ in records]),
        "of": _array([each.request_id for each, _, _ in records]),
        "datas": [record.data for _, _, record in records],
        "keys": _array([record.key for _, _, record in records]),
        "fresh": _array([uuid4() for _ in records]),
        "subjects": _array([record.subject for _, _, record in records]),
        "subject_fresh": _array([uuid4() if record.subject else None for _, _, record in records]),
    }


def _array(ids: Sequence[UUID | None]) -> str:
    """As PostgreSQL writes it."""
    return f"{{{','.join([each.hex if each else 'NULL' for each in ids])}}}"


def _subject_type(request: NewRequest) -> str:
    return next((record.subject_type for record in request.records if record.subject), "")


def _statement(request: NewRequest) -> tuple[str, dict[str, object]]:
    records = request.records
    params: dict[str, object] = {
        "request_id": request.request_id,
        "client": request.client,
        "environment": request.environment,
        "surface": request.surface,
        "group": request.group,
        "entity": request.entity,
        "type": request.type,
        "action": request.action,
        "mapping_version": request.mapping_version,
        "credential": request.credential,
        "callback": request.callback,
        "route": request.route,
    }
    if _is_simple(request):
        first = records[0]
        own = {"id": record_id(request.request_id, 0), "data": first.data, "key": first.key, "pin": first.pinned}
        return sql.SINGLE, {**params, **own, "fresh": uuid4()}
    params |= {
        "count": len(records),
        "subject_type": _subject_type(request),
        "ids": [record_id(request.request_id, index) for index in range(len(records))],
        "datas": [record.data for record in records],
        "keys": [record.key for record in records],
        "fresh": [uuid4() for _ in records],
        "pins": [record.pinned for record in records],
        "subjects": [record.subject for record in records],
        "subject_fresh": [uuid4() if record.subject else None for record in records],
        "joins": [record.joins for record in records],
        "known_as": [record.known_as for record in records],
    }
    once = request.idempotency
    if once is not None:
        params |= {"idempotency_key": once.key, "fingerprint": once.fingerprint, "days": once.days}
    return sql.accept(once=once is not None, delete=request.action is Action.DELETE), params
