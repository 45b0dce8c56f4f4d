"""From a mapped record to what SALESmanago takes: its units and texts, nothing empty (contracts.md §1.4 to §1.6)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.base import Command

Body = dict[str, Any]

# Always sent: a switch that is not, or `useApiDoubleOptIn`, whose default is true, may change a subscription or mail
# the contact (contracts.md §1.4, §6.1.5).
UNCHANGED = {
    "forceOptIn": False,
    "forceOptOut": False,
    "forcePhoneOptIn": False,
    "forcePhoneOptOut": False,
    "useApiDoubleOptIn": False,
}
# Members that are documented for a single contact, not for one in a batch.
SINGLE_ONLY = frozenset(
    {"contactId", "consentDetails", "loyaltyProgram", "tagScoring", "doubleOptInEmailId", "doubleOptInLanguage"}
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ].*)?\Z")


class UnfitError(Exception):
    """The record cannot be sent. `field` is the target, `wrong` what is wrong with it."""

    def __init__(self, field: str, wrong: str) -> None:
        super().__init__(f"{field}: {wrong}")
        self.field, self.wrong = field, wrong


def contact(command: Command) -> Body:
    """A contact as it is upserted, alone or in a batch. Raises UnfitError."""
    body = _filled(command.payload)
    _need(_object(body, "contact").get("email"), "contact.email", "a contact is found by its address")
    if "birthday" in body:
        body["birthday"] = _ISO_DATE.sub(r"\1\2\3", _text(body["birthday"]))
    if "properties" in body:
        body["properties"] = {name: _text(value) for name, value in _object(body, "properties").items()}
    for each in _objects(body, "dictionaryProperties"):
        each["value"] = _text(each.get("value"))
    for each in _objects(body, "consentDetails"):
        if "agreementDate" in each:
            each["agreementDate"] = milliseconds(each["agreementDate"], "consentDetails.agreementDate")
    return UNCHANGED | body


def addressed(command: Command) -> Body:
    """What is said about the contact with this address. Raises UnfitError."""
    body = _filled(command.payload)
    _need(body.get("email"), "email", "a contact is found by its address")
    return body


def event(command: Command) -> Body:
    """An external event; where it has no date, it happened when it was accepted. Raises UnfitError."""
    body = _filled(command.payload)
    _need(body.get("contactId") or body.get("email"), "email", "an event needs a contact: email or contactId")
    if "contactId" in body:
        body.pop("email", None)  # the official SDK does the same: the id wins
    happened = _object(body, "contactEvent")
    date = happened.get("date", command.accepted_at)
    if date is not None:
        happened = {**happened, "date": milliseconds(date, "contactEvent.date")}
    return {"forceOptIn": False, **body, "contactEvent": happened}


def product(command: Command) -> Body:
    """A product, with its catalog's id where the record names it. Raises UnfitError."""
    body = _filled(command.payload)
    _need(body.get("productId"), "productId", "a product is found by its id")
    return body | {"productId": _text(body["productId"])}


def catalog(command: Command) -> Body:
    return _filled(command.payload)


def alone(_: Mapping[str, Any]) -> Hashable:
    """Nothing shares its call."""
    return None


def contact_kind(body: Mapping[str, Any]) -> Hashable:
    """Which contacts may share a call; None: this one may not."""
    return None if SINGLE_ONLY & body.keys() else body["useApiDoubleOptIn"]


def event_kind(body: Mapping[str, Any]) -> Hashable:
    """Events of a batch cannot subscribe their contacts."""
    return None if body["forceOptIn"] else "events"


def catalog_of(body: Mapping[str, Any]) -> Hashable:
    return str(body["catalogId"])


def contact_address(body: Mapping[str, Any]) -> Hashable:
    return address_of(body["contact"])


def address_of(body: Mapping[str, Any]) -> Hashable:
    return str(body["email"]).lower()


def product_id(body: Mapping[str, Any]) -> Hashable:
    return body["catalogId"], body["productId"]


def at(path: str) -> Callable[[Sequence[Body]], tuple[str, Body]]:
    """One record is the call's members."""
    return lambda bodies: (path, bodies[0])


def contacts(bodies: Sequence[Body]) -> tuple[str, Body]:
    """Path and members. Applied before the answer: `async` is false, and the batch is not `batchupsertv2` (§6.1.4)."""
    if len(bodies) == 1:
        return "/api/contact/upsert", {"async": False, **bodies[0]}
    items = [{name: value for name, value in body.items() if name != "useApiDoubleOptIn"} for body in bodies]
    flag = bodies[0]["useApiDoubleOptIn"]
    return "/api/contact/batchupsert", {"upsertDetails": items, "useApiDoubleOptIn": flag}


def events(bodies: Sequence[Body]) -> tuple[str, Body]:
    if len(bodies) == 1:
        return "/api/contact/addContactExtEvent", bodies[0]
    items = [{name: value for name, value in body.items() if name != "forceOptIn"} for body in bodies]
    return "/api/v2/contact/addBatchContactExtEvent", {"events": items}


def products(path: str, bodies: Sequence[Body]) -> tuple[str, Body]:
    """Products of one catalog."""
    items = [{name: value for name, value in body.items() if name != "catalogId"} for body in bodies]
    return path, {"catalogId": bodies[0]["catalogId"], "products": items}


def milliseconds(value: Any, field: str) -> int:
    """Milliseconds since 1970 from such a number, or from ISO 8601 text (UTC unless it says otherwise).

    >>> milliseconds("2026-01-01 00:00:00", "date"), milliseconds("2026-01-01T01:00+01:00", "date")
    (1767225600000, 1767225600000)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise UnfitError(field, "neither milliseconds nor an ISO 8601 date") from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)


def _need(value: Any, field: str, wrong: str) -> None:
    if not value:
        raise UnfitError(field, wrong)


def _object(body: Body, name: str) -> Body:
    """A member that is an object, {} when it is missing. Raises UnfitError."""
    found = body.get(name, {})
    if not isinstance(found, dict):
        raise UnfitError(name, "must be an object")
    return found


def _objects(body: Body, name: str) -> Sequence[Body]:
    """A member that is a list of objects. Raises UnfitError."""
    found = body.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise UnfitError(name, "must be a list of objects")
    return found


def _text(value: Any) -> str:
    """A value as the text that SALESmanago stores; a list's items joined by commas."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(each, list | dict) for each in value):
        return ",".join(map(_text, value))
    return json.dumps(value, ensure_ascii=False)


def _filled(record: Mapping[str, Any]) -> Body:
    """Without what is empty, at any depth: SALESmanago documents no way to clear a field by null."""
    return {name: value for name, each in record.items() if not _empty(value := _without_empty(each))}


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _filled(value)
    if isinstance(value, list):
        return [each for item in value if not _empty(each := _without_empty(item))]
    return value


def _empty(value: Any) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())
