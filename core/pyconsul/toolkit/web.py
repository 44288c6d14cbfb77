"""Requests to others than agents, as Go's HTTP client makes them: a connection each, redirections followed.

Checks, watch handlers and auth methods stand on it; what fails is told in Go's words, because people grep for them.
"""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from pyconsul.lang.goproxy import Proxy, Tunnel, proxy_for
from pyconsul.lang.gourl import UrlError
from pyconsul.lang.strconv import quote
from pyconsul.primitives.dialing import DialError, joined
from pyconsul.primitives.handshakes import NO_TLS, NO_TLS_BUT_HTTP
from pyconsul.primitives.links import BrokenLink, HandshakeError, Link, Trust, secure
from pyconsul.primitives.tls import client_context
from pyconsul.sdk.http1 import ProtocolError
from pyconsul.toolkit import http2_answer
from pyconsul.toolkit.http2_answer import Http2Answer, Unprocessed
from pyconsul.toolkit.web_answer import WebAnswer
from pyconsul.toolkit.web_request import MAX_REDIRECTS, Request, sending_fault, told

_GZIP: Final = 31  # zlib's window bits for a gzip header and the largest window
_DIAL_PATIENCE: Final = 30.0  # seconds, as Consul's clients have them
_HANDSHAKE_PATIENCE: Final = 10.0
_PIECE_BYTES: Final = 1 << 16
DEADLINE: Final = "context deadline exceeded"
_LONGEST_PAUSE: Final = 1.0  # seconds before a request is made anew that a server did not look at
_REDIRECTIONS: Final = (301, 302, 303, 307, 308)
PROTOCOLS: Final = (http2_answer.ALPN, "http/1.1")  # offered over TLS
SYSTEM: Final = Trust(lambda verify: client_context(verify=verify, protocols=PROTOCOLS))  # its authorities
Parser = WebAnswer | Http2Answer


class WebError(Exception):
    """No answer, or not all of it; the text is Go's."""


class Reply:
    """An answer whose body is read piece by piece. An async context manager; leaving it closes the connection."""

    def __init__(self, link: Link, parser: Parser, deadline: float, *, unzips: bool) -> None:
        self._link = link
        self._parser = parser
        self._deadline = deadline
        self._unzips = unzips and parser.headers.get("content-encoding", "").lower() == "gzip"

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._parser.status

    @property
    def line(self) -> str:
        """The status with its reason, ``404 Not Found``."""
        return self._parser.line

    @property
    def headers(self) -> dict[str, str]:
        """The headers, names in lower case."""
        return self._parser.headers

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces of the body as they come. Raises WebError."""
        pieces = self._pieces()
        async for piece in _unzipped(pieces) if self._unzips else pieces:
            yield piece

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            while True:
                if piece := self._parser.take_body():
                    yield piece
                if self._parser.is_complete:
                    return
                async with asyncio.timeout_at(self._deadline):
                    await _more(self._link, self._parser)
        except TimeoutError:
            what = "Client.Timeout or context cancellation while reading body"
            raise WebError(f"{DEADLINE} ({what})") from None
        except (BrokenLink, ProtocolError) as error:
            raise WebError(str(error)) from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._link.close()


async def _unzipped(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A gzip body of one or more members unpacked, in pieces of bounded size. Raises WebError."""
    member, is_open = zlib.decompressobj(_GZIP), False
    async for left in pieces:
        piece = b""
        while left or len(piece) == _PIECE_BYTES:  # after a full piece zlib may hold more back
            is_open = is_open or bool(left)
            try:
                piece = member.decompress(left, _PIECE_BYTES)
            except zlib.error as error:
                raise WebError(f"gzip: {error}") from None
            yield piece
            left = member.unconsumed_tail or member.unused_data
            if member.eof:
                member, is_open = zlib.decompressobj(_GZIP), False
    if is_open:
        raise WebError("unexpected EOF")


async def ask(
    request: Request,
    *,
    patience: float,
    trust: Trust = SYSTEM,
    name: str = "",
    follow: bool = True,
    unix_path: str = "",
    deadline_text: str = f"{DEADLINE} (Client.Timeout exceeded while awaiting headers)",
) -> Reply:
    """The answer to a request, whose body is still to come; all of it may take ``patience`` seconds.

    ``trust`` and ``name`` are for TLS, as in ``open_link``. Raises WebError with Go's whole sentence.
    """
    deadline = asyncio.get_running_loop().time() + patience
    start, with_body, hops = request, True, 0
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                reply = await _exchange(request, deadline, trust, name, unix_path)
        except TimeoutError:
            raise WebError(told(start.method, request.shown, deadline_text)) from None
        except (DialError, BrokenLink, ProtocolError, WebError) as error:
            raise WebError(told(start.method, request.shown, str(error))) from None
        location = reply.headers.get("location", "")
        if not follow or reply.status not in _REDIRECTIONS or not location:
            return reply
        async with reply:
            with_body = with_body and reply.status in (307, 308)
            try:
                following = request.redirected(reply.status, location, start, with_body=with_body)
            except UrlError as error:
                fault = f"failed to parse Location header {quote(location)}: {error}"
                raise WebError(told(start.method, request.shown, fault)) from None
            hops += 1
            if hops == MAX_REDIRECTS:
                raise WebError(told(start.method, location, f"stopped after {MAX_REDIRECTS} redirects"))
            request = following


