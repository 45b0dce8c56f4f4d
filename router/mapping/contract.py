"""What a client sends for one entity and type, and the validator made from it (api.md §2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from router.mapping import kinds
from router.mapping.kinds import Kind, Type
from router.model import Entity

MISSING = object()
_SCALARS = frozenset({str, int, float, bool, type(None)})


class Problem(NamedTuple):
    """A fault of one field of a record; never holds the value."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class Reference(NamedTuple):
    """A record by its hard id. type is "" for v1, which has none."""

    entity: Entity
    type: str
    hard_id: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: Type
    optional: bool = False
    personal: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """Which profile an event or item belongs to: its type, and the fields here that hold its hard id, in its order."""

    entity: Entity
    type: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contract:
    """type is "" for v1, which has none. hard_id: names of fields, in the order that makes the id."""

    entity: Entity
    type: str
    fields: Mapping[str, Field]
    hard_id: tuple[str, ...]
    profile: Profile | None = None
    _checks: tuple[tuple[str, kinds.Check, bool, bool], ...] = field(init=False, repr=False, compare=False)
    _canonical: Mapping[str, Callable[[Any], str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        checks = (
            (name, kinds.check(one.type), one.optional, name in self.hard_id) for name, one in self.fields.items()
        )
        object.__setattr__(self, "_checks", tuple(checks))
        canonical = {name: str.lower if one.type.kind is Kind.EMAIL else str for name, one in self.fields.items()}
        object.__setattr__(self, "_canonical", canonical)

    def validate(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
        """The listed fields' values in their kept form (`kinds`), null where there is none, and every problem.

        Unlisted fields are left out, whatever scalar or list of scalars they hold. The values are of use only when
        there are no problems.
        """
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        get = data.get
        seen = 0
        for name, check, optional, naming in self._checks:
            value = get(name, MISSING)
            if value is not None and value is not MISSING:
                seen += 1
                try:
                    values[name] = value = check(value)
                except kinds.Refused as refused:
                    problems.append(Problem(name, str(refused)))
                else:
                    if naming and value.__class__ is str and not value.strip():
                        problems.append(Problem(name, "is part of the hard id and must not be empty"))
                continue
            values[name] = None
            seen += value is None
            if naming:
                how = "null" if value is None else "missing"
                problems.append(Problem(name, f"is part of the hard id and must not be {how}"))
            elif value is MISSING and not optional:
                problems.append(Problem(name, "missing; only an optional field may be left out"))
        if len(data) > seen:
            problems += (_nested(name) for name, value in data.items() if name not in self.fields and not _flat(value))
        return values, problems

    def hard_id_of(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The hard id in the form in which ids are compared: text; email addresses and UUIDs in lower case."""
        return self._id_of(values, self.hard_id)

    def profile_of(self, values: Mapping[str, Any]) -> Reference | None:
        """The profile that the record belongs to; None when the contract names none or one of the fields is null."""
        profile = self.profile
        if profile is None or any(values[name] in (None, "") for name in profile.fields):
            return None
        return Reference(profile.entity, profile.type, self._id_of(values, profile.fields))

    def _id_of(self, values: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple([self._canonical[name](values[name]) for name in names])

    def removal(self) -> Contract:
        """The contract of a delete, which carries the hard id alone."""
        return replace(self, fields={name: self.fields[name] for name in self.hard_id}, profile=None)


def _flat(value: Any) -> bool:
    """A scalar, null, or a list of these."""
    return type(value) in _SCALARS or (type(value) is list and all(type(item) in _SCALARS for item in value))


def _nested(name: str) -> Problem:
    return Problem(name, "must be a single value or a list of them")
