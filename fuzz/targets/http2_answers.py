"""HTTP/2 answers to checks: the same status and body however the bytes are cut, or an error; never more than came."""

from __future__ import annotations

import h2.config
import h2.connection
from answers import read_whole_and_in_pieces

from pyconsul.toolkit.http2_answer import Http2Answer
from pyconsul.toolkit.web_request import request_of

REQUEST = request_of("PUT", "https://a.test/", {}, b"x" * 70_000)


def _answered(*pieces: bytes, trailers: bool = False, goodbye: bool = False) -> bytes:
    """What a server says."""
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    server.initiate_connection()
    server.receive_data(Http2Answer(REQUEST).take_output())
    server.send_headers(1, [(":status", "103")])
    server.send_headers(1, [(":status", "200"), ("content-type", "text/plain")], end_stream=not pieces and not trailers)
    for piece in pieces:
        server.send_data(1, piece, end_stream=piece is pieces[-1] and not trailers)
    if trailers:
        server.send_headers(1, [("x-trailer", "y")], end_stream=True)
    if goodbye:
        server.close_connection(11, b"calm")
    return server.data_to_send()


SEEDS = [_answered(), _answered(b"hello", b"", b"again"), _answered(b"hello", trailers=True), _answered(goodbye=True)]
TOKENS = [
    b"\0\0\0\x04\1\0\0\0\0",  # SETTINGS, acknowledged
    b"\0\0\6\x04\0\0\0\0\0\0\4\0\0\0\0",  # SETTINGS with a window of nothing
    b"\0\0\4\x08\0\0\0\0\0\0\0\xff\xff",  # WINDOW_UPDATE of the connection
    b"\0\0\4\x08\0\0\0\0\1\0\0\0\1",
    b"\0\0\4\x03\0\0\0\0\1\0\0\0\7",  # RST_STREAM
    b"\0\0\x08\x06\0\0\0\0\0abcdefgh",  # PING
    b"\0\0\x08\x07\0\0\0\0\0\0\0\0\1\0\0\0\0",  # GOAWAY
    b"\0\0\1\0\1\0\0\0\1x",  # DATA, the end
    b"\0\0\1\x01\5\0\0\0\1\x88",  # HEADERS with a status and nothing else
    b"\0\0\5\x05\4\0\0\0\1\0\0\0\2\x82",  # PUSH_PROMISE
    b"\xff\xff\xff",
]


def run(data: bytes) -> None:
    """Read whole, and in small pieces."""
    read_whole_and_in_pieces(lambda: Http2Answer(REQUEST), data)
