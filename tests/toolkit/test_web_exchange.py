"""One request over a real connection: redirections, bodies that break or never end, servers without TLS."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import Callable

import pytest

from pyconsul.toolkit.web import WebError, ask
from pyconsul.toolkit.web_request import request_of
from tests.toolkit.conftest import Script


async def body_of(url: str, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
    """Status and body. Raises WebError."""
    async with await ask(request_of(method, url, body=body), patience=60) as reply:
        return reply.status, b"".join([piece async for piece in reply])


@pytest.mark.parametrize("status", [307, 308])
async def test_a_body_goes_along_where_the_method_does(script: Script, status: int) -> None:
    """To the place that the first answer tells."""
    script.add(status, b"", "Location: /there")
    script.add(200, b"hi")
    assert await body_of(f"{script.url}/here", "PUT", b"data") == (200, b"hi")
    assert [(head.partition(" HTTP")[0], body) for head, body in script.asked] == [
        ("PUT /here", b"data"),
        ("PUT /there", b"data"),
    ]


async def test_a_body_that_was_left_behind_does_not_come_back(script: Script) -> None:
    """One redirection that changes the method is enough."""
    for status in (302, 307):
        script.add(status, b"", "Location: /there")
    script.add(200, b"hi")
    assert await body_of(f"{script.url}/here", "PUT", b"data") == (200, b"hi")
    assert [(head.partition(" ")[0], body) for head, body in script.asked] == [
        ("PUT", b"data"),
        ("GET", b""),
        ("GET", b""),
    ]


async def test_ten_requests_are_enough(script: Script) -> None:
    """The tenth redirection is not followed any more."""
    script.add(302, b"", "Location: /again")
    with pytest.raises(WebError, match=r'^Get "/again": stopped after 10 redirects$'):
        await body_of(script.url)
    assert len(script.asked) == 10


@pytest.mark.parametrize(("status", "line"), [(201, "Location: /there"), (302, "X: y"), (304, "Location: /there")])
async def test_only_a_redirection_with_a_place_is_followed(script: Script, status: int, line: str) -> None:
    """Anything else is the answer."""
    script.add(status, b"", line)
    assert await body_of(script.url) == (status, b"")


async def test_a_place_that_cannot_be_read_is_told(script: Script) -> None:
    """With the request that led to it."""
    script.add(302, b"", "Location: http://[::1")
    with pytest.raises(WebError) as caught:
        await body_of(f"{script.url}/x")
    reason = 'failed to parse Location header "http://[::1": parse "http://[::1": missing \']\' in host'
    assert str(caught.value) == f'Get "{script.url}/x": {reason}'


async def test_a_body_that_breaks_off_is_an_error(script: Script) -> None:
    """What came of it may have been read already."""
    script.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"]
    with pytest.raises(WebError, match=r"^unexpected EOF$"):
        await body_of(script.url)


async def test_a_body_that_never_ends_is_given_up(skip_time: Callable[[float], None]) -> None:
    """All of an answer shares the patience of its request."""

    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi")
        with contextlib.suppress(OSError):
            await reader.read()
        writer.close()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with await ask(request_of("GET", f"http://127.0.0.1:{port}"), patience=60) as reply:
            with pytest.raises(WebError, match=r"^context deadline exceeded .*while reading body\)$"):
                async for _ in reply:
                    skip_time(61)
        await ended.wait()


async def test_a_packed_body_may_have_several_members(script: Script) -> None:
    """As files have that were packed one after the other."""
    script.add(200, gzip.compress(b"one ") + gzip.compress(b"two"), "Content-Encoding: gzip")
    assert await body_of(script.url) == (200, b"one two")


@pytest.mark.parametrize("spelling", ["gzip", "GZIP"])
async def test_a_packed_body_may_become_large(script: Script, spelling: str) -> None:
    """It is unpacked in pieces, to the last one."""
    script.add(200, gzip.compress(b"x" * 200_000), f"Content-Encoding: {spelling}")
    assert await body_of(script.url) == (200, b"x" * 200_000)


async def test_who_asks_for_a_packed_body_gets_it_packed(script: Script) -> None:
    """The client unpacks what it asked for on its own account."""
    packed = gzip.compress(b"hi")
    script.add(200, packed, "Content-Encoding: gzip")
    request = request_of("GET", script.url, {"Accept-Encoding": ["gzip"]})
    async with await ask(request, patience=60) as reply:
        assert b"".join([piece async for piece in reply]) == packed


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "http: server gave HTTP response to HTTPS client"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "tls: first record does not look like a TLS handshake"),
    ],
)
async def test_a_server_without_tls_is_told_from_one_that_speaks_http(said: bytes, reason: str) -> None:
    """Most of the time just the scheme is wrong."""

    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        with contextlib.suppress(OSError):
            await reader.read()
        writer.close()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(WebError) as caught:
            await body_of(url)
        await ended.wait()
    assert str(caught.value) == f'Get "{url}": {reason}'
