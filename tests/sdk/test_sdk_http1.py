"""HTTP/1.1 without I/O: what is sent, and how answers are cut out of bytes."""

from __future__ import annotations

import io
import ssl
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.primitives.dialing import DialError
from pyconsul.sdk.encode import Encoder, Wire
from pyconsul.sdk.endpoint import Endpoint
from pyconsul.sdk.errors import InvalidArgument
from pyconsul.sdk.http1 import AnswerParser, ProtocolError, reason_of, redirected, request_head
from pyconsul.sdk.settings import Settings

HERE = Endpoint(scheme="http", host="127.0.0.1", port=8500)
SIZED = b"HTTP/1.1 200 OK\r\nX-Consul-Index: 7\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED


def a_wire(method: str = "GET", target: str = "/v1/kv/a", **fields: object) -> Wire:
    """A request for the wire, with what matters to the test."""
    given_fields: dict[str, Any] = {"headers": (), "body": None, "silence": None, **fields}
    return Wire(method, target, **given_fields)


@pytest.mark.parametrize("whole", [SIZED, CHUNKED, INTERIM], ids=["sized", "chunked", "after 100"])
def test_an_answer_is_the_same_however_it_is_cut(whole: bytes) -> None:
    """At every byte the network may cut, the same status and body come out."""
    for cut in range(1, len(whole)):
        parser = AnswerParser("GET")
        parser.feed(whole[:cut])
        if not parser.is_complete:
            parser.feed(whole[cut:])
        assert parser.is_complete
        assert parser.keep_alive
        assert (parser.answer().status, parser.answer().headers.get("content-length", "5")) == (200, "5")


def test_the_body_can_be_taken_in_pieces() -> None:
    """What was taken once does not come again."""
    parser = AnswerParser("GET")
    parser.feed(SIZED[:-2])
    assert parser.has_head
    assert parser.take_body() == b"hel"
    parser.feed(b"lo")
    assert parser.take_body() == b"lo"


def test_a_body_without_length_ends_with_the_connection() -> None:
    """The connection cannot be kept then."""
    parser = AnswerParser("GET")
    parser.feed(b"HTTP/1.1 200 OK\r\n\r\nhello")
    assert not parser.is_complete
    parser.feed_end()
    assert parser.is_complete
    assert not parser.keep_alive
    assert parser.take_body() == b"hello"


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (b"", "EOF"),
        (SIZED[:10], "net/http: HTTP/1.x transport connection broken: unexpected EOF"),
        (SIZED[:20], "net/http: HTTP/1.x transport connection broken: unexpected EOF"),
        (SIZED[:-1], "unexpected EOF"),
        (CHUNKED[:-1], "unexpected EOF"),
        (b"\r\n", 'net/http: HTTP/1.x transport connection broken: malformed HTTP response ""'),
    ],
)
def test_an_answer_that_ends_early_is_an_error(sent: bytes, text: str) -> None:
    """The text is what Go's client says."""
    parser = AnswerParser("GET")
    if sent:
        parser.feed(sent)
    with pytest.raises(ProtocolError, match=f"^{text}$"):
        parser.feed_end()


@pytest.mark.parametrize("cut", [0, len(SIZED)], ids=["in one piece", "in two"])
def test_a_second_answer_is_not_mixed_into_the_first(cut: int) -> None:
    """Nobody asked for it; the connection is not used again."""
    parser = AnswerParser("GET")
    second = b"HTTP/1.1 404 No\r\nContent-Length: 4\r\nX-New: 1\r\n\r\nevil"
    if cut:
        parser.feed(SIZED)
        with pytest.raises(ProtocolError, match="Unsolicited"):
            parser.feed(second)
    else:
        parser.feed(SIZED + second)
        assert not parser.keep_alive
    answer = parser.answer()
    assert (answer.status, answer.body, answer.header("X-New")) == (200, b"hello", "")


