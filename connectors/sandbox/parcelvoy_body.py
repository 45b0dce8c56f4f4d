"""How Parcelvoy reads a body before it looks at anything else (contracts.md §4.1, §4.8)."""

from __future__ import annotations

import json
import zlib
from typing import Any
from urllib.parse import parse_qsl

from connectors.sandbox.base import Call

JSON_LIMIT = 1_048_576  # bytes after inflating, inclusive
TEXT_LIMIT = 57_344  # of forms and text
JSON_TYPES = frozenset(
    {"application/json", "application/vnd.api+json", "application/json-patch+json", "application/csp-report"}
)
FORM = "application/x-www-form-urlencoded"
_WINDOW = {"gzip": 31, "deflate": 15}


class UnreadableError(Exception):
    """Malformed or too large: a 400 wherever it was sent."""


def read(call: Call) -> Any:
    """The body as its handlers see it: what was not sent, or not in a type they know, is an empty object."""
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if call.method not in {"POST", "PUT", "PATCH"} or not call.body:
        return {}
    if kind in JSON_TYPES:
        return _json(_inflated(call, JSON_LIMIT))
    if kind == FORM:
        return dict(parse_qsl(_inflated(call, TEXT_LIMIT).decode("utf-8", "replace"), keep_blank_values=True))
    if kind.startswith("text/"):
        return _inflated(call, TEXT_LIMIT).decode("utf-8", "replace")
    return {}


def _json(text: bytes) -> Any:
    try:
        value = json.loads(text, parse_int=_number, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise UnreadableError from None
    if not isinstance(value, dict | list):
        raise UnreadableError
    return value


def _number(digits: str) -> int:
    number = int(digits)
    return number if abs(number) <= 1 << 53 else int(float(number))  # as JavaScript rounds


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _inflated(call: Call, limit: int) -> bytes:
    encoding = call.headers.get("content-encoding", "identity").lower()
    body = call.body
    if encoding in _WINDOW:
        try:
            body = zlib.decompressobj(_WINDOW[encoding]).decompress(body, limit + 1)
        except zlib.error:
            raise UnreadableError from None
    elif encoding != "identity":
        raise UnreadableError
    if len(body) > limit:
        raise UnreadableError
    return body
