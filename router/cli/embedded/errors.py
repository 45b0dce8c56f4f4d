"""What is raised when an embedded server cannot be had."""

from __future__ import annotations


class EmbeddedError(Exception):
    """The server cannot be started; the message says why and what to do."""
