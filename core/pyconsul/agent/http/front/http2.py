"""HTTP/2 as a server speaks it, on frames by ``h2``: bytes in, events out, replies in, bytes out. No I/O in here.

What makes one request wrong ends its stream, what makes a connection wrong ends that, with a GOAWAY in ``outgoing``.
The rules for requests are those of Go's server; where ``h2`` knows only connection errors (a body that is longer or
shorter than its Content-Length) it is the connection that ends.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any, Final, cast

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import hpack
import msgspec

from pyconsul.agent.http.front.heads import Head, Refused
from pyconsul.agent.http.front.http2_frames import BadFrame, FrameReader, is_goodbye
from pyconsul.agent.http.front.http2_heads import Field, header_fault, request_head, size_of

MAX_STREAMS: Final = 250  # at a time, as in Go
WINDOW: Final = 1 << 20  # bytes a client may send ahead, on a stream and on the connection, as in Go
HEADER_LIMIT: Final = 64 << 10  # bytes of a request's headers: to unpack them takes a microsecond for each, at least
HEADER_SLOP: Final = 320  # bytes above the limit that Go grants: ten header fields of 32 bytes each
REMEMBERED: Final = 4096  # streams that have ended of which is known how; a frame for an older one ends the connection


class Asked(msgspec.Struct, frozen=True):
    """A request's headers. ``fault`` is Go's sentence about a header that HTTP/2 does not have; ``too_long``: there are
    more bytes of them than a client may send."""

    stream: int
    head: Head
    fault: str
    too_long: bool = False


class Piece(msgspec.Struct, frozen=True):
    """Bytes of a request's body."""

    stream: int
    data: bytes


class Whole(msgspec.Struct, frozen=True):
    """The request is complete."""

    stream: int


class Dropped(msgspec.Struct, frozen=True):
    """The client is no longer interested."""

    stream: int


class Room(msgspec.Struct, frozen=True):
    """More may be sent: on one stream, or on all where that is 0."""

    stream: int


Event = Asked | Piece | Whole | Dropped | Room
Fields = Iterable[tuple[str, str]]


class PlainEncoder(hpack.Encoder):
    """Leaves values as they are: packing one of 100 KiB, a redirect to a long path, would take 4 s."""

    def encode(self, headers: Any, huffman: bool = False) -> bytes:
        """A block of header fields."""
        del huffman
        return super().encode(headers, huffman=False)


class _Connection(h2.connection.H2Connection):
    """``h2`` as it is but for 8 MB of memory about streams that are long gone."""

    MAX_CLOSED_STREAMS = REMEMBERED


