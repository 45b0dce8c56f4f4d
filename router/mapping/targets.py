"""What an operation takes: its marshmallow fields, as the few forms that a mapping must know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, missing


class Form(StrEnum):
    TEXT = "text"
    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    DATE = "a date"
    DATETIME = "a datetime"
    LIST = "a list"
    OBJECT = "an object"
    ANY = "anything"


@dataclass(frozen=True, slots=True)
class Target:
    """A place in a payload.

    members: an object's fields by the name they have on the wire. rest: what it takes beside them, None when nothing.
    item: of a list. advice: why it should be mapped though the provider does not insist on it, of the field's metadata
    `recommended`.
    """

    form: Form
    required: bool = False
    nullable: bool = False
    advice: str = ""
    members: Mapping[str, Target] = field(default_factory=dict)
    rest: Target | None = None
    item: Target | None = None
    source: fields.Field[Any] | None = None

    def member(self, name: str) -> Target | None:
        """An object's field; None when it has none of that name. What takes anything takes fields of any name."""
        return ANYTHING if self.form is Form.ANY else self.members.get(name, self.rest)

    def locate(self, dotted: str) -> list[tuple[str, Target]] | None:
        """The way to a dotted name, as (key, target) from here down; None when there is no such field.

        A field whose own name has dots is found before a nested one.
        """
        whole = self.member(dotted) if dotted in self.members or "." not in dotted else None
        if whole is not None:
            return [(dotted, whole)]
        head, _, rest = dotted.partition(".")
        step = self.member(head) if rest else None
        below = step.locate(rest) if step else None
        return [(head, step), *below] if step and below else None

    def names(self, prefix: str = "") -> Iterator[str]:
        """The dotted names of all the fields that are listed."""
        for name, target in self.members.items():
            yield prefix + name
            yield from target.names(f"{prefix}{name}.")

    def needs(self, prefix: str = "") -> Iterator[str]:
        """The dotted names without which the provider takes nothing at all."""
        for name, target in self.members.items():
            if target.required:
                yield from target.needs(f"{prefix}{name}.") if target.members else [prefix + name]

    def wrong(self, value: Any) -> str | None:
        """Why the provider would not take a value; None when nothing is known against it."""
        if self.source is None:
            return None
        try:
            self.source.deserialize(value)
        except ValidationError as error:
            return told(error.messages)
        return None


@dataclass(frozen=True, slots=True)
class Spot:
    """A target with the name by which messages call it ("contact.email")."""

    name: str
    target: Target


ANYTHING = Target(Form.ANY, nullable=True)

_FORMS: tuple[tuple[type[fields.Field[Any]], Form], ...] = (  # a class before those it derives from
    (fields.Boolean, Form.BOOLEAN),
    (fields.Integer, Form.INTEGER),
    (fields.Number, Form.NUMBER),
    (fields.Date, Form.DATE),
    (fields.DateTime, Form.DATETIME),
    (fields.String, Form.TEXT),
    (fields.Enum, Form.TEXT),
)


@cache
def of_schema(schema: type[Schema]) -> Target:
    """The object that an operation's schema describes."""
    return _object(schema())


def _object(schema: Schema, **more: Any) -> Target:
    members = {one.data_key or name: of_field(one) for name, one in schema.load_fields.items()}
    return Target(Form.OBJECT, members=members, rest=ANYTHING if schema.unknown == INCLUDE else None, **more)


def of_field(one: fields.Field[Any]) -> Target:
    """A field of a schema that has been instantiated."""
    more: dict[str, Any] = {
        "required": one.required and one.load_default is missing,
        "nullable": bool(one.allow_none),
        "advice": str(one.metadata.get("recommended", "")),
        "source": one,
    }
    if isinstance(one, fields.Nested):
        if not one.many:
            return _object(one.schema, **more)
        return Target(Form.LIST, item=_object(one.schema), **more)
    if isinstance(one, fields.List):
        return Target(Form.LIST, item=of_field(one.inner), **more)
    if isinstance(one, fields.Mapping):
        return Target(Form.OBJECT, rest=of_field(one.value_field) if one.value_field else ANYTHING, **more)
    form = next((form for kind, form in _FORMS if isinstance(one, kind)), None)
    return Target(form or Form.ANY, **more)


def told(messages: Any) -> str:
    """marshmallow's messages as one line."""
    if isinstance(messages, dict):
        return "; ".join(f"{key}: {told(value)}" for key, value in messages.items())
    if isinstance(messages, list):
        return " ".join(told(one) for one in messages)
    return str(messages).rstrip(".")
