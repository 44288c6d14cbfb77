"""Dialling by address: what a host becomes, which address is tried first, and what errors say."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import pytest

from pyconsul.primitives import dialing
from pyconsul.primitives.dialing import DialError
from pyconsul.testing.ports import free_port

Connect = Callable[[str, int], dialing.Connected]


@pytest.fixture(params=["blocking", "async"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Both ways to connect, called alike."""
    import asyncio

    def in_a_loop(host: str, port: int) -> dialing.Connected:
        return asyncio.run(dialing.connect_async(host, port, 5.0))

    return in_a_loop if request.param == "async" else lambda host, port: dialing.connect(host, port, 5.0)


def knows(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Let every name have these addresses."""

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(None, None, 0, "", (each, port)) for each in hosts]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def fails(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let every name stay unknown."""

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(number, "no")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("127.1", ""),
        ("127.0.0.1%lo", ""),
        ("localhost", ""),
        ("", ""),
    ],
)
def test_addresses_are_shown_as_go_prints_them(host: str, shown: str) -> None:
    """Names and what the C library alone takes for an address are none."""
    assert dialing.literal(host) == shown


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0177.0.0.1", "a b", "a..b"])
def test_what_go_would_not_ask_for_is_no_such_host(connect: Connect, host: str) -> None:
    """No nameserver is named, for none was asked."""
    with pytest.raises(DialError) as caught:
        connect(host, 1)
    assert str(caught.value) == f"dial tcp: lookup {host}: no such host"


def test_an_unknown_name_tells_who_was_asked(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nameserver stands in the sentence; its own trouble is told apart from a name that is not there."""
    monkeypatch.setattr(dialing, "_nameserver", lambda: "10.0.0.53:53")
    fails(monkeypatch, socket.EAI_NONAME)
    with pytest.raises(DialError, match=r"^dial tcp: lookup nosuch.invalid on 10.0.0.53:53: no such host$"):
        connect("nosuch.invalid", 1)
    with pytest.raises(DialError, match=r"^dial tcp: lookup 0x7f000001 on 10.0.0.53:53: no such host$"):
        connect("0x7f000001", 1)
    fails(monkeypatch, socket.EAI_AGAIN)
    with pytest.raises(DialError, match=r"^dial tcp: lookup nosuch.invalid on 10.0.0.53:53: server misbehaving$"):
        connect("nosuch.invalid", 1)


def test_the_address_that_was_tried_is_told(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several the first one, whose family is tried before the other."""
    port = free_port()
    knows(monkeypatch, "127.0.0.1", "::1", "127.0.0.2")
    assert dialing.addresses("agent.test", port) == ["127.0.0.1", "127.0.0.2", "::1"]
    with pytest.raises(DialError) as caught:
        connect("agent.test", port)
    assert str(caught.value) == f"dial tcp 127.0.0.1:{port}: connect: connection refused"


def test_the_next_address_is_tried(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that listens on one of its addresses only is reached; both ends of the connection are told."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        knows(monkeypatch, "127.0.0.2", "127.0.0.1")
        sock, link = connect("agent.test", port)
        with sock:
            assert link == f"tcp 127.0.0.1:{sock.getsockname()[1]}->127.0.0.1:{port}"


def test_small_writes_go_out_at_once(connect: Connect) -> None:
    """A head and its body are two writes; the second must not wait until the other end has told of the first."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sock, _ = connect(*server.getsockname())
        with sock:
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, ""), "dial tcp h:1: connect: connection refused"),
        (OSError(errno.EHOSTUNREACH, ""), "dial tcp h:1: connect: no route to host"),
        (TimeoutError(errno.ETIMEDOUT, ""), "dial tcp h:1: connect: connection timed out"),
        (TimeoutError(), "dial tcp h:1: i/o timeout"),
        (OSError(errno.EADDRNOTAVAIL, ""), "dial tcp h:1: connect: cannot assign requested address"),
    ],
)
def test_failed_connects_are_in_gos_words(error: OSError, text: str) -> None:
    """Whose patience ended, ours or the kernel's, is told apart."""
    assert dialing.dial_text("tcp", "h:1", error) == text


def test_a_broken_connection_names_both_ends() -> None:
    """Only who writes meets a broken pipe."""
    assert dialing.broken_text("tcp a:1->b:2", OSError(errno.ECONNRESET, "")) == (
        "read tcp a:1->b:2: read: connection reset by peer"
    )
    assert dialing.broken_text("tcp a:1->b:2", OSError(errno.EPIPE, "")) == "write tcp a:1->b:2: write: broken pipe"
