"""Bodies of the client API, read as Parcelvoy's server reads them (contracts.md §4.8).

JSON by four content types, forms and text, compressed or not, each up to its own size after inflating; anything else is
an empty object.
"""

from __future__ import annotations

import re
import zlib
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from router.http.body import BodyError, JsonReader
from router.http.wire import Inbound

MAX_JSON = 1_048_576
MAX_TEXT = 57_344
PARSED = frozenset({"POST", "PUT", "PATCH"})
_JSON = frozenset(
    {"application/json", "application/json-patch+json", "application/vnd.api+json", "application/csp-report"}
)
_FORM = "application/x-www-form-urlencoded"
_INFLATERS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_MOST_KEYS = 1000
_BRACKETS = re.compile(r"\[([^\[\]]+)\]")
_DEEPEST = 5


class Sent(NamedTuple):
    """A body's value, {} where there is none, and its bytes."""

    value: Any
    raw: bytes


def read(inbound: Inbound, reader: JsonReader) -> Sent:
    """The body. Raises `BodyError`."""
    kind = inbound.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if inbound.method not in PARSED or not (kind in _JSON or kind == _FORM or kind.startswith("text/")):
        return Sent({}, b"")
    limit = MAX_JSON if kind in _JSON else MAX_TEXT
    try:
        raw = inbound.body(limit)
    except RequestEntityTooLarge:
        raise BodyError("the body is too large") from None
    except BadRequest as error:
        raise BodyError(str(error.description)) from None
    raw = _inflated(raw, inbound.environ.get("HTTP_CONTENT_ENCODING", "identity"), limit)
    if kind in _JSON:
        value = reader.read(raw) if raw else {}
        if value.__class__ not in (dict, list):
            raise BodyError("a JSON body is an object or an array")
        return Sent(value, raw)
    text = raw.decode("utf-8", "replace").replace("\0", "\ufffd")
    return Sent(_form(text) if kind == _FORM else text, raw)


def _inflated(raw: bytes, encoding: str, limit: int) -> bytes:
    """Never more than the limit is inflated, so a bomb costs no more than a body of that size."""
    if encoding == "identity" or not raw:
        return raw
    if encoding not in _INFLATERS:
        raise BodyError("the Content-Encoding is not understood")
    stream = zlib.decompressobj(_INFLATERS[encoding])
    try:
        text = stream.decompress(raw, limit + 1)
    except zlib.error:
        raise BodyError(f"the body is not {encoding}") from None
    if len(text) > limit:
        raise BodyError("the body is too large")
    if not stream.eof:
        raise BodyError(f"the body is cut short within {encoding}")
    return text


def _form(text: str) -> dict[str, Any]:
    """`a=1&b[c]=2` is {"a": "1", "b": {"c": "2"}}; a name given twice becomes an array."""
    form: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True)[:_MOST_KEYS]:
        head, *rest = _parts(name)
        place = form
        for part in rest:
            inner = place.setdefault(head, {})
            if inner.__class__ is not dict:
                break
            place, head = inner, part
        else:
            place[head] = _beside(place[head], value) if head in place else value
    return form


def _parts(name: str) -> list[str]:
    head, bracket, _ = name.partition("[")
    inner = _BRACKETS.findall(name[len(head) :]) if head and bracket else []
    return [head, *inner] if inner and len(inner) <= _DEEPEST else [name]


def _beside(found: Any, value: str) -> Any:
    return [*found, value] if isinstance(found, list) else [found, value]