def test_an_answer_to_head_has_no_body() -> None:
    """Whatever length it announces."""
    parser = AnswerParser("HEAD")
    parser.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    assert parser.is_complete
    assert parser.take_body() == b""


@pytest.mark.parametrize("headers", [b"Upgrade: x\r\nConnection: Upgrade\r\n", b"", b"Content-Length: 3\r\n"])
def test_a_switch_of_protocols_is_an_answer_without_a_body(headers: bytes) -> None:
    """Nobody asked for one: its status says so, and the connection is of no further use."""
    parser = AnswerParser("GET")
    parser.feed(b"HTTP/1.1 101 Switching Protocols\r\n" + headers + b"\r\nabc")
    assert parser.is_complete
    assert not parser.keep_alive
    assert (parser.answer().status, parser.take_body()) == (101, b"")


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b"hello\r\n", 'malformed HTTP response "hello"'),
        (b"SSH-2.0-OpenSSH_9", 'malformed HTTP response "SSH-2.0-OpenSSH_9"'),
        (b"\x15\x03\x01\xff\n", r'malformed HTTP response "\x15\x03\x01\xff"'),
        (b"hello world\n\n", 'malformed HTTP status code "world"'),
        (b"HTTP/9 200 OK\r\n\r\n", 'malformed HTTP version "HTTP/9"'),
        (b"http/1.1 200 OK\r\n\r\n", 'malformed HTTP version "http/1.1"'),
        (b"HTTP/1.1 abc OK\r\n\r\n", 'malformed HTTP status code "abc"'),
        (b"HTTP/1.1 20 OK\r\n\r\n", 'malformed HTTP status code "20"'),
        (b"HTTP/1.1 200 OK\r\nfoo bar\r\n\r\n", 'malformed MIME header: missing colon: "foo bar"'),
        (b"HTTP/1.1 200 OK\r\n: x\r\n\r\n", 'malformed MIME header line: ": x"'),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n", 'bad Content-Length "-2"'),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
            'http: message cannot contain multiple Content-Length headers; got ["2" "3"]',
        ),
    ],
)
@pytest.mark.parametrize("cut", [0, 3], ids=["in one piece", "in two"])
def test_what_is_no_answer_is_told_in_gos_words(head: bytes, text: str, cut: int) -> None:
    """However it comes, the line that is wrong is shown."""
    parser = AnswerParser("GET")
    with pytest.raises(ProtocolError) as caught:
        for piece in (head[:cut], head[cut:]) if cut and head.startswith(b"HTTP/") else (head,):
            parser.feed(piece)
    assert str(caught.value) == f"net/http: HTTP/1.x transport connection broken: {text}"


def test_a_bad_chunk_is_told_in_gos_words() -> None:
    """The head was fine, so that the connection is not called broken."""
    with pytest.raises(ProtocolError, match=r"^invalid byte in chunk length$"):
        AnswerParser("GET").feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")


def test_endless_headers_are_refused() -> None:
    """A head beyond a mebibyte does not fill the memory."""
    parser = AnswerParser("GET")
    parser.feed(b"HTTP/1.1 200 OK\r\n")
    with pytest.raises(ProtocolError):
        for _ in range(100):
            parser.feed(b"X: " + b"a" * 40_000 + b"\r\n")


PIECES = st.binary(min_size=1, max_size=9) | st.sampled_from(
    [b"HTTP/1.1 200 OK\r\n", b"Content-Length: 5\r\n", b"\r\n", b"hello", b"Transfer-Encoding: chunked\r\n", CHUNKED]
)


@given(st.lists(PIECES, max_size=5))
def test_any_bytes_give_an_answer_or_a_protocol_error(pieces: list[bytes]) -> None:
    """Nothing else can come out of the parser, whatever is fed."""
    parser = AnswerParser("GET")
    try:
        for piece in pieces:
            parser.feed(piece)
        parser.feed_end()
    except ProtocolError:
        return
    assert parser.is_complete


