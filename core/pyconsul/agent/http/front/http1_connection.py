"""Connections that speak HTTP/1: a protocol that reads requests, has the door answer them, and writes the replies.

One request of a connection is read and answered at a time; what a client sends meanwhile waits in the socket, but for a
little.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping
from typing import Final, cast

from pyconsul.agent.http.front import writing
from pyconsul.agent.http.front.bodies import RequestBody
from pyconsul.agent.http.front.followers import Group
from pyconsul.agent.http.front.heads import Head, Refused, expects
from pyconsul.agent.http.front.http_front import BODILESS, HttpFront, SharedBytes
from pyconsul.agent.http.front.reading import END, BadBody, RequestReader
from pyconsul.agent.http.front.visitors import Visitor
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request, unescape
from pyconsul.memdb import WatchSet
from pyconsul.server.blocking import REPLY_WATCH, WAITING
from pyconsul.telemetry.logging import Level, logger

log = logger("agent.http")

AHEAD: Final = 64 << 10  # bytes read while the request before is being answered
_LINGER: Final = 0.5  # seconds between the last byte and the end, so that a refusal is not lost to a reset (as in Go)


class Connection(asyncio.Protocol):
    """One connection; of a ``visitor`` who has been counted already, where TLS came first."""

    def __init__(self, front: HttpFront, visitor: Visitor | None = None) -> None:
        self.front = front
        self._visitor = visitor
        self._reader = RequestReader(front.header_limit)
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._group: Group | None = None  # which is waited along with, instead of a task
        self._answering = ""  # the method of the request being answered
        self._drained: asyncio.Future[None] | None = None
        self._refused = False  # nothing more is read
        self._input_ended = False
        self._ending = False  # there is no request after this one
        self._whole: bytes | None = None  # what came, where it may be exactly one request
        # Loop time of the last progress that the clock is about; 0 for some since the clock has looked last, which
        # spares each request a look at the time.
        self._since = 0.0
        self._unsent: int = 0
        self._paused = False
        self._start_request()

    def _start_request(self) -> None:
        self._head: Head | None = None
        self._url_path = ""
        self._body: RequestBody | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless this client has too many connections already."""
        self._transport = transport = cast("asyncio.Transport", transport)  # uvloop's has no common base class
        self._visitor = visitor = self._visitor or self.front.visitors.arrive(transport)
        self._since = asyncio.get_running_loop().time()
        if not visitor.admitted:
            transport.write(writing.TOO_MANY_CONNECTIONS)
            self._refused = True
            transport.close()
            return
        if visitor.client:
            probe_when_silent(transport)
        self.front.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went: what it waited for ends too. A write that has begun is carried through."""
        del exc
        self._transport = None
        self.front.connections.discard(self)
        if self._visitor is not None:
            self._visitor.leave()
        if self._group is not None:
            self._group.leave(self)
            self._group = None
        if self._task is None:
            self._drop_body()
        elif self._answering in BODILESS:
            self._task.cancel()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The client reads slowly: streams wait, and no more requests are read."""
        if self._drained is None and self._transport is not None:
            self._drained = asyncio.get_running_loop().create_future()
            self._since = asyncio.get_running_loop().time()
            self._unsent = self._transport.get_write_buffer_size()
            self._pause_reading()

    def resume_writing(self) -> None:
        """The client caught up."""
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
            self._drained = None
        if self._task is None:
            self._resume_reading()

    def data_received(self, data: bytes) -> None:
        """Answer from the kept replies where the very same bytes were answered before, else read on."""
        if self._refused or self._transport is None:
            return
        reader = self._reader
        if self._group is not None:  # what comes behind a query waits its turn, but a follower's query was never read
            self._group.let_go(self)
        if self._task is not None:
            reader.feed(data)
            if reader.buffered > AHEAD:
                self._pause_reading()
            return
        if reader.between_requests:
            began = time.perf_counter()
            kept = self.front.replies.get(data)
            if kept is not None:
                self._transport.write(kept[0] + self.front.date_line() + kept[1])
                if kept[2] is not None:
                    kept[2].note((time.perf_counter() - began) * 1000, 200)
                self._since = 0.0
                return
            self._since = 0.0
            # A group writes to all without a look at how they read, so who reads slowly asks by itself.
            if self._drained is None and (group := self.front.groups.to_follow(data)) is not None:
                self._group = group
                group.join(self)
                return
            self._whole = data
        else:
            self._whole = None
        reader.feed(data)
        self._take_turn()

    def _take_turn(self) -> None:
        """Look for a request among the bytes that came. Nothing is read while that takes more than one turn."""
        if self._task is not None or self._transport is None or self._refused:
            return
        self._reader.begin_turn()
        request = self._next_request()
        if request is not None:
            self._begin(request)
        elif self._reader.has_more and not self._refused:
            self._since = 0.0
            self._pause_reading()
            self.front.turns.wait(self._take_turn)
        else:
            self._resume_reading()

    def eof_received(self) -> bool | None:
        """The client has sent all it will; what it asked is still answered, unless that would take long."""
        self._input_ended = True
        if self._transport is None:
            return None
        if self._group is not None:
            self._group.let_go(self)
        if self._task is None and not self._refused:
            self._end_unfinished()
        if self._task is None:
            return None
        if self._answering in BODILESS:
            asyncio.get_running_loop().call_later(self.front.patience.half_closed, self.hang_up)
        return True

    def _end_unfinished(self) -> None:
        """Answer a request that will never be whole, where there is one, for the client sends no more."""
        if self._head is not None:
            self._whole = None
            self._begin(self._request(fault="unexpected EOF"))
        elif not self._reader.may_end:
            self._refuse(Refused())

    # The clock

    def look_at_clock(self, now: float) -> None:
        """Hang up where the client takes too long. Called every few seconds; ``now`` is loop time."""
        patience, transport = self.front.patience, self._transport
        if transport is None:
            return
        if not self._since:  # something came since the last look
            self._since = now
        if self._drained is not None:
            left = transport.get_write_buffer_size()
            if left != self._unsent:
                self._unsent, self._since = left, now
            elif now - self._since > patience.stalled:
                self._cut_off()
        elif self._task is not None or self._group is not None:
            self._since = now
        elif self._head is not None:
            if now - self._since > patience.body:
                self._cut_off()
        elif now - self._since > (patience.idle if self._reader.between_requests else patience.head):
            self._cut_off()

    def _cut_off(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # Reading

    def _next_request(self) -> Request | None:
        """The next whole request among the bytes that came, or None; refusals are written here."""
        try:
            while (event := self._reader.next()) is not None:
                if isinstance(event, Head):
                    if not self._begin_body(event):
                        return self._request(whole=False)
                elif event is END:
                    return self._request()
                elif isinstance(event, bytes) and not self._take(event):
                    return self._request(whole=False)
        except Refused as refused:
            self._refuse(refused)
        except BadBody as error:
            return self._request(fault=str(error))
        return None

    def _begin_body(self, head: Head) -> bool:
        """Prepare for the body of a request; False where it is longer than what is taken."""
        self._head = head
        if head.raw_path == "*" and head.method != "OPTIONS":
            raise Refused(text="")
        try:
            self._url_path = unescape(head.raw_path)
        except ValueError as error:
            raise Refused from error
        waits = expects(head)
        if not head.length:
            return True
        self._body = body = self.front.body(head)
        self._since = 0.0
        if not body.announce(head.length):
            return False
        if waits and self._transport is not None:
            if not self.front.door.reads_body(head.method, self._url_path):
                return False
            self._transport.write(writing.CONTINUE)
        return True

    def _take(self, piece: bytes) -> bool:
        """Keep a piece of the body; False where it became longer than what is taken."""
        self._since = 0.0
        return self._body is not None and self._body.take(piece)

    def _drop_body(self) -> None:
        """Let go of what was kept of a body that nobody will read."""
        if self._body is not None:
            self._body.drop()

    def _request(self, *, fault: str = "", whole: bool = True) -> Request:
        """The request that was read. ``fault``: why its body is broken; then, as after one that is too long and
        therefore not ``whole``, nothing more is read."""
        head = cast("Head", self._head)
        if fault or not whole:
            head.keep_alive = False
            self._refused = True
        return self.front.request(head, self._url_path, self._body, cast("Visitor", self._visitor).remote, fault)

    def _refuse(self, refused: Refused) -> None:
        """Answer what is no request, and end."""
        self._refused = True
        self._drop_body()
        if self._transport is not None:
            minor = self._head.minor if self._head is not None else 1
            self._transport.write(writing.refusal(refused, self.front.date_line(), minor))
            self._finish()

    def _finish(self) -> None:
        """End the connection so that the client reads what was written, even while it is still sending."""
        transport = self._transport
        if transport is None:
            return
        if not self._refused or self._input_ended or not transport.can_write_eof():
            transport.close()
            return
        transport.write_eof()
        self._resume_reading()
        asyncio.get_running_loop().call_later(_LINGER, self.hang_up)

    def _pause_reading(self) -> None:
        if not self._paused and self._transport is not None and not self._input_ended:
            self._paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    # Answering

    def _begin(self, request: Request) -> None:
        # Only bytes that are this request and nothing else can stand for it.
        whole = self._whole if self._reader.between_requests else None
        group = self.front.groups.to_lead(whole, request, self) if whole is not None else None
        self._answering = cast("Head", self._head).method  # known before the first step: the client may go before
        self._task = asyncio.get_running_loop().create_task(self._serve(request, group))
        if group is not None:  # whatever ends the task, even before its first step
            self._task.add_done_callback(lambda _: group.retire(self))

    async def _serve(self, request: Request, group: Group | None) -> None:
        """Answer this request, those who wait along with it, and those requests that came meanwhile, in order."""
        upcoming: Request | None = request
        try:
            while upcoming is not None:
                head = cast("Head", self._head)
                self._answering = head.method
                if group is None:
                    await self._serve_one(upcoming, head)
                else:
                    await self._serve_along(upcoming, head, group)
                    group = None
                self._drop_body()
                self._start_request()
                is_last = self._ending or not head.keep_alive
                if is_last:
                    self._finish()
                while self._drained is not None:
                    await self._drained
                self._whole = None
                upcoming = None if is_last else await self._upcoming()
        except asyncio.CancelledError:
            self._drop_body()
            raise
        except Exception as error:  # a fault of ours, behind which nobody shall wait for an answer
            log.error("Request error", error=repr(error))
            self._drop_body()
            self.hang_up()
        finally:
            self._task = None
            self._since = 0.0
        if self._input_ended and not self._refused:
            self._end_unfinished()
            if self._task is None:
                self.hang_up()
        self._resume_reading()

    async def _upcoming(self) -> Request | None:
        """The next request among the bytes that came meanwhile, looked for in as many turns as that takes."""
        request = None
        while request is None and self._transport is not None and not self._refused:
            if self._reader.between_requests:
                break
            await self.front.turns.turn()
            self._reader.begin_turn()
            request = self._next_request()
            if not self._reader.has_more:
                break
        return request

    async def _serve_one(self, request: Request, head: Head) -> tuple[Reply, bytes]:
        """Answer one request; gives the answer and its bytes, none where it was streamed."""
        whole = self._whole if self._reader.between_requests else None
        generation = self.front.replies.generation
        watch = WatchSet()
        token = REPLY_WATCH.set(watch)
        try:
            reply, headers = await self.front.door.answer(request)
        except BaseException:  # a client that goes while it waits, say: nobody keeps an answer that there is not
            watch.close()
            raise
        finally:
            REPLY_WATCH.reset(token)
        if reply.stream is not None:
            watch.close()
            await self._stream(request, reply, headers, head)
            return reply, b""
        shared = self.front.shared
        if whole is not None and shared is not None and shared.serves(whole, reply, headers):
            first, payload = shared.first, shared.payload
        else:
            first, payload = await self._payload(request, head, reply, headers)
            if whole is not None and self.front.shares(whole, payload):
                self.front.shared = SharedBytes(whole, reply.status, reply.meta, headers, first, payload)
        data = first + self.front.date_line() + payload
        self.write(data)
        if whole is not None and head.keep_alive and not log.enabled(Level.DEBUG):
            self.front.replies.keep(whole, request, reply, (first, payload), watch, generation=generation)
        else:
            watch.close()
        return reply, data

    # Waiting along (followers.py)

    async def _serve_along(self, request: Request, head: Head, group: Group) -> None:
        """Answer one request, and those who wait along with it."""
        token = WAITING.set(group.waiting)
        try:
            reply, data = await self._serve_one(request, head)
        finally:
            WAITING.reset(token)
        if group.waiting.is_answered and head.keep_alive:
            group.answer(data, reply)
        group.retire(self)

    def was_answered(self) -> None:
        """Called by the group when the leader's answer is written here, too."""
        self._group = None
        self._since = 0.0
        if self._ending:
            self.hang_up()

    def ask(self, question: bytes, waited: float) -> None:
        """Called by the group when this connection must ask by itself, having waited so many seconds."""
        self._group = None
        self._whole = question
        self._reader.feed(question)
        self._reader.begin_turn()
        request = self._next_request()
        if request is not None:
            request.waited = waited
            self._begin(request)

    async def _payload(
        self, request: Request, head: Head, reply: Reply, headers: Mapping[str, str]
    ) -> tuple[bytes, bytes]:
        """The bytes of a reply before and after its Date line."""
        body, gzip = await self.front.body_bytes(request, reply, headers)
        first, last = writing.head(reply, headers, len(body), gzip=gzip, keep_alive=head.keep_alive, minor=head.minor)
        return first, last if request.method == "HEAD" else last + body

    def write(self, data: bytes) -> None:
        """Send bytes, while there is somebody to send them to."""
        if self._transport is not None:
            self._transport.write(data)

    async def _stream(self, request: Request, reply: Reply, headers: Mapping[str, str], head: Head) -> None:
        """Write a stream piece by piece, no faster than the client reads; one that nobody reads is closed."""
        if reply.stream is None:
            return
        stream, gzip = self.front.stream(request, reply, headers)
        try:
            if not head.minor:
                head.keep_alive = False
            first, last = writing.head(reply, headers, None, gzip=gzip, keep_alive=head.keep_alive, minor=head.minor)
            self.write(first + self.front.date_line() + last)
            async for piece in stream:
                if self._transport is None:
                    return
                if piece:
                    self.write(writing.chunk(piece) if head.minor else piece)
                if self._drained is not None:
                    await self._drained
            if head.minor:
                self.write(writing.LAST_CHUNK)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.error("Request error", error=repr(error))
            self._cut_off()  # without a last chunk, so that the client knows
        finally:
            await stream.aclose()

    def close(self) -> list[asyncio.Task[None]]:
        """End once what is being answered has its answer; returns the task that should be let end."""
        self._ending = True
        task = self._task
        if task is None and self._group is None:
            self.hang_up()
        return [task] if task is not None else []

    def hang_up(self) -> None:
        """Close the connection, whatever it is doing."""
        if self._transport is not None:
            self._transport.close()


def probe_when_silent(transport: asyncio.Transport) -> None:
    """Let the kernel find out, every 30 s as in Consul, whether a silent client is still there."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 30)
