"""Links: what they say when a peer is no TLS server, or hangs up."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from pyconsul.primitives.dialing import DialError
from pyconsul.primitives.links import BrokenLink, HandshakeError, Link, Trust, open_link
from pyconsul.primitives.tls import client_context

Serve = Callable[[bytes], Awaitable[int]]
ANYBODY = Trust(lambda _: client_context(verify=False))


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers that read once, say something, and hang up."""
    servers: list[asyncio.Server] = []

    async def start(says: bytes) -> int:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(65536)
            writer.write(says)
            with contextlib.suppress(OSError):
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    ("says", "text"),
    [
        (b"", "EOF"),
        (b"\x16\x03\x03\x00\x50\x02", "unexpected EOF"),
        (b"\x16\x03", "unexpected EOF"),
        (b"220 hello\r\n", "tls: first record does not look like a TLS handshake"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "tls: first record does not look like a TLS handshake"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "remote error: tls: handshake failure"),
        (b"\x15\x03\x03\x00\x02\x02\x70", "remote error: tls: unrecognized name"),
        (b"\x15\x03\x03\x00\x02\x02\x78", "remote error: tls: no application protocol"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "remote error: tls: protocol version not supported"),
    ],
)
async def test_failed_handshakes_are_told_in_gos_words(serve: Serve, says: bytes, text: str) -> None:
    """By what the peer said first, and by whether it had said all of it."""
    with pytest.raises(HandshakeError) as caught:
        await open_link("127.0.0.1", await serve(says), trust=ANYBODY)
    assert (str(caught.value), caught.value.first) == (text, says[:5])


async def test_patience_ends_for_a_handshake_too() -> None:
    """Which of the two took too long is told."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(HandshakeError, match=r"^context deadline exceeded$"):
            await open_link("127.0.0.1", port, trust=ANYBODY, name="x.test", patience=0.05)


async def test_who_verifies_needs_a_name() -> None:
    """An address with a port alone has none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(HandshakeError, match="either ServerName or InsecureSkipVerify must be specified"):
            await open_link("127.0.0.1", port, trust=Trust(lambda verify: client_context(verify=verify)))


async def test_a_reset_names_both_ends() -> None:
    """As Go's errors of reading do."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        link = await Link.to("127.0.0.1", port)
        peer, (_, own) = server.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        with pytest.raises(BrokenLink) as caught:
            await link.read()
        link.close()
    assert str(caught.value) == f"read tcp 127.0.0.1:{own}->127.0.0.1:{port}: read: connection reset by peer"


async def test_an_absent_unix_socket_is_told_by_its_path() -> None:
    """Like a port where nobody listens."""
    with pytest.raises(DialError, match=r"^dial unix /no/such/socket: connect: no such file or directory$"):
        await Link.to_unix("/no/such/socket")
