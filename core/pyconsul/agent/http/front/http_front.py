"""What all connections of an agent share: door, limits, kept replies, the Date line, and an end.

What a client may cost is bounded: bytes of a head, of a body, of all bodies together, the time it may take for them,
the bytes it leaves unread, and its connections.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec

from pyconsul.agent.http import packing
from pyconsul.agent.http.door import BODY_LIMIT
from pyconsul.agent.http.front.bodies import FREE_BODY, SNAPSHOT_LIMIT, Bodies, RequestBody
from pyconsul.agent.http.front.followers import Groups
from pyconsul.agent.http.front.heads import Head
from pyconsul.agent.http.front.reply_cache import ReplyCache
from pyconsul.agent.http.front.turns import Turns
from pyconsul.agent.http.front.visitors import Visitors
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request

if TYPE_CHECKING:
    from pyconsul.agent.agent import Agent
    from pyconsul.agent.http.door import Door
    from pyconsul.structs.wire import Indexed

DEFAULT_HEADER_LIMIT: Final = 1 << 20
_ALWAYS_PACKED: Final = frozenset(("/v1/agent/monitor", "/v1/agent/metrics/stream"))  # refusals too, however small
THREAD_FROM: Final = 256 << 10  # larger bodies are packed in a thread
SHARED_UP_TO: Final = 1 << 20  # bytes of an answer that is kept for the next who waits for the same
# Methods whose body is not wanted, and whose answer is nothing to anybody but the client. The door's READ_METHODS are
# Consul's, and fewer.
BODILESS: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))


class Patience(msgspec.Struct, frozen=True):
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


class Open(Protocol):
    """One connection, of either version of HTTP, as the front looks after it."""

    def look_at_clock(self, now: float) -> None:
        """Hang up where the client takes too long. Called every few seconds; ``now`` is loop time."""

    def close(self) -> Iterable[asyncio.Task[None]]:
        """End once nothing is being answered any more; returns the tasks that should be let end."""
        ...

    def hang_up(self) -> None:
        """Close, whatever is being done."""


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
        self.connections: set[Open] = set()
        self.visitors = Visitors(agent.config.limits.http_max_conns_per_client)
        self.bodies = Bodies(agent.config.data_dir)
        self.turns = Turns()
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

    def body(self, head: Head, *, free: int = FREE_BODY) -> RequestBody:
        """Where the body of this request goes."""
        wanted = head.method not in BODILESS
        return RequestBody(self.bodies, self._body_limit(head) if wanted else 0, wanted=wanted, free=free)

    def _body_limit(self, head: Head) -> int:
        """The most bytes of this request's body that are taken; of a longer one none."""
        if head.raw_path.startswith("/v1/kv/"):
            return self.agent.kv_max_value_size
        if head.raw_path == "/v1/txn":
            return self.agent.txn_max_req_len
        return SNAPSHOT_LIMIT if head.raw_path == "/v1/snapshot" else BODY_LIMIT

    def request(self, head: Head, url_path: str, body: RequestBody | None, remote: str, fault: str = "") -> Request:
        """The request as routes see it; ``fault`` says why its body is broken."""
        found = body.joined() if body is not None else b""
        request = Request(self.agent, head.method, url_path, head.raw_path, head.raw_query, head.headers, found, remote)
        if body is not None:
            request.body_size = body.size
            request.body_file = body.file
        request.body_fault = fault
        return request

    async def body_bytes(self, request: Request, reply: Reply, headers: Mapping[str, str]) -> tuple[bytes, bool]:
        """The body of a reply that is no stream, and whether it is packed."""
        body = self._encoded(request, reply)
        least = 1 if request.url_path in _ALWAYS_PACKED else packing.FROM_BYTES
        if len(body) < least or not _takes_packed(request, headers):
            return body, False
        return packing.packed(body) if len(body) < THREAD_FROM else await asyncio.to_thread(packing.packed, body), True

    @staticmethod
    def stream(request: Request, reply: Reply, headers: Mapping[str, str]) -> tuple[Any, bool]:
        """The pieces of a reply that is a stream, and whether they are packed."""
        if not _takes_packed(request, headers):
            return reply.stream, False
        return packing.PackedStream(reply.stream, reply.content_type), True

    def _encoded(self, request: Request, reply: Reply) -> bytes:
        """The body, indented where asked for, and always so in dev mode."""
        asked = "pretty" in request.raw_query and request.query.has("pretty")
        body = reply.body(pretty=asked or self.agent.config.dev_mode)
        # Only who asks gets the line end, as from Consul.
        return body + b"\n" if asked and body and reply.raw is None else body

    def joined(self, connection: Open) -> None:
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
        """End every connection, for an agent that stops. What is being answered gets ``patience`` seconds."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        running = [task for connection in list(self.connections) for task in connection.close()]
        me = asyncio.current_task()  # whoever asked for the stop may be one of those that answer
        others = [task for task in running if task is not me]
        if others:
            _, late = await asyncio.wait(others, timeout=patience)
            for task in late:
                task.cancel()
        for connection in list(self.connections):
            connection.hang_up()


def _takes_packed(request: Request, headers: Mapping[str, str]) -> bool:
    """Whether this reply may be packed: it says so in ``Vary``, and the client asked for it."""
    return "Vary" in headers and request.takes_gzip()
