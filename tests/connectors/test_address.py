"""What a tenant's URL may reach: nothing of ours, however it is spelled, and whatever its name resolves to next."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.address import Guard, public
from connectors.errors import NotSent, WireError
from connectors.http import HttpWire
from tests.connectors.line import Line, Peer

HOSTILE = [
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254/latest/meta-data/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.127.127.127/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://192.0.0.8/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://localhost/",
    "https://localhost./",
    "https://LOCALHOST/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[2001:0:7f00:1::]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25lo]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[100::1]/",
    "https://[5f00::1]/",
    "https://good.example@127.0.0.1/",
    "https://good.example:x@169.254.169.254/",
    "https://127.0.0.1#@good.example/",
    "https://127.0.0.1%2f@good.example/",
    "https://good.example\\@127.0.0.1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://ⓛocalhost/",
    "https://127。0。0。1/",
    "https://good.example:25/",
    "https://good.example:22/",
    "https://good.example:80/",
    "http://good.example/",
    "http://good.example:443/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "//127.0.0.1/",
    "https:///path",
    "https://",
    "javascript:alert(1)",
    "https://metadata.internal/",
    "https://mixed.internal/",
    "https://six.internal/",
    "https://empty.internal/",
]

NAMES = {
    "good.example": ["93.184.216.34"],
    "localhost": ["127.0.0.1", "::1"],
    "localhost.": ["127.0.0.1"],
    "metadata.internal": ["169.254.169.254"],  # as at the end of a CNAME
    "mixed.internal": ["93.184.216.34", "10.0.0.1"],
    "six.internal": ["fd00::1"],
    "empty.internal": [],
}


def names(host: str, port: int) -> list[str]:
    try:
        return NAMES[host.lower()]
    except KeyError:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_never_connected_to(url: str) -> None:
    with pytest.raises(NotSent) as caught:
        HttpWire(1, 1, resolve=names).call("POST", url, json={"a": 1})
    assert "no connection" not in str(caught.value), "it was tried"


@pytest.mark.parametrize("url", HOSTILE)
def test_configuration_is_told_what_can_be_told_without_resolving(url: str) -> None:
    assert (Guard().fault(url) is None) is any(name in url.lower() for name in ("//localhost", ".internal"))


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/x?token=1",
        "https://hooks.example.com:8443/",
        "https://93.184.216.34/",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/",
        "https://[64:ff9b::8.8.8.8]/",
        "https://öberg.se/",
    ],
)
def test_a_public_https_url_has_no_fault(url: str) -> None:
    assert Guard().fault(url) is None


def test_a_name_is_resolved_once_and_the_checked_address_used() -> None:
    """The rebinding attack: allowed when it is checked, another when it is connected to. There is no second time."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])

    def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    def answer_and_close(peer: Peer) -> None:
        peer.request()
        peer.answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    with Line(answer_and_close) as line:
        wire = HttpWire(2, 5, allow_networks=["127.0.0.1/32"], resolve=rebinding)
        url = f"http://rebind.test:{line.port}/"
        assert wire.call("POST", url, json={}).status == 200
        with pytest.raises(NotSent, match="https"):
            wire.call("POST", url, json={})
        assert line.connections == 1


def test_the_operators_networks_may_be_private_and_plain() -> None:
    def answer(peer: Peer) -> None:
        peer.request()
        peer.answer()

    with Line(answer) as line:
        wire = HttpWire(2, 5, allow_networks=["10.0.0.0/8", "127.0.0.1/32"])
        assert wire.call("GET", line.url).status == 200
        wire.close()


@pytest.mark.parametrize(
    ("addresses", "admitted"),
    [
        (["10.1.2.3"], True),
        (["10.1.2.3", "93.184.216.34"], False),  # a public one among them: then HTTPS it must be
        (["192.168.0.1"], False),
        (["::ffff:192.168.0.1"], False),
    ],
)
def test_every_address_counts(addresses: list[str], admitted: bool) -> None:
    guard = Guard(allow_networks=(ip_network("10.0.0.0/8"),))
    try:
        guard.admit("http", "crm.internal", 8080, addresses)
    except WireError:
        assert not admitted
    else:
        assert admitted


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_hides_in_no_ipv6_form(address: IPv4Address) -> None:
    number = int(address)
    forms = [
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address(int(IPv6Address("64:ff9b::")) | number),
        IPv6Address((0x2002 << 112) | (number << 80) | 1),
    ]
    assert {public(form) for form in forms} == {public(address)}
    assert not public(IPv6Address(number))


@given(st.ip_addresses())
def test_public_is_never_more_than_what_python_calls_global(address: IPv4Address | IPv6Address) -> None:
    if public(address) and not (isinstance(address, IPv6Address) and address in ip_network("64:ff9b::/96")):
        inner = address.ipv4_mapped or address.sixtofour if isinstance(address, IPv6Address) else None
        assert (inner or address).is_global
        assert not (inner or address).is_multicast


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001:80b::200e"])
def test_public_addresses(text: str) -> None:
    assert public(ip_address(text))
