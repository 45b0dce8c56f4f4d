"""What became of a client's requests (api.md §5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound

from router import callback
from router.accept import BadCall
from router.http.answers import document
from router.http.services import Services
from router.http.signed import authenticate
from router.http.wire import current
from router.ledger.base import Filters
from router.model import Entity, RequestStatus

PATH = "/v2/requests"
PAGE, MOST = 50, 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # no request's id is older
_LIMIT = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)


def register(app: Flask, services: Services) -> None:
    def one(request_id: UUID) -> Response:
        """A request's document; another client's is as unknown as one that never was."""
        key, _ = authenticate(services, current(), services.settings.max_body)
        found = services.ledger.document(request_id, key.client)
        if found is None:
            raise NotFound(f"There is no request {request_id}.")
        return document(callback.status(found))

    def many() -> Response:
        """Requests, newest first, a page at a time."""
        key, _ = authenticate(services, current(), services.settings.max_body)
        filters, limit, before = parse_query(request.args)
        found = services.ledger.documents(key.client, filters, limit + 1, before)
        page = [callback.status(each) for each in found[:limit]]
        return document({"requests": page, "nextCursor": page[-1]["requestId"] if len(found) > limit else None})

    for prefix in ("", "/staging"):
        app.add_url_rule(f"{prefix}{PATH}", f"{prefix}requests", many)
        app.add_url_rule(f"{prefix}{PATH}/<uuid:request_id>", f"{prefix}request", one)


def parse_query(query: Mapping[str, str]) -> tuple[Filters, int, UUID | None]:
    """The filters, the page's size and the cursor; raises `BadCall` with every fault."""
    faults = [f"{name}: not a filter; use {', '.join(_FILTERS)}, limit, cursor" for name in query if name not in _WORDS]
    given: dict[str, Any] = {}
    for name, read in _WORDS.items():
        if name in query:
            try:
                given[name] = read(query[name])
            except ValueError as error:
                faults.append(f"{name}: {error}")
    if faults:
        raise BadCall(faults)
    limit, cursor = given.pop("limit", PAGE), given.pop("cursor", None)
    return Filters(**{_FILTERS[name]: value for name, value in given.items()}), limit, cursor


def _text(value: str) -> str:
    if not value:
        raise ValueError("is empty; leave it out instead")
    if "\0" in value:
        raise ValueError("must not contain the character U+0000")
    return value


def _id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise ValueError("must be a UUID") from None


def _time(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time such as 2026-01-31T08:00:00Z") from None
    return max(moment, EPOCH)


def _limit(value: str) -> int:
    if not _LIMIT.fullmatch(value) or int(value) > MOST:
        raise ValueError(f"must be a number from 1 to {MOST}")
    return int(value)


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return read


_FILTERS = {
    "status": "status",
    "groupKey": "group",
    "entity": "entity",
    "type": "type",
    "datatalksId": "datatalks_id",
    "integration": "integration",
    "since": "since",
    "until": "until",
}
_WORDS: Mapping[str, Callable[[str], Any]] = {
    "status": _one_of(tuple(RequestStatus)),
    "groupKey": _text,
    "entity": _one_of(tuple(Entity)),
    "type": _text,
    "datatalksId": _id,
    "integration": _text,
    "since": _time,
    "until": _time,
    "limit": _limit,
    "cursor": _id,
}
