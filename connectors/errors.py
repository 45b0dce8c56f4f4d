"""How a call can fail before there is an answer to judge."""

from __future__ import annotations


class WireError(Exception):
    """No usable answer. The message names the cause, never a URL with credentials or a body."""


class NotSent(WireError):
    """The request certainly did not leave: DNS, refused connection, TLS, a forbidden address. Always repeatable."""


class NoAnswer(WireError):
    """The request may have been executed: it left, and no complete answer came in time."""
