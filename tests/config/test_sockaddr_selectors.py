"""``include`` and ``exclude`` in address templates choose what go-sockaddr chooses."""

from __future__ import annotations

import pytest

from pyconsul.config.hostinterfaces import InterfaceAddress
from pyconsul.config.sockaddrfunctions import expand

UP = frozenset({"running", "up"})
HOST = [
    InterfaceAddress("lo", "127.0.0.1", 8, UP | {"loopback"}),
    InterfaceAddress("eth0", "192.0.2.2", 24, UP, is_default=True),
    InterfaceAddress("eth1", "10.1.2.3", 16, UP),
    InterfaceAddress("eth1", "2001:db8::5", 64, UP),
    InterfaceAddress("wg0", "10.9.0.4", 32, UP),
]


def told(pipeline: str) -> str:
    """The addresses that the pipeline leaves."""
    return expand("{{ GetAllInterfaces | " + pipeline + ' | join "address" " " }}', lambda: HOST)


@pytest.mark.parametrize(
    ("pipeline", "addresses"),
    [
        ('include "network" "10.0.0.0/8"', "10.1.2.3 10.9.0.4"),
        ('include "network" "10.1.2.0/24"', ""),
        ('include "network" "10.1.2.3/32"', ""),
        ('include "network" "10.9.0.4"', "10.9.0.4"),
        ('include "network" "10.9.0.4:80|[2001:db8::]/32"', None),
        ('include "network" "2001:db8::/32|192.0.2.9/24"', "2001:db8::5 192.0.2.2"),
        ('exclude "network" "127.0.0.0/8|10.0.0.0/8"', "192.0.2.2 10.1.2.3 2001:db8::5 10.9.0.4 "
         "127.0.0.1 192.0.2.2 2001:db8::5"),
        ('include "rfc" "5737"', "192.0.2.2"),
        ('include "rfc" "1918|1122"', "10.1.2.3 10.9.0.4 127.0.0.1"),
        ('include "rfc" "3849"', "2001:db8::5"),
        ('exclude "rfc" "4294967295"', "10.1.2.3 10.9.0.4"),
        ('include "type" "ipv6|ipv4"', "127.0.0.1 192.0.2.2 10.1.2.3 2001:db8::5 10.9.0.4"),
        ('exclude "type" "ipv6|ipv4" | limit 2', "127.0.0.1 192.0.2.2"),
        ('include "address" "^10[.].*/16$"', "10.1.2.3"),
        ('exclude "port" "1" | limit 1', "127.0.0.1"),
        ('include "flags" "link-local multicast"', ""),
        ('include "name" "^eth" | include "size" "24"', "192.0.2.2"),
        ('sort "-name" | limit 1', "10.9.0.4"),
        # Families are no larger or smaller than one another, so the way of sorting shows.
        ('sort "-address"', "192.0.2.2 127.0.0.1 10.1.2.3 2001:db8::5 10.9.0.4"),
        ('sort "private"', "2001:db8::5 127.0.0.1 192.0.2.2 10.1.2.3 10.9.0.4"),
        ('sort "private,-size"', "10.9.0.4 2001:db8::5 192.0.2.2 10.1.2.3 127.0.0.1"),
    ],
)  # fmt: skip
def test_selectors_choose_addresses(pipeline: str, addresses: str | None) -> None:
    """A block holds an address only with its whole network; alternatives are asked one after the other."""
    if addresses is None:
        with pytest.raises(ValueError, match="unable to create an IP address from"):
            told(pipeline)
    else:
        assert told(pipeline) == addresses


@pytest.mark.parametrize(
    ("pipeline", "text"),
    [
        ('include "network" "bogus"', 'unable to create an IP address from "bogus": invalid IPAddr bogus'),
        ('include "network" "10.0.0.0/255.0.0.0"', "invalid IPAddr 10.0.0.0/255.0.0.0"),
        ('include "rfc" "99999"', 'unable to lookup RFC number "99999": unsupported RFC 99999'),
        ('include "rfc" "-1"', 'unable to parse RFC number "-1": strconv.ParseUint: parsing "-1": invalid syntax'),
        ('include "size" "/24"', 'invalid exclude size argument ("/24"): strconv.ParseUint: parsing "/24"'),
        ('include "size" "64"', "mask size out of bounds for IPv4 address: 64"),
        ("limit -1", "expected unsigned integer; found -1"),
        ('sort "+-name"', 'unknown sort type: "+-name"'),
    ],
)
def test_selectors_that_mean_nothing_are_refused(pipeline: str, text: str) -> None:
    """In the library's words."""
    with pytest.raises(ValueError) as caught:
        told(pipeline)
    assert text in str(caught.value)
