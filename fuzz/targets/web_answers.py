"""HTTP answers to checks: the same status and body however the bytes are cut, or an error; never more than came."""

from __future__ import annotations

from pyconsul.sdk.http1 import ProtocolError
from pyconsul.toolkit.web_answer import WebAnswer

SEEDS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 Not Found\nA: b\n c\n\nuntil the end",
    b"HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\nmore",
]
TOKENS = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b":",
    b"\0",
    b"\xff",
    b"0\r\n\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip\r\n",
    b"HTTP/1.1 101 \r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"-1",
]


def read(pieces: list[bytes]) -> tuple[int, str, bytes, bool]:
    """Status, line and body of these pieces, and whether that was all."""
    answer = WebAnswer("GET")
    body = b""
    try:
        for piece in pieces:
            answer.feed(piece)
            body += answer.take_body() if answer.has_head else b""
            if answer.is_complete:
                break
        else:
            answer.feed_end()
    except ProtocolError as error:
        assert str(error)
        return answer.status, answer.line, body, False
    return answer.status, answer.line, body, answer.is_complete


def run(data: bytes) -> None:
    """Read whole, and in small pieces."""
    step = 1 + len(data) % 7
    whole = read([data])
    assert whole == read([data[at : at + step] for at in range(0, len(data), step)])
    assert len(whole[2]) <= len(data)
