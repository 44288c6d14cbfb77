"""One HTTP/2 connection for a check: a PING, or one unary gRPC call. Frames by h2, sockets by asyncio."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Self, cast

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import msgspec

from pyconsul.agent.checks.dialing import dial
from pyconsul.primitives.links import BrokenLink, Link, Trust
from pyconsul.toolkit.http2_answer import ALPN, FRAME_HEAD, error_name, first_frame_fault

__all__ = ["ALPN", "H2Answer", "H2Connection", "H2Error", "StreamReset"]

MAX_ANSWER = 1 << 20  # a health answer is a few bytes; whoever sends more is not one


class H2Error(Exception):
    """The peer does not speak HTTP/2, or not to its end; the text is Go's.

    ``greeted`` tells whether it had begun to, ``goaway`` why it said goodbye, ``refused`` that it did so without
    having looked at what we asked.
    """

    def __init__(self, text: str, *, greeted: bool, goaway: str = "", refused: bool = False) -> None:
        super().__init__(text)
        self.greeted = greeted
        self.goaway = goaway
        self.refused = refused


class StreamReset(Exception):
    """The peer broke off the call, with an HTTP/2 error code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"stream terminated by RST_STREAM with error code: {error_name(code)}")
        self.code = code


class H2Answer(msgspec.Struct):
    """Headers and trailers in one, and the body."""

    headers: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    body: bytearray = msgspec.field(default_factory=bytearray)
    ended: bool = False
    has_trailers: bool = False  # or headers alone, which are trailers then


class H2Connection:
    """Use as an async context manager around ``open``; the caller sets the time limit."""

    def __init__(self, link: Link, authority: str, scheme: str) -> None:
        self._link = link
        self._authority = authority
        self._scheme = scheme
        self._greeted = False
        self._first = b""
        self._early: list[h2.events.Event] = []
        self._core = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))

    @classmethod
    async def open(cls, address: str, trust: Trust | None, server_name: str = "", patience: float = math.inf) -> Self:
        """Connect within so many seconds, and greet. Raises DialError and H2Error."""
        link = await dial(address, trust, server_name, patience)
        connection = cls(link, address, "http" if trust is None else "https")
        connection._core.initiate_connection()
        try:
            await connection._flush()
        except BaseException:
            link.close()
            raise
        return connection

    async def greet(self) -> None:
        """Return when the peer has begun to speak HTTP/2. Raises H2Error."""
        while not self._greeted:
            await self._receive()

    @property
    def is_draining(self) -> bool:
        """Whether the peer said goodbye already."""
        return any(isinstance(event, h2.events.ConnectionTerminated) for event in self._early)

    async def ping(self) -> None:
        """Return when the peer answered a PING. Raises H2Error."""
        payload = os.urandom(8)
        self._core.ping(payload)
        await self._flush()

        def answered(event: h2.events.Event) -> bool:
            return isinstance(event, h2.events.PingAckReceived) and event.ping_data == payload

        await self._until(answered)

    async def call(self, path: str, message: bytes) -> H2Answer:
        """One unary gRPC call; ``message`` and the answer's body carry gRPC's five-byte prefix.

        Raises H2Error and StreamReset.
        """
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
            answer.has_trailers = bool(event.stream_ended) or isinstance(event, h2.events.TrailersReceived)
            pairs = cast("list[tuple[str, str]]", event.headers or [])
            answer.headers.update(pairs)
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data or b""
            if len(answer.body) > MAX_ANSWER:
                raise H2Error("the answer is too long", greeted=True)
            self._core.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        elif isinstance(event, h2.events.StreamReset):
            raise StreamReset(int(event.error_code or 0))
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
        return answer.ended

    async def _until(self, done: Callable[[h2.events.Event], bool]) -> None:
        events, self._early = self._early, []
        while True:
            for event in events:
                if isinstance(event, h2.events.ConnectionTerminated):
                    why = error_name(int(event.error_code or 0))
                    raise H2Error("EOF", greeted=True, goaway=why, refused=not event.last_stream_id)
                if done(event):
                    return
            await self._receive()
            events, self._early = self._early, []

    async def _receive(self) -> None:
        """Read once; what happened is kept for who waits for it. Raises H2Error."""
        try:
            data = await self._link.read()
        except BrokenLink as error:
            raise H2Error(str(error), greeted=self._greeted) from None
        if not data:
            raise H2Error("unexpected EOF" if self._first and not self._greeted else "EOF", greeted=self._greeted)
        if not self._greeted:
            data = self._first = self._first + data
            if len(data) < FRAME_HEAD:
                return
            if fault := first_frame_fault(data):
                raise H2Error(fault, greeted=False)
        try:
            self._early += self._core.receive_data(data)
        except h2.exceptions.ProtocolError as error:
            raise H2Error(f"connection error: {error_name(error.error_code)}", greeted=self._greeted) from error
        self._greeted = True
        await self._flush()

    async def _flush(self) -> None:
        data = self._core.data_to_send()
        if not data:
            return
        try:
            await self._link.write(data)
        except BrokenLink as error:
            raise H2Error(str(error), greeted=self._greeted) from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._link.close()
