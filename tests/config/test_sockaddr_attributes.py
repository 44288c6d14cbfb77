"""Attributes of interface addresses in templates, and arithmetic with them."""

from __future__ import annotations

import pytest

from pyconsul.config.hostinterfaces import InterfaceAddress
from pyconsul.config.sockaddrfunctions import expand

UP = frozenset({"running", "up", "loopback"})
FOUR = InterfaceAddress("eth0", "10.1.2.3", 16, UP)
SIX = InterfaceAddress("eth0", "2001:db8::5", 64, UP)


def told(pipeline: str, entry: InterfaceAddress = FOUR) -> str:
    """What the pipeline gives for this only address."""
    return expand("{{ GetAllInterfaces | " + pipeline + " }}", lambda: [entry])


@pytest.mark.parametrize(
    ("name", "four", "six"),
    [
        ("broadcast", "10.1.255.255", None),
        ("uint32", "167838211", None),
        ("uint128", None, "42540766411282592856903984951653826565"),
        ("first_usable", "10.1.0.1", "2001:db8::"),
        ("last_usable", "10.1.255.254", "2001:db8::ffff:ffff:ffff:ffff"),
        ("size", "65536", "18446744073709551616"),
        ("flags", "up|loopback|running", "up|loopback|running"),
        ("octets", "10 1 2 3", "32 1 13 184 0 0 0 0 0 0 0 0 0 0 0 5"),
        ("string", "10.1.2.3/16", "2001:db8::5/64"),
        ("colour", None, None),
    ],
)
def test_attributes_depend_on_the_kind_of_address(name: str, four: str | None, six: str | None) -> None:
    """What an address of one kind does not have is refused, with the name."""
    for entry, expected in ((FOUR, four), (SIX, six)):
        if expected is None:
            with pytest.raises(ValueError, match=f'error calling attr: unsupported attribute name "{name}"$'):
                told(f'attr "{name}"', entry)
        else:
            assert told(f'attr "{name}"', entry) == expected


@pytest.mark.parametrize(
    ("operation", "value", "four", "six"),
    [
        ("address", "+5", "10.1.2.8/16", "2001:db8::a/64"),
        ("address", "-4", "10.1.1.255/16", "2001:db8::1/64"),
        ("network", "+2", "10.1.0.2/16", "2001:db8::2/64"),
        ("network", "-1", "10.1.255.255/16", "2001:db8::ffff:ffff:ffff:ffff/64"),
        ("network", "+65537", "10.1.0.1/16", "2001:db8::1:1/64"),
        ("mask", "8", "10.0.0.0/8", "2000::/8"),
        ("mask", "24", "10.1.2.0/16", "2001:d00::/24"),
    ],
)
def test_arithmetic_moves_the_address(operation: str, value: str, four: str, six: str) -> None:
    """Over the address itself, in its network with a turn at the end, or by a mask."""
    assert told(f'math "{operation}" "{value}" | attr "string"') == four
    assert told(f'math "{operation}" "{value}" | attr "string"', SIX) == six


@pytest.mark.parametrize(
    ("operation", "value", "reason"),
    [
        ("address", "5", 'sign (+/-) is required for operation "address"'),
        ("network", "+x", 'unable to convert "+x" to int for operation "network": strconv.ParseInt: parsing "+x"'),
        ("mask", "33", 'parameter for operation "mask" on ipv4 addresses must be between 0 and 32'),
        ("root", "+1", 'unsupported math operation: "root"'),
    ],
)
def test_what_cannot_be_reckoned_is_said(operation: str, value: str, reason: str) -> None:
    """With the address that it failed on."""
    with pytest.raises(ValueError, match=r"an IPMath operation on 10\.1\.2\.3/16 eth0: ") as caught:
        told(f'math "{operation}" "{value}"')
    assert reason in str(caught.value)
