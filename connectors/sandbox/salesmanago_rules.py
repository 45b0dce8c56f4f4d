"""What SALESmanago's API v2 refuses in a contact or an event (contracts.md §1.4.1, §1.5, §1.8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from connectors.salesmanago_fields import EVENT_TYPES, STATES

Rule = tuple[Callable[[Any], bool], str]

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_LOCATION = re.compile(r"[a-z0-9/_.-]{1,36}")
_MOST_VALUE = 10**19
_SECONDS_END = 10**11


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _are_properties(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _are_dictionary_properties(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and all(isinstance(each.get(name), str) for name in ("name", "type", "value"))
        for each in value
    )


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


def _at_most(limit: int) -> Rule:
    return lambda value: isinstance(value, str) and len(value) <= limit, f"not a text of at most {limit} characters"


_TEXT: Rule = (_is_text, "not a text")
_FLAG: Rule = (_is_flag, "not a boolean")
_TAGS: Rule = (_are_texts, "not a list of texts")

CONTACT: Mapping[str, Rule] = {
    **dict.fromkeys(("name", "phone", "fax", "company", "externalId"), _TEXT),
    "state": (STATES.__contains__, "not a known state"),
    "address": (_is_object, "not an object"),
}
ADDRESS: Mapping[str, Rule] = dict.fromkeys(("streetAddress", "zipCode", "city", "country"), _TEXT)
UPSERT: Mapping[str, Rule] = {
    **dict.fromkeys(("contactId", "newEmail", "owner", "province", "lang", "loyaltyProgram"), _TEXT),
    **dict.fromkeys(("forceOptIn", "forceOptOut", "forcePhoneOptIn", "forcePhoneOptOut"), _FLAG),
    **dict.fromkeys(("tagScoring", "useApiDoubleOptIn", "async"), _FLAG),
    **dict.fromkeys(("tags", "removeTags"), _TAGS),
    "properties": (_are_properties, "values must be texts"),
    "birthday": (_is_birthday, "must be yyyyMMdd or MMdd"),
    "dictionaryProperties": (_are_dictionary_properties, "each needs name, type, value as text"),
    "consentDetails": (lambda value: isinstance(value, list), "not a list"),
}
CONSENT: Mapping[str, Rule] = {
    "agreementDate": (_is_moment, "not milliseconds"),
    "optOut": _FLAG,
}
EVENT: Mapping[str, Rule] = {
    "date": (_is_moment, "neither milliseconds nor ISO 8601"),
    "description": _at_most(2048),
    "products": _at_most(512),
    "location": (_is_location, "at most 36 of a-z 0-9 / _ . -"),
    "value": (_is_amount, "not a number of at most 19 digits"),
    **{f"detail{number}": _at_most(255) for number in range(1, 21)},
    **dict.fromkeys(("externalId", "shopDomain"), _at_most(255)),
}


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
    yield from _by(CONTACT, contact, "contact.")
    if isinstance(contact.get("address"), dict):
        yield from _by(ADDRESS, contact["address"], "contact.address.")
    yield from _by(UPSERT, item)
    if isinstance(item.get("consentDetails"), list):
        for consent in item["consentDetails"]:
            yield from _of_consent(consent, consents)


def of_tags(item: Mapping[str, Any]) -> Iterator[str]:
    yield from _by({"tags": _TAGS, "removeTags": _TAGS}, item)


def of_event(event: Any) -> Iterator[str]:
    """Of a `contactEvent`."""
    if not isinstance(event, dict):
        yield "contactEvent: required"
        return
    if event.get("contactExtEventType") not in EVENT_TYPES:
        yield "contactEvent.contactExtEventType: not a known type"
    yield from _by(EVENT, event, "contactEvent.")


def _of_consent(consent: Any, known: Collection[str]) -> Iterator[str]:
    if not isinstance(consent, dict) or str(consent.get("consentName")) not in known:
        yield "consentDetails.consentName: no such consent in this account"
        return
    if not isinstance(consent.get("consentAccept"), bool):
        yield "consentDetails.consentAccept: not a boolean"
    yield from _by(CONSENT, consent, "consentDetails.")


def _by(rules: Mapping[str, Rule], item: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """A fault for each member that has a rule and breaks it."""
    for name, value in item.items():
        if name in rules and value is not None and not rules[name][0](value):
            yield f"{prefix}{name}: {rules[name][1]}"
