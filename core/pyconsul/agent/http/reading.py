"""HTTP/1 requests out of bytes, by the rules of the server that Consul stands on (Go's net/http). No I/O in here.

What it takes and what it refuses is theirs to the letter, because clients lean on both: any token is a method, lines
may end in a bare line feed, header lines may be folded, a second equal Content-Length is no harm, an offer to upgrade
is overlooked. Every buffer is bounded: the head by the limit given, a chunk's size line by 4 KiB; bodies pass through.
"""

from __future__ import annotations

from typing import Final

HEAD_SLOP: Final = 4096  # bytes that Go grants above its header limit
MAX_CHUNK_LINE: Final = 4096  # bytes, as in Go
MAX_EXCESS: Final = 16 << 10  # bytes of chunked framing that are too many, as in Go …
_FREE_FRAMING: Final = 16  # … of which each chunk may have so many, and twice its size
MANY_HEADERS: Final = 256  # of more lines only those that somebody reads are kept
_UINT63_DIGITS: Final = 19
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_HOST = frozenset("!$%&'()*+,-.0123456789:;=ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz~")
_HEX = frozenset(b"0123456789abcdefABCDEF")
_LEGAL = bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100)) + b"\t\r\n"
READ_HEADERS = frozenset(
    (
        "accept",
        "accept-encoding",
        "authorization",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "transfer-encoding",
        "user-agent",
        "x-consul-namespace",
        "x-consul-partition",
        "x-consul-token",
        "x-forwarded-for",
    )
)
_NAMES: dict[str, str] = {}  # header names as they came → lower case; those that were found good
_HOSTS: set[str] = set()  # values of Host that were found good
_MAX_NAMES: Final = 1024  # remembered of each; looking one up is five times as fast as checking it


