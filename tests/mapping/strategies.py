"""Values as a contract keeps them, by type."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from router.mapping import Kind, Type

_DIGITS = st.text("0123456789", min_size=1, max_size=19)
_FRACTION = st.just("") | _DIGITS.map(".{}".format)
_ONE = {
    Kind.STRING: st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    Kind.INTEGER: st.integers(-(2**63), 2**63 - 1),
    Kind.NUMBER: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1),
    Kind.DECIMAL: st.builds("{}{}{}".format, st.sampled_from(["", "-"]), _DIGITS, _FRACTION),
    Kind.BOOLEAN: st.booleans(),
    Kind.DATE: st.dates().map(str),
    Kind.DATETIME: st.datetimes().map(lambda at: at.replace(microsecond=0).isoformat(" ")),
    Kind.EMAIL: st.builds("{}@{}.se".format, st.text("aZ5_+-'é", min_size=1), st.text("b9ö", min_size=1, max_size=60)),
    Kind.UUID: st.uuids().map(str),
}


def value(type_: Type) -> st.SearchStrategy[Any]:
    """Any value of the type, as its contract keeps it."""
    if type_.kind is Kind.LIST:
        return st.lists(value(type_.item), max_size=4)
    if type_.kind is Kind.ENUM:
        return st.sampled_from(type_.values)
    return _ONE[type_.kind]
