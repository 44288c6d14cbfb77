"""What go-sockaddr templates read from an address (``attr``, ``join``) and reckon with it (``math``)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Final

import msgspec

from pyconsul.config.hostinterfaces import InterfaceAddress
from pyconsul.lang.strconv import parse_int, parse_uint, quote

# Go's order of an interface's flags.
_FLAGS: Final = {
    "up": "up",
    "broadcast": "broadcast",
    "loopback": "loopback",
    "point-to-point": "pointtopoint",
    "multicast": "multicast",
    "running": "running",
}

_ATTRIBUTES: Final[dict[str, Callable[[InterfaceAddress], str]]] = {
    "address": lambda one: str(one.ip),
    "binary": lambda one: f"{int(one.ip):0{one.ip.max_prefixlen}b}",
    "first_usable": lambda one: str(_usable(one, first=True)),
    "flags": lambda one: "|".join(shown for name, shown in _FLAGS.items() if name in one.flags),
    "hex": lambda one: f"{int(one.ip):0{one.ip.max_prefixlen // 4}x}",
    "host": lambda one: str(one.ip),
    "last_usable": lambda one: str(_usable(one, first=False)),
    "mask_bits": lambda one: str(one.prefix),
    "name": lambda one: one.name,
    "netmask": lambda one: str(one.network.netmask),
    "network": lambda one: str(one.network.network_address),
    "octets": lambda one: " ".join(str(octet) for octet in one.ip.packed),
    "port": lambda one: "0",
    "size": lambda one: str(one.network.num_addresses),
    "string": lambda one: with_prefix(one),
    "type": lambda one: f"IPv{one.ip.version}",
}
_ONLY_IPV4: Final[dict[str, Callable[[InterfaceAddress], str]]] = {
    "broadcast": lambda one: str(one.network.broadcast_address),
    "uint32": lambda one: str(int(one.ip)),
}
_ONLY_IPV6: Final[dict[str, Callable[[InterfaceAddress], str]]] = {"uint128": lambda one: str(int(one.ip))}


def attribute(name: str, entry: InterfaceAddress) -> str:
    """One attribute. Raises ValueError for one that such an address does not have."""
    special = _ONLY_IPV4 if entry.ip.version == 4 else _ONLY_IPV6
    read = _ATTRIBUTES.get(name) or special.get(name)
    if read is None:
        raise ValueError(f"unsupported attribute name {quote(name)}")
    return read(entry)


def with_prefix(entry: InterfaceAddress) -> str:
    """The address with its prefix length, unless the network is one host."""
    whole = entry.ip.max_prefixlen
    return str(entry.ip) if entry.prefix == whole else f"{entry.ip}/{entry.prefix}"


def _usable(entry: InterfaceAddress, *, first: bool) -> object:
    network = entry.network
    if network.num_addresses <= 2 or network.version == 6:
        return network[0] if first else network[-1]
    return network[1] if first else network[-2]


# Arithmetic ----------------------------------------------------------------------------------------------------------


def reckoned(operation: str, value: str, entry: InterfaceAddress) -> InterfaceAddress:
    """The address after an operation with a number. Raises ValueError."""
    operations = {"address": _moved, "network": _in_network, "mask": _masked}
    work = operations.get(operation.lower())
    if work is None:
        raise ValueError(f"unsupported math operation: {quote(operation)}")
    return work(operation, value, entry)


def _signed(operation: str, value: str, entry: InterfaceAddress) -> int:
    if value.lstrip("\t\n\f\r ")[:1] not in ("+", "-"):
        raise ValueError(f"sign (+/-) is required for operation {quote(operation)}")
    try:
        return parse_int(value, 10, 33 if entry.ip.version == 4 else 64)
    except ValueError as error:
        raise ValueError(f"unable to convert {quote(value)} to int for operation {quote(operation)}: {error}") from None


def _with_address(entry: InterfaceAddress, number: int) -> InterfaceAddress:
    kind = ipaddress.IPv4Address if entry.ip.version == 4 else ipaddress.IPv6Address
    return msgspec.structs.replace(entry, address=str(kind(number % (1 << entry.ip.max_prefixlen))))


def _moved(operation: str, value: str, entry: InterfaceAddress) -> InterfaceAddress:
    """So far from the address; it may leave the network."""
    return _with_address(entry, int(entry.ip) + _signed(operation, value, entry))


def _in_network(operation: str, value: str, entry: InterfaceAddress) -> InterfaceAddress:
    """So far from the network's first address, or back from its last."""
    offset = _signed(operation, value, entry)
    hosts = int(entry.network.hostmask)
    start = int(entry.network.network_address)
    if entry.ip.version == 4:
        return _with_address(entry, start + ((offset if offset >= 0 else 1 + offset + hosts) & hosts))
    if offset > 0:
        return _with_address(entry, start + (offset & hosts))
    return _with_address(entry, start + hosts - ((-offset - 1) & hosts))


def _masked(operation: str, value: str, entry: InterfaceAddress) -> InterfaceAddress:
    """The address without the bits after a prefix; the network becomes that large, if it was smaller."""
    try:
        bits = parse_uint(value, 10, 32)
    except ValueError as error:
        raise ValueError(f"unable to convert {quote(value)} to int for operation {quote(operation)}: {error}") from None
    whole = entry.ip.max_prefixlen
    if bits > whole:
        # The library says 64 for IPv6 although it means 128.
        kind, most = ("ipv4", 32) if entry.ip.version == 4 else ("ipv6", 64)
        raise ValueError(f"parameter for operation {quote(operation)} on {kind} addresses must be between 0 and {most}")
    kept = int(entry.ip) >> (whole - bits) << (whole - bits)
    return msgspec.structs.replace(_with_address(entry, kept), prefix=min(bits, entry.prefix))
