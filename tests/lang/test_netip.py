"""Addresses as Go's ``net/netip`` reads them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang.netip import AddressError, is_ipv4


@pytest.mark.parametrize(
    ("text", "four"),
    [
        ("0.0.0.0", True),
        ("255.255.255.255", True),
        ("::", False),
        ("::1", False),
        ("1::", False),
        ("1:2:3:4:5:6:7:8", False),
        ("1:2:3:4:5:6:7::", False),
        ("::2:3:4:5:6:7:8", False),
        ("fe80::1%eth0", False),
        ("::ffff:1.2.3.4", False),
        ("1:2:3:4:5:6:1.2.3.4", False),
        ("::1.2.3.4", False),
    ],
)
def test_an_address_is_of_one_version(text: str, four: bool) -> None:
    """An IPv4 address inside an IPv6 one is one of the latter."""
    assert is_ipv4(text) is four


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "unable to parse IP"),
        ("here", "unable to parse IP"),
        ("a%b", "missing IPv6 address"),
        ("1.2.3", "IPv4 address too short"),
        ("1.2.3.4.5", "IPv4 address too long"),
        ("1..3.4", 'IPv4 field must have at least one digit (at ".3.4")'),
        ("1.2.3.", 'IPv4 field must have at least one digit (at ".")'),
        ("1.2.3.a", 'unexpected character (at "a")'),
        ("1.2.3.04", "IPv4 field has octet with leading zero"),
        ("1.2.3.256", "IPv4 field has value >255"),
        ("::1%", "zone must be a non-empty string"),
        ("12345::", 'each group must have 4 or less digits (at "12345::")'),
        ("1:::2", 'each colon-separated field must have at least one digit (at ":2")'),
        ("1::2::3", 'multiple :: in address (at ":3")'),
        ("1:2:", 'colon must be followed by more characters (at ":")'),
        ("1:2g", 'unexpected character, want colon (at "g")'),
        ("1:2:3", "address string too short"),
        ("1:2:3:4:5:6:7:8:9", 'trailing garbage after address (at "9")'),
        ("1::2:3:4:5:6:7:8", "the :: must expand to at least one field of zeros"),
        ("1:2:1.2.3.4", 'embedded IPv4 address must replace the final 2 fields of the address (at "1.2.3.4")'),
        (
            "::1:2:3:4:5:6:7:1.2.3.4",
            'too many hex fields to fit an embedded IPv4 at the end of the address (at "1.2.3.4")',
        ),
        ("::1.2.3.256", "IPv4 field has value >255"),
    ],
)
def test_what_is_no_address_is_told_in_gos_words(text: str, reason: str) -> None:
    """With the rest of the text from where it goes wrong, where Go tells it."""
    with pytest.raises(AddressError) as caught:
        is_ipv4(text)
    assert str(caught.value) == f'ParseAddr("{text}"): {reason}'


@given(st.ip_addresses())
def test_every_address_that_python_writes_is_read(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """In its short form and in its long one."""
    assert is_ipv4(str(address)) is (address.version == 4)
    assert is_ipv4(address.exploded) is (address.version == 4)


@given(st.text("0123456789abf.:%", max_size=20))
def test_go_takes_no_address_that_python_refuses(text: str) -> None:
    """And the other way round, apart from zones of IPv6, which both take."""
    try:
        ours: bool | None = is_ipv4(text)
    except AddressError:
        ours = None
    try:
        theirs: bool | None = ipaddress.ip_address(text).version == 4
    except ValueError:
        theirs = None
    assert ours is theirs
