"""One HTTP/2 connection for a check: a PING, or one unary gRPC call. Frames by h2, sockets by asyncio."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from typing import Self, cast

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import msgspec

from pyconsul.agent.checks.dialing import dial

__all__ = ["H2Answer", "H2Connection", "H2Error"]

_MAX_FRAME = 1 << 14  # bytes
MAX_ANSWER = 1 << 20  # a health answer is a few bytes; whoever sends more is not one


class H2Error(Exception):
    """The peer does not speak HTTP/2, or not to its end; ``greeting``: not even its beginning."""

    def __init__(self, text: str, *, greeting: bool = False) -> None:
        super().__init__(text)
        self.greeting = greeting


class H2Answer(msgspec.Struct):
    """Headers and trailers in one, and the body."""

    headers: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    body: bytearray = msgspec.field(default_factory=bytearray)
    ended: bool = False


class H2Connection:
    """Use as an async context manager around ``open``; the caller sets the time limit."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str, scheme: str) -> None:
        self._reader = reader
        self._writer = writer
        self._authority = authority
        self._scheme = scheme
        self._answered = False
        self._core = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))

    @classmethod
    async def open(cls, address: str, context: ssl.SSLContext | None, server_name: str = "") -> Self:
        """Connect and greet. Raises DialError."""
        if context is not None:
            context.set_alpn_protocols(["h2"])
        reader, writer = await dial(address, context, server_name)
        connection = cls(reader, writer, address, "http" if context is None else "https")
        connection._core.initiate_connection()
        await connection._flush()
        return connection

    async def ping(self) -> None:
        """Return when the peer answered a PING. Raises H2Error."""
        payload = os.urandom(8)
        self._core.ping(payload)
        await self._flush()

        def answered(event: h2.events.Event) -> bool:
            return isinstance(event, h2.events.PingAckReceived) and event.ping_data == payload

        await self._until(answered)

    async def call(self, path: str, message: bytes) -> H2Answer:
        """One unary gRPC call; ``message`` and the answer's body carry gRPC's five-byte prefix. Raises H2Error."""
        stream = self._core.get_next_available_stream_id()
        headers = [
            (":method", "POST"),
            (":scheme", self._scheme),
            (":path", path),
            (":authority", self._authority),
            ("content-type", "application/grpc"),
            ("user-agent", "grpc-py-consul"),
            ("te", "trailers"),
        ]
        self._core.send_headers(stream, headers)
        self._core.send_data(stream, message, end_stream=True)
        await self._flush()
        answer = H2Answer()
        await self._until(lambda event: self._collect(event, answer))
        return answer

    def _collect(self, event: h2.events.Event, answer: H2Answer) -> bool:
        if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            pairs = cast("list[tuple[str, str]]", event.headers or [])
            answer.headers.update(pairs)
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data or b""
            if len(answer.body) > MAX_ANSWER:
                raise H2Error("the answer is too long")
            self._core.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        elif isinstance(event, h2.events.StreamReset):
            raise H2Error(f"stream terminated by RST_STREAM with error code: {event.error_code}")
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
        return answer.ended

    async def _until(self, done: Callable[[h2.events.Event], bool]) -> None:
        while True:
            data = await self._reader.read(65536)
            if not data:
                raise H2Error("unexpected EOF") if self._answered else H2Error("EOF", greeting=True)
            if not self._answered and int.from_bytes(data[:3]) > _MAX_FRAME:  # of another protocol, most likely
                raise H2Error("http2: frame too large", greeting=True)
            self._answered = True
            try:
                events = self._core.receive_data(data)
            except h2.exceptions.ProtocolError as error:
                raise H2Error(f"http2: {error}") from error
            await self._flush()
            for event in events:
                if isinstance(event, h2.events.ConnectionTerminated):
                    raise H2Error("http2: server sent GOAWAY and closed the connection")
                if done(event):
                    return

    async def _flush(self) -> None:
        data = self._core.data_to_send()
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
