"""Heads of HTTP/1 requests, by the rules of the server that Consul stands on (Go's net/http). No I/O in here.

What it takes and what it refuses is theirs to the letter, because clients lean on both: any token is a method, lines
may end in a bare line feed, header lines may be folded, a second equal Content-Length is no harm, an offer to upgrade
is overlooked.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Final

MANY_HEADERS: Final = 256  # of more lines only those that somebody reads are kept
LINES: Final = 128  # header lines that are read at a time
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-zA-Z]++")
_HOST: Final = re.compile(r"[!$%&'()*+,\-.0-9:;=A-Z\[\]_a-z~]*+")
_LEGAL = bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100)) + b"\t\r\n"
# Those that somebody reads, here or in a route; a test looks for others.
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
_FOLD: Final = re.compile(r"\n[ \t]++")
_NAMES: dict[str, str] = {}  # header names as they came → lower case; those that were found good
_HOSTS: set[str] = set()  # values of Host that were found good
MOST_REMEMBERED: Final = 4096  # bytes of a connection's last headers
_MAX_NAMES: Final = 1024  # remembered of each; looking one up is five times as fast as checking it


class Refused(Exception):
    """What came is no request; ``status`` and ``reason`` make the status line, ``text`` the body."""

    def __init__(self, status: int = 400, reason: str = "Bad Request", text: str | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.text = f"{status} {reason}" if text is None else text


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


def head_steps(raw: bytes) -> Generator[None, None, Head]:
    """Read a head without the empty line that ends it, some lines at a time; returns it. Raises Refused."""
    if raw.translate(None, _LEGAL):
        raise Refused
    text = raw.decode("ascii") if raw.isascii() else raw.decode("utf-8", "surrogateescape")
    text = text.removesuffix("\r").replace("\r\n", "\n")  # some lines may end in a bare line feed
    if "\r" in text:
        raise Refused
    method, raw_path, raw_query, major, minor = request_line(text.partition("\n")[0])
    lines = _Lines(text)
    while lines.read(LINES):
        yield
    headers, repeats = lines.headers, lines.repeats
    head = Head(method, raw_path, raw_query, minor, headers)
    if repeats and len(repeats.get("host", ())) > 1:
        raise Refused
    if "content-length" in headers or "transfer-encoding" in headers:
        head.length = _body_length(headers, repeats, knows_chunks=(major, minor) >= (1, 1))
    # So far Go's reader refuses, from here on its server: clients see by the status which of the two came first.
    if major != 1:
        if method == "PRI" and not headers:  # HTTP/2's greeting, which Go takes for a request, of ``*``
            head.minor = 1
            return head
        raise Refused(505, "HTTP Version Not Supported: unsupported protocol version")
    _check_host(head)
    if lines.strange:
        raise Refused(400, "Bad Request: invalid header name")
    head.keep_alive = _keeps_alive(head, repeats)
    return head


class HeadMemory:
    """The last head of a connection: clients repeat their headers, and what is the same need not be read again.

    With five headers that saves a fifth of the work of a small read.
    """

    __slots__ = ("_headers", "_keep_alive", "_length", "_tail", "_version")

    def __init__(self) -> None:
        self._tail = b""  # from the space before the version on
        self._version = ""
        self._headers: dict[str, str] = {}
        self._length = 0
        self._keep_alive = True

    def keep(self, raw: bytes, head: Head) -> None:
        """Remember a head that was read without a complaint."""
        tail = raw[raw.rfind(b" ", 0, raw.find(b"\n")) :]
        # Without a Host it depends on the method whether a head is good.
        self._tail = tail if "host" in head.headers and len(tail) <= MOST_REMEMBERED else b""
        self._version = tail[: tail.find(b"\n")].decode().removesuffix("\r")
        self._headers, self._length, self._keep_alive = head.headers, head.length, head.keep_alive

    def again(self, raw: bytes) -> Head | None:
        """The head, if only its method and target are new; None where it has to be read. Raises Refused."""
        tail = self._tail
        if not tail or not raw.endswith(tail):
            return None
        start = raw[: -len(tail)]
        if b"\n" in start:  # the tail is only the end of somebody's header
            return None
        if b"\r" in start or start.translate(None, _LEGAL):
            raise Refused
        line = start.decode("utf-8", "surrogateescape") + self._version
        method, raw_path, raw_query, _, minor = request_line(line)
        head = Head(method, raw_path, raw_query, minor, self._headers)
        head.length, head.keep_alive = self._length, self._keep_alive
        return head


def request_line(line: str) -> tuple[str, str, str, int, int]:
    """Method, escaped path, query, major and minor version."""
    method, _, rest = line.partition(" ")
    target, space, version = rest.partition(" ")
    if not space or not method or not is_token(method):
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
    return _TOKEN.fullmatch(text) is not None


def _is_scheme(text: str) -> bool:
    return all(c.isalnum() or c in "+-." for c in text)


class _Lines:
    """The header lines of a head: headers, all values of the repeated ones, and whether a name holds spaces."""

    def __init__(self, text: str) -> None:
        self.headers: dict[str, str] = {}
        self.repeats: dict[str, list[str]] = {}
        self.strange = False
        lines = _unfolded(text) if "\n " in text or "\n\t" in text else text.split("\n")
        self._many = len(lines) > MANY_HEADERS
        self._lines = lines
        self._at = 1

    def read(self, count: int) -> bool:
        """Read so many lines; whether there are more. Raises Refused."""
        headers, repeats, many = self.headers, self.repeats, self._many
        known = _NAMES.get
        end = self._at + count
        for line in self._lines[self._at : end]:
            name, colon, value = (line if "\0" not in line else _joined(line)).partition(":")
            key = known(name)
            if key is None:
                key = _new_name(name)
                if " " in key:
                    self.strange = True
            if not colon:
                raise Refused
            if key in headers:
                repeats.setdefault(key, [headers[key]]).append(value.strip(" \t"))
            elif not many or key in READ_HEADERS:
                headers[key] = value.strip(" \t")
        self._at = end
        return end < len(self._lines)


def _new_name(name: str) -> str:
    """A header name in lower case. Raises Refused; names with spaces pass here, as in Go, and are refused later."""
    if not name or (name.strip(" ") and not is_token(name.replace(" ", ""))):
        raise Refused
    key = name.lower()
    if len(_NAMES) < _MAX_NAMES and len(name) <= 64 and " " not in name:
        _NAMES[name] = key
    return key


def _unfolded(text: str) -> list[str]:
    """Lines, continuations joined to those before them by NUL, which no head can hold (``_LEGAL``).

    Raises Refused where there is nothing before them.
    """
    first, _, rest = text.partition("\n")
    if rest.startswith((" ", "\t")):
        raise Refused
    return [first, *_FOLD.sub("\0", rest).split("\n")]


def _joined(line: str) -> str:
    return " ".join(part.strip(" \t") for part in line.split("\0"))


def _body_length(headers: dict[str, str], repeats: dict[str, list[str]], *, knows_chunks: bool) -> int:
    """Bytes of the body, −1 for a chunked one, where a declared length does not count but must be one."""
    encoding = headers.get("transfer-encoding") if knows_chunks else None
    if encoding is not None and (len(repeats.get("transfer-encoding", "x")) > 1 or encoding.lower() != "chunked"):
        raise Refused(501, "Not Implemented", "Unsupported transfer encoding")
    lengths = repeats.get("content-length") or ([headers["content-length"]] if "content-length" in headers else [])
    if len(set(lengths)) > 1:
        raise Refused
    length = _declared(lengths[0]) if lengths else 0
    return length if encoding is None else -1


def _declared(text: str) -> int:
    # The length first: Python reads numbers in quadratic time, and refuses very long ones in words of its own.
    if not text.isascii() or not text.isdecimal() or len(text) > 40 or int(text) >= 1 << 63:
        raise Refused
    return int(text)


def _check_host(head: Head) -> None:
    host = head.headers.get("host")
    if host is None:
        if head.minor >= 1 and head.method != "CONNECT":
            raise Refused(400, "Bad Request: missing required Host header")
    elif host not in _HOSTS:
        if _HOST.fullmatch(host) is None:
            raise Refused(400, "Bad Request: malformed Host header")
        if len(_HOSTS) < _MAX_NAMES and len(host) <= 64:
            _HOSTS.add(host)


def _keeps_alive(head: Head, repeats: dict[str, list[str]]) -> bool:
    connection = head.headers.get("connection")
    if connection is None or connection in ("keep-alive", "Keep-Alive"):
        return head.minor >= 1 or connection is not None
    values = ",".join(repeats.get("connection", [connection]))
    words = set(map(str.strip, values.lower().split(",")))
    return "close" not in words if head.minor else "keep-alive" in words  # HTTP/1.0: whatever else stands there
