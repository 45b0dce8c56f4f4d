"""Ports of the loopback interface."""

from __future__ import annotations

import socket
from collections.abc import Collection


def free_port(wanted: int = 0) -> int:
    """The wanted port when nobody has it, or else one that was free a moment ago."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


def next_free_port(wanted: int, besides: Collection[int] = ()) -> int:
    """The first free port from the wanted one on, of the next hundred; or any."""
    for port in range(wanted, min(wanted + 100, 65536)):
        if port not in besides and free_port(port) == port:
            return port
    return free_port()
