"""Addresses in configuration: templates expanded, texts checked, defaults derived one from another."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

import msgspec

from pyconsul.config.runtime import Address
from pyconsul.lang.strconv import quote

Expand = Callable[[str], str]
"""Expands ``{{ … }}`` in a text; raises ValueError with a reason."""

# Those of Consul's ``ipaddr`` package: ``ipaddress`` and go-sockaddr count others as private.
_PRIVATE_BLOCKS = [
    ipaddress.ip_network(block)
    for block in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "::1/128",
        "fe80::/10",
        "fc00::/7",
        "fec0::/10",
        "2001:db8::/32",
    )
]


class Where(msgspec.Struct, frozen=True):
    """An expanded address without a port: an IP address, or the path of a unix socket."""

    text: str
    unix: bool = False

    def at(self, port: int) -> Address:
        """The address with a port; a unix socket has none."""
        return Address("unix", self.text) if self.unix else Address("tcp", self.text, port)


def parse_ip(text: str) -> str | None:
    """The canonical text of an IP address; None for anything else. ``[::]`` is taken for ``::``."""
    if text == "[::]":
        return "::"
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return None
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
    return str(ip)


def parse_network(text: str) -> str | None:
    """The canonical text of a CIDR block; None for anything else. Host bits are cut off as in Go."""
    address, slash, bits = text.strip().partition("/")
    if not slash or not bits.isascii() or not bits.isdigit() or parse_ip(address) is None:
        return None
    try:
        return str(ipaddress.ip_network(f"{address}/{int(bits)}", strict=False))
    except ValueError:
        return None


def is_v4(address: str) -> bool:
    """Whether the text is an IPv4 address."""
    return ":" not in address


def is_private(address: str) -> bool:
    """Whether Consul counts the address as private, which includes loopback and link-local ones."""
    ip = ipaddress.ip_address(address)
    return any(ip in block for block in _PRIVATE_BLOCKS if block.version == ip.version)


class Expander:
    """Expands address settings; faults are appended to ``errors`` and give an empty result."""

    def __init__(self, expand: Expand, errors: list[str]) -> None:
        self._expand = expand
        self._errors = errors

    def text(self, name: str, given: str) -> str | None:
        """The text with templates expanded."""
        try:
            return self._expand(given)
        except ValueError as error:
            self._errors.append(f"{name}: error parsing {quote(given)}: {error}")
            return None

    def all(self, name: str, given: str | None) -> list[Where]:
        """Every address of a setting that may name several, and unix sockets."""
        expanded = self.text(name, given) if given else None
        found: list[Where] = []
        for word in (expanded or "").split():
            if word.startswith("unix://"):
                found.append(Where(word.removeprefix("unix://"), unix=True))
                continue
            ip = parse_ip(word)
            if ip is None:
                self._errors.append(f"{name}: invalid ip address: {word}")
                return []
            found.append(Where(ip))
        return found

    def ips(self, name: str, given: str | None) -> list[str]:
        """Every IP address of a setting that must not name unix sockets."""
        found = self.all(name, given)
        if any(where.unix for where in found):
            self._errors.append(f"{name} cannot be a unix socket")
            return []
        return [where.text for where in found]

    def first_ip(self, name: str, given: str | None) -> str:
        """The IP address of a setting that may name only one; "" if there is none."""
        found = self.all(name, given)
        if len(found) > 1:
            shown = " ".join(where.text for where in found)
            self._errors.append(f"{name}: multiple addresses found: {shown}")
            return ""
        if found and found[0].unix:
            self._errors.append(f"{name} cannot be a unix socket")
            return ""
        return found[0].text if found else ""

    def optional(self, name: str, given: Sequence[str]) -> tuple[str, ...]:
        """Settings whose members are templates or anything else, such as cloud join strings."""
        found: list[str] = []
        for text in given:
            expanded = self.text(name, text) if text else None
            if expanded is not None:
                found.extend([text] if expanded == text else expanded.split())
        return tuple(found)


def listeners(chosen: Sequence[Where], client_addrs: Sequence[str], port: int) -> tuple[Address, ...]:
    """Where a door listens: at its own addresses, else at the client addresses; nowhere without a port."""
    if port <= 0:
        return ()
    return tuple(where.at(port) for where in (chosen or [Where(ip) for ip in client_addrs]))
