"""One request by HTTP/2 and its answer, both ends in memory: what Go's client sends, takes and complains of."""

from __future__ import annotations

import h2.config
import h2.connection
import h2.events
import pytest
from hpack import Encoder
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, HeadersFrame, PushPromiseFrame, SettingsFrame

from pyconsul.sdk.http1 import ProtocolError
from pyconsul.toolkit.http2_answer import Http2Answer, Unprocessed, request_fault
from pyconsul.toolkit.web_request import request_of

HELLO = SettingsFrame(0).serialize()
Header = tuple[str, str]


class Server:
    """The other end: takes requests and says what a test wants."""

    def __init__(self) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.core = h2.connection.H2Connection(config)
        self.core.initiate_connection()
        self.head: list[Header] = []
        self.body = b""

    def take(self, client: Http2Answer) -> None:
        """All that the client has to say, and what it says to the answer, until it is silent."""
        while sent := client.take_output():
            for event in self.core.receive_data(sent):
                if isinstance(event, h2.events.RequestReceived):
                    self.head = [(str(name), str(value)) for name, value in event.headers or ()]
                elif isinstance(event, h2.events.DataReceived):
                    self.body += event.data or b""
                    self.core.acknowledge_received_data(event.flow_controlled_length or 0, 1)
            client.feed(self.core.data_to_send())


def frames(*parts: Frame) -> bytes:
    """What a server says that begins as it should."""
    return HELLO + b"".join(part.serialize() for part in parts)


def head(*fields: Header, end: bool = False) -> HeadersFrame:
    """The head of an answer."""
    return HeadersFrame(1, data=Encoder().encode(fields), flags=["END_HEADERS", *(["END_STREAM"] if end else [])])


def data(content: bytes, end: bool = False) -> DataFrame:
    """A piece of its body."""
    return DataFrame(1, data=content, flags=["END_STREAM"] if end else [])


def goodbye(last: int, code: int, words: bytes = b"") -> GoAwayFrame:
    """A farewell that tells the last request looked at, and why."""
    return GoAwayFrame(0, last_stream_id=last, error_code=code, additional_data=words)


def read(said: bytes, step: int = 1 << 16) -> tuple[str, bytes, str]:
    """Status line, body, and why there is no more of it, of what comes in pieces before the connection ends."""
    answer, body = Http2Answer(request_of("GET", "https://a.test/")), b""
    try:
        for start in range(0, len(said), step):
            answer.feed(said[start : start + step])
            if answer.has_head:
                body += answer.take_body()
        answer.feed_end()
        return answer.line, body, ""
    except ProtocolError as error:
        return answer.line, body, str(error)


@pytest.mark.parametrize(
    ("method", "url", "headers", "body", "sent"),
    [
        ("GET", "https://a.test/x?y=1", {}, b"", [("accept-encoding", "gzip"), ("user-agent", "Go-http-client/2.0")]),
        (
            "HEAD",
            "https://u:p@a.test/",
            {"User-Agent": ["me"]},
            b"",
            [("authorization", "Basic dTpw"), ("user-agent", "me")],
        ),
        (
            "PUT",
            "https://a.test",
            {"Accept-Encoding": ["x"], "User-Agent": [""]},
            b"",
            [("accept-encoding", "x"), ("content-length", "0")],
        ),
        (
            "POST",
            "https://a.test/",
            {"Range": ["1-"], "X-b": ["1", "2"], "User-Agent": [""], "Connection": ["close"]},
            b"ab",
            [("content-length", "2"), ("range", "1-"), ("x-b", "1"), ("x-b", "2")],
        ),
    ],
)
def test_a_request_has_gos_headers(
    method: str, url: str, headers: dict[str, list[str]], body: bytes, sent: list[Header]
) -> None:
    """Names in lower case, and none that belong to HTTP/1."""
    server, client = Server(), Http2Answer(request_of(method, url, headers, body))
    server.take(client)
    pseudo = [pair for pair in server.head if pair[0].startswith(":")]
    path = url.partition("a.test")[2] or "/"
    assert pseudo == [(":authority", "a.test"), (":method", method), (":path", path), (":scheme", "https")]
    assert (sorted(pair for pair in server.head if pair not in pseudo), server.body) == (sent, body)


def test_a_long_body_goes_out_as_fast_as_the_server_takes_it() -> None:
    """Never more than the window that it opened."""
    server, client = Server(), Http2Answer(request_of("POST", "https://a.test/", {}, b"x" * 300_000))
    server.take(client)
    assert len(server.body) == 300_000


