"""HTTP requests out of bytes: the same ones however the bytes are cut, or a refusal; buffers stay bounded."""

from __future__ import annotations

from pyconsul.agent.http.front.heads import Head, Refused
from pyconsul.agent.http.front.reading import BadBody, End, RequestReader

LIMIT = 1024
SEEDS = [
    b"GET /v1/kv/a?raw HTTP/1.1\r\nHost: x\r\nX-Consul-Token: t\r\nConnection: close, a\r\n\r\n",
    b"PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcdeGET / HTTP/1.0\n\n",
    b"PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\nExpect: 100-continue\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET http://h:1/a?b#c HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
]
TOKENS = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b"\0",
    b"\xff",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: y\r\n",
    b"HTTP/1.1",
    b"ffffffffffffffff",
    b"-1",
]


def read(pieces: list[bytes]) -> list[object]:
    """What comes of these pieces, with bodies joined."""
    reader = RequestReader(LIMIT)
    found: list[object] = []
    body = b""
    try:
        for piece in pieces:
            reader.feed(piece)
            while (event := reader.next()) is not None:
                if isinstance(event, Head):
                    assert event.method and event.length >= -1
                    found.append((event.method, event.raw_path, event.raw_query, event.length, event.keep_alive))
                elif isinstance(event, End):
                    found.append(body)
                    body = b""
                else:
                    body += event
            assert reader.buffered <= max(LIMIT + 4096, 4096) + len(piece)
    except Refused as refused:
        found.append(refused.status)
    except BadBody:
        found.append("broken")
    return found


def run(data: bytes) -> None:
    """Read whole, and in small pieces."""
    step = 1 + len(data) % 7
    assert read([data]) == read([data[at : at + step] for at in range(0, len(data), step)])
