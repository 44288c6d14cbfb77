"""What the configuration asks of this host: its name, and its network interfaces."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import msgspec


class InterfaceAddress(msgspec.Struct, frozen=True, dict=True):
    """One address of one interface."""

    name: str
    address: str
    prefix: int
    flags: frozenset[str] = frozenset()  # "up", "loopback", "broadcast", "point-to-point", "multicast"
    is_default: bool = False  # whether the default route leaves through this interface

    @cached_property
    def ip(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        """The address as a number."""
        return ipaddress.ip_address(self.address)

    @cached_property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """The network that the address is in."""
        return ipaddress.ip_network(f"{self.address}/{self.prefix}", strict=False)


def interface_addresses() -> list[InterfaceAddress]:
    """All addresses of the host, in the order of its interfaces."""
    import psutil  # only needed where an address has to be found out

    default = default_interface()
    flags_of = {name: _flags(stats.flags, up=stats.isup) for name, stats in psutil.net_if_stats().items()}
    found: list[InterfaceAddress] = []
    order = {name: number for number, name in socket.if_nameindex()}
    listed = psutil.net_if_addrs()
    for name in sorted(listed, key=lambda n: order.get(n, len(order) + 1)):
        for entry in listed[name]:
            if entry.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            address = entry.address.partition("%")[0]
            prefix = _prefix(address, entry.netmask)
            found.append(InterfaceAddress(name, address, prefix, flags_of.get(name, frozenset()), name == default))
    return found


class Host(msgspec.Struct, frozen=True):
    """What the configuration asks of the machine; tests pass their own."""

    expand: Callable[[str], str]
    hostname: Callable[[], str] = socket.gethostname
    interfaces: Callable[[], list[InterfaceAddress]] = interface_addresses


def default_interface() -> str:
    """The interface of the IPv4 default route; "" where it cannot be told."""
    try:
        lines = Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return ""
    for line in lines:
        fields = line.split()
        if len(fields) > 7 and fields[1] == "00000000" and fields[7] == "00000000":
            return fields[0]
    return ""


_PSUTIL_FLAGS = {"pointopoint": "point-to-point"}


def _flags(text: str, *, up: bool) -> frozenset[str]:
    names = {_PSUTIL_FLAGS.get(name, name) for name in text.split(",")}
    return frozenset(names | {"up"} if up else names - {"up"})


def _prefix(address: str, netmask: str | None) -> int:
    whole = 128 if ":" in address else 32
    if not netmask:
        return whole
    return int(ipaddress.ip_address(netmask)).bit_count()
