"""Header fields out of a block in HPACK (RFC 7541) that comes in pieces, so much work at a time. No I/O in here.

What ``hpack`` decodes only as a whole may keep an event loop busy for a second: a megabyte of text is a block of some
600 KB, and a byte may stand for a whole field. Here a reader stops anywhere, within a string, too, and goes on later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import Final

from hpack.table import HeaderTable

from pyconsul.agent.http import huffman

Field = tuple[bytes, bytes]

TABLE_SIZE: Final = 4096  # bytes of fields that a client may refer to, what it may count on unasked
FIELD_WORK: Final = 32  # what a field costs beside its bytes, in bytes
_ENTRY_OVERHEAD: Final = 32  # bytes that a field counts for beside its text (RFC 7541, section 4.1)
_MOST_DIGITS: Final = 9  # bytes of an integer behind its first; more is none in Go, either
_STATIC: Final[tuple[Field, ...]] = tuple(HeaderTable.STATIC_TABLE)


class BadBlock(ValueError):
    """What came is no block of header fields; nothing of this connection can be read any more."""


def field_size(field: Field) -> int:
    """Bytes that a field counts for, in a table and in a list of fields."""
    return len(field[0]) + len(field[1]) + _ENTRY_OVERHEAD


class FieldReader:
    """The fields of all blocks of one connection.

    ``wanted``: whether fields are looked at; of those that are not only what others may refer to is decoded.
    Raises BadBlock from ``take`` and ``end``. ``longest`` is for a name or a value, in bytes.
    """

    def __init__(self, longest: int) -> None:
        self.wanted = True
        self._longest = longest
        self._data = b""
        self._at = 0
        self._work = 0
        self._recent: deque[Field] = deque()
        self._held = 0  # bytes that ``_recent`` counts for
        self._room = TABLE_SIZE
        self._first = True  # nothing but table sizes has come of this block
        self._between = True  # no field has begun
        self._steps = self._walk()

    @property
    def is_through(self) -> bool:
        """Whether all bytes are read."""
        return self._at >= len(self._data)

    def feed(self, fragment: bytes) -> None:
        """Take the next piece of a block."""
        self._data = self._data[self._at :] + fragment
        self._at = 0

    def take(self, work: int) -> tuple[list[Field], int]:
        """The fields that come of about so many bytes of work, and the work that is left."""
        self._work = work
        found: list[Field] = []
        try:
            while (field := next(self._steps)) is not None:
                found.append(field)
        except (huffman.BadHuffman, StopIteration) as error:
            raise BadBlock from error
        return found, self._work

    def end(self) -> None:
        """The block is complete."""
        if not self._between:
            raise BadBlock
        self._first = True
        self.wanted = True

    # The steps; each waits, as often as it must, for bytes or for more work

    def _walk(self) -> Generator[Field | None, None, None]:
        while True:
            self._between = True
            first = yield from self._byte()
            self._between = False
            self._work -= FIELD_WORK
            if first & 0x80:
                self._first = False
                yield self._known((yield from self._integer(first, 0x7F)))
            elif first & 0xE0 == 0x20:
                self._resize((yield from self._integer(first, 0x1F)))
            else:
                self._first = False
                field = yield from self._literal(first)
                if field is not None:
                    yield field

    def _literal(self, first: int) -> Generator[None, None, Field | None]:
        """A field that is spelled out, at least its value; None where nobody needs it."""
        remembered = first & 0x40 != 0
        place = yield from self._integer(first, 0x3F if remembered else 0x0F)
        needed = remembered or self.wanted
        name = self._known(place)[0] if place else (yield from self._string(needed=needed))
        field = name, (yield from self._string(needed=needed))
        if remembered:
            self._remember(field)
        return field if self.wanted else None

    def _byte(self) -> Generator[None, None, int]:
        while self._at >= len(self._data) or self._work <= 0:
            yield None
        byte = self._data[self._at]
        self._at += 1
        return byte

    def _integer(self, first: int, mask: int) -> Generator[None, None, int]:
        value = first & mask
        if value < mask:
            return value
        for digit in range(_MOST_DIGITS):
            byte = yield from self._byte()
            value += (byte & 0x7F) << 7 * digit
            if not byte & 0x80:
                return value
        raise BadBlock

    def _string(self, *, needed: bool) -> Generator[None, None, bytes]:
        first = yield from self._byte()
        left = yield from self._integer(first, 0x7F)
        if left > self._longest:
            raise BadBlock
        state = huffman.START if first & 0x80 and needed else None
        pieces: list[bytes] = []
        size = 0
        while left:
            piece = self._data[self._at : self._at + min(left, max(self._work, 0))]
            if not piece:
                yield None
                continue
            self._at += len(piece)
            self._work -= len(piece)
            left -= len(piece)
            if state is not None:
                state, piece = huffman.decode(state, piece)
            if needed:
                pieces.append(piece)
                size += len(piece)
        if size > self._longest or (state is not None and not state.may_end):
            raise BadBlock
        return b"".join(pieces)

    # The table

    def _known(self, place: int) -> Field:
        if 0 < place <= len(_STATIC):
            return _STATIC[place - 1]
        place -= len(_STATIC) + 1
        if not 0 <= place < len(self._recent):
            raise BadBlock
        return self._recent[place]

    def _remember(self, field: Field) -> None:
        self._recent.appendleft(field)
        self._held += field_size(field)
        self._shrink()

    def _resize(self, room: int) -> None:
        if room > TABLE_SIZE or (not self._first and self._recent):
            raise BadBlock
        self._room = room
        self._shrink()

    def _shrink(self) -> None:
        while self._held > self._room:
            self._held -= field_size(self._recent.pop())
