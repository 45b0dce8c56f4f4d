"""The destinations, as cheap as Python allows: each answers as its provider does and notes what it got, and when.

One process serves them all, by the first segment of the path, from raw asyncio protocols.
"""

from __future__ import annotations

import asyncio
from array import array
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from time import monotonic_ns
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from tests.bench.people import MARK

Numbers = Sequence[bytes]
Answer = Callable[[Numbers], bytes]


def _id(number: bytes) -> bytes:
    return b"00000000-0000-4000-8000-000%s" % number


def _batch_of_contacts(numbers: Numbers) -> bytes:
    ids = b",".join(b'"n%s@bench.example":"%s"' % (number, _id(number)) for number in numbers)
    return b'{"success":true,"message":[],"contactIds":{%s}}' % ids


def _batch_of_events(numbers: Numbers) -> bytes:
    return b'{"success":true,"message":[],"failedContacts":[],"createdAmount":%d,"failedAmount":0}' % len(numbers)


def _onboarded(numbers: Numbers) -> bytes:
    contacts = [
        b'{"id":"%s","unique_id":"c-%d","inserted_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}'
        % (_id(number), int(number))
        for number in numbers
    ]
    if len(contacts) == 1:
        return contacts[0]
    return b'{"new_contacts":[%s],"existing_contacts":[]}' % b",".join(contacts)


def _contact(numbers: Numbers) -> bytes:
    return b'{"success":true,"message":[],"contactId":"%s","externalId":null}' % _id(numbers[0])


def _event(numbers: Numbers) -> bytes:
    return b'{"success":true,"message":[],"eventId":"%s"}' % _id(numbers[0])


def _always(body: bytes) -> Answer:
    return lambda _: body


# How a path ends → what its provider answers. contracts.md §1.3 to §1.5, §2.2, §3.1, §3.2, §4.8.
ANSWERS: Mapping[bytes, Answer] = {
    b"/salesmanago/api/contact/upsert": _contact,
    b"/salesmanago/api/contact/batchupsert": _batch_of_contacts,
    b"/salesmanago/api/contact/addContactExtEvent": _event,
    b"/salesmanago/api/v2/contact/addBatchContactExtEvent": _batch_of_events,
    b"/sendios/v1/push/system": _always(b'{"_meta":{"status":"SUCCESS","time":41,"count":1},"data":{"queued":true}}'),
    b"/sendios/v1/userfields": _always(b'{"_meta":{"status":"SUCCESS","time":9,"count":1},"data":{"result":true}}'),
    b"/digitalonboarding/oauth2/token": _always(b'{"access_token":"t","expires_in":3600,"token_type":"bearer"}'),
    b"/digitalonboarding/v1/contacts": _onboarded,
    b"/parcelvoy/api/client/events": _always(b""),
    b"/parcelvoy/api/client/users": _always(b""),
    b"/parcelvoy/api/client/identify": _always(b""),
    b"/webhook": _always(b""),
    b"/callback": _always(b""),
}
_EMAIL_HASH = b"/emailhash/"


@dataclass(slots=True)
class Seen:
    """What was delivered: the record's number, the destination's place in `destinations`, and when (monotonic ns)."""

    destinations: list[str] = field(default_factory=list)
    numbers: array[int] = field(default_factory=lambda: array("q"))
    places: array[int] = field(default_factory=lambda: array("b"))
    times: array[int] = field(default_factory=lambda: array("q"))
    calls: int = 0

    def note(self, destination: bytes, numbers: Numbers) -> None:
        name = destination.decode()
        if name not in self.destinations:
            self.destinations.append(name)
        place, now = self.destinations.index(name), monotonic_ns()
        self.calls += 1
        for number in numbers:
            self.numbers.append(int(number))
            self.places.append(place)
            self.times.append(now)


class _Server(asyncio.Protocol):
    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            _, named, rest = head.lower().partition(b"content-length:")
            whole = end + 4 + (int(rest.split(b"\r\n", 1)[0]) if named else 0)
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            self._transport.write(self._answer(head.split(b" ", 2)[1], body))

    def _answer(self, target: bytes, body: bytes) -> bytes:
        path, hashed, email = target.partition(_EMAIL_HASH)
        if hashed:  # Sendios names the address in the path
            path, body = b"/sendios/v1/userfields", b64decode(unquote(email.decode()))
        answer = ANSWERS.get(path)
        if answer is None:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        numbers = MARK.findall(body)
        self._seen.note(path.split(b"/", 2)[1], numbers)
        content = answer(numbers)
        if not content:
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
            len(content),
            content,
        )


class Sink:
    """The sink's process. url: of all destinations, each below its own name."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self.port: int = self._pipe.recv()
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def count(self) -> int:
        """Deliveries since the last `take`."""
        return int(self._ask("count"))

    def take(self) -> Seen:
        """What was delivered, forgotten there."""
        found = self._ask("take")
        assert isinstance(found, Seen)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join()

    def _ask(self, what: str) -> Any:
        self._pipe.send(what)
        return self._pipe.recv()


def _run(pipe: Pipe) -> None:
    asyncio.run(_serve(pipe))


async def _serve(pipe: Pipe) -> None:
    loop, over, seen = asyncio.get_running_loop(), asyncio.Event(), Seen()

    def command() -> None:
        nonlocal seen
        try:
            asked = pipe.recv()
        except EOFError:
            loop.remove_reader(pipe.fileno())
            over.set()
            return
        if asked == "count":
            pipe.send(len(seen.numbers))
        else:
            pipe.send(seen)
            seen.__init__()  # type: ignore[misc]

    server = await loop.create_server(lambda: _Server(seen), "127.0.0.1", 0, backlog=512)
    loop.add_reader(pipe.fileno(), command)
    pipe.send(server.sockets[0].getsockname()[1])
    async with server:
        await over.wait()