@pytest.mark.parametrize("step", [1, 7, 1 << 16])
@pytest.mark.parametrize(
    ("said", "line", "body"),
    [
        (frames(head((":status", "200")), data(b"a"), data(b"b", end=True)), "200 OK", b"ab"),
        (frames(head((":status", "204"), end=True)), "204 No Content", b""),
        (frames(head((":status", "299")), data(b"a", end=True)), "299 ", b"a"),
        (frames(head((":status", "103")), head((":status", "404"), end=True)), "404 Not Found", b""),
        (frames(head((":status", "200")), data(b"a"), head(("x-trailer", "b"), end=True)), "200 OK", b"a"),
        (frames(goodbye(1, 0), head((":status", "200")), data(b"late", end=True)), "200 OK", b"late"),
        (frames(head((":status", "200"), ("connection", "close")), data(b"a", end=True)), "200 OK", b"a"),
        (HELLO + b"\0\0\1\x63\0\0\0\0\0x" + frames(head((":status", "200"), end=True))[9:], "200 OK", b""),
    ],
)
def test_an_answer_is_read_however_it_is_cut(said: bytes, line: str, body: bytes, step: int) -> None:
    """Interim answers, trailers, unknown frames and a farewell with the answer behind it are no trouble."""
    assert read(said, step) == (line, body, "")


LEFT = "http2: server sent GOAWAY and closed the connection"
BROKEN = "stream error: stream ID 1; PROTOCOL_ERROR; "


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (b"", "unexpected EOF"),
        (b"abc", "unexpected EOF"),
        (HELLO, "unexpected EOF"),
        (b"\0\0\0\0\0\0\0\0\0", "connection error: PROTOCOL_ERROR"),
        (b"SSH-2.0-x\r\n", "http2: frame too large"),
        (HELLO + b"\xff\xff\xff\0\0\0\0\0\1", "http2: frame too large"),
        (HELLO + b"\0\0\1\4\0\0\0\0\0\0", "connection error: FRAME_SIZE_ERROR"),
        (frames(head(("x-a", "b"))), f"{BROKEN}malformed response from server: missing status pseudo header"),
        (
            frames(head((":status", "x"))),
            f"{BROKEN}malformed response from server: malformed non-numeric status pseudo header",
        ),
        (frames(head((":status", "200"), ("X-Up", "b"))), f'{BROKEN}invalid header field name "X-Up"'),
        (frames(head((":status", "200"), ("x-a", "b\nc"))), f'{BROKEN}invalid header field value for "x-a"'),
        (
            frames(PushPromiseFrame(1, promised_stream_id=2, data=b"\x82", flags=["END_HEADERS"])),
            "connection error: PROTOCOL_ERROR",
        ),
        (frames(goodbye(0, 11)), "http2: Transport received GOAWAY from server ErrCode:ENHANCE_YOUR_CALM"),
        (
            frames(goodbye(1, 11, b'"x"')),
            f'{LEFT}; LastStreamID=1, ErrCode=ENHANCE_YOUR_CALM, debug="\\"x\\""',
        ),
        (HELLO + b"\0\0\4\3\0\0\0\0\1\0\0\0\2", "stream error: stream ID 1; INTERNAL_ERROR; received from peer"),
        (
            HELLO + b"\0\0\4\3\0\0\0\0\1\0\0\0\x63",
            "stream error: stream ID 1; unknown error code 0x63; received from peer",
        ),
    ],
)
def test_what_is_no_answer_is_told_in_gos_words(said: bytes, fault: str) -> None:
    """Whose fault it is, and where."""
    assert read(said) == ("", b"", fault)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (frames(head((":status", "200")), data(b"a")), "unexpected EOF"),
        (
            frames(head((":status", "200")), data(b"a")) + b"\0\0\4\3\0\0\0\0\1\0\0\0\2",
            "stream error: stream ID 1; INTERNAL_ERROR; received from peer",
        ),
    ],
)
def test_a_body_that_breaks_off_leaves_what_came(said: bytes, fault: str) -> None:
    """A check has its status by then."""
    assert read(said, 1) == ("200 OK", b"a", fault)


@pytest.mark.parametrize("refusal", [frames(goodbye(0, 0)), HELLO + b"\0\0\4\3\0\0\0\0\1\0\0\0\7"])
def test_a_request_that_was_not_looked_at_may_be_made_again(refusal: bytes) -> None:
    """The server left before it, or refused the stream."""
    answer = Http2Answer(request_of("GET", "https://a.test/"))
    with pytest.raises(Unprocessed):
        answer.feed(refusal)


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        ({"Upgrade": ["x"]}, 'http2: invalid Upgrade request header: ["x"]'),
        ({"Transfer-Encoding": ["gzip"]}, 'http2: invalid Transfer-Encoding request header: ["gzip"]'),
        ({"Connection": ["close", "x"]}, 'http2: invalid Connection request header: ["close" "x"]'),
        ({"Connection": ["Keep-Alive"], "Transfer-Encoding": ["chunked"], "Upgrade": [""]}, ""),
    ],
)
def test_headers_of_a_connection_are_refused(headers: dict[str, list[str]], fault: str) -> None:
    """But for those that only say what goes without saying."""
    assert request_fault(request_of("GET", "https://a.test/", headers)) == fault
