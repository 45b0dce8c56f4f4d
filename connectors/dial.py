"""From a host's name to a connected socket: resolved once, checked, and held to a moment instead of a timeout.

A timeout for each read lets a provider drip one byte a second for ever; the system's resolver knows no timeout at all.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Sequence
from functools import cache
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

import tenacity
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from connectors.address import Resolver, literal


class Timed(socket.socket):
    """A socket whose every operation ends at one moment (monotonic seconds)."""

    deadline = 0.0

    def _arm(self) -> None:
        left = self.deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)

    def recv_into(self, *args: Any) -> int:
        self._arm()
        return super().recv_into(*args)

    def send(self, *args: Any) -> int:
        self._arm()
        return super().send(*args)

    def sendall(self, *args: Any) -> None:
        self._arm()
        super().sendall(*args)


class _TimedTls(Timed, ssl.SSLSocket):
    """The same under TLS, whose `sendall` is many of `send`."""


@cache
def tls(ca_bundle: str | None) -> ssl.SSLContext:
    """One context for all wires of the process: loading the authorities takes tens of milliseconds."""
    context = ssl.create_default_context(cafile=ca_bundle or DEFAULT_CA_BUNDLE_PATH)
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = _TimedTls
    return context


def addresses(resolve: Resolver, host: str, port: int, by: float) -> Sequence[str]:
    """What the host resolves to, in a thread of its own because that may hang. Raises OSError, TimeoutError."""
    spelled = literal(host)
    if spelled is not None:
        return [spelled]
    found: SimpleQueue[Sequence[str] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            found.put(resolve(host, port))
        except OSError as error:
            found.put(error)
        except UnicodeError:  # a label that is empty or too long
            found.put(socket.gaierror(socket.EAI_NONAME, "not a host name"))

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = found.get(timeout=max(by - monotonic(), 0))
    except Empty:
        raise TimeoutError from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def connect(candidates: Sequence[str], port: int, by: float) -> Timed:
    """A connection to the first address that answers, each given its share of the time that is left.

    What is left after that is the socket's timeout: TLS's, in all. Raises the last address's OSError.
    """
    failure = OSError("no address")
    for index, address in enumerate(candidates):
        sock = Timed(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.settimeout(max((by - monotonic()) / (len(candidates) - index), 0.001))
            sock.connect((address, port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(max(by - monotonic(), 0.001))
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _blip(error: BaseException) -> bool:
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN
    return isinstance(error, ConnectionError | ssl.SSLEOFError)


# The only retry inside an attempt, and only before anything was sent: a resolver that asks to be asked again, a
# balancer just replacing what it balances. Whatever took long has failed: the schedule decides when to come back.
twice = tenacity.Retrying(
    stop=tenacity.stop_after_attempt(2) | tenacity.stop_after_delay(2),
    wait=tenacity.wait_random(0.05, 0.15),
    retry=tenacity.retry_if_exception(_blip),
    reraise=True,
)


_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "timed out"),
    (ssl.SSLCertVerificationError, "its certificate is not valid"),
    (ssl.SSLError, "TLS failed"),
    (socket.gaierror, "its name does not resolve"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionError, "it closed the connection"),
    (OSError, "the network failed"),
)


def cause(error: BaseException) -> str:
    """What went wrong, in words without a URL or data: the libraries' own messages hold both."""
    words = next((words for kind, words in _CAUSES if isinstance(error, kind)), "its answer is not HTTP")
    detail = getattr(error, "verify_message", None) or getattr(error, "reason", None)
    return f"{words} ({detail})" if detail else words
