"""A whole connection of the HTTP door: whatever comes, replies that are replies, nothing left running, nothing held."""

from __future__ import annotations

import asyncio
from typing import cast

from standing import agent, do

from pyconsul.agent.http.front.http1_connection import Connection
from pyconsul.agent.http.front.http_front import HttpFront

SEEDS = [
    b"GET /v1/kv/a?raw HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/catalog/services HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcdeGET /v1/kv/a HTTP/1.0\n\n",
    b"PUT /v1/txn HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
    b"GET //v1/../ui/%2e%2E HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n",
    b"GET /v1/health/service/web?filter=Service.Port+%3D%3D+1&passing HTTP/1.1\r\nHost: x\r\n\r\n",
]
TOKENS = [
    b"\r\n",
    b"\n",
    b" ",
    b"%",
    b"%2f",
    b"%0d%0a",
    b"\0",
    b"\xff",
    b"?",
    b"&",
    b"/../",
    b"//",
    b"?index=1&wait=1ns",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"HEAD",
    b"filter=",
    b"(" * 20,
]


class Pipe(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.written += data

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed

    def close(self) -> None:
        """Remember."""
        self.closed = True

    abort = close

    def can_write_eof(self) -> bool:
        """No."""
        return False

    def write_eof(self) -> None:
        """Nothing more will come."""

    def get_write_buffer_size(self) -> int:
        """All was taken."""
        return 0

    def pause_reading(self) -> None:
        """Nothing to pause."""

    def resume_reading(self) -> None:
        """Nothing to resume."""


def run(data: bytes) -> None:
    """Feed it in two pieces, end it, look at the replies."""
    if b"/agent/" in data:  # leave, join and the like do what they say
        return
    do(_converse(agent().listeners.front, data))


async def _converse(front: HttpFront, data: bytes) -> None:
    connection, pipe = Connection(front), Pipe()
    connection.connection_made(pipe)
    for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
        connection.data_received(piece)
        await _rest(connection)
    connection.connection_lost(None)
    await _rest(connection)
    await front.close(0)
    assert not pipe.written or pipe.written.startswith(b"HTTP/1."), bytes(pipe.written[:80])
    assert b"internal error: " not in pipe.written, bytes(pipe.written)
    assert not front.connections and not front.visitors.held and not front.bodies.held


async def _rest(connection: Connection) -> None:
    task = cast("asyncio.Task[None] | None", connection.__dict__.get("_task"))
    if task is not None:
        await asyncio.wait([task], timeout=0.02)
