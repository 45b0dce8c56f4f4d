"""The types of a contract: what a client may send for each, and the one form in which it is kept.

A check takes a JSON value other than null and returns it in its kept form, or raises `Refused`. Kept forms are JSON
values too: text for string, email, uuid, enum, date, datetime and decimal; numbers, booleans and lists as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

UTC = ZoneInfo("UTC")


class Kind(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    EMAIL = "email"
    UUID = "uuid"
    ENUM = "enum"
    LIST = "list"


TEXTUAL = frozenset({Kind.STRING, Kind.EMAIL, Kind.UUID, Kind.ENUM, Kind.DATE, Kind.DATETIME})
NUMERIC = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL})
NAMING = frozenset({Kind.STRING, Kind.INTEGER, Kind.EMAIL, Kind.UUID, Kind.ENUM, Kind.DATE, Kind.DATETIME})  # hard ids

DOCS: Mapping[Kind, str] = {
    Kind.STRING: "text, the empty one too; a number is taken as its text",
    Kind.INTEGER: "a whole number of at most 64 bits; `5.0` is one too",
    Kind.NUMBER: "any finite JSON number",
    Kind.DECIMAL: 'an exact number such as money: `"123.75"` or `123.75`; at most 19 digits on each side of the point',
    Kind.BOOLEAN: "`true` or `false`",
    Kind.DATE: "`YYYY-MM-DD`",
    Kind.DATETIME: "`YYYY-MM-DD HH:MM:SS`; seconds may be left out, `T` may stand for the space; local to the "
    "field's `timezone`",
    Kind.EMAIL: "an address without spaces or quotes, its domain with a dot; personal data; compared in lower case",
    Kind.UUID: "a UUID with hyphens; kept in lower case",
    Kind.ENUM: "one of the field's `values`",
    Kind.LIST: "a list of any of the others, which `of` names",
}


@dataclass(frozen=True, slots=True)
class Type:
    """A type with what it needs: `of` for a list, `zone` for a datetime; `values` where all that it can be is known."""

    kind: Kind
    of: Kind | None = None
    values: tuple[str, ...] = ()
    zone: ZoneInfo = UTC

    @property
    def item(self) -> Type:
        """A list's item, anything else itself."""
        return Type(self.of, None, self.values, self.zone) if self.of else self

    def listed(self) -> Type:
        """A list of this; of its items where it is a list already."""
        return Type(Kind.LIST, self.item.kind, self.values, self.zone)

    def __str__(self) -> str:
        return f"list of {self.of}" if self.of else str(self.kind)


Check = Callable[[Any], Any]


class Refused(ValueError):
    """Why a value is not of its type. Never holds the value."""


INT64 = 2**63
EXACT = 2**53
EMPTY = "empty; send null where there is no value"

_ATOM = r"[-!#$%&'*+/=?^`{|}~\w]+"
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?!\d){_LABEL}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2})(:[0-9]{2})?")
_ZONED = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9:.]+)? ?(?:Z|UTC|GMT|[-+][0-9]{2}:?(?:[0-9]{2})?)", re.IGNORECASE
)
_DECIMAL = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,19})?")


def string(value: Any) -> str:
    """Text as it is. A number as its text: hard ids arrive as both (contracts.md §5.4)."""
    if type(value) is str:
        if "\0" in value:
            raise Refused("must not contain the character U+0000")
        return value
    if (type(value) is int and -(10**64) < value < 10**64) or (type(value) is float and isfinite(value)):
        return str(value)
    raise Refused("not text")


def integer(value: Any) -> int:
    """A whole number; `5.0` is one too, as far as a double holds every one of them."""
    if type(value) is float and value.is_integer() and abs(value) <= EXACT:
        return int(value)
    if type(value) is int:
        if -INT64 <= value < INT64:
            return value
        raise Refused("more than 64 bits")
    raise _refused(value, "not a whole number")


def number(value: Any) -> int | float:
    if type(value) is float and isfinite(value):
        return value
    if type(value) is int and -INT64 <= value < INT64:
        return value
    raise _refused(value, "not a number")


def decimal(value: Any) -> str:
    """Its text without an exponent, so that no digit is lost on the way."""
    text = value if type(value) is str else _digits(value)
    if _DECIMAL.fullmatch(text):
        return text
    raise _refused(value, "not a decimal number")


def boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise _refused(value, "neither true nor false")


def day(value: Any) -> str:
    if type(value) is str and _DATE.fullmatch(value) and _exists(date.fromisoformat, value):
        return value
    raise _refused_time(value, "not a date (YYYY-MM-DD)")


def moment(value: Any) -> str:
    """As `YYYY-MM-DD HH:MM:SS`, whichever of the forms it came in."""
    if type(value) is str and (match := _DATETIME.fullmatch(value)):
        kept = f"{match[1]} {match[2]}{match[3] or ':00'}"
        if _exists(datetime.fromisoformat, kept):
            return kept
    raise _refused_time(value, "not a datetime (YYYY-MM-DD HH:MM:SS)")


def email(value: Any) -> str:
    """As seed 001 has it: no spaces, no quoted local part. Kept as it was written."""
    if type(value) is str and len(value) <= 254 and value.find("@") <= 64 and _EMAIL.fullmatch(value):
        return value
    raise _refused(value, "not a valid email address")


def uuid(value: Any) -> str:
    if type(value) is str and _UUID.fullmatch(value):
        return value.lower()
    raise _refused(value, "not a UUID")


CHECKS: Mapping[Kind, Check] = {
    Kind.STRING: string,
    Kind.INTEGER: integer,
    Kind.NUMBER: number,
    Kind.DECIMAL: decimal,
    Kind.BOOLEAN: boolean,
    Kind.DATE: day,
    Kind.DATETIME: moment,
    Kind.EMAIL: email,
    Kind.UUID: uuid,
}


def check(type_: Type) -> Check:
    """The check of one type."""
    if type_.kind is Kind.LIST:
        return _list_of(check(type_.item))
    if type_.kind is Kind.ENUM:
        return _one_of(type_.values)
    return CHECKS[type_.kind]


def _one_of(values: tuple[str, ...]) -> Check:
    known = frozenset(values)

    def enum(value: Any) -> str:
        if type(value) is str and value in known:
            return value
        raise _refused(value, f"not one of: {', '.join(values)}")

    return enum


def _list_of(item: Check) -> Check:
    def every(value: Any) -> list[Any]:
        if type(value) is not list:
            raise _refused(value, "not a list")
        try:
            return [item(one) for one in value]
        except Refused as refused:
            raise Refused(f"an item is {refused}") from None

    return every


def _digits(value: Any) -> str:
    if type(value) is int and -INT64 <= value < INT64:
        return str(value)
    return format(Decimal(repr(value)), "f") if type(value) is float and isfinite(value) else ""


def _exists(read: Callable[[str], object], text: str) -> bool:
    """Is there such a day or moment (not February 30th)."""
    try:
        read(text)
    except ValueError:
        return False
    return True


def _refused(value: Any, why: str) -> Refused:
    return Refused(EMPTY if value == "" else why)


def _refused_time(value: Any, why: str) -> Refused:
    zoned = type(value) is str and _ZONED.fullmatch(value)
    return Refused("must not have a time zone") if zoned else _refused(value, why)
