"""Addresses on the command line are taken apart as Go does it, and checked for typing errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.cli.addresses import AddressError, check_service_address, host_and_port
from pyconsul.primitives.host_ports import split_host_port


@pytest.mark.parametrize(
    ("text", "parts"), [("a:80", ("a", "80")), ("[::1]:80", ("::1", "80")), (":80", ("", "80")), ("a:", ("a", ""))]
)
def test_host_and_port_are_cut_at_the_last_colon(text: str, parts: tuple[str, str]) -> None:
    """Brackets stand around addresses that have colons themselves."""
    assert split_host_port(text) == parts


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "missing port in address"),
        ("a", "address a: missing port in address"),
        ("::1", "address ::1: too many colons in address"),
        ("[::1", "address [::1: missing ']' in address"),
        ("[::1]", "address [::1]: missing port in address"),
        ("[a]b:1", "address [a]b:1: missing port in address"),
        ("[a]::1", "address [a]::1: too many colons in address"),
        ("a]:1", "address a]:1: unexpected ']' in address"),
        ("a:1]", "address a:1]: unexpected ']' in address"),
        ("[a[]:1", "address [a[]:1: unexpected '[' in address"),
    ],
)
def test_malformed_addresses_have_gos_complaint(text: str, complaint: str) -> None:
    """What is wrong is said as Go's net package says it."""
    with pytest.raises(AddressError) as caught:
        split_host_port(text)
    assert str(caught.value) == complaint


def test_a_port_is_a_decimal_number() -> None:
    """Ports are read like Go's Atoi."""
    assert host_and_port("a:0080") == ("a", 80)
    with pytest.raises(AddressError, match=r'strconv.Atoi: parsing "x": invalid syntax'):
        host_and_port("a:x")


@pytest.mark.parametrize("text", ["", "10.0.0.1", "::1", "web.example.org", "a-b", "1.2.3", "v1.2.3.x.example"])
def test_plausible_addresses_pass(text: str) -> None:
    """IP addresses and names are fine."""
    check_service_address(text, port_allowed=False)


@pytest.mark.parametrize("text", ["1.2.3.4.5", "1..2", "1:::2", "a::b::c", "1:2:3:4:5:6:7:8:9"])
def test_mistyped_addresses_are_refused(text: str) -> None:
    """What was meant as an IP address and is none is refused."""
    with pytest.raises(AddressError, match="malformed IP address"):
        check_service_address(text, port_allowed=True)


def test_a_port_stands_only_where_it_may() -> None:
    """A service's own address has no port, a tagged one may."""
    check_service_address("10.0.0.1:80", port_allowed=True)
    with pytest.raises(AddressError, match="address should not contain port"):
        check_service_address("10.0.0.1:80", port_allowed=False)


@given(st.text(alphabet=":[]a1.", max_size=12))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """Nothing but AddressError comes out."""
    try:
        host, port = split_host_port(text)
    except AddressError:
        return
    assert host in text
    assert text.endswith(port)
