"""What the transforms do: pure functions of one value. None means that there is no value to go on with.

Each takes the kept forms of `kinds`, is total on them, and gives one of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from math import isfinite
from typing import Any

from router.mapping import codes
from router.mapping.kinds import INT64

Function = Callable[[Any], Any]

_EXACT = Context(prec=400, rounding=ROUND_HALF_UP)  # the largest number has 309 digits before the point
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_SEPARATORS = re.compile(r"\(0\)|[\s().\-/\u2010-\u2015]")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,19}(?:\.[0-9]{1,19})?")
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


# ---- text ------------------------------------------------------------------------------------------------------------


def title(text: str) -> str:
    if "'" not in text and "\u2019" not in text:
        return text.title()
    return _WORD.sub(lambda word: word[0][0].upper() + word[0][1:].lower(), text)


def squeeze(text: str) -> str:
    return " ".join(text.split())


def digits(text: str) -> str | None:
    return "".join(one for one in text if one in "0123456789") or None


def blank_to_null(text: str) -> str | None:
    return text if text.strip() else None


def truncate(length: int) -> Function:
    return lambda text: text[:length]


def replace(change: Mapping[str, str]) -> Function:
    old, new = change["from"], change["to"]
    return lambda text: text.replace(old, new)


def prefix(start: str) -> Function:
    return lambda text: start + text


def suffix(end: str) -> Function:
    return lambda text: text + end


def hash_(algorithm: str) -> Function:
    """Lower-case hex of the text's UTF-8. sha1 and md5 because providers match on them, not for their strength."""

    def digest(text: str) -> str:
        return hashlib.new(algorithm, text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()

    return digest


def e164(country: int | Mapping[str, Any]) -> Function:
    """`+` and the digits of a phone number. A number without `+` or `00` is one of the given calling code."""
    code, trunk = (country, "0") if isinstance(country, int) else (country["code"], country["trunk"])

    def number(text: str) -> str | None:
        plain = _SEPARATORS.sub("", text)
        if plain.startswith("00"):
            plain = "+" + plain[2:]
        if not plain.startswith("+"):
            plain = f"+{code}{plain.removeprefix(trunk)}"
        return plain if _E164.fullmatch(plain) else None

    return number


def country(form: str) -> Function:
    def code(text: str) -> str | None:
        found = codes.country(text)
        return found and str(getattr(found, form))

    return code


def language(form: str) -> Function:
    def code(text: str) -> str | None:
        found = codes.language(text)
        return found and str(getattr(found, form))

    return code


def text(value: Any) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)


# ---- lists -----------------------------------------------------------------------------------------------------------


def split(separator: str) -> Function:
    def parts(text: str) -> list[str] | None:
        return [part for part in text.split(separator) if part] or None

    return parts


def join(separator: str) -> Function:
    def joined(items: list[Any]) -> str | None:
        return separator.join([text(item) for item in items]) if items else None

    return joined


def first(items: list[Any]) -> Any:
    return items[0] if items else None


def last(items: list[Any]) -> Any:
    return items[-1] if items else None


def unique(items: list[Any]) -> list[Any]:
    return list(dict.fromkeys(items))


def limit(count: int) -> Function:
    return lambda items: items[:count]


# ---- numbers and booleans --------------------------------------------------------------------------------------------


def integer(value: Any) -> int | None:
    """None for what is not a whole number of at most 64 bits."""
    exact = _exact(value)
    if exact is None or exact != exact.to_integral_value():
        return None
    return _within(int(exact))


def number(value: Any) -> int | float | None:
    exact = _exact(value)
    return None if exact is None else float(exact)


def round_(places: int) -> Function:
    """Half away from zero, to a whole number where places is 0."""

    def rounded(value: Any) -> Any:
        exact = _exact(value)
        if exact is None or isinstance(value, int):
            return value
        near = quantize(exact, places)
        if places == 0:
            return _within(int(near))
        return format(near, "f") if isinstance(value, str) else float(near)

    return rounded


def multiply(factor: float) -> Function:
    """Exactly, as decimals; no value where the product is not finite."""
    by = Decimal(repr(factor))

    def product(value: Any) -> Any:
        exact = _exact(value)
        if exact is None:
            return None
        result = _EXACT.multiply(exact, by)
        if isinstance(value, str):
            return format(result, "f")
        return float(result) if isfinite(float(result)) else None

    return product


def boolean(value: Any) -> bool | None:
    word = text(value).strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def invert(value: bool) -> bool:
    return not value


def lookup(table: Mapping[str, Any]) -> Function:
    get = table.get
    return lambda value: get(text(value))


def quantize(exact: Decimal, places: int) -> Decimal:
    """Rounded half away from zero; zero has no sign."""
    near = _EXACT.quantize(exact, Decimal(1).scaleb(-places))
    return near if near else abs(near)


def _exact(value: Any) -> Decimal | None:
    """Of a number, or of text that holds a plain one."""
    if value is True or value is False:
        return Decimal(int(value))
    if isinstance(value, str):
        plain = value.strip()
        return Decimal(plain) if _NUMBER.fullmatch(plain) else None
    return Decimal(repr(value))


def _within(whole: int) -> int | None:
    return whole if -INT64 <= whole < INT64 else None


# ---- time ------------------------------------------------------------------------------------------------------------

PARTS: Mapping[str, str] = {
    "%Y": "(?P<Y>[0-9]{4})",
    "%m": "(?P<m>[0-9]{1,2})",
    "%d": "(?P<d>[0-9]{1,2})",
    "%H": "(?P<H>[0-9]{1,2})",
    "%M": "(?P<M>[0-9]{2})",
    "%S": "(?P<S>[0-9]{2})",
    "%%": "%",
}
DIRECTIVE = re.compile(r"%.?")


def day_of(moment: str) -> str:
    return moment[:10]


def parse(pattern: str) -> Function:
    """Text by a pattern of `%Y %m %d %H %M %S` → a date, or a datetime where the pattern has hours."""
    literal = DIRECTIVE.split(pattern)
    found = [PARTS[one] for one in DIRECTIVE.findall(pattern)] + [""]
    reader = re.compile("".join(re.escape(text) + part for text, part in zip(literal, found, strict=True)))
    timed = "%H" in pattern

    def read(text: str) -> str | None:
        if not (match := reader.fullmatch(text.strip())):
            return None
        part = {"H": "0", "M": "0", "S": "0", **match.groupdict()}
        year, month, day = int(part["Y"]), int(part["m"]), int(part["d"])
        try:
            if timed:
                return str(datetime(year, month, day, int(part["H"]), int(part["M"]), int(part["S"])))
            return str(date(year, month, day))
        except ValueError:
            return None

    return read
