"""Answers that were packed for their way."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from pyconsul.toolkit.web import WebError, ask
from pyconsul.toolkit.web_request import request_of

PACKED = gzip.compress(b"x" * 65536)


async def unpacked(body: bytes) -> int:
    """The size of what such a body holds."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + body)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with await ask(request_of("GET", url), patience=60) as reply:
            return sum([len(piece) async for piece in reply])


@pytest.mark.parametrize(
    ("body", "size"),
    [(b"", 0), (PACKED, 65536), (PACKED + gzip.compress(b"end"), 65539)],
    ids=["none", "one", "two"],
)
async def test_whole_archives(body: bytes, size: int) -> None:
    """None, one, and two behind one another; one just fills a piece."""
    assert await unpacked(body) == size


@pytest.mark.parametrize("body", [PACKED[:-4], PACKED[:30], PACKED + b"\x1f"], ids=["end", "middle", "second"])
async def test_archives_that_are_cut_off(body: bytes) -> None:
    """They are no whole answers, as Go's client says, too."""
    with pytest.raises(WebError, match=r"^unexpected EOF$"):
        await unpacked(body)
