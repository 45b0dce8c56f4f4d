"""What many threads ask for at once is done in one go: they share a statement, and with it a commit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Given = TypeVar("Given")
Got = TypeVar("Got")


class _Turn(Generic[Given, Got]):
    """One caller. leads: whom it does the work for, itself included, once it is its turn."""

    __slots__ = ("given", "got", "leads", "ready")
    got: Got | Exception

    def __init__(self, given: Given) -> None:
        self.given = given
        self.leads: Sequence[_Turn[Given, Got]] = ()
        self.ready = threading.Lock()
        self.ready.acquire()


class Together(Generic[Given, Got]):
    """Who comes while nothing is under way goes at once and alone; who comes meanwhile goes with all others that wait.

    do: answers in the order of what it is given; an exception among the answers is raised where it belongs.
    most: how many go together.
    """

    def __init__(self, do: Callable[[Sequence[Given]], Sequence[Got | Exception]], most: int) -> None:
        self._do = do
        self._most = most
        self._busy = False
        self._lock = threading.Lock()
        self._waiting: deque[_Turn[Given, Got]] = deque()

    def __call__(self, given: Given) -> Got:
        """What `do` made of it. What that raises, all who went together hear."""
        turn = _Turn[Given, Got](given)
        with self._lock:
            if self._busy:
                self._waiting.append(turn)
            else:
                self._busy = True
                turn.leads = (turn,)
        if not turn.leads:
            turn.ready.acquire()
        if turn.leads:
            self._go(turn)
        if isinstance(turn.got, Exception):
            raise type(turn.got)(*turn.got.args) from turn.got  # its own, for several threads may raise it
        return turn.got

    def _go(self, leader: _Turn[Given, Got]) -> None:
        led = leader.leads
        for each in led:
            each.got = RuntimeError("ended before it was done")
        try:
            for each, got in zip(led, self._do([each.given for each in led]), strict=True):
                each.got = got
        except Exception as error:  # noqa: BLE001 (it is raised again, in each of the threads that it concerns)
            for each in led:
                each.got = error
        finally:
            self._hand_over()
            for each in led:
                if each is not leader:
                    each.ready.release()

    def _hand_over(self) -> None:
        with self._lock:
            led = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            if not led:
                self._busy = False
                return
        led[0].leads = led
        led[0].ready.release()
