"""Connections that speak HTTP/2: each stream is a request with a task of its own, answered by the same door."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Final, cast

from pyconsul.agent.http.front import writing
from pyconsul.agent.http.front.heads import Refused
from pyconsul.agent.http.front.http2 import MAX_STREAMS, Asked, Dropped, Event, Http2Session, Piece, Room, Whole
from pyconsul.agent.http.front.http_front import BODILESS, HttpFront
from pyconsul.agent.http.front.stream import Stream
from pyconsul.agent.http.front.visitors import Visitor
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import unescape
from pyconsul.telemetry.logging import logger

log = logger("agent.http")

MAX_RUNNING: Final = 2 * MAX_STREAMS  # requests being answered, those among them whose clients no longer wait
_FREE_HEADERS: Final = 4096  # bytes of a request's headers that are not counted with the bodies
MAX_PIECE: Final = 64 << 10  # bytes of a reply that are cut out to be sent; the client may take fewer
LINGER: Final = 1.0  # seconds in which a client may read why its connection ends, as in Go
_DATE: Final = len("Date: ")
_HEADERS_TOO_LONG: Final = "<h1>HTTP Error 431</h1><p>Request Header Field(s) Too Large</p>"  # as in Go


class Http2Connection(asyncio.Protocol):
    """One connection of a client that was counted and has agreed on ``h2``."""

    def __init__(self, front: HttpFront, visitor: Visitor) -> None:
        self._front = front
        self._visitor = visitor
        self._session = Http2Session(front.header_limit)
        self._transport: asyncio.Transport | None = None
        self._streams: dict[int, Stream] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._drained: asyncio.Future[None] | None = None
        self._unsent: int = 0
        self._since = 0.0  # loop time of the last progress of any kind
        self._stopping = False
        self._reads = True
        self._waits_for_turn = False

    @property
    def is_busy(self) -> bool:
        """Whether more came than has been looked at."""
        return self._session.is_busy

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast("asyncio.Transport", transport)
        self._progress()
        self._front.joined(self)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went: what it waited for ends too. Writes that have begun are carried through."""
        del exc
        self._transport = None
        self._session.close()
        self._front.connections.discard(self)
        self._visitor.leave()
        for stream in list(self._streams.values()):
            self._leave(stream)
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Take what came, as much of it as there is a turn for."""
        if self._session.over:
            return
        self._progress()
        if self._waits_for_turn:
            self._session.feed(data)
        else:
            self._handle_all(self._session.receive(data))

    def _wait_for_turn(self) -> None:
        if self._session.is_busy and not self._waits_for_turn:
            self._waits_for_turn = True
            self._front.turns.wait(self._take_turn)

    def _take_turn(self) -> None:
        """Go on with what came, unless replies are not read; nothing is read meanwhile."""
        self._waits_for_turn = False
        if self._drained is None and self._transport is not None:
            self._handle_all(self._session.go_on())

    def _handle_all(self, events: list[Event]) -> None:
        for event in events:
            self._handle(event)
        self._flush()
        self._wait_for_turn()
        self._read_or_not()
        if self._session.over and self._transport is not None:
            self._transport.write_eof()
            asyncio.get_running_loop().call_later(LINGER, self.hang_up)
        elif self._is_done:
            self.hang_up()

    def pause_writing(self) -> None:
        """The client reads slowly: replies wait, and nothing more is read."""
        if self._drained is None and self._transport is not None:
            self._drained = asyncio.get_running_loop().create_future()
            self._progress()
            self._unsent = self._transport.get_write_buffer_size()
            self._read_or_not()

    def resume_writing(self) -> None:
        """It caught up."""
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
            self._drained = None
        self._wait_for_turn()
        self._read_or_not()

    def _read_or_not(self) -> None:
        """Leave what comes in the socket while there is enough to do."""
        reads = self._drained is None and not self._session.is_busy
        if reads != self._reads and self._transport is not None:
            self._reads = reads
            if reads:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    # The clock, and the end

    def _progress(self) -> None:
        self._since = asyncio.get_running_loop().time()

    def look_at_clock(self, now: float) -> None:
        """Hang up where nothing moves for too long: replies that nobody reads, bodies that do not come, silence."""
        patience, transport = self._front.patience, self._transport
        if transport is None:
            return
        silent = now - self._since
        if self._drained is not None:
            left = transport.get_write_buffer_size()
            if left != self._unsent:
                self._unsent, self._since = left, now
            elif silent > patience.stalled:
                transport.abort()
        elif any(stream.waits_for_room for stream in self._streams.values()):
            if silent > patience.stalled:
                transport.abort()
        elif any(stream.task is None for stream in self._streams.values()):
            if silent > patience.body:
                transport.abort()
        elif not self._running and silent > patience.idle:
            self.hang_up()

    def close(self) -> list[asyncio.Task[None]]:
        """End the connection once nothing is being answered any more; returns what still is."""
        self._stopping = True
        if not self._running:
            self.hang_up()
        return list(self._running)

    @property
    def _is_done(self) -> bool:
        """Whether one side wants to end, and nobody waits for a reply any more."""
        return not self._streams if self._session.leaving else self._stopping and not self._running

    def hang_up(self) -> None:
        """Say goodbye and close, whatever is being done."""
        self._session.close()
        self._flush()
        if self._transport is not None:
            self._transport.close()

    # Requests

    def _handle(self, event: Event) -> None:
        stream = self._streams.get(event.stream)
        match event:
            case Asked():
                self._open(event)
            case Room():
                self._make_room(stream, event.stream)
            case Piece() if stream is not None and stream.task is None:
                self._take(stream, event.data)
            case Whole() if stream is not None and stream.task is None:
                self._begin(stream)
            case Dropped() if stream is not None:
                self._leave(stream)
            case _:  # of a stream that has its reply
                pass

    def _open(self, asked: Asked) -> None:
        session, number, head = self._session, asked.stream, asked.head
        if self._stopping or len(self._running) >= MAX_RUNNING:
            session.refuse(number)
            return
        try:
            path = unescape(head.raw_path)
        except ValueError:
            session.reject(number)
            return
        stream = Stream(number, head, path, self._front.body(head, free=0))
        self._streams[number] = stream
        try:
            self._prepare(stream, asked.fault, too_long=asked.too_long)
        except Refused as refused:
            self._refuse(stream, refused)

    def _prepare(self, stream: Stream, fault: str, *, too_long: bool) -> None:
        """Look at the head before any of the body. Raises Refused."""
        head = stream.head
        if too_long:
            raise Refused(431, text=_HEADERS_TOO_LONG)
        if fault:
            raise Refused(400, text=fault + "\n")
        if head.raw_path == "*" and head.method != "OPTIONS":
            raise Refused(400, text="")
        if (size := sum(map(len, head.headers.values())) + len(head.raw_path) + len(head.raw_query)) > _FREE_HEADERS:
            stream.body.hold(size)
        if head.length and not stream.body.announce(head.length):
            self._begin(stream)
        elif head.length and head.headers.get("expect", "").lower() == "100-continue":
            self._session.invite(stream.number)

    def _take(self, stream: Stream, data: bytes) -> None:
        try:
            if not stream.body.take(data):
                self._begin(stream)
        except Refused as refused:
            self._refuse(stream, refused)

    def _begin(self, stream: Stream) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(stream))
        stream.task = task
        self._running.add(task)
        task.add_done_callback(partial(self._served, stream))

    def _served(self, stream: Stream, task: asyncio.Task[None]) -> None:
        """A task has ended, in whatever way; it may never have begun."""
        self._running.discard(task)
        self._drop(stream)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("Request error", error=repr(error))
        self._session.fail(stream.number)  # nothing where the reply is complete
        self._flush()
        if self._is_done:
            self.hang_up()

    def _refuse(self, stream: Stream, refused: Refused) -> None:
        """Answer what no route will see."""
        session, text = self._session, refused.text.encode()
        kind = [("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")] if text else []
        if refused.status == 431:
            kind = [("content-type", "text/html; charset=utf-8")]
        fields = [*kind, ("content-length", str(len(text))), self._date()]
        session.respond(stream.number, refused.status, fields, end=not text or stream.head.method == "HEAD")
        session.send(stream.number, text, last=True)
        session.finish(stream.number)
        self._drop(stream)

    def _leave(self, stream: Stream) -> None:
        """The client is no longer interested; a write that has begun is carried through."""
        stream.make_room()
        if stream.task is None:
            self._drop(stream)
        elif stream.head.method in BODILESS:
            stream.task.cancel()

    def _drop(self, stream: Stream) -> None:
        stream.body.drop()
        self._streams.pop(stream.number, None)

    # Answers

    async def _serve(self, stream: Stream) -> None:
        request = self._front.request(stream.head, stream.path, stream.body, self._visitor.remote)
        reply, headers = await self._front.door.answer(request)
        if reply.stream is not None:
            pieces, gzip = self._front.stream(request, reply, headers)
            self._respond(stream, reply, writing.fields(reply, headers, None, gzip=gzip), end=False)
            await self._pass_on(stream, pieces)
            return
        body, gzip = await self._front.body_bytes(request, reply, headers)
        bare = not body or request.method == "HEAD"
        self._respond(stream, reply, writing.fields(reply, headers, len(body), gzip=gzip), end=bare)
        if not bare:
            await self._send(stream, body, last=True)

    def _respond(self, stream: Stream, reply: Reply, fields: list[tuple[str, str]], *, end: bool) -> None:
        small = [(name.lower(), writing.one_line(value)) for name, value in fields]
        self._session.respond(stream.number, reply.status, [*small, self._date()], end=end)
        self._flush()

    def _date(self) -> tuple[str, str]:
        return "date", self._front.date_line()[_DATE:-2].decode()

    async def _pass_on(self, stream: Stream, pieces: Any) -> None:
        """Send a stream piece by piece; one that nobody reads is closed."""
        try:
            async for piece in pieces:
                if not self._session.is_live(stream.number):
                    return
                await self._send(stream, piece, last=False)
            self._session.finish(stream.number)
        finally:
            await pieces.aclose()

    async def _send(self, stream: Stream, data: bytes, *, last: bool) -> None:
        """Send bytes of a body, no faster than the client takes them."""
        at = 0
        while at < len(data) and self._session.is_live(stream.number):
            piece = data[at : at + MAX_PIECE]
            sent = self._session.send(stream.number, piece, last=last and at + len(piece) == len(data))
            at += sent
            self._flush()
            if self._drained is not None:
                await self._drained
            if not sent and self._session.is_live(stream.number):
                await stream.room()

    def _make_room(self, stream: Stream | None, number: int) -> None:
        for waiting in list(self._streams.values()) if not number else [stream]:
            if waiting is not None:
                waiting.make_room()

    def _flush(self) -> None:
        data = self._session.outgoing()
        if data and self._transport is not None:
            self._progress()
            self._transport.write(data)