async def _exchange(request: Request, deadline: float, trust: Trust, name: str, unix_path: str) -> Reply:
    """One hop, again and again while the server will not look at it. Raises as ``_attempt`` does."""
    pause = 0.0
    while True:
        try:
            return await _attempt(request, deadline, trust, name, unix_path)
        except Unprocessed:
            await asyncio.sleep(pause)
            pause = min(2 * pause + 0.1, _LONGEST_PAUSE)


async def _attempt(request: Request, deadline: float, trust: Trust, name: str, unix_path: str) -> Reply:
    """One hop. Raises DialError, BrokenLink, ProtocolError, WebError."""
    if fault := sending_fault(request):
        raise WebError(fault)
    proxy = None if unix_path else proxy_for(request.url.scheme, *request.address(), os.environ)
    link = await _link(request, trust, name, unix_path, proxy)
    try:
        if link.protocol == http2_answer.ALPN:
            parser = await _asked_by_http2(link, request)
        else:
            parser = await _asked(link, request, proxy)
        while not parser.has_head:
            await _more(link, parser)
    except BaseException:
        link.close()
        raise
    return Reply(link, parser, deadline, unzips=request.unzips)


async def _asked(link: Link, request: Request, proxy: Proxy | None) -> WebAnswer:
    """Send a request by HTTP/1.1; what its answer is read with."""
    parser = WebAnswer(request.method)
    try:
        await link.write(request.head(proxy) + request.body)
    except BrokenLink as error:  # what the peer said before it closed the connection tells more
        await _head_after(link, parser, error)
    return parser


async def _asked_by_http2(link: Link, request: Request) -> Http2Answer:
    if fault := http2_answer.request_fault(request):
        raise WebError(fault)
    parser = Http2Answer(request)
    await link.write(parser.take_output())
    return parser


async def _head_after(link: Link, parser: WebAnswer, failure: BrokenLink) -> None:
    try:
        while not parser.has_head:
            await _more(link, parser)
    except (BrokenLink, ProtocolError):
        if parser.has_begun:
            raise
        raise failure from None


async def _link(request: Request, trust: Trust, name: str, unix_path: str, proxy: Proxy | None) -> Link:
    if unix_path:
        return await Link.to_unix(unix_path)
    host, port = request.address()
    named = request.url.hostname()
    if proxy is None:
        link = await Link.to(host, port, shown="" if named else f":{port}", patience=_DIAL_PATIENCE)
    else:
        link = await _through(proxy, request)
    if request.url.scheme != "https":
        return link
    try:
        async with asyncio.timeout(_HANDSHAKE_PATIENCE):
            await secure(link, host, port, trust, name or named)
    except BaseException as error:
        link.close()
        if isinstance(error, TimeoutError):
            raise WebError("net/http: TLS handshake timeout") from None
        if isinstance(error, HandshakeError) and str(error) == NO_TLS and error.first == b"HTTP/":
            raise WebError(NO_TLS_BUT_HTTP) from None
        raise
    return link


async def _through(proxy: Proxy, request: Request) -> Link:
    """A connection by way of a proxy; for TLS it leads to the host itself. Raises DialError, BrokenLink."""
    with proxy.dialed():
        link = await Link.to(proxy.host, proxy.port, patience=_DIAL_PATIENCE)
    if request.url.scheme != "https":
        return link
    tunnel = Tunnel(proxy, joined(*request.address()))
    try:
        await link.write(tunnel.request)
        while not tunnel.feed(await link.read()):
            pass
    except BaseException:
        link.close()
        raise
    return link


async def _more(link: Link, parser: Parser) -> None:
    try:
        data = await link.read()
    except BrokenLink:
        if parser.has_head or not parser.has_begun:
            raise
        data = b""  # Go's reader of headers loses such an error, and meets the end after it
    if not data:
        parser.feed_end()
        return
    parser.feed(data)
    if isinstance(parser, Http2Answer) and (reaction := parser.take_output()):
        with suppress(BrokenLink):  # what the peer said before it closed the connection tells more
            await link.write(reaction)
