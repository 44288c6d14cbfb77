"""A whole connection of HTTP/2: whatever comes, frames go back, nothing is left running, nothing is held."""

from __future__ import annotations

import asyncio
from typing import cast

import h2.connection
from standing import agent, do
from targets.http_connection import Pipe

from pyconsul.agent.http.front.http2_connection import Http2Connection
from pyconsul.agent.http.front.http_front import HttpFront


def _asked(method: str, path: str, body: bytes = b"", *more: tuple[str, str], reset: bool = False) -> bytes:
    """What a client sends for one request, its preface included."""
    client = h2.connection.H2Connection()
    client.initiate_connection()
    fields = [(":method", method), (":scheme", "https"), (":authority", "x"), (":path", path), *more]
    client.send_headers(1, fields, end_stream=not body)
    if body:
        client.send_data(1, body, end_stream=True)
    if reset:
        client.reset_stream(1)
    client.ping(b"12345678")
    return client.data_to_send()


SEEDS = [
    _asked("GET", "/v1/kv/a?raw"),
    _asked("PUT", "/v1/kv/a", b"abcde", ("content-length", "5")),
    _asked("PUT", "/v1/txn", b"[]", ("expect", "100-continue")),
    _asked("GET", "/v1/kv/a?index=1&wait=1s", reset=True),
    _asked("OPTIONS", "*", b"", ("connection", "close")),
    _asked("GET", "/v1/catalog/services", b"", ("x-long", "y" * 300), ("accept-encoding", "gzip")),
]
TOKENS = [
    b"\0\0\0\x04\1\0\0\0\0",  # SETTINGS, acknowledged
    b"\0\0\4\x08\0\0\0\0\0\0\0\xff\xff",  # WINDOW_UPDATE of the connection
    b"\0\0\4\x08\0\0\0\0\1\0\0\0\1",
    b"\0\0\4\x03\0\0\0\0\1\0\0\0\x08",  # RST_STREAM
    b"\0\0\x08\x06\0\0\0\0\0abcdefgh",  # PING
    b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0",  # GOAWAY
    b"\0\0\1\0\1\0\0\0\1x",  # DATA, the end
    b"\0\0\1\x01\5\0\0\0\3\x82",  # HEADERS with a method and nothing else
    b"\0\0\1\x09\4\0\0\0\1\x84",  # CONTINUATION
    b"\0\0\5\x02\0\0\0\0\1\0\0\0\0\1",  # PRIORITY
    b"\0\0\6\x04\0\0\0\0\0\0\4\0\0\0\0",  # SETTINGS with a window of nothing
    b"\xff\xff\xff",
    b"\0" * 9,
]


def run(data: bytes) -> None:
    """Feed it in two pieces, end it, look at what is left."""
    if b"/agent/" in data:  # leave, join and the like do what they say
        return
    do(_converse(agent().listeners.front, data))


async def _converse(front: HttpFront, data: bytes) -> None:
    pipe = Pipe()
    connection = Http2Connection(front, front.visitors.arrive(pipe))
    connection.connection_made(pipe)
    for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
        connection.data_received(piece)
        await _rest(connection)
    connection.connection_lost(None)
    await _rest(connection)
    await front.close(0)
    assert pipe.written[3:4] == b"\x04", bytes(pipe.written[:80])
    assert b"internal error: " not in pipe.written, bytes(pipe.written)
    assert not front.connections and not front.visitors.held and not front.bodies.held
    assert not connection.__dict__["_running"] and not connection.__dict__["_streams"]


async def _rest(connection: Http2Connection) -> None:
    tasks = cast("set[asyncio.Task[None]]", connection.__dict__["_running"])
    if tasks:
        await asyncio.wait(tasks, timeout=0.02)
