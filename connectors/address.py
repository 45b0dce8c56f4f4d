"""Where a call may go: tenants choose URLs, so every address is looked at before it is connected to (SSRF).

A host is resolved once, by the connection itself, and the connection goes to the very address that was checked: a name
that answers differently a moment later changes nothing. One forbidden candidate condemns the host.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from connectors.errors import NotSent

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Sequence[str]]

_AMBIGUOUS = re.compile(r"[\\\x00-\x1f\x7f]")  # browsers read a backslash as a slash, others do not
PORTS = frozenset({443, 8443})
DEFAULT_PORTS = {"http": 80, "https": 443}

# What the registries of special-purpose addresses (IANA) list as not globally reachable. Spelled out, because what
# `ipaddress.is_global` knows differs between the releases of Python.
_SPECIAL: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, the clouds' metadata services
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",  # Teredo, ORCHID and other protocol assignments
        "2001:db8::/32",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_UNICAST6 = IPv6Network("2000::/3")  # all the global IPv6 there is: fec0::/10, ::/96, fc00::/7 … are outside
_NAT64 = IPv6Network("64:ff9b::/96")


def public(address: Address) -> bool:
    """Whether the address is globally reachable unicast, also inside an IPv6 form that carries an IPv4 address."""
    if isinstance(address, IPv6Address):
        inner = _embedded(address)
        if inner is not None:
            return public(inner)
        if address not in _UNICAST6:
            return False
    return address.is_global and not any(address in network for network in _SPECIAL)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def resolve(host: str, port: int) -> list[str]:
    """The system's answer, in its order of preference. Raises OSError (`socket.gaierror`)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def parse(url: str) -> Url:
    """The URL in its normal form. Raises NotSent when it is not an absolute http(s) URL without credentials."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise NotSent("the URL cannot be read") from None
    if _AMBIGUOUS.search(url):
        raise NotSent("the URL has characters that no URL has")
    if parts.scheme not in DEFAULT_PORTS or not parts.host:
        raise NotSent("the URL must begin with https:// and name a host")
    if parts.auth is not None:
        raise NotSent("the URL must not carry credentials")
    return parts


def literal(host: str) -> str | None:
    """The address that the host spells, in any of the spellings that resolvers take (`0x7f.1`, `2130706433`)."""
    bare = host.strip("[]")
    try:
        return str(ip_address(bare))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(bare))
    except OSError:
        return None


@dataclass(frozen=True, slots=True)
class Guard:
    """The rule: HTTPS to a public address on port 443 or 8443, or whatever the operator's networks contain.

    allow_private: no rule at all (development and tests). allow_networks: the operator's own systems, which may be
    private, plain HTTP and on any port.
    """

    allow_private: bool = False
    allow_networks: tuple[Network, ...] = ()

    def admit(self, scheme: str, host: str, port: int, addresses: Sequence[str]) -> None:
        """Raises NotSent, saying why, unless every one of the addresses may be connected to."""
        if not addresses:
            raise NotSent(f"{host} has no address")
        if self.allow_private:
            return
        strangers = [one for one in map(ip_address, addresses) if not self._own(one)]
        if not strangers:
            return
        self._admit_form(scheme, port)
        if not all(map(public, strangers)):
            raise NotSent(f"{host} is not a public address")

    def fault(self, url: str) -> str | None:
        """What forbids this URL as far as can be told without resolving its host: for checks of configuration."""
        try:
            parts = parse(url)
            host, scheme = str(parts.host), str(parts.scheme)
            port = parts.port or DEFAULT_PORTS[scheme]
            address = literal(host)
            if address is not None:
                self.admit(scheme, host, port, [address])
            elif not self.allow_private and not self.allow_networks:
                self._admit_form(scheme, port)
        except NotSent as fault:
            return str(fault)
        return None

    def _own(self, address: Address) -> bool:
        return any(address in network for network in self.allow_networks)

    @staticmethod
    def _admit_form(scheme: str, port: int) -> None:
        if scheme != "https":
            raise NotSent("the URL must begin with https://")
        if port not in PORTS:
            raise NotSent(f"port {port} is not allowed: use 443 or 8443")
