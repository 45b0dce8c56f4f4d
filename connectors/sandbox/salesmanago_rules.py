"""What SALESmanago's API v2 refuses in a contact or an event (contracts.md §1.4.1, §1.5, §1.8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from connectors.salesmanago_fields import EVENT_TYPES, STATES

FLAGS = ("forceOptIn", "forceOptOut", "forcePhoneOptIn", "forcePhoneOptOut", "tagScoring", "useApiDoubleOptIn", "async")
TEXTS = ("contactId", "newEmail", "owner", "province", "lang", "loyaltyProgram")
CONTACT_TEXTS = ("name", "phone", "fax", "company", "externalId")
ADDRESS_TEXTS = ("streetAddress", "zipCode", "city", "country")
EVENT_LIMITS = {
    "description": 2048,
    "products": 512,
    "externalId": 255,
    "shopDomain": 255,
    **{f"detail{number}": 255 for number in range(1, 21)},
}

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_LOCATION = re.compile(r"[a-z0-9/_.-]{1,36}")
_MOST_VALUE = 10**19
_SECONDS_END = 10**11


def of_email(value: Any, name: str = "email") -> Iterator[str]:
    if not isinstance(value, str) or len(value) > 254 or not _EMAIL.fullmatch(value):
        yield f"{name}: not a valid e-mail address"


def of_contact(item: Mapping[str, Any], consents: Collection[str]) -> Iterator[str]:
    """Of an upsert's members, or of an item of a batch: what is wrong with it, nothing when it is fine."""
    contact = item.get("contact")
    if not isinstance(contact, dict):
        yield "contact: required"
        return
    yield from of_email(contact.get("email"), "contact.email")
    if item.get("newEmail"):
        yield from of_email(item["newEmail"], "newEmail")
    if contact.get("state", "UNKNOWN") not in STATES:
        yield "contact.state: not a known state"
    yield from _each(contact, CONTACT_TEXTS, _is_text, "not a text", "contact.")
    yield from _each(contact.get("address") or {}, ADDRESS_TEXTS, _is_text, "not a text", "contact.address.")
    yield from _each(item, TEXTS, _is_text, "not a text")
    yield from _each(item, FLAGS, lambda value: isinstance(value, bool), "not a boolean")
    yield from _each(item, ("tags", "removeTags"), _are_texts, "not a list of texts")
    yield from _each(item, ("properties",), lambda value: _are_texts(_values(value)), "values must be texts")
    yield from _each(item, ("birthday",), _is_birthday, "must be yyyyMMdd or MMdd")
    yield from _each(
        item, ("dictionaryProperties",), _are_dictionary_properties, "each needs name, type, value as text"
    )
    for consent in item.get("consentDetails") or ():
        yield from _of_consent(consent, consents)


def of_event(event: Any) -> Iterator[str]:
    """Of a `contactEvent`."""
    if not isinstance(event, dict):
        yield "contactEvent: required"
        return
    if event.get("contactExtEventType") not in EVENT_TYPES:
        yield "contactEvent.contactExtEventType: not a known type"
    yield from _each(event, ("date",), _is_moment, "neither milliseconds nor ISO 8601", "contactEvent.")
    for name, limit in EVENT_LIMITS.items():
        value = event.get(name, "")
        if not isinstance(value, str) or len(value) > limit:
            yield f"contactEvent.{name}: not a text of at most {limit} characters"
    yield from _each(event, ("location",), _is_location, "at most 36 of a-z 0-9 / _ . -", "contactEvent.")
    yield from _each(event, ("value",), _is_amount, "not a number of at most 19 digits", "contactEvent.")


def _of_consent(consent: Any, known: Collection[str]) -> Iterator[str]:
    if not isinstance(consent, dict) or consent.get("consentName") not in known:
        yield "consentDetails.consentName: no such consent in this account"
        return
    if not isinstance(consent.get("consentAccept"), bool):
        yield "consentDetails.consentAccept: not a boolean"
    yield from _each(consent, ("agreementDate",), _is_moment, "not milliseconds", "consentDetails.")
    yield from _each(consent, ("optOut",), lambda value: isinstance(value, bool), "not a boolean", "consentDetails.")


def _each(
    item: Mapping[str, Any], names: Collection[str], fits: Callable[[Any], bool], wrong: str, prefix: str = ""
) -> Iterator[str]:
    """A fault for each of these members that is there and does not fit."""
    for name in names:
        if item.get(name) is not None and not fits(item[name]):
            yield f"{prefix}{name}: {wrong}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _values(value: Any) -> Any:
    return list(value.values()) if isinstance(value, dict) else value


def _is_birthday(value: Any) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"(\d{4})?\d{4}", value):
        return False
    full = value if len(value) == 8 else "2000" + value
    try:
        date(int(full[:4]), int(full[4:6]), int(full[6:]))
    except ValueError:
        return False
    return True


def _is_moment(value: Any) -> bool:
    """Milliseconds or ISO 8601 with an offset. Seconds, which would be in January 1970, are nobody's intention."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value >= _SECONDS_END
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value).tzinfo)
    except ValueError:
        return False


def _is_location(value: Any) -> bool:
    return isinstance(value, str) and bool(_LOCATION.fullmatch(value))


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST_VALUE


def _are_dictionary_properties(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and all(isinstance(each.get(name), str) for name in ("name", "type", "value"))
        for each in value
    )
