"""The closed list of transforms: what a rule may do with a value, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from router.mapping import functions as do
from router.mapping.kinds import NUMERIC, TEXTUAL, Kind, Type
from router.mapping.shapes import Block, ByForm, Choice, Scalar, Shape, Word, text, whole
from router.mapping.transform import UNSET, Example, Transform

SINGLE = TEXTUAL | NUMERIC | {Kind.BOOLEAN}
Gives = Callable[[Type, Any], Type]


def _always(kind: Kind) -> Gives:
    made = Type(kind)
    return lambda _given, _argument: made


def _listed(_given: Type, _argument: Any) -> Type:
    return Type(Kind.LIST, Kind.STRING)


def _same(given: Type, _argument: Any) -> Type:
    return given


def _item(given: Type, _argument: Any) -> Type:
    return given.item


def _rounded(given: Type, places: Any) -> Type:
    return Type(Kind.INTEGER) if places == 0 else given


def _product(given: Type, _factor: Any) -> Type:
    return given if given.kind is Kind.DECIMAL else Type(Kind.NUMBER)


def _parsed(_given: Type, pattern: Any) -> Type:
    return Type(Kind.DATETIME if "%H" in pattern else Kind.DATE)


def _found(_given: Type, table: Any) -> Type:
    """The type of the table's values. Where they are not of one kind, the reader of the file has told so already."""
    types = dict.fromkeys(type(value) for value in table.values())
    kind = _KINDS[float if types.keys() == {int, float} else next(iter(types))]
    return Type(kind, values=tuple(table.values()) if types.keys() == {str} else ())


_KINDS: Mapping[type, Kind] = {str: Kind.STRING, int: Kind.INTEGER, float: Kind.NUMBER, bool: Kind.BOOLEAN}


def _one_day(pattern: Any) -> bool:
    """Year, month and day once each, with nothing else or with hours and minutes, and perhaps seconds."""
    found = [part for part in do.DIRECTIVE.findall(pattern) if part != "%%"]
    day, time = {"%Y", "%m", "%d"}, {"%H", "%M"}
    return len(found) == len(set(found)) and set(found) in (day, day | time, day | time | {"%S"})


def _of(
    takes: frozenset[Kind],
    gives: Gives,
    doc: str,
    make: Callable[..., Any],
    *examples: Example,
    argument: Shape | None = None,
    default: Any = UNSET,
    table: bool = False,
) -> Transform:
    """make: the function itself where there is no argument, otherwise from the argument to the function."""
    made = make if argument else lambda _argument: make
    return Transform(doc, takes, gives, made, examples, argument, default, table)


def _text(doc: str, make: Callable[..., Any], *examples: Example, **more: Any) -> Transform:
    return _of(TEXTUAL, _always(Kind.STRING), doc, make, *examples, **more)


def _list(gives: Gives, doc: str, make: Callable[..., Any], *examples: Example, **more: Any) -> Transform:
    return _of(frozenset({Kind.LIST}), gives, doc, make, *examples, **more)


_ANY_TEXT = Scalar("text", (str,))
_CODE = Choice("form", ("alpha2", "alpha3", "name"))
_CALLING = Block(
    "a calling code",
    (
        Word("code", whole(1), "the country's calling code", required=True),
        Word("trunk", _ANY_TEXT, "what a national number begins with; `''` for nothing", required=True),
    ),
)
_CHANGE = Block(
    "a replacement",
    (Word("from", text(), "text to find", required=True), Word("to", _ANY_TEXT, "text to put there", required=True)),
)
_PATTERN = Scalar("a pattern with %Y, %m and %d, and perhaps %H and %M, and then %S", (str,), _one_day)

