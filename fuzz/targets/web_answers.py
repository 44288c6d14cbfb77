"""HTTP answers to checks: the same status and body however the bytes are cut, or an error; never more than came."""

from __future__ import annotations

from answers import read_whole_and_in_pieces

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


def run(data: bytes) -> None:
    """Read whole, and in small pieces."""
    read_whole_and_in_pieces(lambda: WebAnswer("GET"), data)
