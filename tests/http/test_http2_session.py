"""HTTP/2 without sockets: a client of ``h2`` at one end, the session at the other."""

from collections.abc import Iterable
from contextlib import suppress

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.agent.http.front.heads import Refused
from pyconsul.agent.http.front.http2 import MAX_STREAMS, Asked, Dropped, Event, Http2Session, Piece, Room, Whole
from pyconsul.agent.http.front.http2_frames import TURN
from pyconsul.agent.http.front.http2_heads import header_fault
from pyconsul.agent.http.front.http2_heads import request_head as read_head

GET = [(":method", "GET"), (":scheme", "https"), (":authority", "a:1"), (":path", "/v1/kv/a?raw")]


class Pair:
    """A client and the session under test, joined."""

    def __init__(self, header_limit: int = 1 << 20) -> None:
        config = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
        self.client = h2.connection.H2Connection(config)
        self.client.initiate_connection()
        self.session = Http2Session(header_limit)
        self.exchange()
        self.exchange()

    def ask(self, headers: Iterable[tuple[str, str]] = GET, *, end: bool = True) -> int:
        """Begin a request; returns its stream."""
        stream = self.client.get_next_available_stream_id()
        self.client.send_headers(stream, headers, end_stream=end)
        return stream

    def exchange(self) -> tuple[list[Event], list[h2.events.Event]]:
        """Carry all bytes over; returns what the session made of them, and the client of its answer."""
        found = list(self.session.receive(self.client.data_to_send()))
        while self.session.is_busy:
            found += self.session.go_on()
        return found, self.client.receive_data(self.session.outgoing())


def kinds(events: Iterable[object], kind: type[object]) -> list[object]:
    """Those of that kind."""
    return [event for event in events if isinstance(event, kind)]


def test_a_request_becomes_a_head_like_that_of_http_1() -> None:
    """The authority is its host; names are lower case; the query is apart."""
    pair = Pair()
    stream = pair.ask([*GET, ("x-consul-token", " t "), ("accept", "a"), ("accept", "b")])
    (asked, whole), _ = pair.exchange()
    assert isinstance(asked, Asked) and whole == Whole(stream)
    head = asked.head
    assert (head.method, head.raw_path, head.raw_query, head.length) == ("GET", "/v1/kv/a", "raw", 0)
    assert head.headers == {"x-consul-token": "t", "accept": "a", "host": "a:1"}


@pytest.mark.parametrize(
    "headers",
    [
        GET[1:],
        GET[:1] + GET[2:],
        GET[:3],
        [*GET, (":path", "/b")],
        [GET[0], ("x", "y"), *GET[1:]],
        [*GET, (":protocol", "x")],
        [*GET[:2], (":authority", "me@a"), GET[3]],
        [*GET, ("X-Upper", "y")],
        [*GET, ("x y", "z")],
        [*GET, ("", "z")],
        [*GET, ("x", "a\r\nb: c")],
        [*GET, ("x", "a\0b")],
        [*GET, ("x", "a\x7fb")],
        [(":method", "CONNECT"), *GET[1:]],
        [*GET[:3], (":path", "kv/a")],
        [GET[0], (":scheme", "ftp"), *GET[2:]],
    ],
)
def test_what_is_no_request_ends_its_stream_and_no_other(headers: list[tuple[str, str]]) -> None:
    """With PROTOCOL_ERROR, as in Go; the next request of the connection is heard."""
    pair = Pair()
    bad = pair.ask(headers)
    found, answer = pair.exchange()
    assert not kinds(found, Asked)
    (reset,) = kinds(answer, h2.events.StreamReset)
    assert isinstance(reset, h2.events.StreamReset)
    assert (reset.stream_id, reset.error_code) == (bad, h2.errors.ErrorCodes.PROTOCOL_ERROR)
    pair.ask()
    assert kinds(pair.exchange()[0], Asked)


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        (("connection", "close"), 'request header "Connection" is not valid in HTTP/2'),
        (("transfer-encoding", "chunked"), 'request header "Transfer-Encoding" is not valid in HTTP/2'),
        (("te", "gzip"), 'request header "TE" may only be "trailers" in HTTP/2'),
        (("te", "trailers"), ""),
    ],
)
def test_headers_of_http_1_have_go_s_sentence(field: tuple[str, str], fault: str) -> None:
    """The connection they are about is not this one."""
    fields = [(name.encode(), value.encode()) for name, value in [*GET, field]]
    assert header_fault(read_head(fields, ended=True)) == fault


def test_as_many_bytes_of_headers_are_taken_as_over_http_1() -> None:
    """Ten fields' overhead more, as in Go; a request with one byte more will be refused, and the next is read."""
    pair = Pair(header_limit=10_000)
    assert pair.client.remote_settings.max_header_list_size == 10_320
    free = 10_320 - sum(len(name) + len(value) + 32 for name, value in GET)
    for size, too_long in ((free - 33, False), (free - 32, True), (free - 33, False)):
        pair.ask([*GET, ("x", "v" * size)])
        asked = pair.exchange()[0][0]
        assert isinstance(asked, Asked) and asked.too_long == too_long