@given(st.integers(min_value=0, max_value=len(CHUNKED) - 1), st.binary(min_size=1, max_size=4))
def test_a_damaged_answer_gives_an_answer_or_a_protocol_error(position: int, damage: bytes) -> None:
    """One overwritten spot in a good answer never escapes as another exception."""
    parser = AnswerParser("GET")
    try:
        parser.feed(CHUNKED[:position] + damage + CHUNKED[position + len(damage) :])
        parser.feed_end()
    except ProtocolError:
        return
    assert parser.is_complete


@pytest.mark.parametrize("raised", [KeyboardInterrupt, MemoryError])
def test_what_is_raised_while_parsing_is_not_the_agents_fault(raised: type[BaseException]) -> None:
    """Ctrl-C may come while the parser calls back; it comes out as itself, not as a malformed answer."""

    class Interrupted(AnswerParser):
        def on_header(self, name: bytes, value: bytes) -> None:
            raise raised

    with pytest.raises(raised):
        Interrupted("GET").feed(SIZED)


def test_a_request_head_is_plain_http() -> None:
    """Host, agent and the given headers; a body has its length."""
    wire = a_wire("PUT", headers=(("X-Consul-Token", "t"),), body=b"abc")
    assert request_head(wire, HERE) == (
        b"PUT /v1/kv/a HTTP/1.1\r\nHost: 127.0.0.1:8500\r\nUser-Agent: py-consul-sdk\r\n"
        b"X-Consul-Token: t\r\nContent-Length: 3\r\n\r\n"
    )


def test_a_put_without_body_says_so() -> None:
    """A server must not wait for a body that never comes."""
    assert b"\r\nContent-Length: 0\r\n" in request_head(a_wire("PUT"), HERE)
    assert b"Content-Length" not in request_head(a_wire("GET"), HERE)


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "a\x7f"])
def test_a_token_cannot_smuggle_headers(token: str) -> None:
    """Control characters in any header are refused before anything is sent, in the words of Go's client."""
    with pytest.raises(InvalidArgument) as caught:
        request_head(a_wire(headers=(("X-Consul-Token", token),)), HERE)
    said = 'Get "http://127.0.0.1:8500/v1/kv/a": net/http: invalid header field value for "X-Consul-Token"'
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        ({"headers": (("X:\n", "a"),)}, "net/http: invalid header field name"),
        ({"target": "/v1/kv/a\r\nX-Evil:1"}, "net/url: invalid control character in URL"),
    ],
)
def test_nothing_else_smuggles_headers_either(wire: dict[str, Any], said: str) -> None:
    """Names of headers and paths that are sent as given."""
    with pytest.raises(InvalidArgument, match=said):
        request_head(a_wire(**wire), HERE)


def test_blanks_around_a_header_are_left_out() -> None:
    """As Go's client does; inside they stay."""
    assert b"\r\nX-Consul-Token: a\tb\r\n" in request_head(a_wire(headers=(("X-Consul-Token", " a\tb "),)), HERE)


@pytest.mark.parametrize(
    ("status", "location", "target"),
    [
        (301, "/v1/kv/a", "/v1/kv/a"),
        (307, "http://127.0.0.1:8500/v1/kv/a", "/v1/kv/a"),
        (303, "/v1/kv/a", "/v1/kv/a"),
        (308, "../a?x=1#part", "/v1/a?x=1"),
        (307, "//127.0.0.1:8500/a//../b", "/a/b"),
        (307, "HTTP://127.0.0.1:8500", "/"),
        (307, "?x=1", "/v1/kv/?x=1"),
        (307, "/a b/\u00e9", "/a%20b/%C3%A9"),
        (300, "/v1/kv/a", None),
        (307, "https://127.0.0.1:8500/v1/kv/a", None),
        (307, "http://u:p@127.0.0.1:8500/v1/kv/a", None),
        (307, "http://[bad", None),
        (302, "http://elsewhere/v1/kv/a", None),
        (302, "//elsewhere/v1/kv/a", None),
        (200, "/v1/kv/a", None),
        (301, "", None),
    ],
)
def test_only_redirections_within_the_agent_are_followed(status: int, location: str, target: str | None) -> None:
    """Wherever they lead from ``/v1/kv/``; the token never goes to another host."""
    wire = a_wire(target="/v1/kv/")
    found = redirected(wire, {"location": location}, status, HERE)
    assert found == (msgspec.structs.replace(wire, target=target) if target else None)


