"""HTTP/1 requests out of bytes. No I/O in here.

Every buffer is bounded: the head by the limit given, a chunk's size line by 4 KiB; bodies pass through. So is the work
of one go: a megabyte of short header lines, or of small chunks, is read in many turns.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from pyconsul.agent.http.front.heads import LINES, Head, HeadMemory, Refused, head_steps, request_line

HEAD_SLOP: Final = 4096  # bytes that Go grants above its header limit
MAX_CHUNK_LINE: Final = 4096  # bytes, as in Go
MAX_EXCESS: Final = 16 << 10  # bytes of chunked framing that are too many, as in Go …
_FREE_FRAMING: Final = 16  # … of which each chunk may have so many, and twice its size
TURN: Final = 512  # steps of work in one go, each about a microsecond
_CHUNK_WORK: Final = 8  # steps
_PEEK: Final = 4  # bytes without which Go's server does not look for another request
_HEX = frozenset(b"0123456789abcdefABCDEF")


class BadBody(Exception):
    """The body's framing is broken; the text is Go's."""


class End:
    """The body is complete."""


END: Final = End()
Event = Head | bytes | End


class RequestReader:
    """Takes bytes as they come; ``next`` gives heads, pieces of bodies and ends, in order."""

    def __init__(self, header_limit: int) -> None:
        self._limit = header_limit + HEAD_SLOP
        self._buffer = bytearray()
        self._searched = 0  # up to here no end of a head was found
        self._first_line_done = False
        self._left: int | None = None  # bytes of the body or chunk to come; None between requests
        self._chunked = False
        self._after_chunk = False  # the line end of a chunk is still to come
        self._in_trailer = False
        self._excess = 0  # bytes of framing above what its chunks allow
        self._parsing: Generator[None, None, Head] | None = None  # a head that is not read to its end yet
        self._raw = b""  # the bytes of that head
        self._memory = HeadMemory()
        self._before = ""  # method of the request before, until the next one begins
        self._work = TURN

    @property
    def buffered(self) -> int:
        """Bytes taken and not given yet."""
        return len(self._buffer)

    @property
    def between_requests(self) -> bool:
        """Whether nothing of a request is here."""
        return self._left is None and not self._buffer and self._parsing is None

    @property
    def may_end(self) -> bool:
        """Whether a client that has sent all it will has left no request unfinished, but a few bytes at most."""
        if self._left is not None or self._parsing is not None:
            return False
        return len(self._buffer) < (_PEEK if self._before else 1)

    @property
    def has_more(self) -> bool:
        """Whether ``next`` stopped because the turn is over, and not for want of bytes."""
        return self._work <= 0 and not self.between_requests

    def begin_turn(self) -> None:
        """Allow for the work of one more turn."""
        self._work = TURN

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._buffer += data

    def next(self) -> Event | None:
        """The next event, or None for want of bytes or because the turn is over.

        Raises Refused for what is no request, BadBody within a body.
        """
        if self._work <= 0:
            return None
        if self._parsing is not None:
            return self._read_on(self._parsing)
        if self._left is None:
            return self._next_head()
        if self._chunked:
            return self._next_chunk()
        return self._next_piece()

    # The head

    def _next_head(self) -> Head | None:
        buffer = self._buffer
        if self.may_end:
            return None
        if self._before == "POST":  # behind its body some clients send a line end too many
            del buffer[: _line_ends(buffer)]
        self._before = ""
        end, after = self._end_of_head()
        if end < 0:
            if len(buffer) > self._limit:
                raise Refused(431, "Request Header Fields Too Large")
            if not self._first_line_done:
                self._look_at_first_line()
            return None
        if after > self._limit:
            raise Refused(431, "Request Header Fields Too Large")
        raw = bytes(buffer[:end])
        del buffer[:after]
        self._searched = 0
        self._first_line_done = False
        if (head := self._memory.again(raw)) is not None:
            return self._begin_body(head)
        self._raw = raw
        self._parsing = head_steps(raw)
        return self._read_on(self._parsing)

    def _read_on(self, parsing: Generator[None, None, Head]) -> Head | None:
        """Go on with the lines of a head; the head where that was the last of them."""
        while self._work > 0:
            try:
                next(parsing)
            except StopIteration as ended:
                head: Head = ended.value
                break
            except Refused:
                self._parsing = None
                raise
            self._work -= LINES
        else:
            return None
        self._parsing = None
        self._memory.keep(self._raw, head)
        self._raw = b""
        return self._begin_body(head)

    def _begin_body(self, head: Head) -> Head:
        self._work -= 1
        self._before = head.method
        self._chunked = head.length < 0
        self._after_chunk = self._in_trailer = False
        self._excess = 0
        self._left = 0 if self._chunked else head.length
        return head

    def _end_of_head(self) -> tuple[int, int]:
        """Where the last header line ends and where the body begins; −1 and 0 where that is not here yet."""
        buffer, start = self._buffer, self._searched
        at = buffer.find(b"\n\r\n", start)
        bare = buffer.find(b"\n\n", start, len(buffer) if at < 0 else at + 2)
        if bare >= 0:
            return bare, bare + 2
        if at >= 0:
            return at, at + 3
        self._searched = max(0, len(buffer) - 2)
        return -1, 0

    def _look_at_first_line(self) -> None:
        """Refuse what cannot become a request before all of its head came."""
        end = self._buffer.find(b"\n")
        if end >= 0:
            self._first_line_done = True
            request_line(self._buffer[:end].decode("utf-8", "surrogateescape").removesuffix("\r"))

    # The body

    def _next_piece(self) -> bytes | End | None:
        buffer, left = self._buffer, self._left or 0
        if not left:
            self._left = None
            return END
        if not buffer:
            return None
        piece = bytes(buffer[:left])
        del buffer[:left]
        self._left = left - len(piece)
        return piece

    def _next_chunk(self) -> bytes | End | None:
        if self._left:
            piece = self._next_piece()
            self._after_chunk = True
            return piece
        if self._after_chunk and not self._skip_line_end():
            return None
        while not self._in_trailer:
            line = self._line()
            if line is None:
                return None
            self._work -= _CHUNK_WORK
            self._left = _chunk_size(line)
            self._weigh(line, self._left)
            if self._left:
                return self._next_chunk()
            self._in_trailer = True
        return self._end_of_trailer()

    def _end_of_trailer(self) -> End | None:
        """END behind the trailer, whose fields nobody reads; None where it is not all here."""
        buffer = self._buffer
        if buffer.startswith(b"\r\n"):
            del buffer[:2]
        else:
            end = buffer.find(b"\r\n\r\n", 0, MAX_CHUNK_LINE)
            if end < 0:
                if len(buffer) >= MAX_CHUNK_LINE:
                    raise BadBody("http: suspiciously long trailer after chunked body")
                return None
            _check_trailer(bytes(buffer[:end]).decode("utf-8", "surrogateescape"))
            del buffer[: end + 4]
        self._left = None
        return END

    def _skip_line_end(self) -> bool:
        if len(self._buffer) < 2:
            return False
        if not self._buffer.startswith(b"\r\n"):
            raise BadBody("malformed chunked encoding")
        del self._buffer[:2]
        self._after_chunk = False
        return True

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n", 0, MAX_CHUNK_LINE)
        if end < 0:
            if len(self._buffer) >= MAX_CHUNK_LINE:
                raise BadBody("header line too long")
            return None
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        mark = line.find(b"\r")
        if mark < 0:
            raise BadBody("chunked line ends with bare LF")
        if mark != end - 1:
            raise BadBody("invalid CR in chunked line")
        return line[:mark]

    def _weigh(self, line: bytes, size: int) -> None:
        """Bound what a chunked body brings beside its bytes, by Go's measure."""
        self._excess = max(0, self._excess + len(line) + 4 - _FREE_FRAMING - 2 * size)
        if self._excess > MAX_EXCESS:
            raise BadBody("chunked encoding contains too much non-data")


def _line_ends(data: bytearray) -> int:
    """How many of the first bytes are line ends."""
    start = data[:_PEEK]
    return len(start) - len(start.lstrip(b"\r\n"))


def _check_trailer(text: str) -> None:
    for line in text.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n"):
        if ":" not in line:
            raise BadBody(f'malformed MIME header: missing colon: "{line}"')
        if line.startswith(":"):
            raise BadBody(f'malformed MIME header line: "{line}"')


def _chunk_size(line: bytes) -> int:
    digits = line.rstrip(b" \t").partition(b";")[0]
    if not digits:
        raise BadBody("empty hex number for chunk length")
    if any(c not in _HEX for c in digits):
        raise BadBody("invalid byte in chunk length")
    if len(digits) > 16:
        raise BadBody("http chunk length too large")
    return int(digits, 16)
