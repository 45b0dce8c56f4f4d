"""The wire: one HTTP request within one deadline, to an address that may be called, classed by whether it had left."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC
from email.utils import parsedate_to_datetime
from ipaddress import ip_network
from math import inf
from typing import Any

from connectors import address
from connectors.base import Answer
from connectors.errors import NotSent
from connectors.request import Sign, prepare
from connectors.transport import Route, Transport

MAX_RESPONSE = 1 << 20

_until: ContextVar[float] = ContextVar("until", default=inf)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """In here, no call of this thread begins later than so many seconds from now.

    A connector may have several calls to make for what it is given (a token, halves of a batch); each keeps its own
    deadline, and this one is of them all.
    """
    before = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(before)


class HttpWire:
    """The network, for one connector's account: kept-alive connections, safe to share between threads.

    connect_timeout: seconds for DNS, TCP and TLS. timeout: seconds for the whole call.
    allow_private: lets plain HTTP and private addresses through (development).
    allow_networks: the networks (CIDR) that may be called like that in production.
    ca_bundle: a PEM file of authorities instead of certifi's. max_response: bytes of a body.
    """

    def __init__(
        self,
        connect_timeout: float = 5.0,
        timeout: float = 20.0,
        *,
        allow_private: bool = False,
        allow_networks: Collection[str] = (),
        ca_bundle: str | None = None,
        max_response: int = MAX_RESPONSE,
        resolve: address.Resolver = address.resolve,
    ) -> None:
        guard = address.Guard(allow_private, tuple(ip_network(network) for network in allow_networks))
        self._transport = Transport(Route(connect_timeout, timeout, guard, resolve, ca_bundle, max_response))

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | None = None,
        sign: Sign | None = None,
    ) -> Answer:
        """See `base.Wire.call`. An answer larger than `max_response` is none."""
        if time.monotonic() > _until.get():
            raise NotSent("not sent: the calls before this one took all the time there was")
        request = prepare(method, url, headers=headers, json=json, data=data, sign=sign)
        said, body = self._transport.send(request.method, request.url, request.headers, request.body)
        return Answer(said.status, said.headers, body, retry_after(said.headers.get("Retry-After"), time.time()))

    def close(self) -> None:
        """Drop the connections that are kept open."""
        self._transport.close()


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds from a Retry-After header, a number or an HTTP date; `now` in seconds since the epoch."""
    if value is None:
        return None
    if re.fullmatch(r"\s*\d{1,9}(\.\d+)?\s*", value, re.ASCII):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:  # the obsolete asctime form, which is in UTC as well
        moment = moment.replace(tzinfo=UTC)
    return max(moment.timestamp() - now, 0.0)