def test_a_write_is_redirected_only_where_the_method_stays() -> None:
    """301 and 302 would turn it into a read."""
    found = [redirected(a_wire("PUT"), {"location": "/x"}, status, HERE) for status in (301, 302, 303)]
    assert found == [None, None, None]
    assert redirected(a_wire("PUT"), {"location": "/x"}, 307, HERE) == a_wire("PUT", target="/x")


def test_a_file_is_not_sent_twice() -> None:
    """What was read of it is gone: as with Go's client the redirection is the answer."""
    assert redirected(a_wire("PUT", body=io.BytesIO(b"x")), {"location": "/x"}, 307, HERE) is None


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionRefusedError(111, "x"), "dial tcp 127.0.0.1:8500: connect: connection refused"),
        (TimeoutError(), "dial tcp 127.0.0.1:8500: i/o timeout"),
        (OSError("Multiple exceptions: Connect call refused"), "dial tcp 127.0.0.1:8500: connect: connection refused"),
        (ProtocolError("EOF"), "EOF"),
        (DialError("dial tcp: lookup h: no such host"), "dial tcp: lookup h: no such host"),
    ],
)
def test_reasons_are_in_gos_words(error: Exception, text: str) -> None:
    """Scripts that grep Consul's errors find the same text."""
    assert reason_of(error, HERE, connecting=True) == text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TimeoutError(), "net/http: TLS handshake timeout"),
        (ConnectionResetError(104, "x"), "read tcp a:1->b:2: read: connection reset by peer"),
        (ConnectionResetError(), "EOF"),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "EOF"),
    ],
)
def test_a_handshake_that_breaks_off_is_told_in_gos_words(error: OSError, text: str) -> None:
    """The connection stood already: it was not the dialling that failed."""
    assert reason_of(error, HERE, connecting=True, link="tcp a:1->b:2") == text


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "remote error: tls: certificate required"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "remote error: tls: bad certificate"),
        ("TLSV1_ALERT_UNKNOWN_CA", "remote error: tls: unknown certificate authority"),
        ("WRONG_VERSION_NUMBER", "http: server gave HTTP response to HTTPS client"),
    ],
)
def test_what_the_other_side_of_tls_refuses_is_in_gos_words(reason: str, text: str) -> None:
    """OpenSSL names the alert, Go describes it."""
    error = ssl.SSLError(1, f"[SSL: {reason}] something")
    error.reason = reason
    assert reason_of(error, HERE, connecting=False) == text


def test_the_encoder_gives_the_url_of_errors() -> None:
    """Scheme, host and target as Consul's client prints them."""
    encoder = Encoder(Settings(address="https://h:1"))
    assert encoder.url(a_wire(target="/v1/kv/a?recurse=")) == "https://h:1/v1/kv/a?recurse="


@pytest.mark.parametrize(("name", "agents"), [("user-agent", ["mine"]), ("X-Agent", ["py-consul-sdk"])])
def test_a_client_has_one_name(name: str, agents: list[str]) -> None:
    """The one that it is given, or that of the library."""
    lines = request_head(a_wire(headers=((name, "mine"),)), HERE).decode().split("\r\n")
    assert [line.partition(": ")[2] for line in lines if line.lower().startswith("user-agent:")] == agents
