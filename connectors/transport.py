"""How a request travels: http.client over connections that are kept, one deadline for all of it, a checked address.

Every failure leaves here as `NotSent` or `NoAnswer`. What requests and urllib3 do around the same http.client for every
call (a prepared request, a response of their own, two pools to choose from) was half of what a call costs.
"""

from __future__ import annotations

import ssl
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from select import POLLIN, poll
from threading import Lock
from time import monotonic
from typing import Any, cast
from urllib.parse import urlsplit
from weakref import finalize

from connectors.address import DEFAULT_PORTS, Guard, Resolver
from connectors.dial import Timed, addresses, cause, connect, tls, twice
from connectors.errors import NoAnswer, NotSent

# Servers commonly drop a connection after five idle seconds (Node, Apache). One that dies just as it is used again
# costs an ambiguous answer, a new one costs a handshake: so none is used after four.
IDLE = 4.0
KEPT = 32  # connections kept open per origin; there may be more at once


@dataclass(frozen=True, slots=True)
class Route:
    """What every connection of a wire is held to. Seconds: connect_timeout for DNS, TCP and TLS, timeout for it all.

    ca_bundle: a PEM file of authorities instead of certifi's. max_response: bytes of a body.
    """

    connect_timeout: float
    timeout: float
    guard: Guard
    resolve: Resolver
    ca_bundle: str | None
    max_response: int


class _Connection(HTTPConnection):
    """One request and its answer at a time, by one deadline. A failure says whether the request had left whole.

    A request whose last byte the socket did not take cannot have been executed, whatever part of it arrived. Of one
    that was taken whole, nobody here can tell: that the connection had been idle does not prove that it was not read.
    """

    sock: Timed | None

    def __init__(self, scheme: str, netloc: str, route: Route) -> None:
        parts = urlsplit(f"{scheme}://{netloc}")
        self.default_port = DEFAULT_PORTS[scheme]  # http.client leaves it out of `Host` by this
        self._name = str(parts.hostname)
        super().__init__(self._name.rstrip("."), parts.port or self.default_port)
        self._scheme = scheme
        self._route = route
        self._idle_since: float | None = None  # None while no answer has come on this socket
        self._readable = poll()
        self._cut = False
        self._held: list[bytes] = []

    @property
    def fresh(self) -> bool:
        """Whether it has answered, and was not idle for too long."""
        return self._idle_since is not None and monotonic() - self._idle_since < IDLE

    @property
    def usable(self) -> bool:
        """Whether another request may go over it: one on which something waits has ended."""
        return self.fresh and not self._readable.poll(0)

    def exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[HTTPResponse, bytes]:
        """The answer and its body, read whole. Afterwards the connection is `usable`, or closed."""
        deadline = monotonic() + self._route.timeout
        reused = self._idle_since is not None
        if not reused:
            self._dial(deadline)
        self._write(deadline, method, target, headers, body)
        if self._cut and reused:  # dropped while it was idle: nothing whole has left, so it goes once more
            self._dial(deadline)
            self._write(deadline, method, target, headers, body)
        response = self._answer()
        try:
            content = self._content(response)
        finally:
            response.close()
        self._idle_since = monotonic()
        return response, content

    def send(self, data: Any) -> None:
        """http.client sends the head by itself; both go together, at half the system calls on either side."""
        self._held.append(data)

    def _write(self, deadline: float, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
        assert self.sock is not None
        self._cut = False
        self._held = []
        self.sock.deadline = deadline
        try:
            self.request(method, target, body or None, headers)
            self.sock.sendall(b"".join(self._held))
        except (ConnectionError, ssl.SSLEOFError):
            self._cut = True  # there may be an answer all the same: a 413 does not wait for the end
        except OSError as error:
            raise NotSent(f"the request could not be sent to {self.host}: {cause(error)}") from None
        except (ValueError, HTTPException):
            raise NotSent("the request has a header or a URL that HTTP cannot carry") from None

    def _answer(self) -> HTTPResponse:
        try:
            return self.getresponse()
        except (OSError, HTTPException) as error:
            if self._cut:
                raise NotSent(f"{self.host} closed the connection before the request was sent") from None
            raise NoAnswer(f"no answer from {self.host}: {cause(error)}") from None

    def _content(self, response: HTTPResponse) -> bytes:
        most = self._route.max_response
        try:
            body = response.read(most + 1)
        except (OSError, HTTPException):
            raise NoAnswer("the answer broke off or took too long") from None
        if len(body) > most:
            raise NoAnswer(f"the answer is larger than {most} bytes")
        if response.length:
            raise NoAnswer("the answer broke off")
        return body

    def _dial(self, deadline: float) -> None:
        by = min(deadline, monotonic() + self._route.connect_timeout)
        try:
            twice(self._connect, by)
        except OSError as error:
            raise NotSent(f"no connection to {self.host}: {cause(error)}") from None

    def _connect(self, by: float) -> None:
        self.close()
        found = addresses(self._route.resolve, self._name, self.port, by)
        self._route.guard.admit(self._scheme, self.host, self.port, found)
        sock = connect(found, self.port, by)
        if self._scheme == "https":  # a handshake that fails closes it
            sock = cast(Timed, tls(self._route.ca_bundle).wrap_socket(sock, server_hostname=self.host))
        self.sock = sock
        self._readable = poll()
        self._readable.register(sock, POLLIN)

    def close(self) -> None:
        self._idle_since = None
        super().close()


_Origin = tuple[str, str]
_Kept = defaultdict[_Origin, deque[_Connection]]


class Transport:
    """Connections by origin, kept while they may be used again. Safe to share between threads."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._kept: _Kept = defaultdict(deque)
        self._lock = Lock()
        finalize(self, _drop, self._kept)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[HTTPResponse, bytes]:
        """One request of a URL in its normal form; the answer and its body. No redirects, cookies or proxies."""
        parts = urlsplit(url)
        origin = parts.scheme, parts.netloc
        connection = self._take(origin) or _Connection(*origin, self._route)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            answered = connection.exchange(method, target, headers, body)
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:
            self._keep(origin, connection)
        return answered

    def close(self) -> None:
        """Drop the connections that are kept, as happens to a transport that nobody holds any more."""
        with self._lock:
            _drop(self._kept)

    def _take(self, origin: _Origin) -> _Connection | None:
        while True:
            with self._lock:
                if not self._kept[origin]:
                    return None
                connection = self._kept[origin].pop()
            if connection.usable:
                return connection
            connection.close()

    def _keep(self, origin: _Origin, connection: _Connection) -> None:
        with self._lock:
            kept = self._kept[origin]
            kept.append(connection)
            old = kept.popleft() if len(kept) > KEPT or not kept[0].fresh else None
        if old is not None:
            old.close()


def _drop(kept: _Kept) -> None:
    for connections in kept.values():
        while connections:
            connections.pop().close()
