"""HTTP/2 as Go's HTTP client speaks it: one request a connection, its answer, and what goes wrong. No I/O.

Frames are read by h2 (RFC 9113), one by one: h2 forgets all that came with a frame that it refuses, and takes nothing
more after a GOAWAY, behind which answers may still come.
"""

from __future__ import annotations

from typing import Final, cast

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
from h2.settings import SettingCodes, Settings

from pyconsul.lang.gohttp import status_text
from pyconsul.lang.strconv import from_bytes, quote, to_bytes
from pyconsul.sdk.http1 import ProtocolError
from pyconsul.toolkit.web_request import Request, first, is_token, is_value

ALPN: Final = "h2"
FRAME_HEAD: Final = 9  # bytes (RFC 9113, section 4.1)
_MAX_FRAME: Final = 1 << 14  # bytes
_MAX_HEADERS: Final = 10 << 20  # bytes, as much as HTTP/1's
_SETTINGS, _GOAWAY = 4, 7
_STREAM: Final = 1
_TOO_LARGE: Final = "http2: frame too large"
_LIKE_HTTP: Final = "note that the frame header looked like an HTTP/1.1 header"
_OF_HTTP1: Final = ("connection", "proxy-connection", "transfer-encoding", "upgrade", "keep-alive")
_ALLOWED: Final[dict[str, tuple[str, ...]]] = {  # of headers that mean nothing in HTTP/2
    "Upgrade": (),
    "Transfer-Encoding": ("chunked",),
    "Connection": ("close", "keep-alive"),
}


class Unprocessed(ProtocolError):
    """The server did not look at the request and says so: it may be asked again."""


def error_name(code: int) -> str:
    """An HTTP/2 error code as Go prints it."""
    try:
        return h2.errors.ErrorCodes(code).name
    except ValueError:
        return f"unknown error code {code:#x}"


def first_frame_fault(head: bytes) -> str:
    """Why the first frame of a connection, of which the head is given, is none that HTTP/2 begins with, or ""."""
    if int.from_bytes(head[:3]) > _MAX_FRAME:  # of another protocol, most likely
        like_http = head.startswith(b"HTTP/1.1 ")
        return f"http2: failed reading the frame payload: {_TOO_LARGE}, {_LIKE_HTTP}" if like_http else _TOO_LARGE
    return "" if head[3] == _SETTINGS else "connection error: PROTOCOL_ERROR"


def request_fault(request: Request) -> str:
    """Why Go's client sends such a request in no HTTP/2, or ""."""
    for name, allowed in _ALLOWED.items():
        values = request.headers.get(name, [])
        if len(values) > 1 or (first(request.headers, name) and values[0].lower() not in allowed):
            return f"http2: invalid {name} request header: [{' '.join(map(quote, values))}]"
    return ""


