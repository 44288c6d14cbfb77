"""What is kept of a check's output: its end, in bytes, as text that every client can read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.agent.checks.dialing import DialError, resolve, split_address
from pyconsul.agent.checks.outputs import Tail, as_text


@given(st.lists(st.binary(max_size=12)), st.integers(1, 20))
def test_the_newest_bytes_are_kept_and_all_are_counted(pieces: list[bytes], limit: int) -> None:
    """In whatever pieces they came."""
    tail, whole = Tail(limit), b"".join(pieces)
    for piece in pieces:
        tail.write(piece)
    assert (tail.text(), tail.total) == (as_text(whole[-limit:]), len(whole))


@pytest.mark.parametrize(
    ("written", "shown"),
    [(b"", ""), (b"abc", "abc"), (b"abcd", "Captured 3 of 4 bytes\n...\nbcd")],
)
def test_a_line_tells_what_was_lost(written: bytes, shown: str) -> None:
    """None where nothing was."""
    tail = Tail(3)
    tail.write(written)
    assert tail.captured() == shown


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("né".encode(), "né"),
        (b"\xff", "\ufffd"),
        ("né".encode()[:-1], "n\ufffd"),
        ("€".encode()[:2], "\ufffd\ufffd"),
        (b"a\x00b", "a\x00b"),
    ],
)
def test_each_broken_byte_is_one_replacement(data: bytes, text: str) -> None:
    """Also the bytes of a character that was cut."""
    assert as_text(data) == text


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("web", "dial tcp: address web: missing port in address"),
        ("127.0.0.1:70000", "dial tcp: address 70000: invalid port"),
        ("127.0.0.1:-1", "dial tcp: address -1: invalid port"),
        ("127.0.0.1:noservice", "dial tcp: lookup tcp/noservice: unknown port"),
    ],
)
async def test_an_address_that_cannot_be_dialled_is_told_in_gos_words(address: str, fault: str) -> None:
    """Before anybody is asked."""
    with pytest.raises(DialError) as caught:
        await resolve(address)
    assert str(caught.value) == fault


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        (":80", ("127.0.0.1", 80)),
        ("127.0.0.1:", ("127.0.0.1", 0)),
        ("127.0.0.1:+80", ("127.0.0.1", 80)),
        ("127.0.0.1:65535", ("127.0.0.1", 65535)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
    ],
)
async def test_no_host_is_this_machine_and_no_port_is_port_0(address: str, found: tuple[str, int]) -> None:
    """A port may have a sign."""
    assert await resolve(address) == [found]


def test_the_network_is_named_in_the_fault() -> None:
    """TCP unless told otherwise."""
    with pytest.raises(DialError, match=r"^dial udp: address web: missing port in address$"):
        split_address("web", "udp")
