"""How the console finds requests: by any of their ids, by a record's hard id, or by what narrows the list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from werkzeug.exceptions import BadRequest

from router.config import NothingPublished
from router.http.services import Services
from router.ledger.base import Filters, Ledger
from router.mapping import Contract, Kind, MappingSet
from router.model import identity_key

PAGE = 50
SHORTEST = 8  # characters of an id; what is shorter is rather a customer's number
FILTERS = ("status", "group", "entity", "type", "integration")
SPAN = ("since", "until")


def word(arguments: Mapping[str, str], name: str) -> str:
    """What was typed; raises BadRequest for what no database takes."""
    found = arguments.get(name, "").strip()
    if "\0" in found:
        raise BadRequest(f"{name}: this is not text.")
    return found


def moment(arguments: Mapping[str, str], name: str) -> datetime | None:
    """A time in UTC, None where none is given. Raises BadRequest."""
    written = word(arguments, name)
    try:
        return datetime.fromisoformat(written).replace(tzinfo=UTC) if written else None
    except ValueError:
        raise BadRequest(f"{name}: {written[:40]!r} is not a time such as 2026-01-31T08:00.") from None


def uuid(text: str) -> UUID:
    """Raises BadRequest."""
    try:
        return UUID(text)
    except ValueError:
        raise BadRequest(f"{text[:40]!r} is not an id.") from None


def listed(ledger: Ledger, arguments: Mapping[str, str]) -> list[dict[str, Any]]:
    """The requests that filters and times leave, one more than a page."""
    chosen: dict[str, Any] = {name: word(arguments, name) or None for name in FILTERS}
    before = word(arguments, "after")
    filters = Filters(**chosen, since=moment(arguments, "since"), until=moment(arguments, "until"))
    return ledger.documents(None, filters, PAGE + 1, uuid(before) if before else None)


def searched(ledger: Ledger, search: str) -> list[dict[str, Any]]:
    """Requests by (the beginning of) their id or that of one of their deliveries, or by a whole datatalksId."""
    if found := [doc for id in ledger.find(request_digits(search)) if (doc := ledger.document(id))]:
        return found
    try:
        return ledger.documents(None, Filters(datatalks_id=UUID(search)), PAGE, None)
    except ValueError:
        return []


def request_digits(id: str) -> str:
    """What the id of a request begins with when this is the beginning of its own or of one of its deliveries'."""
    digits = id.replace("-", "").lower()
    return f"{digits[:12]}7{digits[13:23]}" if digits[12:13] == "8" else digits


def of_hard_id(services: Services, text: str) -> list[UUID]:
    """The datatalksIds of all whose hard id this is; the parts of one of several fields have commas between."""
    try:
        mappings = services.config.current().set
    except NothingPublished:
        return []
    return services.ledger.identified(sorted(set(_keys(mappings, text))))


def _keys(mappings: MappingSet, text: str) -> Iterator[UUID]:
    for (client, _), entries in mappings.entries.items():
        for (entity, type), entry in entries.items():
            for parts in _parts(entry.removal, text):
                yield identity_key(client, entity, type, parts)


def _parts(contract: Contract, text: str) -> Iterator[tuple[str, ...]]:
    names = contract.hard_id
    written = [part.strip() for part in text.split(",")] if len(names) > 1 else [text]
    if len(written) == len(names):
        record = {name: _read(contract, name, part) for name, part in zip(names, written, strict=True)}
        values, problems = contract.validate(record)
        if not problems:
            yield contract.hard_id_of(values)


def _read(contract: Contract, name: str, text: str) -> Any:
    """As a client sends it: an integer is none in quotes."""
    whole = contract.fields[name].type.kind is Kind.INTEGER and text.isascii() and text.isdigit() and len(text) < 20
    return int(text) if whole else text
