"""The exact request that a call puts on the wire, and how it may be shown."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import metadata
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit, urlunsplit

from connectors.address import parse

Sign = Callable[[str, str, Mapping[str, str], bytes], Mapping[str, str]]

MASK = "***"
_CREDENTIAL_HEADERS = ("authorization", "api-key", "apikey", "token", "secret", "password", "cookie")


@cache
def user_agent() -> str:
    try:
        return f"integration-router/{metadata.version('integration-router')}"
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "integration-router/0"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it goes out: the URL in normal form, the headers with their signature, the body's bytes."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"HttpRequest({self.method}, {len(self.body)} bytes)"

    def masked(self, secrets: Collection[str], members: Collection[str] = ()) -> dict[str, Any]:
        """{"method", "url", "headers", "body"} fit to be shown: JSON values, every credential as `***`.

        secrets: values that must not appear anywhere. members: names of body members and query parameters to hide. The
        body is decoded where it is JSON or a form, text otherwise, None when there is none.
        """
        hide = Mask(secrets, members)
        return {
            "method": self.method,
            "url": hide.url(self.url),
            "headers": {name: hide.header(name, value) for name, value in self.headers.items()},
            "body": hide.body(self.body, self._content_type()),
        }

    def _content_type(self) -> str:
        return next((value for name, value in self.headers.items() if name.lower() == "content-type"), "")


class Mask:
    """Hides credentials: the given values wherever they occur, and what stands under the given names."""

    def __init__(self, secrets: Collection[str], members: Collection[str]) -> None:
        forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""), quote_plus(secret))}
        self._secrets = sorted(forms, key=len, reverse=True)
        self._members = {name.lower() for name in members}

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def header(self, name: str, value: str) -> str:
        return MASK if any(word in name.lower() for word in _CREDENTIAL_HEADERS) else self.text(value)

    def url(self, url: str) -> str:
        parts = urlsplit(url)
        query = self._pairs(parts.query) if self._named(parts.query) else self.text(parts.query)
        return urlunsplit((parts.scheme, parts.netloc, self.text(parts.path), query, ""))

    def body(self, body: bytes, content_type: str) -> Any:
        if not body:
            return None
        text = body.decode("utf-8", "replace")
        if content_type.startswith("application/x-www-form-urlencoded"):
            return self._pairs(text)
        try:
            return self._value(jsonlib.loads(text))
        except ValueError:
            return self.text(text)

    def _named(self, query: str) -> bool:
        return any(name.lower() in self._members for name, _ in parse_qsl(query, keep_blank_values=True))

    def _pairs(self, encoded: str) -> str:
        pairs = parse_qsl(encoded, keep_blank_values=True)
        shown = [(name, MASK if name.lower() in self._members else self.text(value)) for name, value in pairs]
        return urlencode(shown, safe="*")

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                self.text(name): MASK if name.lower() in self._members else self._value(inner)
                for name, inner in value.items()
            }
        if isinstance(value, list):
            return [self._value(inner) for inner in value]
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and str(value) in self._secrets:
            return MASK
        return value


@lru_cache(256)  # most calls of a connector go to the same few
def _target(url: str) -> str:
    return parse(url)._replace(fragment=None).url


def prepare(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    data: bytes | None = None,
    sign: Sign | None = None,
) -> HttpRequest:
    """The request of one `Wire.call`. Raises NotSent for a URL no call can go to."""
    defaults = {"User-Agent": user_agent(), "Accept": "application/json", "Accept-Encoding": "identity"}
    body = data or b""
    if json is not None:
        body = jsonlib.dumps(json, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        defaults["Content-Type"] = "application/json"
    given = headers or {}
    names = {name.lower() for name in given}
    head = {name: value for name, value in defaults.items() if name.lower() not in names} | dict(given)
    target = _target(url)
    if sign is not None:
        head |= sign(method, target, head, body)
    return HttpRequest(method, target, head, body)
