"""Sends prepared requests over kept connections and notes when each was due, answered, and how. A process of its own.

Closed loop: every connection sends its next request when the last one is answered. Open loop: requests are due at the
moments of a Poisson process, whatever the server does; one that finds no connection free waits, and its time counts
from
when it was due.
"""

from __future__ import annotations

import random
import select
import socket
import time
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from time import monotonic_ns

ANSWER_WITHIN = 30.0


class Stuck(Exception):
    """No answer came, or half of one."""


@dataclass(frozen=True, slots=True)
class Pace:
    """connections: kept open. rate: requests a second, on average; None sends as fast as they are answered."""

    connections: int = 32
    rate: float | None = None
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Sent:
    """When each request was due and answered (monotonic ns), its status, and the seconds of CPU that sending took."""

    due: array[int]
    answered: array[int]
    statuses: array[int]
    cpu: float

    @property
    def seconds(self) -> float:
        """From the first request to the last answer."""
        return (max(self.answered) - min(self.due)) / 1e9

    @property
    def latencies(self) -> list[int]:
        """Nanoseconds from due to answered, sorted."""
        return sorted(end - start for start, end in zip(self.due, self.answered, strict=True))


class _Connection:
    """One request at a time. Where the server dropped an idle connection, the request goes once more over a new one."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket = self._connected()
        self._buffer = b""
        self.index = -1

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, index: int, wire: bytes) -> None:
        self.index = index
        try:
            self._socket.sendall(wire)
        except ConnectionError:
            self._again(wire)

    def receive(self, wire: bytes) -> int | None:
        """The status, once the answer is whole."""
        try:
            chunk = self._socket.recv(65536)
        except ConnectionError:
            chunk = b""
        if not chunk:
            if self._buffer:
                raise Stuck("the server closed the connection in the middle of an answer")
            self._again(wire)
            return None
        answer = self._buffer + chunk
        if not _is_whole(answer):
            self._buffer = answer
            return None
        self._buffer = b""
        return int(answer[9:12])

    def close(self) -> None:
        self._socket.close()

    def _again(self, wire: bytes) -> None:
        self._socket.close()
        self._socket = self._connected()
        self._socket.sendall(wire)

    def _connected(self) -> socket.socket:
        connected = socket.create_connection(self._address, timeout=ANSWER_WITHIN)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    _, named, length = head.lower().partition(b"content-length:")
    return len(body) >= (int(length.split(b"\r\n", 1)[0]) if named else 0)


def drive(address: tuple[str, int], wires: Sequence[bytes], pace: Pace) -> Sent:
    """Send them all; returns when all are answered. Raises `Stuck`."""
    count = len(wires)
    due, answered, statuses = (array("q", bytes(8 * count)) for _ in range(3))
    idle = deque(_Connection(address) for _ in range(pace.connections))
    busy: set[_Connection] = set()
    waiting: deque[int] = deque()
    cpu, moments = time.process_time(), _moments(pace, count)
    left = count
    upcoming: tuple[int, int] | None = next(moments)
    while left:
        now = monotonic_ns()
        while upcoming is not None and upcoming[1] <= now and (pace.rate or idle):
            due[upcoming[0]] = upcoming[1] or now
            waiting.append(upcoming[0])
            upcoming = next(moments, None)
            if not pace.rate:
                _start(idle, busy, waiting, wires)
        _start(idle, busy, waiting, wires)
        patience = (upcoming[1] - monotonic_ns()) / 1e9 if pace.rate and upcoming else ANSWER_WITHIN
        answering = select.select(busy, [], [], max(patience, 0.0))[0]
        if not answering and busy and patience >= ANSWER_WITHIN:
            raise Stuck(f"{len(busy)} requests have had no answer for {ANSWER_WITHIN:.0f} s")
        for connection in answering:
            if (status := connection.receive(wires[connection.index])) is not None:
                answered[connection.index], statuses[connection.index] = monotonic_ns(), status
                busy.remove(connection)
                idle.append(connection)
                left -= 1
    cpu = time.process_time() - cpu
    for connection in idle:
        connection.close()
    return Sent(due, answered, statuses, cpu)


def _start(idle: deque[_Connection], busy: set[_Connection], waiting: deque[int], wires: Sequence[bytes]) -> None:
    while waiting and idle:
        connection, index = idle.popleft(), waiting.popleft()
        connection.send(index, wires[index])
        busy.add(connection)


def _moments(pace: Pace, count: int) -> Iterator[tuple[int, int]]:
    """(request, when it is due); 0 as soon as may be."""
    rng = random.Random(pace.seed)
    at = monotonic_ns()
    for index in range(count):
        if pace.rate:
            at += int(rng.expovariate(pace.rate) * 1e9)
            yield index, at
        else:
            yield index, 0


def send(address: tuple[str, int], wires: Sequence[bytes], pace: Pace) -> Sent:
    """As `drive`, from a process of its own."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    ours.send((address, wires, pace))
    try:
        found = ours.recv()
    except EOFError:
        found = Stuck("the driver died")
    process.join()
    if isinstance(found, Sent):
        return found
    raise found


def _serve(pipe: Pipe) -> None:
    address, wires, pace = pipe.recv()
    try:
        pipe.send(drive(address, wires, pace))
    except (Stuck, OSError) as error:
        pipe.send(error)
