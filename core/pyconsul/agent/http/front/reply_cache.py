"""Kept replies: the bytes of an answer by the bytes of its request, until something it was read from changes.

This is the first fast lane of the HTTP door (the other is ``followers.py``): one look-up instead of parsing, routing,
reading and encoding. A reply is kept only where it is a plain 200 of a GET without waiting, caching or token
parameters, and only while the watch set of its reads has not fired; ``PYCONSUL_NO_REPLY_CACHE=1`` switches it off.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyconsul.memdb import WatchSet

if TYPE_CHECKING:
    from pyconsul.agent.http.reply import Reply
    from pyconsul.agent.http.request import Request
    from pyconsul.agent.http.route_figures import RouteFigures

MAX_ENTRIES = 4096
MAX_BYTES = 64 << 20  # all kept bytes together
MAX_REQUEST_BYTES = 1024

# Routes whose answer comes from watched state alone; others (metrics, self, members …) may differ each time.
_WATCHED = (
    "/v1/kv/",
    "/v1/catalog/",
    "/v1/health/",
    "/v1/session/",
    "/v1/coordinate/",
    "/v1/status/",
    "/v1/agent/services",
)
# Parameters that make an answer wait, or that ask for more than the newest state. A token in the query is told of in
# the log each time; one in a header is just part of the bytes that a reply is kept under.
_UNKEPT = ("index", "wait", "cached", "hash", "consistent", "token")

Kept = tuple[bytes, bytes, "RouteFigures | None"]  # the reply around its Date line, and where it is counted


class ReplyCache:
    """Request bytes → reply bytes in two pieces, between which the Date line goes."""

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[Kept, WatchSet]] = {}
        self._bytes = 0
        self.generation = 0  # how often all was forgotten
        self._wanted = os.environ.get("PYCONSUL_NO_REPLY_CACHE", "") == ""
        self.enabled = self._wanted

    def switch(self, *, on: bool) -> None:
        """Keep replies from now on, unless the environment forbids it, or none; those that are kept go."""
        self.enabled = on and self._wanted
        self.clear()

    def get(self, request: bytes) -> Kept | None:
        """The reply to these bytes, if it is still right."""
        found = self._kept.get(request)
        return None if found is None else found[0]

    def keep(
        self,
        whole: bytes,
        request: Request,
        reply: Reply,
        pieces: tuple[bytes, bytes],
        watch: WatchSet,
        *,
        generation: int,
    ) -> None:
        """Keep a reply if it is of a kind that may be kept; takes over ``watch`` in any case.

        ``generation`` is the cache's when the request began: what was answered across a reload is not kept.
        """
        if (
            not self.enabled
            or generation != self.generation
            or watch.fired
            or not watch.watching  # nothing would tell when it is wrong
            or not _may_keep(whole, request, reply)
        ):
            watch.close()
            return
        size = len(whole) + len(pieces[0]) + len(pieces[1])
        if size > MAX_BYTES // 4:
            watch.close()
            return
        while self._kept and (len(self._kept) >= MAX_ENTRIES or self._bytes + size > MAX_BYTES):
            self._drop(next(iter(self._kept)))
        self._drop(whole)
        self._kept[whole] = ((*pieces, reply.figures), watch)
        self._bytes += size
        watch.on_fire = lambda: self._drop(whole)

    def clear(self) -> None:
        """Forget everything, as a reload must."""
        self.generation += 1
        for whole in list(self._kept):
            self._drop(whole)

    def _drop(self, whole: bytes) -> None:
        found = self._kept.pop(whole, None)
        if found is not None:
            (head, tail, _), watch = found
            self._bytes -= len(whole) + len(head) + len(tail)
            watch.close()


def _may_keep(whole: bytes, request: Request, reply: Reply) -> bool:
    return reply.status == 200 and is_plain_read(whole, request) and not (request.raw_query and _asks_for_more(request))


def is_plain_read(whole: bytes, request: Request) -> bool:
    """Whether these bytes are one request alone, for state that can be watched, without a word on caching."""
    return (
        request.method == "GET"
        and len(whole) <= MAX_REQUEST_BYTES
        and not request.body_size
        and request.url_path.startswith(_WATCHED)
        and "cache-control" not in request.headers
        and whole.endswith(b"\r\n\r\n")
        and whole.count(b"\r\n\r\n") == 1
    )


def _asks_for_more(request: Request) -> bool:
    query = request.query
    if any(query.has(name) for name in _UNKEPT):
        return True
    return query.get("near") == "_ip"  # depends on who asks
