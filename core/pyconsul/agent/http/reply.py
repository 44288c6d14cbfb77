"""What a route answers, and how it becomes status, headers and body bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from pyconsul.lang.strconv import to_bytes
from pyconsul.structs import gojson
from pyconsul.structs.wire import BACKEND_BLOCKING, BACKEND_STREAMING, Indexed

if TYPE_CHECKING:
    from pyconsul.agent.http.request import Request
    from pyconsul.agent.http.route_figures import RouteFigures

JSON = "application/json"
FILTERED = {"X-Consul-Results-Filtered-By-Acls": "true"}  # some of what was asked for is not shown
BACKENDS = {BACKEND_BLOCKING: "blocking-query", BACKEND_STREAMING: "streaming"}


class Reply:
    """One answer.

    ``value`` is written as JSON (None as ``null``), ``raw`` as it is, ``stream`` piece by piece; of neither, no body.
    ``meta`` gives the X-Consul-* headers of a read; ``figures`` is where the door counted this answer.
    """

    __slots__ = ("content_type", "figures", "has_body", "headers", "meta", "raw", "status", "stream", "value")

    def __init__(
        self,
        value: Any = None,
        *,
        meta: Indexed | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
        content_type: str = JSON,
        stream: AsyncIterator[bytes] | None = None,
    ) -> None:
        self.value = value
        self.meta = meta
        self.status = status
        self.headers: dict[str, str] = dict(headers) if headers else {}
        self.raw = raw
        self.content_type = content_type
        self.stream = stream
        self.has_body = True
        self.figures: RouteFigures | None = None

    @classmethod
    def nothing(cls, *, headers: Mapping[str, str] | None = None) -> Reply:
        """A success that has nothing to say; its content type follows from the request."""
        return cls(raw=b"", headers=headers, content_type="")

    @classmethod
    def empty(
        cls, status: int = 200, *, meta: Indexed | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """An answer without a body and without a content type."""
        reply = cls(meta=meta, status=status, headers=headers)
        reply.has_body = False
        return reply

    @classmethod
    def text(cls, text: str, status: int = 200, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Plain text."""
        raw = to_bytes(text)
        return cls(raw=raw, status=status, headers=headers, content_type="text/plain; charset=utf-8")

    def body(self, *, pretty: bool) -> bytes:
        """The whole body of a reply that is no stream."""
        if not self.has_body:
            return b""
        if self.raw is not None:
            return self.raw
        return gojson.encode_pretty(self.value) if pretty else gojson.encode(self.value)


def type_of_nothing(req: Request) -> str:
    """The content type of an answer that says nothing.

    Reads, deletions and the UI's own routes give back the type that the request claims, as Consul does.
    """
    if req.method in ("GET", "DELETE") or req.url_path.startswith("/v1/internal"):
        return req.headers.get("content-type") or JSON
    return JSON


def filtered_headers(req: Request, hidden: int) -> dict[str, str]:
    """What tells an asker that something is hidden from it. Those without any token are not told."""
    return dict(FILTERED) if hidden and req.token() else {}


def late_meta(req: Request, meta: Indexed) -> Indexed | None:
    """``meta`` for a 404 whose status Consul writes before the headers of the read.

    They come too late for all but those who take gzip: the compressor still holds the status back for them.
    """
    return meta if req.takes_gzip() else None


def meta_fields(meta: Indexed) -> dict[str, Any]:
    """The meta data of a read for a body: of the few whose struct embeds it in Consul, clients find it there."""
    return {name: getattr(meta, name) for name in Indexed.__struct_fields__}


def meta_headers(meta: Indexed) -> dict[str, str]:
    """The headers of a read's meta data (``wire/blocking.md`` section 3), spelt as Go's server writes them."""
    headers = {
        "X-Consul-Index": str(meta.Index or 1),
        "X-Consul-Knownleader": "true" if meta.KnownLeader else "false",
        "X-Consul-Lastcontact": str(max(meta.LastContact, 0) // 1_000_000),
    }
    if meta.ConsistencyLevel:
        headers["X-Consul-Effective-Consistency"] = meta.ConsistencyLevel
    if backend := BACKENDS.get(meta.Backend, ""):
        headers["X-Consul-Query-Backend"] = backend
    if meta.ResultsFilteredByACLs:
        headers.update(FILTERED)
    return headers
