"""TLS over a plain transport, so that what a client says before TLS can be looked at, and ALPN chooses the protocol.

A client that speaks plain HTTP to this port is told so, and whatever else is no TLS is hung up on without a word, both
as by Go's server. Towards the socket this is a protocol, towards the protocol of the connection its transport. What one
read of the socket brought is decrypted in turns: OpenSSL would change its keys ten thousand times in one go for a
client that asks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, Final, cast

from pyconsul.agent.http.front.turns import Turns
from pyconsul.agent.http.front.visitors import Visitor, Visitors
from pyconsul.telemetry.logging import logger

log = logger("agent.http")

HEADER: Final = 5  # bytes of a TLS record's header, which is what Go looks at
PLAIN_HTTP: Final = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
_HTTP_STARTS: Final = (b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO")  # all that Go knows HTTP by
_SSL2: Final = 0x80  # first byte of a greeting of SSL 2, which is answered with an alert
_ALERT_VERSION: Final = b"\x15\x03\x01\x00\x02\x02\x46"  # fatal, protocol_version
_RECORDS: Final = (0x15, 0x16)  # alert and handshake, the only ones that may come first
_PIECE: Final = 256 << 10  # bytes that are encrypted at a time
_TURN: Final = 16 << 10  # bytes that OpenSSL gets in a turn, as many as a record may have
_UNWELCOME: Final = 1.0  # seconds for the handshake of a client that will be told that it has too many connections


class TlsChannel(asyncio.Protocol, asyncio.Transport):
    """The server side of one TLS connection.

    ``choose`` makes the protocol above, for who comes and the name that ALPN agreed on ("" for none), when the
    handshake is done. A client that has sent nothing by TLS after ``patience`` seconds is cut off; 0 is for ever.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        choose: Callable[[Visitor, str], asyncio.Protocol],
        visitors: Visitors,
        turns: Turns,
        patience: float,
    ) -> None:
        super().__init__()
        self._context = context
        self._choose = choose
        self._visitors = visitors
        self._turns = turns
        self._patience = patience
        self._raw: asyncio.Transport | None = None
        self._visitor: Visitor | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._first = b""
        self._encrypted = bytearray()  # what came and OpenSSL has not got yet
        self._room = _TURN  # bytes that it may get in this turn, however often the socket is read in it
        self._waits_for_turn = False
        self._holds_socket = False  # nothing is read from it
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._above: asyncio.Protocol | None = None
        self._paused = False
        self._goodbye = False  # of the client, read and not yet handed up
        self._input_ended = False
        self._output_ended = False
        self._closing = False

    # asyncio.Protocol, towards the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the client, and wait for its first bytes, but not for long."""
        self._raw = cast("asyncio.Transport", transport)
        self._visitor = self._visitors.arrive(transport)
        patience = self._patience if self._visitor.admitted else _UNWELCOME
        if patience > 0:
            self._timer = asyncio.get_running_loop().call_later(patience, self.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self._closing = True
        self._stop_clock()
        if self._visitor is not None:
            self._visitor.leave()
        above, self._above = self._above, None
        if above is not None:
            above.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Decrypt, or go on with the handshake."""
        if self._closing or self._output_ended:
            return
        if self._tls is None:
            self._first += data
            if len(self._first) < HEADER or not self._starts_tls():
                return
            data, self._first = self._first, b""
            self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._encrypted += data
        if not self._waits_for_turn:
            self._go_on()

    def eof_received(self) -> bool:
        """The socket's end without TLS's own may be somebody's cut, so nothing that came counts as whole."""
        return False

    def pause_writing(self) -> None:
        """The client reads slowly."""
        if self._above is not None:
            self._above.pause_writing()

    def resume_writing(self) -> None:
        """It caught up."""
        if self._above is not None:
            self._above.resume_writing()

    # Turns

    def _wait_for_turn(self) -> None:
        if not self._waits_for_turn:
            self._waits_for_turn = True
            self._turns.wait(self._take_turn)

    def _take_turn(self) -> None:
        self._waits_for_turn = False
        self._room = _TURN
        self._go_on()

    def _go_on(self) -> None:
        """Take up what came, as far as a turn goes; while some is left nothing is read from the socket."""
        if self._closing or self._tls is None:
            return
        if self._above is not None or self._shake_hands(self._tls):
            self._read_on()
        if self._encrypted and self._reads:
            self._wait_for_turn()
        self._read_socket_or_not()

    def _read_socket_or_not(self) -> None:
        holds = (self._paused or bool(self._encrypted)) and not self._output_ended
        if holds != self._holds_socket and self._raw is not None and not self._closing:
            self._holds_socket = holds
            if holds:
                self._raw.pause_reading()
            else:
                self._raw.resume_reading()

    def _feed(self) -> bool:
        """Give OpenSSL some of what came; False where there is nothing more, or no more in this turn."""
        size = min(len(self._encrypted), self._room)
        self._incoming.write(self._encrypted[:size])
        del self._encrypted[:size]
        self._room -= size
        return size > 0

    # The start

    def _starts_tls(self) -> bool:
        """Whether the first bytes can be TLS; what is none gets its answer here."""
        first = self._first[:HEADER]
        if first[0] in _RECORDS and first[1] < 0x10:
            return True
        if first in _HTTP_STARTS:
            self._end(PLAIN_HTTP, "client sent an HTTP request to an HTTPS server")
        else:
            self._end(_ALERT_VERSION if first[0] == _SSL2 else b"", "first record does not look like a TLS handshake")
        return False

    def _shake_hands(self, tls: ssl.SSLObject) -> bool:
        """A step of the handshake; True when it is done and the protocol above is there."""
        try:
            while not self._is_handshake_over(tls):
                if not self._feed():
                    self._flush()
                    return False
        except ssl.SSLError as error:
            self._end(self._outgoing.read(), error.reason)
            return False
        self._flush()
        self._above = above = self._choose(cast("Visitor", self._visitor), tls.selected_alpn_protocol() or "")
        above.connection_made(self)
        return True

    @staticmethod
    def _is_handshake_over(tls: ssl.SSLObject) -> bool:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def _end(self, words: bytes, reason: str) -> None:
        """Close the socket after these bytes."""
        raw = cast("asyncio.Transport", self._raw)
        log.debug("TLS connection failed", **{"from": cast("Visitor", self._visitor).remote}, error=reason)
        self._closing = True
        if words:
            raw.write(words)
        raw.close()

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Reading and writing

    def _read_on(self) -> None:
        """Hand up what can be decrypted, until the protocol above wants no more."""
        tls = self._tls
        while tls is not None and self._above is not None and self._has_input(tls) and self._reads:
            data, fault = self._decrypted(tls)
            if data:
                self._stop_clock()
                self._above.data_received(data)
            elif self._goodbye and not fault:
                self._input_ended = True
                if not self._above.eof_received():
                    self.close()
            if fault and not self._closing:
                self._end(self._outgoing.read(), fault)
            elif not data:
                break
        if not self._closing:
            self._flush()  # answers to key updates

    def _has_input(self, tls: ssl.SSLObject) -> bool:
        return bool(self._encrypted or self._incoming.pending or tls.pending() or self._goodbye)

    def _decrypted(self, tls: ssl.SSLObject) -> tuple[bytes, str]:
        """All that there is a turn for, in one piece as a plain socket would give it; and what is wrong."""
        pieces: list[bytes] = []
        while not self._goodbye:
            try:
                pieces.append(tls.read(_PIECE))
                self._goodbye = not pieces[-1]
            except ssl.SSLWantReadError:
                if not self._feed():
                    break
            except ssl.SSLError as error:
                return b"".join(pieces), error.reason or "unknown"
        return b"".join(pieces), ""

    @property
    def _reads(self) -> bool:
        return not (self._paused or self._input_ended or self._output_ended or self._closing)

    def _flush(self) -> None:
        if self._raw is not None and self._outgoing.pending:
            self._raw.write(self._outgoing.read())

    # asyncio.Transport, towards the protocol above

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Encrypt and send."""
        tls = self._tls
        if self._closing or self._output_ended or tls is None:
            return
        left = data if len(data) <= _PIECE else memoryview(data)
        try:
            while left:
                left = left[tls.write(left[:_PIECE]) :]
                self._flush()
        except ssl.SSLError as error:
            self._end(self._outgoing.read(), error.reason)

    def can_write_eof(self) -> bool:
        """TLS says goodbye in one direction at a time."""
        return True

    def write_eof(self) -> None:
        """Say that no more will come; what the client sends from now on is thrown away."""
        if self._tls is not None and self._above is not None and not self._output_ended:
            self._output_ended = True
            with contextlib.suppress(ssl.SSLError):  # it wants the client's goodbye, which nobody waits for
                self._tls.unwrap()
            self._flush()

    def close(self) -> None:
        """Say goodbye, and close once all is sent."""
        if not self._closing:
            self.write_eof()
            self._closing = True
            if self._raw is not None:
                self._raw.close()

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        if self._raw is not None:
            self._raw.abort()

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._closing

    def pause_reading(self) -> None:
        """Leave what comes in the socket."""
        self._paused = True
        self._read_socket_or_not()

    def resume_reading(self) -> None:
        """Read on, first of all what has been read and not been decrypted."""
        if self._paused and not self._closing:
            self._paused = False
            self._wait_for_turn()

    def get_write_buffer_size(self) -> int:
        """Encrypted bytes that the client has not read."""
        return self._raw.get_write_buffer_size() if self._raw is not None else 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As asyncio's TLS transports: the session as ``ssl_object``, all else from the socket's transport."""
        if name == "ssl_object":
            return self._tls
        return self._raw.get_extra_info(name, default) if self._raw is not None else default
