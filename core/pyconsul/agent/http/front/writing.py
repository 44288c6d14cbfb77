"""Replies as bytes: status line, headers, framing. No I/O in here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pyconsul.agent.http.front.heads import Refused
from pyconsul.agent.http.reply import Reply
from pyconsul.lang.gohttp import status_text

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
_TOO_MANY: Final = b"Your IP is issuing too many concurrent connections, please rate limit your calls\n"
TOO_MANY_CONNECTIONS: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
    % (len(_TOO_MANY), _TOO_MANY)
)


def fields(reply: Reply, headers: Mapping[str, str], length: int | None, *, gzip: bool) -> list[tuple[str, str]]:
    """The headers that a reply has in any version of HTTP, but for its Date."""
    found = list(headers.items())
    if reply.has_body and "Content-Type" not in headers:
        found.insert(0, ("Content-Type", reply.content_type))
    if gzip:
        found.append(("Content-Encoding", "gzip"))
    if length is not None:
        found.append(("Content-Length", str(length)))
    return found


def head(
    reply: Reply, headers: Mapping[str, str], length: int | None, *, gzip: bool, keep_alive: bool, minor: int
) -> tuple[bytes, bytes]:
    """Status line and headers, cut where the Date line goes.

    ``length`` None is a stream: in chunks, or for a client of HTTP/1.0 until the connection closes.
    """
    lines = [f"HTTP/1.{'1' if minor else '0'} {reply.status} {status_text(reply.status)}"]
    lines.extend(f"{name}: {value}" for name, value in fields(reply, headers, length, gzip=gzip))
    if length is None and minor:
        lines.append("Transfer-Encoding: chunked")
    if not keep_alive and minor:
        lines.append("Connection: close")
    elif keep_alive and not minor:
        lines.append("Connection: keep-alive")
    text = "\r\n".join(one_line(line) for line in lines) + "\r\n"
    return text.encode("utf-8", "surrogateescape"), b"\r\n"


def one_line(line: str) -> str:
    """A header that cannot become two, whatever somebody's key or name holds."""
    return line if "\n" not in line and "\r" not in line else line.replace("\r", " ").replace("\n", " ")


def chunk(piece: bytes) -> bytes:
    """A piece of a stream in chunked framing."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def refusal(refused: Refused, date: bytes, minor: int) -> bytes:
    """The whole answer to what is no request, after which the connection ends; ``date`` is a header line.

    Those with a text are written by Go's server itself, past all that gives a reply its Date and its length.
    """
    if not refused.text:
        line = f"HTTP/1.{'1' if minor else '0'} {refused.status} {refused.reason}\r\n"
        return line.encode() + b"Connection: close\r\n" + date + b"Content-Length: 0\r\n\r\n"
    line = f"HTTP/1.1 {refused.status} {refused.reason}\r\n"
    kind = "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    return (line + kind + refused.text).encode()
