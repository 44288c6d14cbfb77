"""HTTP/1.1 as a client speaks it, without I/O: a request becomes bytes, bytes become an answer.

Both transports stand on it (``streams.py`` for asyncio, ``sockets.py`` for threads), so the two clients cannot
differ in what they send or how they read. The parser is llhttp by way of httptools.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import httptools
import msgspec

from pyconsul.primitives.dialing import DialError, broken_text, dial_text, no_such_host
from pyconsul.primitives.handshakes import NO_TLS_BUT_HTTP, handshake_text
from pyconsul.sdk.encode import Encoder, Wire
from pyconsul.sdk.endpoint import Endpoint
from pyconsul.sdk.errors import InvalidArgument, TransportError
from pyconsul.sdk.request import Answer

if TYPE_CHECKING:
    from pyconsul.lang.goproxy import Proxy

MAX_HEAD_BYTES: Final = 1 << 20  # as large as Consul's own limit for headers
CHUNK_BYTES: Final = 1 << 18
LAST_CHUNK: Final = b"0\r\n\r\n"
_BLANKS: Final = " \t"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # but the tab, and the line feed that parts lines
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_REDIRECTED: Final = (301, 302, 303, 307, 308)
_REDIRECTED_ALIKE: Final = (307, 308)  # method and body stay as they were
SWITCHED: Final = 101  # what follows is another protocol, which nobody asked for: an answer without a body


class ProtocolError(Exception):
    """What came is not HTTP, or ends in the middle; the text is what Go's client says about it."""


def require_reachable(endpoint: Endpoint) -> None:
    """Raise DialError for an address that cannot even be tried."""
    if endpoint.fault:
        raise DialError(endpoint.fault)


def request_head(wire: Wire, endpoint: Endpoint, proxy: Proxy | None = None) -> bytes:
    """The request line and headers; those of plain HTTP tell a ``proxy`` where to send it.

    A body that is a file is announced as chunked. Raises InvalidArgument for control characters, as Go's client does.
    """
    host = endpoint.host_header
    start = "" if proxy is None or endpoint.is_secure else f"http://{host}"
    lines = [f"{wire.method} {start}{wire.target} HTTP/1.1", f"Host: {host}"]
    if not any(name.lower() == "user-agent" for name, _ in wire.headers):
        lines.append("User-Agent: py-consul-sdk")
    if start and proxy is not None:
        lines += proxy.headers
    lines += [f"{name}: {value.strip(_BLANKS)}" for name, value in wire.headers]
    if isinstance(wire.body, bytes):
        lines.append(f"Content-Length: {len(wire.body)}")
    elif wire.body is not None:
        lines.append("Transfer-Encoding: chunked")
    elif wire.method not in ("GET", "HEAD", "DELETE"):
        lines.append("Content-Length: 0")
    text = "\n".join(lines)
    if _CONTROL.search(text) or text.count("\n") != len(lines) - 1:
        raise InvalidArgument(f'{wire.method.capitalize()} "{endpoint.url}{wire.target}": {_refusal(wire)}')
    return text.replace("\n", "\r\n").encode("utf-8", "surrogateescape") + b"\r\n\r\n"


def _refusal(wire: Wire) -> str:
    """Which part of a request cannot be sent."""
    for name, value in wire.headers:
        if not _HEADER_NAME.fullmatch(name):
            return f'net/http: invalid header field name "{name}"'
        if _CONTROL.search(value) or "\n" in value:
            return f'net/http: invalid header field value for "{name}"'
    return "net/url: invalid control character in URL"


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; ``data`` is not empty."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@lru_cache(maxsize=256)
def _lower(name: bytes) -> str:
    return name.decode("latin-1").lower()


