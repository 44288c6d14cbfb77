"""The front: an asyncio protocol that reads requests, has them answered by the door, and writes the replies.

One request of a connection is read and answered at a time; what a client sends meanwhile waits in the socket, but for a
little. What a client may cost is bounded: bytes of a head, of a body, of all bodies together, the time it may take for
them, the bytes it leaves unread, and its connections.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, cast

from pyconsul.agent.http import writing
from pyconsul.agent.http.door import BODY_LIMIT
from pyconsul.agent.http.followers import Group, Groups
from pyconsul.agent.http.reading import END, BadBody, Head, Refused, RequestReader
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.reply_cache import ReplyCache
from pyconsul.agent.http.request import Request, unescape
from pyconsul.memdb import WatchSet
from pyconsul.server.blocking import REPLY_WATCH, WAITING
from pyconsul.telemetry.logging import Level, logger

if TYPE_CHECKING:
    from pyconsul.agent.agent import Agent
    from pyconsul.agent.http.door import Door
    from pyconsul.structs.wire import Indexed

log = logger("agent.http")

DEFAULT_HEADER_LIMIT: Final = 1 << 20
SNAPSHOT_LIMIT: Final = 16 << 30
FREE_BODY: Final = 64 << 10  # a body up to here is taken however many others there are
ALL_BODIES: Final = 256 << 20  # all larger ones together, as far as they are in memory
SPOOL_FROM: Final = 1 << 20  # a snapshot above goes to a file
AHEAD: Final = 64 << 10  # bytes read while the request before is being answered
OVERLOOKED: Final = 256 << 10  # bytes of a body that is not wanted which are read for the sake of the connection
THREAD_FROM: Final = 256 << 10  # larger bodies are packed in a thread
SHARED_UP_TO: Final = 1 << 20  # bytes of an answer that is kept for the next who waits for the same
BODILESS: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
_LINGER: Final = 0.5  # seconds between the last byte and the end, so that a refusal is not lost to a reset (as in Go)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, in seconds. Answers that wait (blocking queries, streams) are not meant."""

    head: float = 60  # from the first byte of a request to the end of its headers
    body: float = 60  # between two pieces of a body
    idle: float = 900  # between two requests
    stalled: float = 120  # for reading anything of a reply
    half_closed: float = 1  # for the answer to a read after the client has closed its side
    sweep: float = 5


class SharedBytes(NamedTuple):
    """The last answer to a blocking query, for the others who asked in the same bytes and wake with the same reply.

    Waiters who share a query (``server.blocking``) get one ``meta`` object, and no two replies have the same one.
    """

    request: bytes
    status: int
    meta: Indexed | None
    headers: Mapping[str, str]
    first: bytes
    payload: bytes

    def serves(self, request: bytes, reply: Reply, headers: Mapping[str, str]) -> bool:
        """Whether these bytes are the answer to this request, too."""
        return (
            reply.meta is self.meta is not None
            and request == self.request
            and reply.status == self.status
            and headers == self.headers
        )


