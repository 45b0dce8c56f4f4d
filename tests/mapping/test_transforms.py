"""Every transform does what its examples say, and never fails on what it takes."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.mapping import Kind, Type, kinds
from router.mapping.formats import compile_format
from router.mapping.transform import UNSET, Example, Transform
from router.mapping.transforms import TRANSFORMS
from tests.mapping.strategies import value

EXAMPLES = [(name, one, example) for name, one in TRANSFORMS.items() for example in one.examples]


def argument_of(transform: Transform, example: Example) -> Any:
    return transform.default if example.argument is UNSET else example.argument


def kept(type_: Type, made: Any) -> bool:
    """Is it null, or a kept form of the type, fit for JSON."""
    json.dumps(made, allow_nan=False)
    if made is None:
        return True
    items = made if type_.kind is Kind.LIST else [made]
    if type_.item.kind is Kind.DECIMAL:  # a product may have more digits than a client may send
        return all(isinstance(item, str) and isfinite(float(item)) for item in items)
    return all(kinds.check(type_.item)(item) == item for item in items)


@pytest.mark.parametrize(
    ("transform", "example"),
    [case[1:] for case in EXAMPLES],
    ids=[f"{name} {one.given!r}" for name, _, one in EXAMPLES],
)
def test_examples(transform: Transform, example: Example) -> None:
    made = transform.make(argument_of(transform, example))(example.given)
    assert (made, type(made)) == (example.expect, type(example.expect))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_is_told_and_shown(name: str) -> None:
    transform = TRANSFORMS[name]
    assert transform.doc
    assert transform.examples
    assert transform.bare or all(example.argument is not UNSET for example in transform.examples)


def types_for(transform: Transform) -> list[Type]:
    """The types that it takes, also as lists where it can be done to each item."""
    singles = [Type(kind, values=("a", "b")) for kind in Kind if kind is not Kind.LIST]
    every = [*singles, *(one.listed() for one in singles)]
    argument = argument_of(transform, transform.examples[0])
    return [one for one in every if transform.fit(one, argument) is not None]


@pytest.mark.parametrize("name", TRANSFORMS)
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_a_transform_is_total_on_what_it_takes_and_gives_what_it_says(name: str, data: Any) -> None:
    transform = TRANSFORMS[name]
    type_ = data.draw(st.sampled_from(types_for(transform)))
    example = data.draw(st.sampled_from(transform.examples))
    fitted = transform.fit(type_, argument_of(transform, example))
    assert fitted is not None
    function, made = fitted
    assert kept(made, function(data.draw(value(type_))))


PHONES = {
    "+46 70 123 45 67": "+46701234567",
    "0046701234567": "+46701234567",
    "+46 (0)70-123 45 67": "+46701234567",
    "70 123 45 67": "+46701234567",
    "+1 (415) 555-2671": "+14155552671",
    "112": None,
    "+0701234567": None,
    "070-123 45 67 ext 5": None,
    "": None,
}


@pytest.mark.parametrize(("written", "expected"), PHONES.items(), ids=PHONES)
def test_phone_numbers(written: str, expected: str | None) -> None:
    assert TRANSFORMS["e164"].make(46)(written) == expected


FORMATS = [
    ("datetime", "%d.%m.%y %H:%M:%S", "2021-03-18 11:35:24", "18.03.21 11:35:24"),
    ("date", "%Y%m%d", "1985-12-10", "19851210"),
    ("date", "%Y-%m-%dT%H:%M:%S", "1985-12-10", "1985-12-10T00:00:00"),
    ("date", "100%% %Y", "0985-12-10", "100% 0985"),
    ("date", "iso", "1985-12-10", "1985-12-10"),
    ("date", "epoch", "1970-01-02", 86400),
    ("datetime", "iso", "2021-03-18 11:35:24", "2021-03-18T11:35:24Z"),
    ("datetime", "epoch_ms", "2021-03-18 11:35:24", 1616067324000),
    ("stockholm", "iso", "2021-03-18 11:35:24", "2021-03-18T11:35:24+01:00"),
    ("stockholm", "iso", "2021-07-18 11:35:24", "2021-07-18T11:35:24+02:00"),
    ("stockholm", "epoch", "2021-07-18 11:35:24", 1626600924),
    ("decimal", "0.00", "12.345", "12.35"),
    ("decimal", "0", "-0.4", "0"),
    ("number", "0.0", 2.25, "2.3"),
    ("integer", "0.00", 5, "5.00"),
]
TYPES = {
    **{kind.value: Type(kind) for kind in Kind},
    "stockholm": Type(Kind.DATETIME, zone=kinds.ZoneInfo("Europe/Stockholm")),
}


@pytest.mark.parametrize(("kind", "pattern", "sent", "expected"), FORMATS, ids=[f"{c[0]} {c[1]}" for c in FORMATS])
def test_formats(kind: str, pattern: str, sent: Any, expected: Any) -> None:
    made = compile_format(pattern, TYPES[kind])
    assert not isinstance(made, str)
    assert made[0](sent) == expected


FORMATTED = [(kind, pattern) for kind, pattern, _, _ in FORMATS]


@pytest.mark.parametrize(("kind", "pattern"), FORMATTED, ids=[f"{kind} {pattern}" for kind, pattern in FORMATTED])
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_a_format_is_total(kind: str, pattern: str, data: Any) -> None:
    made = compile_format(pattern, TYPES[kind])
    assert not isinstance(made, str)
    json.dumps(made[0](data.draw(value(TYPES[kind]))), allow_nan=False)