class AnswerParser:
    """Reads one answer. Feed it bytes; look at ``has_head``, ``is_complete``, and take the body."""

    def __init__(self, method: str) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.has_head = False
        self.is_complete = False
        self.keep_alive = False
        self.has_begun = False
        self._is_head_request = method == "HEAD"
        self._head_bytes = 0
        self._head = bytearray()  # what has come of a head that is not whole, kept for the words of errors
        self._chunks: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)
        self._is_over = False

    def feed(self, data: bytes | memoryview) -> None:
        """Take bytes as they come; what is kept of them is copied.

        Raises ProtocolError for what is not HTTP or comes after the end.
        """
        self.has_begun = True
        if self.is_complete:
            raise ProtocolError("Unsolicited response received on idle HTTP channel")
        if not self.has_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES + CHUNK_BYTES:
                raise ProtocolError("net/http: server response headers exceeded 1048576 bytes; aborted")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            # raised in a method of ours, not by the parser: Ctrl-C most likely, for which the agent cannot help
            raise error.__context__ or error from None
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.is_complete:  # after the end, the rest belongs to nobody
                raise ProtocolError(self._fault(data, error)) from error
            self.keep_alive = False
        if not self.has_head:
            self._head += data

    def _fault(self, data: bytes | memoryview, error: Exception) -> str:
        if self.has_head:
            return "invalid byte in chunk length" if "chunk size" in str(error) else str(error)
        from pyconsul.sdk.answer_faults import BROKEN, head_fault

        return head_fault(bytes(self._head + data)) or f"{BROKEN}malformed HTTP response: {error}"

    def feed_end(self) -> None:
        """The agent closed the connection. Raises ProtocolError unless that ends the answer properly."""
        if self.is_complete:
            return
        if not self.has_begun:
            raise ProtocolError("EOF")
        if not self.has_head:
            from pyconsul.sdk.answer_faults import BROKEN, head_fault

            said = bytes(self._head) if b"\n" in self._head else b""
            raise ProtocolError((said and head_fault(said)) or f"{BROKEN}unexpected EOF")
        if "content-length" in self.headers or "transfer-encoding" in self.headers:
            raise ProtocolError("unexpected EOF")
        self.is_complete = True
        self.keep_alive = False

    def take_body(self) -> bytes:
        """What has come of the body since the last call."""
        data = b"".join(self._chunks) if len(self._chunks) != 1 else self._chunks[0]
        self._chunks.clear()
        return data

    def answer(self) -> Answer:
        """The complete answer."""
        return Answer(self.status, self.headers, self.take_body())

    def on_message_begin(self) -> None:
        """Called by httptools; what comes after our answer is nobody's and must not be mixed into it."""
        if self.is_complete:
            self._is_over = True
            self.keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by httptools."""
        if self._is_over:
            return
        self.headers[_lower(name)] = value.decode("utf-8", "replace")

    def on_headers_complete(self) -> None:
        """Called by httptools."""
        if self._is_over:
            return
        self.status = self._parser.get_status_code()
        self.keep_alive = self._parser.should_keep_alive()
        if self.status == SWITCHED:
            self.has_head = self.is_complete = self._is_over = True
            self.keep_alive = False
        elif self.status >= 200:
            self.has_head = True
            self.is_complete = self._is_head_request

    def on_body(self, body: bytes) -> None:
        """Called by httptools."""
        if not self._is_over:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """Called by httptools; an interim answer (1xx) does not count."""
        if self._is_over:
            return
        if self.status < 200:
            self.headers.clear()
        else:
            self.is_complete = True


def was_closed_before(wire: Wire, parser: AnswerParser, error: BaseException) -> bool:
    """Whether a kept connection was closed by the agent before it took the request, which can safely go again then.

    An agent that keeps silent has taken it.
    """
    return wire.method == "GET" and not parser.has_begun and not isinstance(error, TimeoutError)


def redirected(wire: Wire, headers: Mapping[str, str], status: int, endpoint: Endpoint) -> Wire | None:
    """The request to send instead, None when the answer is no redirection within the same agent.

    Consul cleans unclean paths this way (``//``, ``..``). A redirection to another host is left to the caller, and
    one that makes a read of a write, or asks for the body of a file a second time.
    """
    location = headers.get("location", "")
    is_read = wire.method in ("GET", "HEAD")
    if not location or status not in (_REDIRECTED if is_read else _REDIRECTED_ALIKE):
        return None
    if wire.body is not None and not isinstance(wire.body, bytes):
        return None
    from pyconsul.lang import gourl

    try:
        asked = gourl.parse_request_uri(wire.target)
        here = msgspec.structs.replace(asked, scheme=endpoint.scheme, host=endpoint.shown)
        there = gourl.resolve(here, gourl.parse(location, strict_colons=False))
    except gourl.UrlError:
        return None
    if (there.scheme, there.host, there.user) != (here.scheme, here.host, None):
        return None
    query = f"?{there.query}" if there.query or there.force_query else ""
    return msgspec.structs.replace(wire, target=(there.escaped_path() or "/") + query)


def failure(
    encoder: Encoder, wire: Wire, error: BaseException, link: str, *, connecting: bool = False, in_body: bool = False
) -> TransportError:
    """The error of a request that got no answer, or only some of it; ``link`` as for ``reason_of``."""
    endpoint = encoder.endpoint
    return TransportError(
        wire.method,
        encoder.url(wire),
        endpoint.unix_path or endpoint.authority,
        reason_of(error, endpoint, connecting=connecting, link=link),
        sent=not connecting,
        in_body=in_body,
        timed_out=isinstance(error, TimeoutError) and not error.errno,
    )


def reason_of(error: BaseException, endpoint: Endpoint, *, connecting: bool, link: str = "") -> str:
    """Why there is no answer, in the words of Go's client: ``dial tcp 127.0.0.1:1: connect: connection refused``.

    ``link`` is what ``dialing.connect`` calls the connection; "" while there is none.
    """
    if isinstance(error, ProtocolError | DialError):
        return str(error)
    if isinstance(error, TimeoutError) and not error.errno:
        return _impatience(endpoint, connecting=connecting, link=link)
    network = "unix" if endpoint.unix_path else "tcp"
    where = endpoint.unix_path or endpoint.authority
    if not isinstance(error, OSError):
        return f"{'dial' if connecting else 'read'} {network} {where}: {error}"
    if type(error).__name__ == "gaierror":
        return f"dial tcp: {no_such_host(endpoint.host)}"
    if type(error).__module__ == "ssl":
        return handshake_text(error, no_tls=NO_TLS_BUT_HTTP)
    if connecting and not link:
        return dial_text(network, where, _numbered(error))
    # asyncio has no number for a connection that ends in the middle of a handshake
    return broken_text(link or f"{network} {where}", error) if error.errno else "EOF"


def _impatience(endpoint: Endpoint, *, connecting: bool, link: str) -> str:
    if not connecting:
        return "context deadline exceeded (Client.Timeout exceeded)"
    if link:
        return "net/http: TLS handshake timeout"
    where = f"unix {endpoint.unix_path}" if endpoint.unix_path else f"tcp {endpoint.authority}"
    return f"dial {where}: i/o timeout"


def _numbered(error: OSError) -> OSError:
    """The error with the system's number, which is missing where Python or asyncio made up a text of its own."""
    if error.errno:
        return error
    # "Multiple exceptions: …" tells of several attempts, of which the first counts; else a path is too long
    return OSError(errno.ECONNREFUSED if "refused" in str(error) else errno.EINVAL, str(error))
