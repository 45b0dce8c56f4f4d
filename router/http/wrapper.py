"""The wrapper around a call's records (api.md §2): `{"type", "groupKey", "data", "datatalksId"?}`, v1's smaller one, or
the query above newline-delimited records. Pure; what a record itself may hold is the contract's matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

MAX_ARRAY = 500
GROUP_KEYS = ("groupKey", "group_key")
GARBLED_GROUP_KEY = "null"  # as the published samples of seed 001 have it


class WrapperError(Exception):
    """The wrapper is such that its records cannot be looked at. messages: every fault of it."""

    def __init__(self, messages: Sequence[str]) -> None:
        self.messages = tuple(messages)
        super().__init__("; ".join(messages))


@dataclass(frozen=True, slots=True)
class Form:
    """What a route's wrapper looks like.

    typed: it names a `type` and may pin a `datatalksId` (v2, v3); v1 has neither, and its group key is no option.
    array: its data is always an array. garbled: a group key under the name `null` is understood.
    """

    typed: bool = True
    array: bool = False
    garbled: bool = False


@dataclass(frozen=True, slots=True)
class Submission:
    """A wrapper taken apart.

    type: "" for v1. group: None when left out. many: the data was an array, so faults are told by index.
    pin: the datatalksId sent along. faults: what is wrong with the wrapper, to be told with what is wrong inside it.
    """

    type: str
    group: str | None
    records: Sequence[Mapping[str, Any]]
    many: bool
    pin: UUID | None = None
    faults: tuple[str, ...] = ()


def unwrap(body: Any, form: Form) -> Submission:
    """Take a JSON body apart; raises `WrapperError` when there is no type or no record in it to look at."""
    if body.__class__ is not dict:
        raise WrapperError(
            ["the body must be an object with the members " + ("type and data" if form.typed else "data")]
        )
    faults: list[str] = []
    fatal: list[str] = []
    group = _group(body, form, faults)
    type = _type(body.get("type"), fatal) if form.typed else ""
    records, many = _records(body.get("data"), form, fatal)
    pin = _pin(body.get("datatalksId"), len(records), faults) if form.typed else None
    if fatal:
        raise WrapperError(faults + fatal)
    return Submission(type, group, records, many, pin, tuple(faults))


def unwrap_lines(records: Sequence[Any], query: Mapping[str, str], form: Form) -> Submission:
    """The records of a newline-delimited body, with `type` and `groupKey` from the query; raises `WrapperError`."""
    faults: list[str] = []
    fatal: list[str] = []
    group = _group(query, form, faults)
    type = _type(query.get("type"), fatal) if form.typed else ""
    _check_objects(records, fatal)
    if fatal:
        raise WrapperError(faults + fatal)
    return Submission(type, group, records, True, None, tuple(faults))


def _group(given: Mapping[str, Any], form: Form, faults: list[str]) -> str | None:
    names = (*GROUP_KEYS, GARBLED_GROUP_KEY) if form.garbled else GROUP_KEYS
    found = {name: value for name in names if (value := given.get(name)) is not None}
    if not found:
        if not form.typed:
            faults.append("group_key: missing")
        return None
    for name, value in found.items():
        if value.__class__ is not str or not value:
            faults.append(
                f"{name}: must be {'text' if value.__class__ is not str else 'the name of a group, not empty'}"
            )
            return None
    if len(set(found.values())) > 1:
        faults.append(f"{' and '.join(found)}: name different groups; send one of them")
    return str(next(iter(found.values())))


def _type(value: Any, fatal: list[str]) -> str:
    if value.__class__ is str and value:
        return str(value)
    fatal.append("type: missing" if value is None else "type: must be text, and not empty")
    return ""


def _records(data: Any, form: Form, fatal: list[str]) -> tuple[Sequence[Any], bool]:
    if data.__class__ is dict and not form.array:
        return (data,), False
    if data.__class__ is list:
        if not data:
            fatal.append("data: is empty; send at least one record")
        elif len(data) > MAX_ARRAY:
            fatal.append(
                f"data: holds {len(data):,} records; send at most {MAX_ARRAY} at once, or newline-delimited JSON"
            )
        else:
            _check_objects(data, fatal)
        return data, True
    what = "an array of objects" if form.array else "an object or an array of objects"
    fatal.append("data: missing" if data is None else f"data: must be {what}")
    return (), False


def _check_objects(records: Sequence[Any], fatal: list[str]) -> None:
    fatal += [f"data[{index}]: must be an object" for index, each in enumerate(records) if each.__class__ is not dict]


def _pin(value: Any, records: int, faults: list[str]) -> UUID | None:
    if value is None:
        return None
    try:
        pin = UUID(value) if value.__class__ is str else None
    except ValueError:
        pin = None
    if pin is None or str(pin) != value.lower():
        faults.append("datatalksId: must be a UUID, such as 3f2a0f5e-0d57-4c0c-9d3a-6f4f7d2f0a11")
        return None
    if records > 1:
        faults.append(f"datatalksId: names one record, and data holds {records}; send it with one")
        return None
    return pin
