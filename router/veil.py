"""A request shown without what it tells of a person: its shape stays, the values are masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from router.mapping.lineage import masked

TELLING = 4
"""Characters that a value must have to be looked for inside longer texts; a shorter one only stands for itself."""


def veiled(request: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    """A request as `catalog.preview` shows it, with the values masked: all of the body and the query, and those of the
    payload wherever else they occur."""
    known = frozenset(_texts(payload))
    if "nothing_sent" in request:
        return {"nothing_sent": _text(request["nothing_sent"], known)}
    headers = {name: _text(value, known) for name, value in request["headers"].items()}
    form = any(name.lower() == "content-type" and "form-urlencoded" in value for name, value in headers.items())
    body = request["body"]
    return {
        "method": request["method"],
        "url": _url(request["url"], known),
        "headers": headers,
        "body": _pairs(body) if form and isinstance(body, str) else masked(body),
    }


def _url(url: str, known: frozenset[str]) -> str:
    parts = urlsplit(url)
    path = "/".join(_segment(each, known) for each in parts.path.split("/"))
    return urlunsplit(parts._replace(path=path, query=_pairs(parts.query)))


def _segment(segment: str, known: frozenset[str]) -> str:
    plain = unquote(segment)
    return masked(plain) if _text(plain, known) != plain else segment


def _pairs(encoded: str) -> str:
    return urlencode([(name, masked(value)) for name, value in parse_qsl(encoded, keep_blank_values=True)], safe="*")


def _text(text: str, known: frozenset[str]) -> str:
    if text in known:
        return str(masked(text))
    for each in sorted(known, key=len, reverse=True):
        if len(each) >= TELLING:
            text = text.replace(each, str(masked(each)))
    return text


def _texts(value: Any) -> Iterator[str]:
    """The values in a payload, as they stand in a text."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
    elif value is not None and not isinstance(value, bool) and value != "":
        yield str(value)
