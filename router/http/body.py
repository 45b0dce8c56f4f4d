"""Strict JSON: bytes in, plain values out, or a sentence that says what is wrong.

Stricter than `json.loads` where a lenient reading would lose or change data: a name given twice, NaN, numbers that no
64-bit type holds, and text that PostgreSQL cannot keep (U+0000, half a surrogate pair) are refused. Whatever the bytes,
the work is linear in their number. reliability.md §4.5 has the measurements behind it.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

MAX_FAULTS = 50
MAX_LINES = 10_000
# Opening braces and commas, those within strings too: every object costs a call of Python, every value its memory.
MAX_OBJECTS = 100_000
MAX_VALUES = 1_000_000
_INT64 = 2**63
_EXCERPT = 40
_CONTAINERS = frozenset({dict, list})
# Escapes that may yield text that cannot be kept: U+0000, a high surrogate without a low one, a low one without a high
# one. A backslash that is itself escaped looks the same, so a match only means that the strings must be looked at.
_SUSPECT = re.compile(
    rb"\\u(?:0000"
    rb"|[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|[dD][c-fC-F](?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F]))"
)
# What, with every digit made 0, may be an integer beyond 64 bits or a float beyond all: far faster than a pattern.
_DIGITS = bytes.maketrans(b"123456789E", b"000000000e")
_LARGE = (b"0" * 19, b"0e000", b"0e+000")
_UNKEEPABLE = re.compile("[\0\ud800-\udfff]")


class BodyError(Exception):
    """The body cannot be read. messages: what is wrong with it, for the caller."""

    def __init__(self, *messages: str) -> None:
        self.messages = messages
        super().__init__("; ".join(messages))


@dataclass(frozen=True, slots=True)
class Limits:
    """depth: how many objects and arrays may stand inside one another. fields: members of one object.

    round_integers: read an integer beyond 64 bits as the nearest float instead of refusing it.
    """

    depth: int = 5
    fields: int = 1000
    round_integers: bool = False


class JsonReader:
    """Reads bodies within limits; one for a process and surface."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._decode = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=_constant).decode
        self._decode_numbers = json.JSONDecoder(
            object_pairs_hook=self._object, parse_int=self._integer, parse_float=_real, parse_constant=_constant
        ).decode

    def read(self, raw: bytes) -> Any:
        """The value of one JSON text in UTF-8; raises `BodyError`."""
        if not raw or raw.isspace():
            raise BodyError("the body is empty; send JSON")
        return self._reading(raw)(_text(raw))

    def read_lines(self, raw: bytes) -> list[Any]:
        """The values of newline-delimited JSON, empty lines left out; raises `BodyError`, with every bad line."""
        if raw.count(b"\n") > MAX_LINES:
            raise BodyError(f"the body has more than {MAX_LINES:,} lines; send it in parts")
        values, faults = [], []
        read = self._reading(raw)
        for number, line in enumerate(_text(raw).split("\n"), 1):
            if not line or line.isspace():
                continue
            try:
                values.append(read(line))
            except BodyError as error:
                faults += [f"line {number}: {message}" for message in error.messages]
                if len(faults) >= MAX_FAULTS:
                    break
        if faults:
            raise BodyError(*faults[:MAX_FAULTS])
        if not values:
            raise BodyError("the body is empty; send one JSON object a line")
        if len(values) > MAX_LINES:
            raise BodyError(f"the body has more than {MAX_LINES:,} lines; send it in parts")
        return values

    def _reading(self, raw: bytes) -> Callable[[str], Any]:
        """How texts out of these bytes are read: no more careful, and slower, than the bytes call for."""
        if raw.count(b"{") > MAX_OBJECTS:
            raise BodyError(f"the body has more than {MAX_OBJECTS:,} objects; send it in parts")
        if raw.count(b",") > MAX_VALUES:
            raise BodyError(f"the body has more than {MAX_VALUES:,} values; send it in parts")
        zeros = raw.translate(_DIGITS)
        large = _LARGE[0] in zeros or _LARGE[1] in zeros or _LARGE[2] in zeros
        decode = self._decode_numbers if large else self._decode
        if b"\\u" in raw and _SUSPECT.search(raw):
            return lambda text: _keepable(self._value(decode, text))
        return partial(self._value, decode)

    def _value(self, decode: Callable[[str], Any], text: str) -> Any:
        try:
            value = decode(text)
        except json.JSONDecodeError as error:
            line = f"line {error.lineno}, " if "\n" in text else ""
            what = error.msg.removesuffix(" at").lower()
            raise BodyError(f"not JSON at {line}column {error.colno}: {what}") from None
        except RecursionError:
            self._too_deep()
        self._check_depth(value)
        return value

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(pairs) > self._limits.fields:
            raise BodyError(f"an object has more than {self._limits.fields:,} fields")
        if len(value) < len(pairs):
            ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
            raise BodyError(f"an object names {json.dumps(_cut(twice))} twice")
        return value

    def _integer(self, digits: str) -> int | float:
        if len(digits) < 19 or (len(digits) <= 20 and -_INT64 <= int(digits) < _INT64):
            return int(digits)
        if self._limits.round_integers:
            return _real(digits)
        raise BodyError(f"the number {_cut(digits)} is out of range (64 bits)")

    def _check_depth(self, value: Any) -> None:
        level: list[Any] = [value] if value.__class__ in _CONTAINERS else []
        for _ in range(self._limits.depth):
            if not level:
                return
            level = [
                inner
                for outer in level
                for inner in (outer.values() if outer.__class__ is dict else outer)
                if inner.__class__ in _CONTAINERS
            ]
        if level:
            self._too_deep()

    def _too_deep(self) -> NoReturn:
        raise BodyError(f"nested deeper than {self._limits.depth} levels")


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BodyError(f"not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start}, line {line}") from None


def _real(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise BodyError(f"the number {_cut(digits)} is out of range")
    return value


def _constant(name: str) -> NoReturn:
    raise BodyError(f"not JSON: {name} is not a value of JSON")


def _keepable(value: Any) -> Any:
    for path, text in _texts(value, ""):
        if found := _UNKEEPABLE.search(text):
            what = "the character U+0000" if found[0] == "\0" else f"half a surrogate pair (\\u{ord(found[0]):04x})"
            raise BodyError(f"{path or 'the body'}: contains {what}, which cannot be kept")
    return value


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every string, names included, with its path. As deep as the depth that was checked before."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield path, name
            yield from _texts(inner, f"{path}.{name}" if path else name)


def _cut(text: str) -> str:
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
