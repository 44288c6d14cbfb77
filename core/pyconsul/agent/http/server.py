"""The front: an asyncio protocol on httptools that cuts bytes into requests and writes replies.

Requests of one connection are answered in order; while one is being answered the next is parsed but not begun, and
reading pauses. What a request may cost is bounded: header bytes, body bytes kept, requests queued.
"""

from __future__ import annotations

import asyncio
import gzip
import time
from collections import deque
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import httptools

from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.reply_cache import ReplyCache
from pyconsul.agent.http.request import Request, unescape
from pyconsul.memdb import WatchSet
from pyconsul.server.blocking import REPLY_WATCH
from pyconsul.telemetry.logging import Level, logger

if TYPE_CHECKING:
    from pyconsul.agent.agent import Agent
    from pyconsul.agent.http.door import Door

log = logger("agent.http")

GZIP_FROM_BYTES = 1400  # smaller replies go as they are (spec/limits)
DEFAULT_HEADER_LIMIT = 1 << 20
BODY_KEPT_BYTES = 64 << 20  # a longer body is counted, not kept: every route that takes one has a lower limit
SNAPSHOT_KEPT_BYTES = 4 << 30
QUEUED_REQUESTS = 16
KNOWN_METHODS = frozenset((b"GET", b"PUT", b"POST", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH", b"CONNECT", b"TRACE"))
MAX_METHOD_BYTES = 32
REASONS = {status.value: status.phrase for status in HTTPStatus} | {413: "Request Entity Too Large"}


class HttpFront:
    """What all connections of an agent share: door, limits, kept replies, the Date line."""

    def __init__(self, agent: Agent, door: Door) -> None:
        self.agent = agent
        self.door = door
        self.header_limit: int = agent.config.http_config.max_header_bytes or DEFAULT_HEADER_LIMIT
        self.replies = ReplyCache()
        self.connections: set[Connection] = set()
        self.per_client: dict[str, int] = {}
        self.max_per_client: int = agent.config.limits.http_max_conns_per_client
        self._date = (0, b"")

    def date_line(self) -> bytes:
        """``Date: …`` with its line end; made once a second."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode())
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


class Connection(asyncio.Protocol):
    """One connection. The parser calls the ``on_*`` methods."""

    def __init__(self, front: HttpFront) -> None:
        self.front = front
        self._parser: Any = None
        self._transport: asyncio.Transport | None = None
        self._remote = ""
        self._client = ""
        self._task: asyncio.Task[None] | None = None
        self._queue: deque[tuple[Request, bool, bytes | None]] = deque()
        self._drained: asyncio.Future[None] | None = None
        self._admitted = False
        self._at_boundary = True
        self._whole: bytes | None = None
        self._odd_method = ""  # of the request being parsed, where the parser knows it not
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._header_bytes = 0
        self._body: list[bytes] = []
        self._body_kept = 0
        self._body_size = 0

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless this client has too many connections already."""
        self._transport = transport = cast("asyncio.Transport", transport)  # uvloop's has no common base class
        peer = transport.get_extra_info("peername")
        self._client = str(peer[0]) if isinstance(peer, tuple) else ""
        host = f"[{self._client}]" if ":" in self._client else self._client
        self._remote = f"{host}:{peer[1]}" if isinstance(peer, tuple) else "@"
        if self._client:
            self._admitted = self.front.admit(self._client)
            if not self._admitted:
                transport.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                transport.close()
                return
        self._parser = httptools.HttpRequestParser(self)
        self.front.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went: whatever it waited for ends too."""
        del exc
        self.front.connections.discard(self)
        if self._admitted:
            self.front.dismiss(self._client)
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._transport = None

    def pause_writing(self) -> None:
        """The client reads slowly: streams wait."""
        self._drained = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """The client caught up."""
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    def data_received(self, data: bytes) -> None:
        """Answer from the kept replies where the very same bytes were answered before, else parse."""
        if self._parser is None:
            return
        if self._at_boundary and self._task is None:
            kept = self.front.replies.get(data)
            if kept is not None and self._transport is not None:
                self._transport.write(kept[0] + self.front.date_line() + kept[1])
                return
            self._whole = data
        else:
            self._whole = None
        try:
            self._parser.feed_data(self._with_known_method(data) if self._at_boundary else data)
        except httptools.HttpParserUpgrade:
            self._fail(400, "Bad Request")
        except (httptools.HttpParserError, ValueError):
            self._fail(400, "Bad Request")

    def _with_known_method(self, data: bytes) -> bytes:
        """The parser refuses methods it does not know; ours answers them with 405, so it gets another instead."""
        self._at_boundary = False
        method, space, rest = data.partition(b" ")
        if not space or method in KNOWN_METHODS or not method.isalpha() or len(method) > MAX_METHOD_BYTES:
            return data
        self._odd_method = method.decode()
        self._whole = None
        return b"PUT " + rest

    # httptools

    def on_url(self, url: bytes) -> None:
        """A piece of the request target."""
        self._url += url
        self._count_header(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; a repeated one keeps the first value, as Go's ``Header.Get`` reads it."""
        self._count_header(len(name) + len(value) + 4)
        self._headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        """Invite the body where the client waits for that."""
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A piece of the body; over the limit it is only counted."""
        self._body_size += len(body)
        limit = SNAPSHOT_KEPT_BYTES if self._url.startswith(b"/v1/snapshot") else BODY_KEPT_BYTES
        if self._body_kept + len(body) <= limit:
            self._body.append(body)
            self._body_kept += len(body)

    def on_message_complete(self) -> None:
        """A whole request: begin it, or queue it behind the one that is being answered."""
        target = self._url
        path, _, query = target.partition(b"?")
        if path.startswith((b"http://", b"https://")):
            path = b"/" + path.split(b"/", 3)[3] if path.count(b"/") >= 3 else b"/"
        method = self._odd_method or self._parser.get_method().decode("latin-1")
        self._odd_method = ""
        keep_alive = self._parser.should_keep_alive()
        raw_path = path.decode("utf-8", "surrogateescape")
        try:
            url_path = unescape(raw_path)
        except ValueError:
            self._fail(400, "Bad Request")
            return
        request = Request(
            self.front.agent,
            method,
            url_path,
            raw_path,
            query.decode("utf-8", "surrogateescape"),
            self._headers,
            b"".join(self._body),
            self._remote,
        )
        request.body_size = self._body_size
        whole = self._whole
        self._reset()
        self._at_boundary = True
        self._queue.append((request, keep_alive, whole))
        if self._task is None:
            self._begin()
        elif len(self._queue) >= QUEUED_REQUESTS and self._transport is not None:
            self._transport.pause_reading()

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > self.front.header_limit + 4096:  # Go grants 4 KiB of slop
            self._fail(431, "Request Header Fields Too Large")
            raise ValueError("header too large")

    # Answering

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        """Answer what is queued, in order, until nothing is left."""
        try:
            while self._queue and self._transport is not None:
                request, keep_alive, whole = self._queue.popleft()
                await self._serve_one(request, keep_alive, whole)
                if self._transport is not None and len(self._queue) < QUEUED_REQUESTS:
                    self._transport.resume_reading()
        finally:
            self._task = None

    async def _serve_one(self, request: Request, keep_alive: bool, whole: bytes | None) -> None:
        watch = WatchSet()
        token = REPLY_WATCH.set(watch)
        try:
            reply, headers = await self.front.door.answer(request)
        finally:
            REPLY_WATCH.reset(token)
        if self._transport is None:
            watch.close()
            return
        if reply.stream is not None:
            watch.close()
            await self._stream(reply, headers, keep_alive)
            return
        body = self._encoded(request, reply)
        packed = len(body) >= GZIP_FROM_BYTES and "Vary" in headers and _takes_gzip(request)
        if packed:
            body = gzip.compress(body, 1, mtime=0)
        head, tail = _head(reply, headers, body, packed=packed, keep_alive=keep_alive)
        if request.method == "HEAD":
            body = b""
        payload = tail + body
        self._transport.write(head + self.front.date_line() + payload)
        if not keep_alive:
            self._transport.close()
        if whole is not None and keep_alive and not log.enabled(Level.DEBUG):
            self.front.replies.keep(whole, request, reply, (head, payload), watch)
        else:
            watch.close()

    def _encoded(self, request: Request, reply: Reply) -> bytes:
        """The body, indented where asked for, and always so in dev mode."""
        # A raw body is as it is; it may also be the refusal of a query string that cannot be parsed.
        asked = reply.raw is None and "pretty" in request.raw_query and request.query.has("pretty")
        body = reply.body(pretty=asked or self.front.agent.config.dev_mode)
        return body + b"\n" if asked and body and reply.raw is None else body

    async def _stream(self, reply: Reply, headers: Mapping[str, str], keep_alive: bool) -> None:
        assert reply.stream is not None and self._transport is not None
        head, tail = _head(reply, headers, None, packed=False, keep_alive=keep_alive)
        self._transport.write(head + self.front.date_line() + tail)
        try:
            async for piece in reply.stream:
                if self._transport is None:
                    return
                if piece:
                    self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                if self._drained is not None:
                    await self._drained
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.error("Request error", error=repr(error))
            if self._transport is not None:
                self._transport.close()
            return
        if self._transport is not None:
            self._transport.write(b"0\r\n\r\n")
            if not keep_alive:
                self._transport.close()

    def hang_up(self) -> None:
        """Close the connection, whatever it is doing."""
        if self._transport is not None:
            self._transport.close()

    def _fail(self, status: int, reason: str) -> None:
        """Refuse what is no request, in the words of Go's server, and hang up."""
        transport, self._parser = self._transport, None
        if transport is not None:
            body = f"{status} {reason}".encode()
            transport.write(
                b"HTTP/1.1 %b\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n%b" % (body, body)
            )
            transport.close()


def _takes_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def _head(
    reply: Reply, headers: Mapping[str, str], body: bytes | None, *, packed: bool, keep_alive: bool
) -> tuple[bytes, bytes]:
    """Status line and headers, cut where the Date line goes. ``body`` None: chunked."""
    lines = [f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Unknown')}"]
    if reply.has_body and "Content-Type" not in headers:
        lines.append(f"Content-Type: {reply.content_type}")
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    if packed:
        lines.append("Content-Encoding: gzip")
    lines.append("Transfer-Encoding: chunked" if body is None else f"Content-Length: {len(body)}")
    if not keep_alive:
        lines.append("Connection: close")
    text = "\r\n".join(_one_line(line) for line in lines) + "\r\n"
    return text.encode("utf-8", "replace"), b"\r\n"


def _one_line(line: str) -> str:
    return line if "\n" not in line and "\r" not in line else line.replace("\r", " ").replace("\n", " ")


def close_all(front: HttpFront) -> None:
    """End every connection, for an agent that stops."""
    for connection in list(front.connections):
        connection.hang_up()