class Http2Session:
    """One connection. ``over`` is True once it has ended; what is in ``outgoing`` then is the last of it.

    ``leaving``: the client has said goodbye and waits for the replies that it has not got yet. ``h2`` would end there.

    What comes is worked through in turns: ``is_busy`` says that ``go_on`` should be called in the next one. How often
    ``receive`` is called within a turn, which is as often as the loop has bytes at hand, makes no more of it.
    """

    def __init__(self, header_limit: int) -> None:
        config = h2.config.H2Configuration(
            client_side=False,
            validate_inbound_headers=False,  # one bad request would be an error of the connection
            normalize_inbound_headers=False,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self._h2 = _Connection(config)
        self._h2.encoder = PlainEncoder()
        self._most = most = min(header_limit, HEADER_LIMIT) + HEADER_SLOP
        self._h2.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
                h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: most,
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: WINDOW,
            },
        )
        self._h2.initiate_connection()
        # What is more than the client was told is refused here, stream by stream; ``h2`` would end the connection.
        self._h2.local_settings.max_concurrent_streams = 2 * MAX_STREAMS
        self._h2.local_settings.acknowledge()
        self._h2.increment_flow_control_window(WINDOW - 65535)
        self._h2.decoder.max_header_list_size = 2 * most
        self._frames = FrameReader(2 * most)
        self._receiving: set[int] = set()  # streams whose request is not complete
        self._live: set[int] = set()  # streams that wait for their reply, or for the rest of it
        self.over = False
        self.leaving = False

    # What comes

    @property
    def is_busy(self) -> bool:
        """Whether this turn is over; there may be more to do, or nothing."""
        return not self.over and self._frames.is_spent

    def feed(self, data: bytes) -> None:
        """Take what came; ``go_on`` looks at it."""
        if not self.over:
            self._frames.feed(data)

    def receive(self, data: bytes) -> list[Event]:
        """What these bytes bring, as far as what is left of the turn allows."""
        self.feed(data)
        return self._look()

    def go_on(self) -> list[Event]:
        """What one more turn brings of the bytes that came."""
        self._frames.begin_turn()
        return self._look()

    def _look(self) -> list[Event]:
        found: list[Event] = []
        try:
            while not self.over and (frame := self._frames.next()) is not None:
                if is_goodbye(frame):
                    self.leaving = True
                    continue
                for event in self._h2.receive_data(frame):
                    self._translate(event, found)
        except BadFrame as bad:
            self.over = True
            self._h2.close_connection(bad.code)
        except h2.exceptions.ProtocolError:
            self.over = True
        return found

    def _translate(self, event: h2.events.Event, found: list[Event]) -> None:
        match event:
            case h2.events.RequestReceived():
                self._asked(event, found)
            case h2.events.DataReceived():
                stream = event.stream_id or 0
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, stream)
                if stream in self._receiving and event.data:
                    found.append(Piece(stream, event.data))
            case h2.events.StreamEnded():
                stream = event.stream_id or 0
                if stream in self._receiving:
                    self._receiving.discard(stream)
                    found.append(Whole(stream))
            case h2.events.StreamReset():
                self._forget(event.stream_id or 0)
                found.append(Dropped(event.stream_id or 0))
            case h2.events.WindowUpdated():
                found.append(Room(event.stream_id or 0))
            case h2.events.RemoteSettingsChanged():
                found.append(Room(0))
            case _:
                pass

    def _asked(self, event: h2.events.RequestReceived, found: list[Event]) -> None:
        stream = event.stream_id or 0
        headers = cast("list[Field]", event.headers)
        over = len(self._live) >= MAX_STREAMS  # it may have been sent before our settings came
        self._live.add(stream)
        if over:
            self.refuse(stream)
            return
        self._receiving.add(stream)
        try:
            head = request_head(headers, ended=event.stream_ended is not None)
        except Refused:
            self.reject(stream)
            return
        found.append(Asked(stream, head, header_fault(head), size_of(headers) > self._most))

    # What goes

    def outgoing(self) -> bytes:
        """The bytes to send now."""
        return self._h2.data_to_send()

    def is_live(self, stream: int) -> bool:
        """Whether anybody waits for this reply."""
        return stream in self._live and not self.over

    def invite(self, stream: int) -> None:
        """Ask for the body that a client holds back (``100 Continue``)."""
        with self._sending(stream) as live:
            if live:
                self._h2.send_headers(stream, [(":status", "100")])

    def respond(self, stream: int, status: int, fields: Fields, *, end: bool) -> None:
        """Begin a reply; field names are lower case. ``end``: it has no body."""
        with self._sending(stream) as live:
            if live:
                self._h2.send_headers(stream, [(":status", str(status)), *fields], end_stream=end)
                if end:
                    self._ended(stream)

    def send(self, stream: int, data: bytes, *, last: bool) -> int:
        """Send the beginning of this piece of a body; returns how many bytes, 0 where the client takes none yet.

        ``last``: with its end the reply is complete.
        """
        with self._sending(stream) as live:
            room = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size) if live else 0
            if room > 0:
                end = last and len(data) <= room
                self._h2.send_data(stream, data[:room], end_stream=end)
                if end:
                    self._ended(stream)
                return min(room, len(data))
        return 0

    def finish(self, stream: int) -> None:
        """End a reply whose last piece was not known to be that."""
        with self._sending(stream) as live:
            if live:
                self._h2.end_stream(stream)
                self._ended(stream)

    def _ended(self, stream: int) -> None:
        """A reply is complete. A client that is still sending is told that nobody reads it."""
        if stream in self._receiving:
            self._h2.reset_stream(stream, h2.errors.ErrorCodes.NO_ERROR)
        self._forget(stream)

    def fail(self, stream: int) -> None:
        """End a stream whose reply cannot be given, or not to its end."""
        self._reset(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)

    def refuse(self, stream: int) -> None:
        """End a stream of which nothing was done, so that the client may ask again."""
        self._reset(stream, h2.errors.ErrorCodes.REFUSED_STREAM)

    def reject(self, stream: int) -> None:
        """End a stream whose request is none."""
        self._reset(stream, h2.errors.ErrorCodes.PROTOCOL_ERROR)

    def _reset(self, stream: int, code: h2.errors.ErrorCodes) -> None:
        with self._sending(stream) as live:
            if live:
                self._h2.reset_stream(stream, code)
        self._forget(stream)

    @contextmanager
    def _sending(self, stream: int) -> Generator[bool, None, None]:
        """Around what is sent on a stream; gives whether it is live, which ``h2`` may know better."""
        try:
            yield self.is_live(stream)
        except h2.exceptions.ProtocolError:  # its end stands in the same bytes as what is being answered
            self._forget(stream)

    def close(self) -> None:
        """Say goodbye."""
        if not self.over:
            self.over = True
            self._h2.close_connection()

    def _forget(self, stream: int) -> None:
        self._live.discard(stream)
        self._receiving.discard(stream)
