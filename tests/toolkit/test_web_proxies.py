"""Requests of checks, watch handlers and auth methods by way of a proxy that the environment names."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from pyconsul.testing.ports import free_port
from pyconsul.toolkit.web import WebError, ask
from pyconsul.toolkit.web_request import request_of


class Proxy:
    """Notes what it is asked, and says the same to everybody."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.say = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(self.say)
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """The proxy for everything."""
    made = Proxy()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://me:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    yield made
    server.close()
    await server.wait_closed()


async def body_of(url: str) -> bytes:
    """What is there. Raises WebError."""
    async with await ask(request_of("GET", url), patience=60) as reply:
        return b"".join([piece async for piece in reply])


async def test_a_plain_request_goes_to_the_proxy(proxy: Proxy) -> None:
    """It tells the whole URL, and who asks."""
    assert await body_of("http://site.test:81/x?y=1") == b"hi"
    (head,) = proxy.asked
    assert head.startswith("GET http://site.test:81/x?y=1 HTTP/1.1\r\nHost: site.test:81\r\n")
    assert head.endswith("Connection: close\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n")


async def test_this_machine_is_asked_directly(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after a redirection, which begins anew with the environment."""
    direct = Proxy()
    server = await asyncio.start_server(direct.serve, "127.0.0.1", 0)
    here = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/here"
    proxy.say = f"HTTP/1.1 302 Found\r\nLocation: {here}\r\nContent-Length: 0\r\n\r\n".encode()
    assert await body_of("http://site.test/") == b"hi"
    assert direct.asked[0].startswith("GET /here HTTP/1.1\r\n")
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("say", "reason"), [(b"HTTP/1.1 403 Not for you\r\n\r\n", "Not for you"), (b"HTTP/1.1 2", "unexpected EOF")]
)
async def test_a_proxy_that_opens_no_tunnel_is_told(proxy: Proxy, say: bytes, reason: str) -> None:
    """In Go's words."""
    proxy.say = say
    with pytest.raises(WebError) as caught:
        await body_of("https://site.test/x")
    assert str(caught.value) == f'Get "https://site.test/x": {reason}'
    assert proxy.asked[0].startswith("CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n")


async def test_a_proxy_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its address, not the site's."""
    port = free_port()
    monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{port}")
    with pytest.raises(WebError) as caught:
        await body_of("http://site.test/x")
    reason = f"proxyconnect tcp: dial tcp 127.0.0.1:{port}: connect: connection refused"
    assert str(caught.value) == f'Get "http://site.test/x": {reason}'
