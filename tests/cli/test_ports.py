"""Ports: the wanted one, or the next that is free."""

from __future__ import annotations

import socket

from router.cli.dev.programs import Ports
from router.cli.ports import free_port, next_free_port


def taken() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_a_free_port_is_had():
    wanted = free_port()
    assert next_free_port(wanted) == wanted


def test_a_taken_port_leads_to_another_that_is_free():
    with taken() as server:
        port = server.getsockname()[1]
        found = next_free_port(port)
        assert found != port
        with socket.create_server(("127.0.0.1", found)):
            pass


def test_a_port_promised_to_another_is_passed_over():
    wanted = free_port()
    assert next_free_port(wanted, besides=[wanted]) != wanted


def test_a_taken_port_is_said_aloud():
    said = []
    with taken() as server:
        port = server.getsockname()[1]
        ports = Ports.choose(port, said.append)
    assert f" ! port {port} is taken: web listens on {ports.web}" in said
    assert len({ports.web, ports.sandbox, ports.flower}) == 3
