"""Addresses with a port as Go's ``net.SplitHostPort`` takes them apart, and lists of errors as Consul prints them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.primitives.host_ports import AddressError, split_host_port
from pyconsul.primitives.multierror import multi_error


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("web:80", "web", "80"),
        ("web:", "web", ""),
        (":80", "", "80"),
        (":", "", ""),
        ("web:http", "web", "http"),
        ("[::1]:80", "::1", "80"),
        ("[fe80::1%eth0]:80", "fe80::1%eth0", "80"),
        ("[web]:80", "web", "80"),
        ("[]:80", "", "80"),
    ],
)
def test_host_and_port_are_whatever_stands_around_the_last_colon(text: str, host: str, port: str) -> None:
    """Brackets go; what is in them may have colons of its own."""
    assert split_host_port(text) == (host, port)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "missing port in address"),
        ("web", "address web: missing port in address"),
        ("[::1]", "address [::1]: missing port in address"),
        ("[::1", "address [::1: missing ']' in address"),
        ("[::1]x:80", "address [::1]x:80: missing port in address"),
        ("[::1]:80:81", "address [::1]:80:81: too many colons in address"),
        ("::1", "address ::1: too many colons in address"),
        ("a:b:80", "address a:b:80: too many colons in address"),
        ("we[b:80", "address we[b:80: unexpected '[' in address"),
        ("web]:80", "address web]:80: unexpected ']' in address"),
        ("[a[b]:80", "address [a[b]:80: unexpected '[' in address"),
        ("[a]:8]0", "address [a]:8]0: unexpected ']' in address"),
        ("[a]:[80", "address [a]:[80: unexpected '[' in address"),
    ],
)
def test_what_is_no_host_with_a_port_is_told_in_gos_words(text: str, fault: str) -> None:
    """The address is named, unless there is none."""
    with pytest.raises(AddressError) as caught:
        split_host_port(text)
    assert str(caught.value) == fault


@given(st.text("ab.%", max_size=5), st.text("0123", max_size=3))
def test_what_is_put_together_comes_apart_again(host: str, port: str) -> None:
    """With brackets and without them."""
    assert split_host_port(f"{host}:{port}") == split_host_port(f"[{host}]:{port}") == (host, port)


@pytest.mark.parametrize(
    ("errors", "text"),
    [
        (["a"], "1 error occurred:\n\t* a\n\n"),
        (["a", "b"], "2 errors occurred:\n\t* a\n\t* b\n\n"),
        ([], "0 errors occurred:\n\n"),
    ],
)
def test_errors_are_counted_and_listed(errors: list[str], text: str) -> None:
    """One a line; two line ends close the list."""
    assert multi_error(errors) == text
