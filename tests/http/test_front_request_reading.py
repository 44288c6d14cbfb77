"""Requests out of bytes: what Go's server takes is taken, what it refuses is refused in its words."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyconsul.agent.http.front import heads
from pyconsul.agent.http.front.heads import MANY_HEADERS, Head, Refused, expects
from pyconsul.agent.http.front.reading import END, BadBody, Event, RequestReader

LIMIT = 1 << 16


def events_of(*pieces: bytes) -> list[Event]:
    """All events that come of these bytes, whole or in pieces."""
    reader = RequestReader(LIMIT)
    found: list[Event] = []
    for piece in pieces:
        reader.feed(piece)
        for events in turns_of(reader):
            found += events
    return found


def turns_of(reader: RequestReader) -> Iterator[list[Event]]:
    """The events of each turn, until there is nothing more to do."""
    while True:
        reader.begin_turn()
        yield list(iter(reader.next, None))
        if not reader.has_more:
            return


def head_of(data: bytes) -> Head:
    """The head of one request."""
    head = events_of(data)[0]
    assert isinstance(head, Head)
    return head


def body_of(data: bytes) -> bytes:
    """The whole body of one request."""
    events = events_of(data)
    assert events[-1] is END
    return b"".join(event for event in events if isinstance(event, bytes))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", ("GET", "/a", "b=c", 1)),
        (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", ("get", "/", "", 1)),
        (b"FOO-BAR / HTTP/1.2\nHost: x\n\n", ("FOO-BAR", "/", "", 2)),
        (b"GET / HTTP/1.0\r\n\r\n", ("GET", "/", "", 0)),
        (b"GET http://h:1/a?b HTTP/1.1\r\nHost: x\r\n\r\n", ("GET", "/a", "b", 1)),
        (b"GET http://h?b=/c HTTP/1.1\r\nHost: x\r\n\r\n", ("GET", "", "b=/c", 1)),
        (b"GET http:/a?b HTTP/1.1\r\nHost: x\r\n\r\n", ("GET", "/a", "b", 1)),
        (b"GET http://u:p@[::1]:80/a HTTP/1.1\r\nHost: x\r\n\r\n", ("GET", "/a", "", 1)),
        (b"GET http://h:/a HTTP/1.1\r\nHost: x\r\n\r\n", ("GET", "/a", "", 1)),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", ("OPTIONS", "*", "", 1)),
        (b"CONNECT h:1 HTTP/1.1\r\nHost: x\r\n\r\n", ("CONNECT", "", "", 1)),
        (b"GET /\xc3\xa4\xff HTTP/1.1\r\nHost: x\r\n\r\n", ("GET", "/ä\udcff", "", 1)),
    ],
)
def test_request_lines_that_are_taken(data: bytes, expected: tuple[str, str, str, int]) -> None:
    """Any token is a method, any target form a target; bytes that are no UTF-8 survive as surrogates."""
    head = head_of(data)
    assert (head.method, head.raw_path, head.raw_query, head.minor) == expected


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"GET /\r\n\r\n", 400, "Bad Request"),
        (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "Bad Request"),
        (b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "Bad Request"),
        (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "Bad Request"),
        (b"GET /a\x01b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "Bad Request"),
        (b"GET v1/kv HTTP/1.1\r\nHost: x\r\n\r\n", 400, "Bad Request"),
        (b"GET http://[::1/a HTTP/1.1\r\nHost: x\r\n\r\n", 400, "Bad Request"),
        (b"GET http://h:a/a HTTP/1.1\r\nHost: x\r\n\r\n", 400, "Bad Request"),
        (b"GET / HTTX/1.1\r\nHost: x\r\n\r\n", 400, "Bad Request"),
        (b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "Bad Request"),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, "HTTP Version Not Supported: unsupported protocol version"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "Bad Request: missing required Host header"),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "Bad Request: malformed Host header"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400, "Bad Request: invalid header name"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", 400, "Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", 400, "Bad Request"),
        (b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400, "Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0\r\n\r\n", 400, "Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400, "Bad Request"),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "Bad Request"),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n", 400, "Bad Request"),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400, "Bad Request"),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "Bad Request"),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: z\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "Bad Request"),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "Not Implemented"),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: x\r\nContent-Length: x\r\n\r\n", 501, "Not Implemented"),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n", 400, "Bad Request"),
        (
            b"PUT / HTTP/0.9\r\nTransfer-Encoding: x\r\n\r\n",
            505,
            "HTTP Version Not Supported: unsupported protocol version",
        ),
        (b"PUT / HTTP/2.0\r\nTransfer-Encoding: x\r\n\r\n", 501, "Not Implemented"),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * (LIMIT + 5000), 431, "Request Header Fields Too Large"),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * (LIMIT + 5000) + b"\r\n\r\n", 431, "Request Header Fields Too Large"),
    ],
)
def test_what_is_refused(data: bytes, status: int, reason: str) -> None:
    """Each in the words of Go's server."""
    with pytest.raises(Refused) as refused:
        events_of(data)
    assert (refused.value.status, refused.value.reason) == (status, reason)


