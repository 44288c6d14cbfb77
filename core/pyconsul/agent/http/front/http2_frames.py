"""Frames of HTTP/2 out of bytes, so many in a turn. No I/O in here.

``h2`` would take all that came in one go, wait for a frame that is longer than allowed, and decode a block of headers
however long it is.
"""

from __future__ import annotations

from typing import Final

MAX_FRAME: Final = 1 << 14  # bytes of a frame's body, the least that may be asked for
TURN: Final = 16  # steps of work in one go, each what it costs to look at a small frame
BLOCK_STEP: Final = 512  # bytes of header blocks and settings that are one step more
_HEADER: Final = 9
_PREFACE: Final = 24
_HEADERS: Final = 1
_SETTINGS: Final = 4
_GOAWAY: Final = 7
_GOAWAY_LEAST: Final = 8  # bytes of its body
_CONTINUATION: Final = 9
FRAME_SIZE_ERROR: Final = 6
ENHANCE_YOUR_CALM: Final = 11


class BadFrame(Exception):
    """The connection cannot go on; ``code`` is HTTP/2's number for why."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def is_goodbye(frame: bytes) -> bool:
    """Whether it is a GOAWAY as it must be."""
    return frame[3:4] == bytes((_GOAWAY,)) and frame[5:_HEADER] == bytes(4) and len(frame) >= _HEADER + _GOAWAY_LEAST


class FrameReader:
    """Takes bytes as they come; ``next`` gives frames, as long as the work of a turn allows.

    ``longest_block`` bounds a request's headers as they are packed, in bytes.
    """

    def __init__(self, longest_block: int) -> None:
        self._longest_block = longest_block
        self._data = b""
        self._at = 0
        self._work = TURN
        self._preface_left = _PREFACE
        self._block = 0  # bytes of the block that is coming

    @property
    def is_spent(self) -> bool:
        """Whether the turn is over. What comes next waits for another one, also if nothing is here yet."""
        return self._work <= 0

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._data = self._data[self._at :] + data
        self._at = 0

    def begin_turn(self) -> None:
        """Allow for the work of one more turn."""
        self._work = TURN

    def next(self) -> bytes | None:
        """The next frame as it came, or None. Raises BadFrame."""
        if self._preface_left and self._at < len(self._data):
            return self._take(min(self._preface_left, len(self._data) - self._at), preface=True)
        here = len(self._data) - self._at
        if self._work <= 0 or here < _HEADER:
            return None
        size = int.from_bytes(self._data[self._at : self._at + 3], "big")
        if size > MAX_FRAME:
            raise BadFrame(FRAME_SIZE_ERROR)
        if here < _HEADER + size:
            return None
        kind = self._data[self._at + 3]
        self._work -= 1 + (size // BLOCK_STEP if kind in (_HEADERS, _SETTINGS, _CONTINUATION) else 0)
        self._count_block(kind, size)
        return self._take(_HEADER + size)

    def _take(self, size: int, *, preface: bool = False) -> bytes:
        start = self._at
        self._at += size
        if preface:  # ``h2`` says what is wrong with it
            self._preface_left -= size
        return self._data[start : self._at]

    def _count_block(self, kind: int, size: int) -> None:
        if kind == _HEADERS:
            self._block = 0
        elif kind != _CONTINUATION:
            return
        self._block += size
        if self._block > self._longest_block:
            raise BadFrame(ENHANCE_YOUR_CALM)
