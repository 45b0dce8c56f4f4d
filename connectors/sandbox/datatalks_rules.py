"""The demo account's data points, and what Data Talks finds wrong with a record (contracts.md §5.2, §5.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

GROUPS = frozenset({"main_group", "outlet"})


@dataclass(frozen=True, slots=True)
class DataPoint:
    """fields: name → kind. Those in `hard_id` may not be null, those in `optional` may be missing."""

    fields: Mapping[str, str]
    hard_id: tuple[str, ...]
    optional: frozenset[str]


def _data_point(hard_id: str, required: Mapping[str, str], optional: Mapping[str, str]) -> DataPoint:
    return DataPoint({**required, **optional}, tuple(hard_id.split()), frozenset(optional))


def _texts(names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), "string")


_PERSON = _texts("first_name last_name phone postal_code address city country") | {"birth_date": "date"}
DATA_POINTS: Mapping[str, Mapping[str, DataPoint]] = {
    "profiles": {"person": _data_point("customer_id", {"customer_id": "id"}, {"email": "email", **_PERSON})},
    "events": {
        "purchase_ev": _data_point(
            "event_id",
            {"event_id": "id", "customer_id": "id", "event_datetime": "datetime"},
            _texts("event_type status payment_method currency total_purchase_amount") | {"items": "list"},
        )
    },
    "inventory": {
        "product_a": _data_point(
            "item_id",
            {"item_id": "id", "name": "string"},
            {"item_modified": "datetime", "price": "number", **_texts("category subcategory inventory_type")},
        )
    },
    "contacts": {"": _data_point("email", {"email": "email"}, {**_PERSON, "name": "string", "some_tags": "list"})},
    "v1 events": {"": _data_point("externalId", {"externalId": "id", "email": "email"}, {**_texts("description")})},
    "products": {"": _data_point("product_id", {"product_id": "id"}, {**_texts("name"), "price": "number"})},
}


def faults(point: DataPoint, data: Mapping[str, Any]) -> list[str]:
    """What is wrong with a record, each in a sentence; [] when it is taken. Fields nobody mapped are ignored."""
    return [message for name in point.fields if (message := _fault(point, name, data))]


def _fault(point: DataPoint, name: str, data: Mapping[str, Any]) -> str | None:
    if name not in data:
        return None if name in point.optional else f"{name} is required"
    value, kind = data[name], point.fields[name]
    if value is None:
        return f"{name} is part of the Hard-ID and cannot be null" if name in point.hard_id else None
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value)):
        return f"{name} must not be nested"
    return None if _KINDS[kind](value) else f"{name} is not a valid {kind}"


def _matches(pattern: str, form: str) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            return False
        try:
            datetime.strptime(value[: 10 if form == "%Y-%m-%d" else 16], form)
        except ValueError:
            return False
        return True

    return check


def _is_email(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r'[^\s@"]+@[^\s@"]+\.[^\s@".]+', value))


_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "id": lambda value: value != "" and isinstance(value, str | int) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "date": _matches(r"\d{4}-\d\d-\d\d", "%Y-%m-%d"),
    "datetime": _matches(r"\d{4}-\d\d-\d\d[ ]\d\d:\d\d(:[0-5]\d)?", "%Y-%m-%d %H:%M"),
    "email": _is_email,
}
