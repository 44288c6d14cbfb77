"""Names as text: where a label ends, which text is an address, which name asks for one, and what a packet may hold."""

from __future__ import annotations

import pytest

from pyconsul.agent.dns.names import (
    MAX_LABEL,
    BadName,
    address_of_reverse,
    fqdn,
    labels,
    parse_ip,
    read_name,
    reverse_name,
    wire,
)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("", []),
        (".", []),
        ("a", ["a"]),
        ("a.b.", ["a", "b"]),
        ("a..b.", ["a", "", "b"]),
        ("a\\.b.c.", ["a\\.b", "c"]),
        ("a\\032b.c", ["a\\032b", "c"]),
        ("a\\046b.c.", ["a\\046b", "c"]),
        ("a\\", ["a\\"]),
    ],
)
def test_an_escaped_dot_ends_no_label(name: str, parts: list[str]) -> None:
    """Escapes stay as they are written; the dot at the end is optional."""
    assert labels(name) == parts


@pytest.mark.parametrize(("name", "full"), [("a", "a."), ("a.", "a."), ("", ".")])
def test_a_full_name_ends_with_a_dot(name: str, full: str) -> None:
    """One, and not a second one."""
    assert fqdn(name) == full


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", None),
        ("web", None),
        ("", None),
        ("10.0.0", None),
    ],
)
def test_an_address_has_no_zone_and_is_ipv4_where_it_can_be(text: str, address: str | None) -> None:
    """As Go reads one."""
    found = parse_ip(text)
    assert (None if found is None else str(found)) == address


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("1.0.0.10.in-addr.arpa.", "10.0.0.1"),
        ("1.0.0.10.in-addr.arpa", "10.0.0.1"),
        ("0.0.10.in-addr.arpa.", ""),
        ("9.1.0.0.10.in-addr.arpa.", ""),
        ("256.0.0.10.in-addr.arpa.", ""),
        ("1.0.0.10.ip6.arpa.", ""),
        ("1.0.0.10.in-addr.consul.", ""),
        ("in-addr.arpa.", ""),
        ("arpa.", ""),
        (f"{'1.' + '0.' * 31}ip6.arpa.", "::1"),
        (f"{'0.' * 31}ip6.arpa.", ""),
        (f"{'g.' * 32}ip6.arpa.", ""),
    ],
)
def test_a_reverse_name_spells_a_whole_address_or_none(name: str, address: str) -> None:
    """Of as many parts as its family has."""
    assert address_of_reverse(name) == address


@pytest.mark.parametrize("text", ["web", "", "fe80::1%eth0"])
def test_what_is_no_address_has_no_reverse_name(text: str) -> None:
    """Nobody could ask for it."""
    assert reverse_name(text) == ""


def test_a_label_has_63_octets_and_a_name_255() -> None:
    """A longer one cannot go on the wire."""
    label = "a" * MAX_LABEL
    assert len(wire(f"{label}.")) == 65
    assert len(wire(f"{label}.{label}.{label}.{'a' * 61}.")) == 255
    for name in (f"{label}a.", f"{label}.{label}.{label}.{'a' * 62}.", "a..b."):
        with pytest.raises(BadName):
            wire(name)


@pytest.mark.parametrize(
    ("packet", "fault"),
    [
        (b"", "name runs out of the packet"),
        (b"\x01", "label runs out of the packet"),
        (b"\x01a", "name runs out of the packet"),
        (b"\xc0", "pointer runs out of the packet"),
        (b"\xc0\x00", "too many compression pointers"),
        (b"\x40" + b"a" * 64, "reserved label type"),
        ((b"\x3f" + b"a" * 63) * 4 + b"\x00", "name too long"),
    ],
)
def test_a_name_that_cannot_be_read_says_why(packet: bytes, fault: str) -> None:
    """It ends too early or never, or is longer than names are."""
    with pytest.raises(BadName, match=f"^{fault}$"):
        read_name(packet, 0)


def test_a_pointer_goes_on_elsewhere_and_the_name_ends_behind_the_first() -> None:
    """However many follow one another."""
    packet = b"\x01b\x00" + b"\xc0\x00" + b"\x01a\xc0\x03"
    assert read_name(packet, 5) == ("a.b.", 9)
