"""How a request travels: requests' adapter over pooled connections that keep one deadline and a checked address.

Every failure leaves here as `NotSent` or `NoAnswer`; urllib3 lets exceptions that are not its own pass as they are.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPException
from time import monotonic
from typing import Any, cast

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

from connectors.address import Guard, Resolver
from connectors.dial import _Timed, addresses, cause, connect, tls, twice
from connectors.errors import NoAnswer, NotSent

# Servers commonly drop a connection after five idle seconds (Node, Apache). One that dies just as it is used again
# costs an ambiguous answer, a new one costs a handshake: so none is used after four.
IDLE = 4.0
ORIGINS = 10  # a connector talks to one or two
KEPT = 32  # connections kept open per origin; there may be more at once


@dataclass(frozen=True, slots=True)
class Route:
    """What every connection of a wire is held to. Seconds: connect_timeout for DNS, TCP and TLS, timeout for it all."""

    connect_timeout: float
    timeout: float
    guard: Guard
    resolve: Resolver


class _Exchange(HTTPConnection):
    """One request and its answer at a time, by one deadline. A failure says whether the request had left whole.

    A request whose last byte the socket did not take cannot have been executed, whatever part of it arrived. Of one
    that was taken whole, nobody here can tell: that the connection had been idle does not prove that it was not read.
    """

    def __init__(self, *args: Any, route: Route, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._route = route
        self._deadline = 0.0
        self._connect_by = 0.0
        self._answered_at: float | None = None  # on this socket; None while it is new
        self._cut = False
        self._held: list[bytes] = []

    @property
    def is_connected(self) -> bool:
        return self._answered_at is not None and monotonic() - self._answered_at < IDLE and super().is_connected

    def connect(self) -> None:
        self._deadline = monotonic() + self._route.timeout
        self._dial()

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.is_closed:
            self.connect()
        reused = self._answered_at is not None
        if reused:
            self._deadline = monotonic() + self._route.timeout
        self._write(*args, **kwargs)
        if self._cut and reused:  # dropped while it was idle: nothing whole has left, so it goes once more
            self._dial()
            self._write(*args, **kwargs)

    def send(self, data: Any) -> None:
        """http.client sends the head by itself; both go together, at half the system calls on either side."""
        self._held.append(data)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3 does the same
        try:
            response = super().getresponse()
        except (OSError, HTTPException) as error:
            if self._cut:
                raise NotSent(f"{self.host} closed the connection before the request was sent") from None
            raise NoAnswer(f"no answer from {self.host}: {cause(error)}") from None
        self._answered_at = monotonic()
        return response

    def _write(self, *args: Any, **kwargs: Any) -> None:
        self._cut = False
        self._held = []
        sock = cast(_Timed, self.sock)
        sock.deadline = self._deadline
        try:
            super().request(*args, **kwargs)
            sock.sendall(b"".join(self._held))
        except (ConnectionError, ssl.SSLEOFError):
            self._cut = True  # there may be an answer all the same: a 413 does not wait for the end
        except OSError as error:
            raise NotSent(f"the request could not be sent to {self.host}: {cause(error)}") from None
        except (ValueError, HTTPException):
            raise NotSent("the request has a header or a URL that HTTP cannot carry") from None

    def _dial(self) -> None:
        self._answered_at = None
        self._connect_by = min(self._deadline, monotonic() + self._route.connect_timeout)
        try:
            twice(self._connect)
        except OSError as error:
            raise NotSent(f"no connection to {self.host}: {cause(error)}") from None

    def _connect(self) -> None:
        self.close()
        super().connect()

    def _new_conn(self) -> socket.socket:
        port, by = int(self.port), self._connect_by
        found = addresses(self._route.resolve, self._dns_host, port, by)
        self._route.guard.admit(_scheme(self), self.host, port, found)
        return connect(found, port, by)


class _TlsExchange(_Exchange, HTTPSConnection):
    pass


def _scheme(connection: _Exchange) -> str:
    return "https" if isinstance(connection, _TlsExchange) else "http"


class _Plain(HTTPConnectionPool):
    ConnectionCls = _Exchange


class _Tls(HTTPSConnectionPool):
    ConnectionCls = _TlsExchange


class _Pools(PoolManager):
    def __init__(self, route: Route, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_classes_by_scheme = {"http": _Plain, "https": _Tls}
        self._route = route

    def _new_pool(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        pool = super()._new_pool(*args, **kwargs)
        pool.conn_kw["route"] = self._route
        return pool


class Transport(HTTPAdapter):
    """The adapter without proxies, certificates and credentials from the environment, without redirects and cookies."""

    def __init__(self, route: Route, ca_bundle: str | None) -> None:
        self._route = route
        self._ca_bundle = ca_bundle
        super().__init__()

    def init_poolmanager(self, *_: Any, **__: Any) -> None:
        self.poolmanager = _Pools(self._route, num_pools=ORIGINS, maxsize=KEPT, ssl_context=tls(self._ca_bundle))

    def get_connection_with_tls_context(self, request: PreparedRequest, *_: Any, **__: Any) -> HTTPConnectionPool:
        return cast(HTTPConnectionPool, self.poolmanager.connection_from_url(str(request.url)))

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing is left to do for one request: the context of all of them verifies."""

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        response = Response()
        response.request = req
        response.status_code = resp.status
        response.raw = resp
        return response
