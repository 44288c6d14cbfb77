"""Frames of HTTP/2 out of bytes, with the header blocks among them read on the way. No I/O in here.

``h2`` would gather a block and decode it at once, and take all frames that came in one go. Here a block is read as its
pieces come, no more than a turn's work at a time, and by the rules of Go's framer; ``h2`` then gets one frame for the
whole block, with no more in it than what it keeps account of. Other frames pass through as they are.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pyconsul.agent.http.hpack_fields import BadBlock, FieldReader
from pyconsul.agent.http.http2_heads import HeadFields

MAX_FRAME: Final = 1 << 14  # bytes of a frame's body, the least that may be asked for
TURN: Final = 8 << 10  # bytes of header blocks, or their like in work, that are read in one go: about a millisecond
FRAME_WORK: Final = 512  # what a frame costs, in such bytes
_HEADER: Final = 9
_PREFACE: Final = 24
_HEADERS: Final = 1
_CONTINUATION: Final = 9
_END_STREAM: Final = 0x1
_END_HEADERS: Final = 0x4
_PADDED: Final = 0x8
_PRIORITY: Final = 0x20
_GET: Final = b"\x82"  # a whole field in HPACK
_LENGTH: Final = b"\x0f\x0d"  # the name of the 28th field of HPACK's table, content-length, not to be remembered


class BadFrame(Exception):
    """The connection cannot go on; ``code`` is HTTP/2's number for why."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


PROTOCOL_ERROR: Final = 1
FRAME_SIZE_ERROR: Final = 6
COMPRESSION_ERROR: Final = 9


class Frame(NamedTuple):
    """A frame as ``h2`` takes it; ``head`` holds the fields of its block, where it has one."""

    data: bytes
    stream: int = 0
    head: HeadFields | None = None


class FrameReader:
    """Takes bytes as they come; ``next`` gives frames, as long as the work of a turn allows."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._fields = FieldReader(most)
        self._data = b""
        self._at = 0
        self._work = TURN
        self._preface_left = _PREFACE
        self._stream = 0  # whose block is being read
        self._flags = 0
        self._head: HeadFields | None = None  # of the block that is being read
        self._last_piece = False

    @property
    def has_more(self) -> bool:
        """Whether ``next`` stopped because the turn is over, and not for want of bytes."""
        return self._work <= 0 and (self._is_in_block or len(self._data) - self._at >= _HEADER)

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._data = self._data[self._at :] + data
        self._at = 0

    def begin_turn(self) -> None:
        """Allow for the work of one more turn."""
        self._work = TURN

    def next(self) -> Frame | None:
        """The next frame, or None. Raises BadFrame."""
        if self._preface_left and self._at < len(self._data):
            return self._pass_preface()
        while self._work > 0:
            if self._is_in_block:
                frame = self._read_block()
            elif (size := self._size()) is not None:
                frame = self._pass_frame(size)
            else:
                return None
            if frame is not None:
                return frame
        return None

    # Frames

    @property
    def _is_in_block(self) -> bool:
        """Whether the next thing to do is in the piece of a block that is here."""
        return self._head is not None and (self._last_piece or not self._fields.is_through)

    def _pass_preface(self) -> Frame:
        """What is here of the preface; ``h2`` says what is wrong with it."""
        start = self._at
        self._at = min(start + self._preface_left, len(self._data))
        self._preface_left -= self._at - start
        return Frame(self._data[start : self._at])

    def _size(self) -> int | None:
        """Bytes of the body of the next frame, None where it is not all here. Raises BadFrame."""
        here = len(self._data) - self._at
        if here < _HEADER:
            return None
        size = int.from_bytes(self._data[self._at : self._at + 3], "big")
        if size > MAX_FRAME:
            raise BadFrame(FRAME_SIZE_ERROR)
        return size if here >= _HEADER + size else None

    def _pass_frame(self, size: int) -> Frame | None:
        """Take the next frame, which is here; None for a piece of a block."""
        at = self._at
        kind, flags = self._data[at + 3], self._data[at + 4]
        stream = int.from_bytes(self._data[at + 5 : at + 9], "big") & 0x7FFFFFFF
        self._at = at + _HEADER + size
        self._work -= FRAME_WORK
        if (kind == _CONTINUATION) != (self._head is not None) or (self._head is not None and stream != self._stream):
            raise BadFrame(PROTOCOL_ERROR)
        if kind not in (_HEADERS, _CONTINUATION):
            return Frame(self._data[at : self._at])
        body = self._data[at + _HEADER : self._at]
        if kind == _HEADERS:
            if not stream:
                raise BadFrame(PROTOCOL_ERROR)
            self._stream, self._flags, self._head = stream, flags, HeadFields(self._most)
            body = _block_of(body, flags)
        self._begin_piece(body, last=flags & _END_HEADERS != 0)
        return None

    # Blocks

    def _begin_piece(self, fragment: bytes, *, last: bool) -> None:
        """Go on with a block. What is far too long, or goes on although it is none, ends the connection, as in Go."""
        head = self._head
        if head is None or head.is_bad or len(fragment) > 2 * head.room:
            raise BadFrame(PROTOCOL_ERROR)
        self._last_piece = last
        self._fields.feed(fragment)

    def _read_block(self) -> Frame | None:
        """Read on in a block; its frame where it is complete."""
        head = self._head
        if head is None:
            return None
        try:
            self._fields.wanted = not (head.is_bad or head.is_too_long)
            found, self._work = self._fields.take(self._work)
            for field in found:
                head.add(field)
            if not self._fields.is_through or not self._last_piece:
                return None
            self._fields.end()
        except BadBlock as error:
            raise BadFrame(COMPRESSION_ERROR) from error
        self._head = None
        return Frame(_small_frame(head, self._stream, self._flags), self._stream, head)


def _block_of(body: bytes, flags: int) -> bytes:
    """The piece of a block in a frame of headers. Raises BadFrame."""
    start = 1 if flags & _PADDED else 0
    padding = body[0] if start and body else 0
    start += 5 if flags & _PRIORITY else 0
    if start + padding > len(body):
        raise BadFrame(PROTOCOL_ERROR)
    return body[start : len(body) - padding]


def _small_frame(head: HeadFields, stream: int, flags: int) -> bytes:
    """A frame of headers with what ``h2`` keeps account of: the length that the body is said to have."""
    length = head.declared_length.encode()
    block = _GET + (_LENGTH + bytes((len(length),)) + length if length else b"")
    kind = bytes((_HEADERS, _END_HEADERS | flags & _END_STREAM))
    return len(block).to_bytes(3, "big") + kind + stream.to_bytes(4, "big") + block
