"""Answers of all sorts as Go's HTTP client takes them, or does not."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.sdk.http1 import ProtocolError
from pyconsul.toolkit.web_answer import WebAnswer

BROKEN = "net/http: HTTP/1.x transport connection broken: "
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def read(data: bytes, method: str = "GET", step: int = 1) -> tuple[str, bytes, str]:
    """Status line, body, and why there is no more of it, of what comes in pieces before the connection ends."""
    answer, body = WebAnswer(method), b""
    try:
        for start in range(0, len(data), step):
            answer.feed(data[start : start + step])
            if answer.has_head:
                body += answer.take_body()
            if answer.is_complete:
                break
        else:
            answer.feed_end()
        return answer.line, body, ""
    except ProtocolError as error:
        return answer.line if answer.has_head else "", body, str(error)


@pytest.mark.parametrize(
    ("data", "line", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 OK", b"hi"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhither", "200 OK", b"hi"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "200 OK", b"hi"),
        (b"HTTP/1.1  200  Very well \r\n\r\nhi", "200  Very well ", b"hi"),
        (b"HTTP/1.1 200\r\n\r\nhi", "200", b"hi"),
        (b"HTTP/3.0 200 OK\r\n\r\nhi", "200 OK", b"hi"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", "200 OK", b"hi"),
        (b"HTTP/1.1 200 OK\r\nOdd name : x\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\nhi", "200 OK", b"hi"),
        (b"HTTP/1.1 204 No Content\r\n\r\nhi", "204 No Content", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhi", "200 OK", b"hi"),
        (b"HTTP/1.1 101 Switching\r\n\r\nhi", "101 Switching", b"hi"),
        (b"HTTP/1.1 000 X\r\n\r\nhi", "000 X", b"hi"),
        (CHUNKED + b"2;a=b\r\nhi\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n", "200 OK", b"hi!"),
        (CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n") + b"2\r\nhi\r\n0\r\n\r\n", "200 OK", b"hi"),
    ],
)
@pytest.mark.parametrize("step", [1, 1000])
def test_what_go_takes(data: bytes, line: str, body: bytes, step: int) -> None:
    """Go is lenient with line ends, spaces, versions and what follows an answer."""
    assert read(data, step=step) == (line, body, "")


def test_answers_to_head_have_no_body() -> None:
    """Whatever their headers tell."""
    assert read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HEAD") == ("200 OK", b"", "")


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "EOF"),
        (b"HTTP/1.1 20", f'{BROKEN}malformed HTTP status code "20"'),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", f"{BROKEN}unexpected EOF"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", f"{BROKEN}unexpected EOF"),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", f'{BROKEN}malformed HTTP response ""'),
        (b"220 hello\r\n", f'{BROKEN}malformed HTTP status code "hello"'),
        (b"HTTP/2 200 OK\r\n\r\n", f'{BROKEN}malformed HTTP version "HTTP/2"'),
        (b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", f'{BROKEN}malformed MIME header initial line: " A: b"'),
        (b"HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", f'{BROKEN}malformed MIME header line: "A: \\x01"'),
        (b"HTTP/1.1 200 OK\r\nA(b: c\r\n\r\n", f'{BROKEN}malformed MIME header line: "A(b: c"'),
        (b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", f'{BROKEN}invalid empty Content-Length ""'),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n",
            f'{BROKEN}bad Content-Length "9223372036854775808"',
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            f'{BROKEN}unsupported transfer encoding: "gzip"',
        ),
    ],
)
def test_heads_that_go_does_not_take(data: bytes, fault: str) -> None:
    """There is no status then."""
    assert read(data) == ("", b"", fault)


def test_heads_have_a_limit() -> None:
    """Ten mebibytes, as in Go."""
    data = b"HTTP/1.1 200 OK\r\nA: " + b"x" * (10 << 20) + b"\r\n\r\n"
    assert read(data, step=1 << 16)[2] == f"{BROKEN}net/http: server response headers exceeded 10485760 bytes; aborted"


@pytest.mark.parametrize(
    ("rest", "body", "fault"),
    [
        (b"zz\r\n", b"", "invalid byte in chunk length"),
        (b"2\r\nhiX", b"hi", "unexpected EOF"),
        (b"2\r\nhiXX", b"hi", "malformed chunked encoding"),
        (b"2\nhi", b"", "chunked line ends with bare LF"),
        (b"\r\n", b"", "empty hex number for chunk length"),
        (b"f" * 17 + b"\r\n", b"", "http chunk length too large"),
        (b"2\r\nh", b"h", "unexpected EOF"),
        (b"2\r\nhi\r\n", b"hi", "unexpected EOF"),
        (b"x" * 5000, b"", "header line too long"),
    ],
)
def test_a_body_that_breaks_leaves_the_status(rest: bytes, body: bytes, fault: str) -> None:
    """And what came of it, also where all comes at once."""
    assert read(CHUNKED + rest) == ("200 OK", body, fault)
    answer = WebAnswer("GET")
    answer.feed(CHUNKED + rest)
    assert answer.has_head and answer.status == 200


@given(st.binary(max_size=60), st.integers(1, 60))
def test_any_bytes_are_an_answer_or_a_fault(data: bytes, step: int) -> None:
    """However they are cut into pieces."""
    for start in (b"", b"HTTP/1.1 200 OK\r\n", CHUNKED):
        with contextlib.suppress(ProtocolError):
            read(start + data, step=step)


@pytest.mark.parametrize(
    ("chunks", "body"),
    [
        (b"10\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n", b"x" * 16),
        (b"0000000000000002\r\nhi\r\n0\r\n\r\n", b"hi"),
        (b"1388\r\n" + b"x" * 5000 + b"\r\n0\r\n\r\n", b"x" * 5000),
    ],
)
@pytest.mark.parametrize("step", [1, 10000])
def test_chunks_tell_their_length_in_up_to_sixteen_digits(chunks: bytes, body: bytes, step: int) -> None:
    """Hexadecimal ones; a long chunk may come at once with the next one."""
    assert read(CHUNKED + chunks, step=step) == ("200 OK", body, "")


@pytest.mark.parametrize("step", [1, 10000])
def test_the_first_line_of_a_chunk_has_a_limit(step: int) -> None:
    """Also where its end comes along."""
    data = CHUNKED + b"1;" + b"x" * 5000 + b"\r\nx\r\n0\r\n\r\n"
    assert read(data, step=step) == ("200 OK", b"", "header line too long")


@pytest.mark.parametrize(
    "rest", [b"Content-Length: 2\r\n\r\nhi", b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"]
)
def test_a_whole_answer_stays_so_when_the_connection_ends(rest: bytes) -> None:
    """Nothing more was to come."""
    answer = WebAnswer("GET")
    answer.feed(b"HTTP/1.1 200 OK\r\n" + rest)
    assert (answer.take_body(), answer.is_complete) == (b"hi", True)
    answer.feed_end()


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi", b"2\r\nhi"),
        (b"HTTP/1.1 101 X\r\nContent-Length: 1\r\n\r\nhi", b"hi"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\tContent-Length: 1\r\n\r\nhi", b"hi"),
    ],
)
def test_some_lengths_do_not_count(data: bytes, body: bytes) -> None:
    """In old answers, behind a switch of protocols, in the second line of another header."""
    assert read(data)[1:] == (body, "")


def test_what_is_no_answer_is_refused_with_its_first_line() -> None:
    """A server of mails, say, would wait for ever for what the client says."""
    with pytest.raises(ProtocolError, match="malformed HTTP"):
        WebAnswer("GET").feed(b"220 hello\r\n")
