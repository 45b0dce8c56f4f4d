"""How the receiver's threads wait for calls: all at one epoll, without a loop between them and their connections.

gunicorn's own loop hands each call to a thread and each connection back to the loop, over a queue and a pipe: 30 % of
what the receiver did. Here a connection is armed for one event; the kernel wakes one thread, which answers and arms it
again. Who takes a connection out of `keepalived_conns` owns it: a thread that was woken, or the loop, to close it.

On Linux alone; elsewhere the receiver has gunicorn's own threads.
"""

from __future__ import annotations

import os
import select
import selectors
import socket
import time
from typing import Any

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker  # type: ignore[attr-defined]  # newer than the stubs

from router import logs

log = logs.get(__name__)

_ONE_CALL = select.EPOLLIN | select.EPOLLONESHOT
# Bytes that were read ahead make no socket readable; every idle one can be written to, and so has its turn at once.
_READ_AHEAD = _ONE_CALL | select.EPOLLOUT


class Steady(socket.socket):
    """A socket whose mode is set only when it changes: gunicorn sets it to what it is, twice for each call."""

    def setblocking(self, flag: bool) -> None:
        self.settimeout(None if flag else 0.0)

    def settimeout(self, value: float | None) -> None:
        if value != self.gettimeout():
            super().settimeout(value)


class Threads(ThreadWorker):
    """gunicorn's worker with threads that fetch their calls themselves.

    Its loop accepts, closes what was idle for too long, and tells the arbiter that it lives.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keepalived_conns: dict[int, TConn] = {}  # type: ignore[assignment]  # by descriptor, who waits longest first
        self._look_again = 0.0

    def init_process(self) -> None:
        # gunicorn asks for some twenty settings in each call, and each is looked up by two calls of Python.
        vars(self.cfg).update({name: setting.get() for name, setting in self.cfg.settings.items()})
        self._calls = select.epoll()
        self._end = os.eventfd(0)
        self._calls.register(self._end, select.EPOLLIN)
        super().init_process()

    def run(self) -> None:
        self.poller.register(
            self.method_queue.fileno(),  # type: ignore[arg-type]  # open since `init_process`
            selectors.EVENT_READ,
            self.method_queue.run_callbacks,
        )
        for _ in range(self.cfg.threads):
            self.tpool.submit(self._serve)
        try:
            while self.alive:
                self._turn(1.0)
                if not self.is_parent_alive():
                    break
            self._finish()
        finally:
            os.eventfd_write(self._end, 1)
            self.tpool.shutdown(wait=False)
        self.poller.close()
        self.method_queue.close()

    def _turn(self, seconds: float) -> None:
        self.notify()
        self.set_accept_enabled(self.alive and self.nr_conns < self.worker_connections)
        self.wait_for_and_dispatch_events(seconds)
        if (now := time.monotonic()) >= self._look_again:
            self._look_again = now + 1.0
            self._close_idle(now)

    def _finish(self) -> None:
        """Answer what is under way, and whoever calls within a moment on a connection that is open.

        Whoever has connected by now is let in; the next is refused at once, and may go to another receiver.
        """
        self.set_accept_enabled(False)
        for listener in self.sockets:
            listener.setblocking(False)  # it is not yet when a worker is told to end before it began
            while self._let_in(listener):
                pass
            listener.close()
        now = time.monotonic()
        linger, end = now + STOP_KEEPALIVE_LINGER, now + self.cfg.graceful_timeout
        while self.nr_conns and now < end:
            self._turn(0.1)
            now = time.monotonic()
            if now >= linger:
                self._close_idle(now + self.cfg.keepalive)
        self._close_idle(time.monotonic() + self.cfg.keepalive)

    def accept(self, listener: socket.socket) -> None:
        self._let_in(listener)

    def _let_in(self, listener: socket.socket) -> bool:
        """Whether there may be more to come in."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError) as error:
            return isinstance(error, ConnectionAbortedError)
        steady = Steady(client.family, client.type, client.proto, client.detach())
        connection = TConn(self.cfg, steady, address, listener.getsockname())
        connection.data_ready = True  # a thread sees it only when it is
        self.nr_conns += 1
        self._await_call(connection)
        return True

    def _await_call(self, connection: TConn) -> None:
        connection.set_timeout()
        descriptor = connection.sock.fileno()
        parser: Any = connection.parser
        read_ahead = parser and parser.unreader.buf.getvalue()
        arm = self._calls.modify if connection.initialized else self._calls.register
        self.keepalived_conns[descriptor] = connection  # first: another thread may be woken at once
        arm(descriptor, _READ_AHEAD if read_ahead else _ONE_CALL)

    def _serve(self) -> None:
        """What each thread does until the end."""
        while True:
            for descriptor, _ in self._calls.poll(maxevents=1):
                if descriptor == self._end:
                    return
                connection = self.keepalived_conns.pop(descriptor, None)
                if connection is not None:
                    self._answer(connection)

    def _answer(self, connection: TConn) -> None:
        try:
            if self.handle(connection):
                self._await_call(connection)
                return
            connection.close(graceful=True)
        except BaseException:  # a thread that ended would not be replaced
            log.exception("a connection broke")
            connection.close()
        self.method_queue.defer(self._ended)

    def _keepalive_after(self, connection: Any, keepalive: bool) -> bool:
        """What the application left of the body is drained; mostly there is nothing left."""
        if keepalive and getattr(connection.parser.mesg.body.reader, "length", None) == 0:
            return True
        return bool(super()._keepalive_after(connection, keepalive))  # type: ignore[misc]  # newer than the stubs

    def _ended(self) -> None:
        self.nr_conns -= 1

    def _close_idle(self, now: float) -> None:
        for descriptor, connection in list(self.keepalived_conns.items()):
            if _kept_until(connection) > now:
                return
            if self.keepalived_conns.pop(descriptor, None) is None:
                continue
            if _kept_until(connection) > now:  # it had a call in between
                self._await_call(connection)
                continue
            connection.close()
            self._ended()


def _kept_until(connection: TConn) -> float:
    return connection.timeout or 0.0
