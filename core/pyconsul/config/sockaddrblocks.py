"""Address blocks that go-sockaddr knows by the RFC that set them apart, and what lies in them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import cache
from typing import Final

from pyconsul.config.hostinterfaces import InterfaceAddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SPECIAL_PURPOSE: Final = 6890
NOT_FORWARDED: Final = 4294967295  # no RFC: what routers pass on to nobody, as the library numbers it

_DOCUMENTATION: Final = "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24"
_MAPPED: Final = "::ffff:0:0/96"
_BLOCKS: Final = {
    919: "255.255.255.255/32",
    1112: "224.0.0.0/4",
    1122: "0.0.0.0/8 127.0.0.0/8",
    1918: "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16",
    2544: "198.18.0.0/15",
    2765: _MAPPED,
    2928: "2001::/16",
    3056: "2002::/16",
    3068: "192.88.99.0/24 2002:c058:6301::/120",
    3171: "224.0.0.0/4",
    3330: "0.0.0.0/8 10.0.0.0/8 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16"
    " 198.18.0.0/15 224.0.0.0/4 240.0.0.0/4",
    3849: "2001:db8::/32",
    3927: "169.254.0.0/16",
    4038: _MAPPED,
    4193: "fc00::/7",
    4291: f"::/128 ::1/128 ::/96 {_MAPPED} fe80::/10 fec0::/10 ff00::/8",
    4380: "2001::/32",
    4773: "2001::/23",
    4843: "2001:10::/28",
    5180: "2001:200::/48",
    5735: f"{_DOCUMENTATION} 198.18.0.0/15",
    5737: _DOCUMENTATION,
    6052: "64:ff9b::/96",
    6333: "192.0.0.0/29",
    6598: "100.64.0.0/10",
    6666: "100::/64",
    SPECIAL_PURPOSE: f"0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24"
    f" 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 240.0.0.0/4 {_DOCUMENTATION}"
    f" ::1/128 ::/128 64:ff9b::/96 {_MAPPED} 100::/64 2001::/16 2002::/16 fc00::/7 fe80::/10",
    7335: "192.0.0.0/29",
    NOT_FORWARDED: f"0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 192.0.0.0/24 240.0.0.0/4 {_DOCUMENTATION}"
    f" ::1/128 ::/128 {_MAPPED} 2001:db8::/32 2001:10::/28 fe80::/10",
}


@cache
def blocks_of(rfc: int) -> tuple[Network, ...]:
    """The blocks of one RFC; none for one that the library does not know."""
    return tuple(map(ipaddress.ip_network, _BLOCKS.get(rfc, "").split()))


def lies_in(entry: InterfaceAddress, networks: Iterable[Network]) -> bool:
    """Whether one of these holds the whole network of an address: an address alone does not count."""
    own = entry.network
    return any(
        net.version == own.version and int(net[0]) <= int(own[0]) and int(net[-1]) >= int(own[-1]) for net in networks
    )


def is_private(entry: InterfaceAddress) -> bool:
    """Whether it is one of RFC 6890's."""
    return lies_in(entry, blocks_of(SPECIAL_PURPOSE))


def is_forwardable(entry: InterfaceAddress) -> bool:
    """Whether routers pass its packets on."""
    return not lies_in(entry, blocks_of(NOT_FORWARDED))