def test_a_body_comes_in_pieces_and_its_window_is_given_back() -> None:
    """However long it is; the session keeps none of it."""
    pair = Pair()
    stream = pair.ask([(":method", "PUT"), *GET[1:]], end=False)
    got = 0
    for _ in range(300):
        pair.client.send_data(stream, b"x" * 16384)
        got += sum(len(event.data) for event in pair.exchange()[0] if isinstance(event, Piece))
    pair.client.end_stream(stream)
    assert pair.exchange()[0] == [Whole(stream)]
    assert got == 300 * 16384


def test_a_reply_is_sent_as_the_client_makes_room() -> None:
    """No byte above its windows."""
    pair = Pair()
    pair.client.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 10})
    stream = pair.ask()
    pair.exchange()
    pair.session.respond(stream, 200, [("a", "b")], end=False)
    assert [pair.session.send(stream, b"x" * n, last=True) for n in (30, 20)] == [10, 0]
    pair.exchange()
    pair.client.increment_flow_control_window(15, stream)
    assert pair.exchange()[0] == [Room(stream)]
    assert pair.session.send(stream, b"x" * 20, last=True) == 15


def test_more_streams_than_allowed_are_refused() -> None:
    """So that a client that had not heard the limit may ask again; the others get their replies."""
    pair = Pair()
    assert pair.client.remote_settings.max_concurrent_streams == MAX_STREAMS
    pair.client.remote_settings = h2.settings.Settings(client=False)
    streams = [pair.ask() for _ in range(MAX_STREAMS + 3)]
    found, answer = pair.exchange()
    assert len(kinds(found, Asked)) == MAX_STREAMS and not pair.session.over
    resets = [event for event in answer if isinstance(event, h2.events.StreamReset)]
    assert [event.stream_id for event in resets] == streams[MAX_STREAMS:]
    assert {event.error_code for event in resets} == {h2.errors.ErrorCodes.REFUSED_STREAM}
    pair.session.respond(streams[0], 204, [], end=True)
    pair.exchange()
    pair.ask()
    assert kinds(pair.exchange()[0], Asked)


@pytest.mark.parametrize("pieces", [1, 4, 64])
def test_a_frame_that_is_too_long_is_not_waited_for(pieces: int) -> None:
    """Its header is enough, wherever it is cut."""
    pair = Pair()
    data = b"\0\0\x08\x06\0\0\0\0\0abcdefgh" * 3 + b"\0\x40\1\0\0\0\0\0\1"
    for at in range(0, len(data), pieces):
        assert not pair.session.over
        pair.session.receive(data[at : at + pieces])
    answer = pair.client.receive_data(pair.session.outgoing())
    (ended,) = kinds(answer, h2.events.ConnectionTerminated)
    assert isinstance(ended, h2.events.ConnectionTerminated)
    assert ended.error_code == h2.errors.ErrorCodes.FRAME_SIZE_ERROR


def test_headers_far_above_the_limit_end_the_connection() -> None:
    """They are not even unpacked, be they long or many."""
    for more in ([("a", "x" * 40_000)], [(f"a{n}", "x" * 50) for n in range(400)]):
        pair = Pair(8192)
        pair.ask([*GET, *more])
        _, answer = pair.exchange()
        assert pair.session.over and kinds(answer, h2.events.ConnectionTerminated)


def frames_of_block(block: bytes) -> bytes:
    """A request's headers, and those frames that continue them."""
    pieces = [block[at : at + 16384] for at in range(0, len(block), 16384)]
    kinds_and_flags = [(9, 0)] * len(pieces)
    kinds_and_flags[0] = (1, 1)
    kinds_and_flags[-1] = (kinds_and_flags[-1][0], kinds_and_flags[-1][1] | 4)
    return b"".join(
        len(piece).to_bytes(3, "big") + bytes(kind) + b"\0\0\0\1" + piece
        for piece, kind in zip(pieces, kinds_and_flags, strict=True)
    )


def test_headers_come_in_turns() -> None:
    """A piece of them is a turn's work; what follows in the same bytes waits for the next one."""
    pair = Pair()
    block = hpack.Encoder().encode([*GET, (b"x", b"v" * 60_000)], huffman=False)
    asked = pair.session.receive(frames_of_block(block) + b"\0\0\x08\x06\0\0\0\0\0abcdefgh")
    for _ in range(3):
        assert pair.session.is_busy and not asked
        asked = pair.session.go_on()
    [found, _] = asked
    assert isinstance(found, Asked) and not found.too_long
    assert pair.session.is_busy


@pytest.mark.parametrize(
    "frame",
    [
        b"\0\0\x08\x06\0\0\0\0\0abcdefgh",  # PING
        b"\0\0\0\x04\0\0\0\0\0",  # SETTINGS
        b"\0\0\5\x02\0\0\0\0\1\0\0\0\0\1",  # PRIORITY
    ],
)
def test_a_flood_of_small_frames_is_taken_in_turns(frame: bytes) -> None:
    """Some dozens in each, to the last of them."""
    pair = Pair()
    turns = 1
    pair.session.receive(frame * 1000)
    while pair.session.is_busy:
        pair.session.go_on()
        turns += 1
    assert turns >= 1000 / TURN
    stream = pair.ask()
    assert pair.exchange()[0][-1] == Whole(stream)