@pytest.mark.parametrize(
    ("method", "between", "taken"),
    [("POST", b"\r\n", True), ("POST", b"\n\n\n\n", True), ("POST", b"\r\n\r\n\n", False), ("PUT", b"\r\n", False)],
)
def test_line_ends_between_requests(method: str, between: bytes, taken: bool) -> None:
    """After a POST some are overlooked, as by Go's server: old clients send them."""
    get = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    reader = RequestReader(LIMIT)
    reader.feed(get.replace(b"GET", method.encode()) + between[:1])
    assert [type(event) for event in next(turns_of(reader))] == [Head, type(END)]
    assert reader.may_end and not reader.between_requests
    reader.feed(between[1:] + get)
    assert not reader.may_end
    if taken:
        assert [type(event) for event in next(turns_of(reader))] == [Head, type(END)]
    else:
        with pytest.raises(Refused):
            next(turns_of(reader))


def test_a_bad_first_line_is_refused_before_the_head_is_complete() -> None:
    """Who speaks another protocol need not wait for a time-out."""
    with pytest.raises(Refused):
        events_of(b"EHLO mail\r\n")


def test_header_lines_may_be_folded_and_names_come_in_any_case() -> None:
    """The first value of a repeated header counts, as in Go."""
    head = head_of(b"GET / HTTP/1.1\r\nHOST: x\r\nX-A: 1\r\n  2\r\nx-a: 3\r\n\r\n")
    assert head.headers == {"host": "x", "x-a": "1 2"}


def test_of_very_many_headers_only_those_that_matter_are_kept() -> None:
    """A client cannot make the agent hold a megabyte of headers for each waiting query."""
    many = b"".join(b"h%d: x\r\n" % n for n in range(MANY_HEADERS + 1))
    assert head_of(b"GET / HTTP/1.1\r\nHost: x\r\n" + many + b"X-Consul-Token: t\r\n\r\n").headers == {
        "host": "x",
        "x-consul-token": "t",
    }


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", "", True),
        ("1.1", "Connection: close\r\n", False),
        ("1.1", "Connection: a\r\nConnection: b, CLOSE\r\n", False),
        ("1.1", "Connection: Upgrade\r\nUpgrade: h2c\r\n", True),
        ("1.0", "", False),
        ("1.0", "Connection: keep-alive\r\n", True),
        ("1.0", "Connection: close, keep-alive\r\n", True),
    ],
)
def test_whether_a_connection_is_kept(version: str, connection: str, kept: bool) -> None:
    """HTTP/1.1 keeps unless told otherwise, HTTP/1.0 the other way round; upgrades are overlooked."""
    assert head_of(f"GET / HTTP/{version}\r\nHost: x\r\n{connection}\r\n".encode()).keep_alive is kept


CHUNKED = b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (CHUNKED + b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", b"abc0123456789"),
        (CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n") + b"1\r\na\r\n0\r\n\r\n", b"a"),
        (b"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\na", b"a"),
    ],
)
def test_bodies(data: bytes, body: bytes) -> None:
    """By length or in chunks; chunks win over a length, and HTTP/1.0 knows none."""
    assert body_of(data) == body


