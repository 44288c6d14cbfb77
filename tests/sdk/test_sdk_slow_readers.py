"""Streamed answers that arrive faster than they are read."""

from __future__ import annotations

import asyncio
import os

from pyconsul.sdk import AsyncClient
from pyconsul.testing import InProcessAgent


async def test_nothing_is_lost_while_the_reader_is_busy(consul_agent: InProcessAgent) -> None:
    """The last bytes may come while the caller still works on an earlier piece."""
    for number in range(4):
        consul_agent.client.kv.put(f"blob/{number}", os.urandom(400_000))
    whole = 4 * 400_000
    async with AsyncClient(consul_agent.http_address) as client, await client.snapshot.save() as stream:
        size = 0
        async for piece in stream:
            size += len(piece)
            await asyncio.sleep(0.05)  # the rest arrives meanwhile
    assert size > whole