_OF_TEXT: Mapping[str, Transform] = {
    "trim": _text("without white space at both ends", str.strip, Example(" Ada ", "Ada")),
    "squeeze": _text("single spaces between words, none at the ends", do.squeeze, Example(" Ada \t L ", "Ada L")),
    "lower": _text("in lower case", str.lower, Example("ADA", "ada")),
    "upper": _text("in upper case", str.upper, Example("ada", "ADA")),
    "title": _text("each word with a capital", do.title, Example("ADA byron-o'neil", "Ada Byron-O'neil")),
    "truncate": _text("at most that many characters", do.truncate, Example("Stockholm", "Stock", 5), argument=whole(1)),
    "replace": _text(
        "one text by another, everywhere",
        do.replace,
        Example("111 17", "11117", {"from": " ", "to": ""}),
        argument=_CHANGE,
    ),
    "prefix": _text("with a text before it", do.prefix, Example("12", "c-12", "c-"), argument=text()),
    "suffix": _text("with a text after it", do.suffix, Example("12", "12 kg", " kg"), argument=text()),
    "digits": _text("its digits alone", do.digits, Example("+46 70-123", "4670123"), Example("none", None)),
    "blank_to_null": _text(
        "no value where there is only white space", do.blank_to_null, Example(" ", None), Example("a", "a")
    ),
    "hash": _text(
        "its hash in lower-case hex: `sha256` unless told `sha1` or `md5`; still personal data",
        do.hash_,
        Example("ada@example.com", "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72"),
        Example("abc", "a9993e364706816aba3e25717850c26c9cd0d89d", "sha1"),
        argument=Choice("hash", ("sha256", "sha1", "md5")),
        default="sha256",
    ),
    "e164": _text(
        "a phone number as `+` and digits. One without `+` or `00` is of the given calling code and loses its `trunk` "
        "(`0` unless given). No value where it cannot be a number",
        do.e164,
        Example("070-123 45 67", "+46701234567", 46),
        Example("0039 06 1234567", "+39061234567", 46),
        Example("06 1234567", "+39061234567", {"code": 39, "trunk": ""}),
        Example("unknown", None, 46),
        argument=ByForm("a calling code", text=whole(1), map=_CALLING),
    ),
    "country": _text(
        "a country's `alpha2` code (or `alpha3`, or `name`), from any of these; else no value",
        do.country,
        Example("sweden", "SE"),
        Example("se", "SWE", "alpha3"),
        Example("SWE", "Sweden", "name"),
        Example("?", None),
        argument=_CODE,
        default="alpha2",
    ),
    "language": _text(
        "a language's `alpha2` code (or `alpha3`, or `name`), from any of these or a locale; else no value",
        do.language,
        Example("sv-SE", "sv"),
        Example("Swedish", "swe", "alpha3"),
        Example("?", None),
        argument=_CODE,
        default="alpha2",
    ),
    "parse": _of(
        frozenset({Kind.STRING}),
        _parsed,
        "a date, or a datetime in UTC, by a pattern of `%Y %m %d %H %M %S`; else no value",
        do.parse,
        Example("10/12/1985", "1985-12-10", "%d/%m/%Y"),
        Example("18.3.2021 11:35", "2021-03-18 11:35:00", "%d.%m.%Y %H:%M"),
        Example("31/02/2021", None, "%d/%m/%Y"),
        argument=_PATTERN,
    ),
    "split": _of(
        TEXTUAL,
        _listed,
        "a list of the parts between a separator, without empty ones",
        do.split,
        Example("a,b,,c", ["a", "b", "c"], ","),
        Example("", None, ","),
        argument=text(),
    ),
}

_OF_LISTS: Mapping[str, Transform] = {
    "join": _list(
        _always(Kind.STRING),
        "one text, with a separator between the items",
        do.join,
        Example(["Ada", "Lovelace"], "Ada Lovelace", " "),
        Example([1, True], "1,true", ","),
        Example([], None, ","),
        argument=_ANY_TEXT,
    ),
    "first": _list(_item, "the first item", do.first, Example([1, 2], 1), Example([], None)),
    "last": _list(_item, "the last item", do.last, Example([1, 2], 2), Example([], None)),
    "unique": _list(_same, "without repeated items", do.unique, Example(["b", "a", "b"], ["b", "a"])),
    "limit": _list(
        _same, "at most that many items", do.limit, Example(["a", "b", "c"], ["a", "b"], 2), argument=whole(1)
    ),
}

_OF_OTHERS: Mapping[str, Transform] = {
    "text": _of(SINGLE, _always(Kind.STRING), "as text", do.text, Example(12, "12"), Example(True, "true")),
    "integer": _of(
        SINGLE,
        _always(Kind.INTEGER),
        "a whole number, of text, a number or a boolean (1, 0); else no value",
        do.integer,
        Example("12", 12),
        Example(12.0, 12),
        Example(True, 1),
        Example("12.5", None),
    ),
    "number": _of(
        SINGLE - {Kind.BOOLEAN},
        _always(Kind.NUMBER),
        "a number, of text or a decimal; else no value",
        do.number,
        Example("123.75", 123.75),
        Example("x", None),
    ),
    "round": _of(
        NUMERIC,
        _rounded,
        "to that many decimals, half away from zero; a whole number where it is 0 or not given",
        do.round_,
        Example(2.5, 3),
        Example("123.755", "123.76", 2),
        Example(-0.125, -0.13, 2),
        argument=whole(0),
        default=0,
    ),
    "multiply": _of(
        NUMERIC,
        _product,
        "times a number, exactly",
        do.multiply,
        Example(1999, 19.99, 0.01),
        Example("19.99", "1999.00", 100),
        argument=Scalar("a number", (int, float)),
    ),
    "boolean": _of(
        SINGLE,
        _always(Kind.BOOLEAN),
        "true for `true t yes y on 1`, false for `false f no n off 0`, in any case; else no value",
        do.boolean,
        Example("Yes", True),
        Example(0, False),
        Example("maybe", None),
    ),
    "invert": _of(
        frozenset({Kind.BOOLEAN}),
        _always(Kind.BOOLEAN),
        "true for false and false for true",
        do.invert,
        Example(True, False),
    ),
    "date": _of(
        frozenset({Kind.DATETIME}),
        _always(Kind.DATE),
        "the day of a datetime",
        do.day_of,
        Example("2021-03-18 11:35:24", "2021-03-18"),
    ),
    "lookup": _of(
        SINGLE,
        _found,
        "what the named table of the file has for it; else no value",
        do.lookup,
        Example("g", "gold", {"g": "gold"}),
        Example(1, True, {"1": True}),
        Example("x", None, {"g": "gold"}),
        argument=text("the name of a table"),
        table=True,
    ),
}

TRANSFORMS: Mapping[str, Transform] = {**_OF_TEXT, **_OF_LISTS, **_OF_OTHERS}