class Http2Answer:
    """One request and its answer, with the face of a ``WebAnswer``; what is to be sent is in ``take_output``."""

    def __init__(self, request: Request) -> None:
        self.status = 0
        self.line = ""  # the status with its reason, ``404 Not Found``
        self.headers: dict[str, str] = {}
        self.has_head = False
        self.is_complete = False
        self._unread = bytearray()
        self._greeted = False  # by the server's SETTINGS, which must come first (RFC 9113, section 3.4)
        self._farewell: tuple[int, int, bytes] | None = None  # last stream, error code, words
        self._body = bytearray()
        self._fault: ProtocolError | None = None
        self._unsent = request.body
        config = h2.config.H2Configuration(
            header_encoding=None,
            validate_inbound_headers=False,  # done here, in Go's order and words
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self._core = h2.connection.H2Connection(config)
        wanted = {SettingCodes.ENABLE_PUSH: 0, SettingCodes.MAX_HEADER_LIST_SIZE: _MAX_HEADERS}
        self._core.local_settings = Settings(client=True, initial_values=wanted)
        self._core.decoder.max_header_list_size = _MAX_HEADERS
        self._core.initiate_connection()
        self._core.send_headers(_STREAM, _head(request), end_stream=not request.body)
        self._send_body()

    @property
    def has_begun(self) -> bool:
        """Whether an error of the connection counts for less than the answer: here only once that is known."""
        return self.has_head

    def take_output(self) -> bytes:
        """What is to be sent now."""
        return self._core.data_to_send()

    def feed(self, data: bytes) -> None:
        """Take bytes as they come. Raises ProtocolError where there will be no head; of a body ``take_body`` tells."""
        self._unread += data
        try:
            while not self.is_complete and not self._fault and (frame := self._next_frame()):
                self._read(frame)
        except ProtocolError as error:
            self._fault = error
        if self._fault and not self.has_head:
            raise self._fault

    def feed_end(self) -> None:
        """The peer closed the connection. Raises ProtocolError unless the answer is complete."""
        if self.is_complete:
            return
        raise ProtocolError("unexpected EOF" if self._farewell is None else _goodbye(*self._farewell))

    def take_body(self) -> bytes:
        """What has come of the body since the last call. Raises ProtocolError when no more can come."""
        taken = bytes(self._body)
        self._body.clear()
        if not taken and self._fault is not None:
            raise self._fault
        return taken

    def _next_frame(self) -> bytes:
        """The next whole frame, b"" before it is there. Raises ProtocolError."""
        if len(self._unread) < FRAME_HEAD:
            return b""
        head = bytes(self._unread[:FRAME_HEAD])
        size = int.from_bytes(head[:3])
        if not self._greeted and (fault := first_frame_fault(head)):
            raise ProtocolError(fault)
        if size > _MAX_FRAME:
            raise ProtocolError(_TOO_LARGE)
        if len(self._unread) < FRAME_HEAD + size:
            return b""
        frame = bytes(self._unread[: FRAME_HEAD + size])
        del self._unread[: FRAME_HEAD + size]
        self._greeted = True
        return frame

    def _read(self, frame: bytes) -> None:
        """Take one frame. Raises ProtocolError."""
        if frame[3] == _GOAWAY and len(frame) >= FRAME_HEAD + 8:
            self._part(frame[FRAME_HEAD:])
            return
        try:
            events = self._core.receive_data(frame)
        except h2.exceptions.ProtocolError as error:
            raise ProtocolError(f"connection error: {error_name(error.error_code)}") from None
        for event in events:
            self._take(event)
        self._send_body()

    def _part(self, payload: bytes) -> None:
        """The server says goodbye: what it has not begun it will not do. Raises ProtocolError."""
        last, code = int.from_bytes(payload[:4]) & 0x7FFFFFFF, int.from_bytes(payload[4:8])
        if last < _STREAM:
            if code == 0:  # a server that goes in peace: another connection will find its successor
                raise Unprocessed("http2: Transport received Server's graceful shutdown GOAWAY")
            raise ProtocolError(f"http2: Transport received GOAWAY from server ErrCode:{error_name(code)}")
        self._farewell = last, code, payload[8:]

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            self._take_head(cast("list[tuple[bytes, bytes]]", event.headers or []))
        elif isinstance(event, h2.events.DataReceived):
            if not self.has_head:
                raise _broken("")
            self._body += event.data or b""
            self._core.acknowledge_received_data(event.flow_controlled_length or 0, _STREAM)
        elif isinstance(event, h2.events.StreamReset):
            code = int(event.error_code or 0)
            text = f"stream error: stream ID {_STREAM}; {error_name(code)}; received from peer"
            raise (Unprocessed if code == h2.errors.ErrorCodes.REFUSED_STREAM else ProtocolError)(text)
        elif isinstance(event, h2.events.StreamEnded):
            self.is_complete = True

    def _take_head(self, pairs: list[tuple[bytes, bytes]]) -> None:
        headers: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name, value = from_bytes(raw_name), from_bytes(raw_value)
            if not is_value(value):
                raise _broken(f"; invalid header field value for {quote(name)}")
            if not name.startswith(":") and not (is_token(name) and name == name.lower()):
                raise _broken(f"; invalid header field name {quote(name)}")
            headers.setdefault(name, value)
        status = headers.pop(":status", "")
        if not status.isdecimal():
            what = "malformed non-numeric status" if status else "missing status"
            raise _broken(f"; malformed response from server: {what} pseudo header")
        self.status = int(status)
        self.line = f"{self.status} {status_text(self.status)}"
        self.headers = headers
        self.has_head = True

    def _send_body(self) -> None:
        """Send as much of the request's body as the server takes now."""
        while self._unsent and not self.is_complete:
            size = min(self._core.local_flow_control_window(_STREAM), self._core.max_outbound_frame_size)
            if size <= 0:
                return
            piece, self._unsent = self._unsent[:size], self._unsent[size:]
            self._core.send_data(_STREAM, piece, end_stream=not self._unsent)


def _head(request: Request) -> list[tuple[bytes, bytes]]:
    fields = [(":authority", request.authority()), (":method", request.method)]
    if request.method != "CONNECT":
        fields += [(":path", request.path()), (":scheme", request.url.scheme)]
    fields += [(name.lower(), value) for name, value in request.fields("Go-http-client/2.0")]
    return [(to_bytes(name), to_bytes(value)) for name, value in fields if name not in _OF_HTTP1]


def _broken(why: str) -> ProtocolError:
    return ProtocolError(f"stream error: stream ID {_STREAM}; PROTOCOL_ERROR{why}")


def _goodbye(last: int, code: int, words: bytes) -> str:
    shown = f"LastStreamID={last}, ErrCode={error_name(code)}, debug={quote(from_bytes(words))}"
    return f"http2: server sent GOAWAY and closed the connection; {shown}"