@pytest.mark.parametrize(
    ("chunks", "text"),
    [
        (b"\r\n", "empty hex number for chunk length"),
        (b"zz\r\n", "invalid byte in chunk length"),
        (b"-1\r\n", "invalid byte in chunk length"),
        (b"1" * 17 + b"\r\n", "http chunk length too large"),
        (b"1\r\nabc", "malformed chunked encoding"),
        (b"1" * 5000, "header line too long"),
        (b"1 ;a\r\n", "invalid byte in chunk length"),
        (b"1\na", "chunked line ends with bare LF"),
        (b"1\r\r\na", "invalid CR in chunked line"),
        ((b"1;" + b"a" * 100 + b"\r\nx\r\n") * 400, "chunked encoding contains too much non-data"),
        (b"0\r\nA b\r\n\r\n", 'malformed MIME header: missing colon: "A b"'),
        (b"0\r\n: b\r\n\r\n", 'malformed MIME header line: ": b"'),
        (b"0\r\nA: " + b"b" * 5000, "http: suspiciously long trailer after chunked body"),
    ],
)
def test_broken_chunks(chunks: bytes, text: str) -> None:
    """The text is what Consul answers with."""
    with pytest.raises(BadBody, match=text):
        events_of(CHUNKED + chunks)


def test_a_body_of_many_small_chunks_is_taken() -> None:
    """Only what stands beside its bytes is bounded, not how it is cut."""
    assert body_of(CHUNKED + b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n") == b"x" * 50_000


@pytest.mark.parametrize(
    ("version", "value", "waits"),
    [
        ("1.1", "100-Continue", True),
        ("1.1", "100-continue, x", True),
        ("1.0", "100-continue", False),
        ("1.1", "", False),
    ],
)
def test_who_waits_for_an_invitation(version: str, value: str, waits: bool) -> None:
    """Clients of HTTP/1.1 that say so."""
    assert expects(head_of(f"PUT / HTTP/{version}\r\nHost: x\r\nExpect: {value}\r\n\r\n".encode())) is waits


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_a_body_begins_right_behind_the_empty_line(ending: str) -> None:
    """However the lines of the head end."""
    head = ending.join(["PUT /k HTTP/1.1", "Host: x", "Content-Length: 3", "", ""])
    assert body_of(f"{head}\nab".encode()) == b"\nab"


def test_other_expectations_are_refused() -> None:
    """With 417, whether there is a body or not."""
    with pytest.raises(Refused) as refused:
        expects(head_of(b"GET / HTTP/1.1\r\nHost: x\r\nExpect: fame\r\n\r\n"))
    assert refused.value.status == 417


REQUESTS = st.sampled_from(
    [
        b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\nA: b\n c\n\n",
        b"PUT /k HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n\r\n\r\n.",
        CHUNKED + b"3\r\nabc\r\n2\r\n\r\n\r\n0\r\nA: b\r\n\r\n",
    ]
)


def flat(events: list[Event]) -> list[object]:
    """Events with the pieces of each body joined, in a form that can be compared."""
    found: list[object] = []
    body = b""
    for event in events:
        if isinstance(event, bytes):
            body += event
        elif isinstance(event, Head):
            found.append((event.method, event.raw_path, event.raw_query, event.length, event.headers))
        else:
            found.append(body)
            body = b""
    return found


@given(st.lists(REQUESTS, min_size=1, max_size=4), st.data())
def test_how_bytes_are_cut_makes_no_difference(requests: list[bytes], data: st.DataObject) -> None:
    """Requests come out the same from one piece, from single bytes, and from any pieces."""
    whole = b"".join(requests)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    expected = flat(events_of(whole))
    assert len(expected) == 2 * len(requests)
    assert flat(events_of(*pieces)) == expected
    assert flat(events_of(*(whole[n : n + 1] for n in range(len(whole))))) == expected


STARTS = st.sampled_from(
    [
        b"GET /a?b",
        b"PUT /k",
        b"CONNECT h:1",
        b"PRI *",
        b"GET /\xc3\xa4\xff",
        b"G@T /",
        b"GET /a b",
        b"GET ",
        b"GET /\r",
        b"\n",
    ]
)
TAILS = st.sampled_from(
    [
        b" HTTP/1.1\r\nHost: x\r\nX-Consul-Token: t\r\n\r\n",
        b" HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
        b" HTTP/1.1\r\n\r\n",
        b" HTTP/1.1\nHost: x\nConnection: close\n\n",
        b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b" HTTP/2.0\r\n\r\n",
        b" HTTP/1.1\r\nA: b HTTP/1.1\r\nHost: x\r\nX-Consul-Token: t\r\n\r\n",
        b" HTTP/1.1\r\nHost: x\r\nA: \xff\r\n\r\n",
    ]
)


@settings(max_examples=500)
@given(st.lists(st.builds(bytes.__add__, STARTS, TAILS), min_size=2, max_size=6))
@example([b"CONNECT h:1 HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])  # only the first does without a Host
def test_what_was_asked_before_on_a_connection_makes_no_difference(requests: list[bytes]) -> None:
    """Headers that come again in the same bytes are not read again, and mean what they mean to a new connection."""
    reader = RequestReader(LIMIT)
    for request in requests:
        found = outcome(reader, request)
        assert found == outcome(RequestReader(LIMIT), request)
        if isinstance(found[1], str):
            return  # what is refused ends the connection


def outcome(reader: RequestReader, data: bytes) -> tuple[object, list[bool] | str]:
    """The events of these bytes and whether each request keeps the connection, or status and text of a refusal."""
    reader.feed(data)
    try:
        events = [event for turn in turns_of(reader) for event in turn]
    except Refused as refused:
        return refused.status, refused.text
    return flat(events), [event.keep_alive for event in events if isinstance(event, Head)]


@settings(max_examples=300)
@given(st.lists(st.one_of(REQUESTS, st.binary(max_size=30)), max_size=5).map(b"".join))
def test_any_bytes_give_requests_or_a_refusal(data: bytes) -> None:
    """Nothing else is raised, whatever comes."""
    try:
        events_of(data)
    except (Refused, BadBody) as error:
        assert str(error)


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("line", [b"a: b", b"a%d: b", b" b"])
def test_a_head_of_very_many_lines_is_read_in_turns(line: bytes, line_end: bytes) -> None:
    """Whether its lines are one header, many headers, or continue one."""
    lines = [line % n if b"%" in line else line for n in range(5000)]
    reader = RequestReader(1 << 20)
    reader.feed(line_end.join([b"GET / HTTP/1.1", b"Host: x", b"Accept: c", *lines, b"Connection: close", b"", b""]))
    turns = list(turns_of(reader))
    head, end = turns[-1]
    assert isinstance(head, Head) and end is END and not head.keep_alive
    folded = line[:1] == b" "
    assert head.headers["accept"] == ("c" + " b" * 5000 if folded else "c")
    assert len(turns) >= (1 if folded else 9)


def test_small_chunks_are_read_in_turns() -> None:
    """And so are requests that were sent ahead."""
    reader = RequestReader(LIMIT)
    reader.feed(CHUNKED + b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n")
    turns = list(turns_of(reader))
    assert len(turns) > 10 and b"".join(it for turn in turns for it in turn if isinstance(it, bytes)) == b"x" * 1000


def test_no_header_that_somebody_reads_gets_lost_among_many() -> None:
    """Heads with very many lines keep only those in a list, which must name all that the sources ask for."""
    folder = Path(heads.__file__).parents[1]
    sources = "".join(each.read_text() for each in folder.rglob("*.py") if not each.name.startswith("http2"))
    asked = re.findall(r'headers\.get\("([a-z-]+)"|"([a-z-]+)" in (?:\w+\.)?headers\b', sources)
    names = {name or other for name, other in asked}
    assert "x-consul-token" in names and names <= heads.READ_HEADERS
