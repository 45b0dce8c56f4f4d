"""A TCP proxy of the tests' own, in a process of its own: it passes everything on until it is told to be a bad line."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import StrEnum
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from types import TracebackType
from typing import Any, Self

from router.cli.ports import free_port

HOST = "127.0.0.1"
_CHUNK = 1 << 16


class Line(StrEnum):
    """What becomes of what is sent.

    PASS: it arrives. BLACKHOLE: connections stay open, new ones are taken, and nothing gets through either way: what a
    balancer leaves behind whose other side is gone. REFUSE: nobody listens, and what was open is reset.
    """

    PASS = "pass"
    BLACKHOLE = "blackhole"
    REFUSE = "refuse"


class Proxy:
    """Passes connections to `port` on to a target: (host, port), or the path of a unix socket."""

    def __init__(self, target: tuple[str, int] | str) -> None:
        self.port = free_port()
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs, self.port, target), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def be(self, line: Line) -> None:
        """From now on, for connections that are open as well."""
        self._tell("be", line.value)

    def delay(self, seconds: float) -> None:
        """Everything that gets through takes so long, in each direction."""
        self._tell("delay", seconds)

    def cut(self) -> None:
        """Reset every connection that is open; new ones are taken."""
        self._tell("cut", None)

    def forget(self) -> None:
        """Let nothing through any more on the connections that are open, for ever; new ones work."""
        self._tell("forget", None)

    def close(self) -> None:
        self._pipe.close()
        self._process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tell(self, what: str, value: Any) -> None:
        self._pipe.send((what, value))
        self._pipe.recv()


def _run(pipe: Pipe, port: int, target: tuple[str, int] | str) -> None:
    asyncio.run(_Site(pipe, port, target).serve())


class _Site:
    """The proxy's side of the pipe."""

    def __init__(self, pipe: Pipe, port: int, target: tuple[str, int] | str) -> None:
        self._pipe, self._port, self._target = pipe, port, target
        self._seconds = 0.0
        self._passes = _open_event()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def serve(self) -> None:
        over = asyncio.Event()
        wishes: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

        def told() -> None:
            try:
                wishes.put_nowait(self._pipe.recv())
            except EOFError:
                asyncio.get_running_loop().remove_reader(self._pipe.fileno())
                over.set()

        asyncio.get_running_loop().add_reader(self._pipe.fileno(), told)
        await self._listen()
        self._pipe.send(None)
        obeying = asyncio.create_task(self._obey(wishes))
        await over.wait()
        obeying.cancel()
        self._cut()

    async def _obey(self, wishes: asyncio.Queue[tuple[str, Any]]) -> None:
        deeds: dict[str, Callable[[Any], None]] = {"delay": self._delay, "cut": self._cut, "forget": self._forget}
        while True:
            what, value = await wishes.get()
            if what == "be":
                await self._be(Line(value))
            else:
                deeds[what](value)
            self._pipe.send(None)

    async def _be(self, line: Line) -> None:
        if line is Line.BLACKHOLE:
            self._passes.clear()
        else:
            self._passes.set()
        if line is Line.REFUSE:
            if self._server is not None:
                self._server.close()
                self._server = None
            self._cut()
        elif self._server is None:
            await self._listen()

    def _delay(self, seconds: float) -> None:
        self._seconds = seconds

    def _forget(self, _: Any) -> None:
        """Those that are open hold on to an event that nobody will set again."""
        self._passes.clear()
        self._passes = _open_event()

    def _cut(self, _: Any = None) -> None:
        for writer in list(self._open):
            opened = writer.get_extra_info("socket")
            if opened is not None and opened.family == socket.AF_INET:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accepted, HOST, self._port, backlog=512)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        beyond: asyncio.StreamWriter | None = None
        passes = self._passes
        try:
            await passes.wait()
            back, beyond = await self._connect()
            self._open.add(beyond)
            await asyncio.gather(self._pass(reader, beyond, passes), self._pass(back, writer, passes))
        except OSError:
            pass  # either side left
        finally:
            for each in (writer, beyond):
                if each is not None:
                    self._open.discard(each)
                    each.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, str):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection(*self._target)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, passes: asyncio.Event) -> None:
        while data := await source.read(_CHUNK):
            await passes.wait()
            if self._seconds:
                await asyncio.sleep(self._seconds)
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()


def _open_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