class Refused(Exception):
    """What came is no request; ``status`` and ``reason`` make the status line, ``text`` the body."""

    def __init__(self, status: int = 400, reason: str = "Bad Request", text: str | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.text = f"{status} {reason}" if text is None else text


class BadBody(Exception):
    """The body's framing is broken; the text is Go's."""


class Head:
    """Request line and headers. ``length`` is −1 for a chunked body; header names are lower case, first values win."""

    __slots__ = ("headers", "keep_alive", "length", "method", "minor", "raw_path", "raw_query")

    def __init__(self, method: str, raw_path: str, raw_query: str, minor: int, headers: dict[str, str]) -> None:
        self.method = method
        self.raw_path = raw_path
        self.raw_query = raw_query
        self.minor = minor
        self.headers = headers
        self.length = 0
        self.keep_alive = True


class End:
    """The body is complete."""


END: Final = End()
Event = Head | bytes | End


class RequestReader:
    """Takes bytes as they come; ``next`` gives heads, pieces of bodies and ends, in order."""

    def __init__(self, header_limit: int) -> None:
        self._limit = header_limit + HEAD_SLOP
        self._buffer = bytearray()
        self._searched = 0  # up to here no end of a head was found
        self._first_line_done = False
        self._left: int | None = None  # bytes of the body or chunk to come; None between requests
        self._chunked = False
        self._after_chunk = False
        self._in_trailer = False
        self._excess = 0  # bytes of framing above what its chunks allow

    @property
    def buffered(self) -> int:
        """Bytes taken and not given yet."""
        return len(self._buffer)

    @property
    def between_requests(self) -> bool:
        """Whether nothing of a request is here."""
        return self._left is None and not self._buffer

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._buffer += data

    def next(self) -> Event | None:
        """The next event, or None for want of bytes. Raises Refused for what is no request, BadBody within a body."""
        if self._left is None:
            return self._next_head()
        if self._chunked:
            return self._next_chunk()
        return self._next_piece()

    # The head

    def _next_head(self) -> Head | None:
        buffer = self._buffer
        if not buffer:
            return None
        end, after = self._end_of_head()
        if end < 0:
            if len(buffer) > self._limit:
                raise Refused(431, "Request Header Fields Too Large")
            if not self._first_line_done:
                self._look_at_first_line()
            return None
        if after > self._limit:
            raise Refused(431, "Request Header Fields Too Large")
        raw = bytes(buffer[:end])
        del buffer[:after]
        self._searched = 0
        self._first_line_done = False
        head = parse_head(raw)
        self._chunked = head.length < 0
        self._after_chunk = self._in_trailer = False
        self._excess = 0
        self._left = 0 if self._chunked else head.length
        return head

    def _end_of_head(self) -> tuple[int, int]:
        """Where the last header line ends and where the body begins; −1 and 0 where that is not here yet."""
        buffer, start = self._buffer, self._searched
        at = buffer.find(b"\n\r\n", start)
        bare = buffer.find(b"\n\n", start, len(buffer) if at < 0 else at + 2)
        if bare >= 0:
            return bare, bare + 2
        if at >= 0:
            return at, at + 3
        self._searched = max(0, len(buffer) - 2)
        return -1, 0

    def _look_at_first_line(self) -> None:
        """Refuse what cannot become a request before all of its head came."""
        end = self._buffer.find(b"\n")
        if end >= 0:
            self._first_line_done = True
            _request_line(self._buffer[:end].decode("utf-8", "surrogateescape").removesuffix("\r"))

    # The body

    def _next_piece(self) -> bytes | End | None:
        buffer, left = self._buffer, self._left or 0
        if not left:
            self._left = None
            return END
        if not buffer:
            return None
        piece = bytes(buffer[:left])
        del buffer[:left]
        self._left = left - len(piece)
        return piece

    def _next_chunk(self) -> bytes | End | None:
        if self._left:
            piece = self._next_piece()
            self._after_chunk = True
            return piece
        if self._after_chunk and not self._skip_line_end():
            return None
        while not self._in_trailer:
            line = self._line()
            if line is None:
                return None
            self._left = _chunk_size(line)
            self._weigh(line, self._left)
            if self._left:
                return self._next_chunk()
            self._in_trailer = True
        return self._end_of_trailer()

    def _end_of_trailer(self) -> End | None:
        """END behind the trailer, whose fields nobody reads; None where it is not all here."""
        buffer = self._buffer
        if buffer[:2] == b"\r\n":
            del buffer[:2]
        else:
            end = buffer.find(b"\r\n\r\n", 0, MAX_CHUNK_LINE)
            if end < 0:
                if len(buffer) >= MAX_CHUNK_LINE:
                    raise BadBody("http: suspiciously long trailer after chunked body")
                return None
            _check_trailer(bytes(buffer[:end]).decode("utf-8", "surrogateescape"))
            del buffer[: end + 4]
        self._left = None
        return END

    def _skip_line_end(self) -> bool:
        if len(self._buffer) < 2:
            return False
        if self._buffer[:2] != b"\r\n":
            raise BadBody("malformed chunked encoding")
        del self._buffer[:2]
        self._after_chunk = False
        return True

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n", 0, MAX_CHUNK_LINE)
        if end < 0:
            if len(self._buffer) >= MAX_CHUNK_LINE:
                raise BadBody("header line too long")
            return None
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        mark = line.find(b"\r")
        if mark < 0:
            raise BadBody("chunked line ends with bare LF")
        if mark != end - 1:
            raise BadBody("invalid CR in chunked line")
        return line[:mark]

    def _weigh(self, line: bytes, size: int) -> None:
        """Bound what a chunked body brings beside its bytes, by Go's measure."""
        self._excess = max(0, self._excess + len(line) + 4 - _FREE_FRAMING - 2 * size)
        if self._excess > MAX_EXCESS:
            raise BadBody("chunked encoding contains too much non-data")


def _check_trailer(text: str) -> None:
    for line in text.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n"):
        if ":" not in line:
            raise BadBody(f'malformed MIME header: missing colon: "{line}"')


def _chunk_size(line: bytes) -> int:
    digits = line.rstrip(b" \t").partition(b";")[0]
    if not digits:
        raise BadBody("empty hex number for chunk length")
    if any(c not in _HEX for c in digits):
        raise BadBody("invalid byte in chunk length")
    if len(digits) > 16:
        raise BadBody("http chunk length too large")
    return int(digits, 16)


def parse_head(raw: bytes) -> Head:
    """A head without the empty line that ends it. Raises Refused."""
    if raw.translate(None, _LEGAL):
        raise Refused
    text = raw.decode("ascii") if raw.isascii() else raw.decode("utf-8", "surrogateescape")
    lines = text.removesuffix("\r").split("\r\n")
    breaks = len(lines) - 1
    if text.count("\n") != breaks or text.count("\r", 0, -1) != breaks:
        lines = [line.removesuffix("\r") for line in text.split("\n")]  # some lines end in a bare line feed
        if any("\r" in line for line in lines):
            raise Refused
    method, raw_path, raw_query, major, minor = _request_line(lines[0])
    if "\n " in text or "\n\t" in text:
        lines = _unfolded(lines)
    headers, repeats, strange = _headers(lines)
    head = Head(method, raw_path, raw_query, minor, headers)
    if repeats and len(repeats.get("host", ())) > 1:
        raise Refused
    if "content-length" in headers or "transfer-encoding" in headers:
        head.length = _body_length(head, repeats)
    if major != 1:
        if method == "PRI" and not headers:
            head.minor = 1
            return head
        raise Refused(505, "HTTP Version Not Supported: unsupported protocol version")
    _check_host(head)
    if strange:
        raise Refused(400, "Bad Request: invalid header name")
    head.keep_alive = _keeps_alive(head, repeats)
    return head


def _request_line(line: str) -> tuple[str, str, str, int, int]:
    """Method, escaped path, query, major and minor version."""
    method, _, rest = line.partition(" ")
    target, space, version = rest.partition(" ")
    if not space or not method or (not method.isalpha() and not _TOKEN.issuperset(method)) or not method.isascii():
        raise Refused
    if version == "HTTP/1.1":
        major, minor = 1, 1
    elif len(version) == 8 and version.startswith("HTTP/") and version[6] == "." and version[5::2].isdecimal():
        major, minor = int(version[5]), int(version[7])
    else:
        raise Refused
    raw_path, raw_query = parse_target(method, target)
    return method, raw_path, raw_query, major, minor


def parse_target(method: str, target: str) -> tuple[str, str]:
    """Escaped path and query of a request target; the path is "" where it names none. Raises Refused."""
    if target[:1] == "/" and "\t" not in target:
        path, _, query = target.partition("?")
        return path, query
    if "\t" in target:
        raise Refused
    if method == "CONNECT":
        return "", ""
    if target == "*":
        return "*", ""
    scheme, colon, rest = target.partition(":")
    if not colon or not scheme[:1].isalpha() or not scheme.isascii() or not _is_scheme(scheme):
        raise Refused
    if not rest.startswith("//"):
        path, _, query = rest.partition("?")
        return (path, query) if path.startswith("/") else ("", "")
    rest, _, query = rest[2:].partition("?")
    authority, slash, path = rest.partition("/")
    if not _is_authority(authority):
        raise Refused
    return slash + path, query


def _is_authority(text: str) -> bool:
    """Whether brackets and port are where Go wants them."""
    host = text.rpartition("@")[2]
    start, bracket, port = host.rpartition("]")
    if bracket:
        return start.startswith("[") and (not port or (port[0] == ":" and _is_port(port[1:])))
    _, colon, port = host.rpartition(":")
    return "[" not in host and (not colon or _is_port(port))


def _is_port(text: str) -> bool:
    return text == "" or (text.isascii() and text.isdecimal())


def expects(head: Head) -> bool:
    """Whether the client waits to be asked for its body. Raises Refused for another expectation, as Go does."""
    expected = head.headers.get("expect")
    if not expected:
        return False
    if "100-continue" not in expected.lower().replace(",", " ").split():
        raise Refused(417, "Expectation Failed", "")
    return head.minor > 0


def is_token(text: str) -> bool:
    """Whether it can be a method or the name of a header."""
    return text != "" and _TOKEN.issuperset(text)


def _is_scheme(text: str) -> bool:
    return all(c.isalnum() or c in "+-." for c in text)


def _headers(lines: list[str]) -> tuple[dict[str, str], dict[str, list[str]], bool]:
    """Headers, all values of the repeated ones, and whether a name holds spaces."""
    headers: dict[str, str] = {}
    repeats: dict[str, list[str]] = {}
    strange = False
    many = len(lines) > MANY_HEADERS
    known = _NAMES.get
    del lines[0]
    for line in lines:
        name, colon, value = line.partition(":")
        key = known(name)
        if key is None:
            key = _new_name(name)
            if " " in key:
                strange = True
        if not colon:
            raise Refused
        if key in headers:
            repeats.setdefault(key, [headers[key]]).append(value.strip(" \t"))
        elif not many or key in READ_HEADERS:
            headers[key] = value.strip(" \t")
    return headers, repeats, strange


def _new_name(name: str) -> str:
    """A header name in lower case. Raises Refused; names with spaces pass here, as in Go, and are refused later."""
    if not name or not _TOKEN.issuperset(name.replace(" ", "")):
        raise Refused
    key = name.lower()
    if len(_NAMES) < _MAX_NAMES and len(name) <= 64 and " " not in name:
        _NAMES[name] = key
    return key


def _unfolded(lines: list[str]) -> list[str]:
    """Continuation lines joined to those before them. Raises Refused where there is nothing before them."""
    found = lines[:1]
    for line in lines[1:]:
        if line[:1] in (" ", "\t"):
            if len(found) == 1:
                raise Refused
            found[-1] = f"{found[-1].rstrip()} {line.strip()}"
        else:
            found.append(line)
    return found


def _body_length(head: Head, repeats: dict[str, list[str]]) -> int:
    """Bytes of the body, −1 for a chunked one."""
    headers = head.headers
    lengths = repeats.get("content-length") or ([headers["content-length"]] if "content-length" in headers else [])
    if len(set(lengths)) > 1:
        raise Refused
    length = _declared(lengths[0]) if lengths else 0
    encoding = headers.get("transfer-encoding")
    if encoding is not None and head.minor >= 1:
        if len(repeats.get("transfer-encoding", "x")) > 1 or encoding.lower() != "chunked":
            raise Refused(501, "Not Implemented", "Unsupported transfer encoding")
        return -1
    return length


def _declared(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text[-40:]) >= 1 << 63 or len(text) > 40:
        raise Refused
    return int(text)


def _check_host(head: Head) -> None:
    host = head.headers.get("host")
    if host is None:
        if head.minor >= 1 and head.method != "CONNECT":
            raise Refused(400, "Bad Request: missing required Host header")
    elif host not in _HOSTS:
        if not _HOST.issuperset(host):
            raise Refused(400, "Bad Request: malformed Host header")
        if len(_HOSTS) < _MAX_NAMES and len(host) <= 64:
            _HOSTS.add(host)


def _keeps_alive(head: Head, repeats: dict[str, list[str]]) -> bool:
    connection = head.headers.get("connection")
    if connection is None or connection in ("keep-alive", "Keep-Alive"):
        return head.minor >= 1 or connection is not None
    values = repeats.get("connection", [connection])
    words = {word.strip().lower() for value in values for word in value.split(",")}
    return "close" not in words if head.minor else "keep-alive" in words
