"""What a sample tells about a record: the types of its fields, which of them name it, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from router.mapping import kinds
from router.mapping.kinds import NAMING, Kind, Type
from router.model import Entity

_TRIED = (Kind.EMAIL, Kind.UUID, Kind.DATE, Kind.DATETIME)  # of text, the first that fits
_MONEY = re.compile(r"-?[0-9]{1,19}\.[0-9]{2}")

# What the same thing is called by clients and providers, in lower case and without punctuation.
_MEANINGS: Mapping[str, frozenset[str]] = {
    "email": frozenset({"email", "epost", "mail", "emailaddress", "epostadress"}),
    "name": frozenset({"name", "namn", "fullname"}),
    "first name": frozenset({"firstname", "namefirst", "givenname", "fornamn"}),
    "last name": frozenset({"lastname", "namelast", "surname", "familyname", "efternamn"}),
    "phone": frozenset({"phone", "phonemobile", "mobile", "phonenumber", "telephone", "telefon", "mobil"}),
    "street": frozenset({"address", "streetaddress", "street", "adress", "gatuadress"}),
    "postal code": frozenset({"postalcode", "postcode", "zipcode", "zip", "postnummer"}),
    "city": frozenset({"city", "town", "ort", "stad"}),
    "birthday": frozenset({"birthday", "birthdate", "dateofbirth", "born", "fodelsedatum"}),
    "id": frozenset(
        {"uniqueid", "externalid", "clientuserid", "productid", "userid", "customerid", "itemid", "eventid"}
    ),
    "category": frozenset({"category", "maincategory"}),
    "amount": frozenset({"value", "amount", "total", "totalpurchaseamount", "price"}),
    "when": frozenset({"date", "eventdatetime", "occurredat", "timestamp"}),
    "link": frozenset({"url", "producturl", "link"}),
    "tags": frozenset({"tags", "sometags"}),
}
PERSONAL = frozenset({"name", "first name", "last name", "phone", "street", "birthday"})

_IDS = ("customer_id", "event_id", "item_id", "product_id", "transaction_id", "external_id", "user_id", "id")


def meaning(name: str) -> str:
    """What a field or target is about, as one word for all its names; its own plain name where that is not known."""
    plain = re.sub(r"[^a-z0-9]", "", name.rpartition(".")[2].lower())
    return next((one for one, names in _MEANINGS.items() if plain in names), plain)


def type_of_value(name: str, value: Any) -> Type:
    """The type of a value in a sample; text where it could be anything, and where it is called an id."""
    if isinstance(value, list):
        items = {type_of_value(name, item).kind for item in value}
        return Type(Kind.LIST, items.pop() if len(items) == 1 else Kind.STRING)
    if isinstance(value, bool):
        return Type(Kind.BOOLEAN)
    if isinstance(value, int | float):
        called_id = name.lower().endswith("id")
        return Type(Kind.STRING if called_id else Kind.INTEGER if isinstance(value, int) else Kind.NUMBER)
    if isinstance(value, str):
        if _MONEY.fullmatch(value):
            return Type(Kind.DECIMAL)
        return Type(next((kind for kind in _TRIED if _is(kind, value)), Kind.STRING))
    return Type(Kind.STRING)


def _is(kind: Kind, value: str) -> bool:
    try:
        kinds.CHECKS[kind](value)
    except kinds.Refused:
        return False
    return True


def hard_id(sample: Mapping[str, Any], types: Mapping[str, Type], entity: Entity) -> str:
    """The field that most likely tells one record from another; ValueError when none can."""
    able = [name for name, value in sample.items() if types[name].kind in NAMING and str(value or "").strip()]
    if not able:
        raise ValueError(
            "no field of the sample can be a hard id: each is null, empty, a list or a number with decimals"
        )
    own = [name for name in able if name.lower() == f"{entity}_id"]
    called = own + [name for name in _IDS if name in able] + [name for name in able if name.lower().endswith("id")]
    emails = [name for name in able if types[name].kind is Kind.EMAIL]
    return (called + emails + able)[0]
