"""`format`: how a date, a datetime or a number is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from router.mapping.functions import DIRECTIVE, Function, quantize
from router.mapping.kinds import NUMERIC, Kind, Type

# where each part stands in the kept form, YYYY-MM-DD HH:MM:SS
_SLICES: Mapping[str, tuple[int, int]] = {
    "%Y": (0, 4),
    "%y": (2, 4),
    "%m": (5, 7),
    "%d": (8, 10),
    "%H": (11, 13),
    "%M": (14, 16),
    "%S": (17, 19),
}
_FIXED = re.compile(r"0(?:\.(0{1,10}))?")

DOCS: Mapping[str, str] = {
    "`%Y-%m-%d` …": "a pattern of `%Y %y %m %d %H %M %S` and text between, for a date or a datetime; `%%` is a `%`",
    "`iso`": "`2021-03-18T11:35:24+01:00`, in the field's time zone; a date stays as it is",
    "`epoch`": "seconds since 1970 (a date: its midnight in UTC)",
    "`epoch_ms`": "milliseconds since 1970",
    "`0`, `0.00` …": "a number with that many decimals, as text",
}


def compile_format(pattern: str, given: Type) -> tuple[Function, Type] | str:
    """The function and the type it gives; or, as text, why the pattern does not suit the type."""
    if given.kind in NUMERIC:
        fixed = _FIXED.fullmatch(pattern)
        unknown = f"'{pattern}' is not a format for {given}; use 0, 0.0, 0.00 and so on"
        return (_fixed(len(fixed[1] or "")), Type(Kind.STRING)) if fixed else unknown
    if given.kind not in (Kind.DATE, Kind.DATETIME):
        return f"{given} has no format; only a date, a datetime and a number have one"
    if pattern in _NAMED:
        make, kind = _NAMED[pattern]
        return make(given.zone), Type(kind)
    return _wrong(pattern) or (_pattern(pattern), Type(Kind.STRING))


def _wrong(pattern: str) -> str:
    """What is wrong with a pattern; empty when nothing is."""
    if wrong := sorted(set(DIRECTIVE.findall(pattern)) - _SLICES.keys() - {"%%"}):
        return f"unknown part {wrong[0]} in the format '{pattern}' (known: {' '.join(_SLICES)}; or {', '.join(_NAMED)})"
    if not _SLICES.keys() & set(DIRECTIVE.findall(pattern)):
        return f"the format '{pattern}' has no part such as %Y (or write one of {', '.join(_NAMED)})"
    return ""


def _pattern(pattern: str) -> Function:
    cut = itemgetter(*(slice(*_SLICES[part]) for part in DIRECTIVE.findall(pattern) if part in _SLICES))
    template = DIRECTIVE.sub(lambda part: "%s" if part[0] in _SLICES else "%%", pattern)
    return lambda moment: template % cut(moment if len(moment) > 10 else moment + " 00:00:00")


def _at(zone: ZoneInfo) -> Any:
    return lambda moment: datetime.fromisoformat(moment).replace(tzinfo=zone)


def _iso(zone: ZoneInfo) -> Function:
    at = _at(zone)

    def iso(moment: str) -> str:
        return at(moment).isoformat().replace("+00:00", "Z") if len(moment) > 10 else moment

    return iso


def _epoch(zone: ZoneInfo) -> Function:
    at = _at(zone)
    return lambda moment: int(at(moment).timestamp())


def _epoch_ms(zone: ZoneInfo) -> Function:
    at = _at(zone)
    return lambda moment: int(at(moment).timestamp()) * 1000


def _fixed(places: int) -> Function:
    return lambda value: format(quantize(Decimal(str(value)), places), "f")


_NAMED = {
    "iso": (_iso, Kind.STRING),
    "epoch": (_epoch, Kind.INTEGER),
    "epoch_ms": (_epoch_ms, Kind.INTEGER),
}