def test_bytes_that_come_one_by_one_are_one_turn_s_work_too() -> None:
    """A socket is read many times before the loop looks at another one."""
    pair = Pair()
    pair.session.go_on()
    for _ in range(TURN - 1):
        pair.session.receive(b"\0\0\x08\x06\0\0\0\0\0abcdefgh")
    assert not pair.session.is_busy
    pair.session.receive(b"\0\0\x08\x06\0\0\0\0\0abcdefgh")
    assert pair.session.is_busy


def test_many_settings_are_much_work() -> None:
    """A full frame of them is more than a turn's."""
    pair = Pair()
    pair.session.receive(b"\0\x3f\xfc\4\0\0\0\0\0" + b"\0\4\0\0\xff\xff" * 2730)
    assert pair.session.is_busy


def test_a_turn_is_over_when_its_work_is_done_whatever_is_left() -> None:
    """TLS hands over record by record: one that is a turn's work must not be followed by another at once."""
    pair = Pair()
    pair.session.receive(b"\0\0\x08\x06\0\0\0\0\0abcdefgh" * TURN)
    assert pair.session.is_busy
    assert pair.session.go_on() == [] and not pair.session.is_busy


def test_requests_that_are_taken_back_at_once_come_in_turns() -> None:
    """A client that asks and resets without end gets no more of them into a turn than others."""
    pair = Pair()
    for _ in range(100):
        pair.client.reset_stream(pair.ask())
    found = list(pair.session.receive(pair.client.data_to_send()))
    assert 0 < len(kinds(found, Asked)) < 20 and pair.session.is_busy
    while pair.session.is_busy:
        found += pair.session.go_on()
    assert len(kinds(found, Asked)) == len(kinds(found, Dropped)) == 100


def test_a_block_of_headers_is_not_interrupted() -> None:
    """By no other frame, and no other stream's; nor does one go on that has not begun."""
    begun = b"\0\0\1\1\0\0\0\0\1\x82"
    for more in (b"\0\0\0\x04\0\0\0\0\0", b"\0\0\1\x09\4\0\0\0\3\x84", begun):
        pair = Pair()
        pair.session.receive(begun + more)
        assert pair.session.over
    pair = Pair()
    pair.session.receive(b"\0\0\1\x09\4\0\0\0\1\x84")
    assert pair.session.over


def test_a_reply_to_a_client_that_went_goes_nowhere() -> None:
    """Its reset may stand in the same bytes as its request."""
    pair = Pair()
    stream = pair.ask()
    pair.client.reset_stream(stream)
    found, _ = pair.exchange()
    assert found[-1] == Dropped(stream)
    pair.session.respond(stream, 200, [], end=False)
    assert pair.session.send(stream, b"x", last=False) == 0
    pair.session.finish(stream)
    assert pair.session.outgoing() == b""


def test_an_early_reply_tells_the_client_to_stop_sending() -> None:
    """The reply is whole, and the rest of the request is not wanted."""
    pair = Pair()
    stream = pair.ask([(":method", "PUT"), *GET[1:]], end=False)
    pair.exchange()
    pair.session.respond(stream, 413, [], end=True)
    _, answer = pair.exchange()
    assert kinds(answer, h2.events.ResponseReceived) and kinds(answer, h2.events.StreamEnded)
    (reset,) = kinds(answer, h2.events.StreamReset)
    assert isinstance(reset, h2.events.StreamReset) and reset.error_code == h2.errors.ErrorCodes.NO_ERROR


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """A frame of any kind."""
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body


FRAME = st.builds(
    frame,
    st.integers(0, 12),
    st.integers(0, 255),
    st.integers(0, 6),
    st.binary(max_size=40),
)


@settings(deadline=None)
@given(st.lists(FRAME | st.binary(max_size=30), max_size=12), st.booleans())
def test_no_bytes_upset_a_session(frames: list[bytes], asked_before: bool) -> None:
    """Frames of any kind on any stream: events or an end, and replies to them raise nothing."""
    pair = Pair()
    if asked_before:
        pair.ask([(":method", "PUT"), *GET[1:]], end=False)
        pair.exchange()
    for data in frames:
        for event in pair.session.receive(data):
            pair.session.respond(event.stream, 200, [("a", "b")], end=False)
            pair.session.send(event.stream, b"x" * 100, last=asked_before)
            pair.session.fail(event.stream)
    pair.session.finish(1)
    pair.session.close()
    assert pair.session.over and pair.session.receive(b"more") == []


@given(st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=12)), max_size=8))
def test_any_headers_are_a_head_or_refused(fields: list[tuple[bytes, bytes]]) -> None:
    """Bytes that are no text among them."""
    whole = [(name.encode(), value.encode()) for name, value in GET]
    with suppress(Refused):
        assert read_head(whole + fields, ended=False).raw_path == "/v1/kv/a"
    with pytest.raises(Refused):
        read_head(fields, ended=False)
