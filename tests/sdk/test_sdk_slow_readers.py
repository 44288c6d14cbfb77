"""Answers that arrive in pieces, faster than they are read or mixed with others."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator

from pyconsul.sdk import AsyncClient
from pyconsul.testing import InProcessAgent
from tests.sdk.conftest import Asked, StubAgent


async def test_nothing_is_lost_while_the_reader_is_busy(consul_agent: InProcessAgent) -> None:
    """The last bytes may come while the caller still works on an earlier piece."""
    for number in range(4):
        consul_agent.client.kv.put(f"blob/{number}", os.urandom(400_000))
    whole = 4 * 400_000
    async with AsyncClient(consul_agent.http_address) as client, await client.snapshot.save() as stream:
        size = 0
        async for piece in stream:
            size += len(piece)
            await client.status.leader()  # more arrives meanwhile
    assert size > whole


async def test_pieces_of_answers_side_by_side_are_not_mixed(stub: StubAgent) -> None:
    """Connections share the space they read into; what one got must not show up in another."""
    together = threading.Barrier(2)

    def in_turns(asked: Asked) -> Iterator[bytes]:
        letter = asked.target[-1].encode()
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n"
        for _ in range(4):
            together.wait(5)
            yield letter * 100

    stub.answer = in_turns
    async with AsyncClient(stub.address) as client:
        answers = await asyncio.gather(client.raw("GET", "/v1/a"), client.raw("GET", "/v1/b"))
    assert [answer.body for answer in answers] == [b"a" * 400, b"b" * 400]