class HttpFront:
    """What all connections of an agent share: door, limits, kept replies, the Date line."""

    def __init__(self, agent: Agent, door: Door, patience: Patience | None = None) -> None:
        self.agent = agent
        self.door = door
        self.patience = patience or Patience()
        self.header_limit: int = agent.config.http_config.max_header_bytes or DEFAULT_HEADER_LIMIT
        self.replies = ReplyCache()
        self.groups = Groups(self.replies)
        self.shared: SharedBytes | None = None
        self.connections: set[Connection] = set()
        self.per_client: dict[str, int] = {}
        self.max_per_client: int = agent.config.limits.http_max_conns_per_client
        self.body_bytes = 0  # of larger bodies in memory
        self._date = (0, b"")
        self._sweeping: asyncio.TimerHandle | None = None

    def shares(self, request: bytes, payload: bytes) -> bool:
        """Whether others may have asked for the same answer: only blocking queries wake together."""
        return self.replies.enabled and b"index=" in request and len(payload) <= SHARED_UP_TO

    def date_line(self) -> bytes:
        """``Date: …`` with its line end; made once a second."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime(now)).encode())
        return self._date[1]

    def admit(self, client: str) -> bool:
        """Count a connection of this address; False where it has too many."""
        held = self.per_client.get(client, 0)
        if self.max_per_client > 0 and held >= self.max_per_client:
            return False
        self.per_client[client] = held + 1
        return True

    def dismiss(self, client: str) -> None:
        """Forget one connection of this address."""
        held = self.per_client.get(client, 0) - 1
        if held > 0:
            self.per_client[client] = held
        else:
            self.per_client.pop(client, None)

    def body_limit(self, head: Head) -> int:
        """The most bytes of this request's body that are taken; of a longer one none."""
        if head.method in BODILESS:
            return 0
        limits = self.agent.config.limits
        if head.raw_path.startswith("/v1/kv/"):
            return limits.kv_max_value_size
        if head.raw_path == "/v1/txn":
            return max(limits.txn_max_req_len, limits.kv_max_value_size)
        return SNAPSHOT_LIMIT if head.raw_path == "/v1/snapshot" else BODY_LIMIT

    def joined(self, connection: Connection) -> None:
        """Watch over a connection from now on."""
        self.connections.add(connection)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(self.patience.sweep, self._sweep)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = None
        if self.connections:
            self._sweeping = loop.call_later(self.patience.sweep, self._sweep)
        for connection in list(self.connections):
            connection.look_at_clock(loop.time())

    async def close(self, patience: float) -> None:
        """End every connection, for an agent that stops. Answers on their way get ``patience`` seconds."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        running = [task for connection in list(self.connections) if (task := connection.close()) is not None]
        me = asyncio.current_task()  # whoever asked for the stop may be one of those that answer
        others = [task for task in running if task is not me]
        if others:
            _, late = await asyncio.wait(others, timeout=patience)
            for task in late:
                task.cancel()
        for connection in list(self.connections):
            connection.hang_up()


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, front: HttpFront, *, handshake_timeout: float = 0) -> None:
        self.front = front
        self._handshake_timeout = handshake_timeout  # of TLS; its first request must have begun by then, as in Consul
        self._reader = RequestReader(front.header_limit)
        self._transport: asyncio.Transport | None = None
        self._remote = ""
        self._client = ""
        self._admitted = False
        self._task: asyncio.Task[None] | None = None
        self._group: Group | None = None  # which is waited along with, instead of a task
        self._answering = ""  # the method of the request being answered
        self._drained: asyncio.Future[None] | None = None
        self._refused = False  # nothing more is read
        self._input_ended = False
        self._whole: bytes | None = None  # what came, where it may be exactly one request
        self._first_byte: asyncio.TimerHandle | None = None
        self._since = 0.0  # loop time of the last progress that the clock is about
        self._unsent = 0
        self._paused = False
        self._start_request()

    def _start_request(self) -> None:
        self._head: Head | None = None
        self._url_path = ""
        self._body: list[bytes] = []
        self._body_size = 0
        self._body_limit = 0
        self._charged = 0
        self._file: IO[bytes] | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless this client has too many connections already."""
        self._transport = transport = cast("asyncio.Transport", transport)  # uvloop's has no common base class
        peer = transport.get_extra_info("peername")
        is_tcp = isinstance(peer, tuple)
        self._client = str(peer[0]) if is_tcp else ""
        host = f"[{self._client}]" if ":" in self._client else self._client
        self._remote = f"{host}:{peer[1]}" if is_tcp else "@"
        loop = asyncio.get_running_loop()
        self._since = loop.time()
        if is_tcp:
            self._admitted = self.front.admit(self._client)
            if not self._admitted:
                transport.write(writing.TOO_MANY_CONNECTIONS)
                self._refused = True
                transport.close()
                return
            _probe_when_silent(transport)
        self.front.joined(self)
        if self._handshake_timeout > 0:
            self._first_byte = loop.call_later(self._handshake_timeout, self.hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went: what it waited for ends too. A write that has begun is carried through."""
        del exc
        self._transport = None
        self.front.connections.discard(self)
        if self._admitted:
            self._admitted = False
            self.front.dismiss(self._client)
        if self._first_byte is not None:
            self._first_byte.cancel()
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
        if self._first_byte is not None:
            self._first_byte.cancel()
            self._first_byte = None
        reader = self._reader
        if self._group is not None:
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
            if self._drained is None and (group := self.front.groups.to_follow(data)) is not None:
                self._group = group
                group.join(self)
                return
            self._whole = data
        else:
            self._whole = None
        reader.feed(data)
        request = self._next_request()
        if request is not None:
            self._begin(request)

    def eof_received(self) -> bool | None:
        """The client has sent all it will; what it asked is still answered, unless that would take long."""
        self._input_ended = True
        if self._transport is None or self._transport.get_extra_info("sslcontext") is not None:
            return None
        if self._group is not None:
            self._group.let_go(self)
        if self._task is None and self._head is not None and not self._refused:
            self._whole = None
            self._begin(self._request(fault="unexpected EOF"))
        if self._task is None:
            return None
        if self._answering in BODILESS:
            asyncio.get_running_loop().call_later(self.front.patience.half_closed, self.hang_up)
        return True

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
        if head.raw_path == "*" and head.method != "OPTIONS":
            raise Refused
        try:
            self._url_path = unescape(head.raw_path)
        except ValueError as error:
            raise Refused from error
        self._head = head
        length = head.length
        if not length:
            return True
        self._body_limit = self.front.body_limit(head)
        self._since = 0.0
        expected = head.headers.get("expect")
        if length > self._body_limit and head.method not in BODILESS:
            self._body_size = length
            return False
        if expected is not None and self._transport is not None:
            if expected.lower() != "100-continue":
                raise Refused(417, "Expectation Failed")
            if head.minor:
                self._transport.write(writing.CONTINUE)
        return True

    def _take(self, piece: bytes) -> bool:
        """Keep a piece of the body; False where it became longer than what is taken."""
        self._since = 0.0
        self._body_size += len(piece)
        if self._body_size > self._body_limit:
            self._body.clear()
            return self._head is not None and self._head.method in BODILESS and self._body_size <= OVERLOOKED
        if self._body_limit == SNAPSHOT_LIMIT and self._body_size > SPOOL_FROM:
            self._spool(piece)
            return True
        self._body.append(piece)
        if self._body_size > FREE_BODY:
            self._charge(self._body_size - self._charged)
        return True

    def _charge(self, size: int) -> None:
        if self.front.body_bytes + size > ALL_BODIES:
            raise Refused(503, "Service Unavailable", "Too many large request bodies at once, try again later")
        self.front.body_bytes += size
        self._charged += size

    def _spool(self, piece: bytes) -> None:
        if self._file is None:
            folder = self.front.agent.config.data_dir
            self._file = tempfile.TemporaryFile(dir=folder or None)  # noqa: SIM115  closed with the request
            self._file.writelines(self._body)
            self._body.clear()
        self._file.write(piece)

    def _drop_body(self) -> None:
        """Let go of what was kept of a body that nobody will read."""
        self.front.body_bytes -= self._charged
        self._charged = 0
        self._body.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _request(self, *, fault: str = "", whole: bool = True) -> Request:
        """The request that was read. ``fault``: why its body is broken; then, as after one that is too long and
        therefore not ``whole``, nothing more is read."""
        head = cast("Head", self._head)
        if fault or not whole:
            head.keep_alive = False
            self._refused = True
        body = b"".join(self._body)
        self._body.clear()
        request = Request(
            self.front.agent,
            head.method,
            self._url_path,
            head.raw_path,
            head.raw_query,
            head.headers,
            body,
            self._remote,
        )
        request.body_size = self._body_size
        request.body_fault = fault
        if self._file is not None:
            self._file.seek(0)
            request.body_file = self._file
        return request

    def _refuse(self, refused: Refused) -> None:
        """Answer what is no request, and end."""
        self._refused = True
        self._drop_body()
        if self._transport is not None:
            self._transport.write(writing.refusal(refused))
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
        whole = self._whole if self._reader.between_requests else None
        group = self.front.groups.to_lead(whole, request, self) if whole is not None else None
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
                if not head.keep_alive:
                    self._finish()
                while self._drained is not None:
                    await self._drained
                self._whole = None
                upcoming = self._next_request() if head.keep_alive and self._transport is not None else None
        except BaseException:
            self._drop_body()
            raise
        finally:
            self._task = None
            self._since = 0.0
        if self._input_ended and not self._refused:
            self.hang_up()
        self._resume_reading()

    async def _serve_one(self, request: Request, head: Head) -> tuple[Reply, bytes]:
        """Answer one request; gives the answer and its bytes, none where it was streamed."""
        whole = self._whole if self._reader.between_requests else None
        generation = self.front.replies.generation
        watch = WatchSet()
        token = REPLY_WATCH.set(watch)
        try:
            reply, headers = await self.front.door.answer(request)
        finally:
            REPLY_WATCH.reset(token)
        if reply.stream is not None:
            watch.close()
            await self._stream(reply, headers, head)
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

    def ask(self, question: bytes, waited: float) -> None:
        """Called by the group when this connection must ask by itself, having waited so many seconds."""
        self._group = None
        self._whole = question
        self._reader.feed(question)
        request = self._next_request()
        if request is not None:
            request.waited = waited
            self._begin(request)

    async def _payload(
        self, request: Request, head: Head, reply: Reply, headers: Mapping[str, str]
    ) -> tuple[bytes, bytes]:
        """The bytes of a reply before and after its Date line."""
        body = self._encoded(request, reply)
        gzip = len(body) >= writing.GZIP_FROM_BYTES and "Vary" in headers and _takes_gzip(request)
        if gzip:
            body = writing.packed(body) if len(body) < THREAD_FROM else await asyncio.to_thread(writing.packed, body)
        first, last = writing.head(reply, headers, len(body), gzip=gzip, keep_alive=head.keep_alive, minor=head.minor)
        return first, last if request.method == "HEAD" else last + body

    def write(self, data: bytes) -> None:
        """Send bytes, while there is somebody to send them to."""
        if self._transport is not None:
            self._transport.write(data)

    def _encoded(self, request: Request, reply: Reply) -> bytes:
        """The body, indented where asked for, and always so in dev mode."""
        asked = "pretty" in request.raw_query and request.query.has("pretty")
        body = reply.body(pretty=asked or self.front.agent.config.dev_mode)
        return body + b"\n" if asked and body and reply.raw is None else body

    async def _stream(self, reply: Reply, headers: Mapping[str, str], head: Head) -> None:
        """Write a stream piece by piece, no faster than the client reads; one that nobody reads is closed."""
        stream = cast("Any", reply.stream)
        if stream is None:
            return
        try:
            if not head.minor:
                head.keep_alive = False
            first, last = writing.head(reply, headers, None, gzip=False, keep_alive=head.keep_alive, minor=head.minor)
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

    def close(self) -> asyncio.Task[None] | None:
        """End now if nothing is being answered, or only a read that waits; returns the task that should be let end."""
        if self._task is not None and self._answering not in BODILESS:
            return self._task
        self.hang_up()
        return self._task

    def hang_up(self) -> None:
        """Close the connection, whatever it is doing."""
        if self._transport is not None:
            self._transport.close()


def _takes_gzip(request: Request) -> bool:
    accepted = request.headers.get("accept-encoding")
    return accepted is not None and writing.takes_gzip(accepted)


def _probe_when_silent(transport: asyncio.Transport) -> None:
    """Let the kernel find out, every 30 s as in Consul, whether a silent client is still there."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 30)
