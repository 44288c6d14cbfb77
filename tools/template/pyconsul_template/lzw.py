"""LZW with eight-bit literals and the lowest bits first, codes of 9 to 12 bits: what Go calls ``lzw.LSB``."""

from __future__ import annotations

from typing import Final

CLEAR: Final = 256
END: Final = 257
FIRST: Final = 258
LARGEST: Final = 4095
NARROW: Final = 9
WIDE: Final = 12
MOST_BYTES: Final = 64 * 1024 * 1024
"""What is unpacked at most: a few bytes could stand for very many."""


class LzwError(ValueError):
    """Bytes that no encoder writes."""


class _Bits:
    """Puts codes behind one another."""

    def __init__(self) -> None:
        self.out = bytearray()
        self._held = self._count = 0

    def put(self, code: int, width: int) -> None:
        self._held |= code << self._count
        self._count += width
        while self._count >= 8:
            self.out.append(self._held & 255)
            self._held >>= 8
            self._count -= 8

    def whole(self) -> bytes:
        """All bytes, the last one filled up with zeros."""
        return bytes(self.out) + (bytes([self._held]) if self._count else b"")


def compress(data: bytes) -> bytes:
    """The bytes as codes."""
    bits = _Bits()
    bits.put(CLEAR, NARROW)
    known: dict[tuple[int, int], int] = {}
    width, newest = NARROW, END
    code = -1
    for byte in data:
        if code < 0:
            code = byte
            continue
        found = known.get((code, byte))
        if found is not None:
            code = found
            continue
        bits.put(code, width)
        newest += 1
        width += newest == 1 << width
        if newest == LARGEST:
            bits.put(CLEAR, width)
            known.clear()
            width, newest = NARROW, END
        else:
            known[code, byte] = newest
        code = byte
    # The reader makes an entry of the last code, too, and may read the end wider, or after a new beginning, for that.
    if code >= 0:
        bits.put(code, width)
        newest += 1
        width += newest == 1 << width
        if newest == LARGEST:
            bits.put(CLEAR, width)
            width = NARROW
    bits.put(END, width)
    return bits.whole()


def decompress(data: bytes) -> bytes:
    """The bytes behind codes. Raises LzwError."""
    out = bytearray()
    words = _fresh()
    width, last = NARROW, b""
    held = count = 0
    for byte in data:
        held |= byte << count
        count += 8
        if count < width:
            continue  # a code is longer than a byte: not more than one ends in each
        code = held & (1 << width) - 1
        held >>= width
        count -= width
        if code == END:
            return bytes(out)
        if code == CLEAR:
            words, width, last = _fresh(), NARROW, b""
            continue
        if code < len(words):
            word = words[code]
        elif code == len(words) and last:
            word = last + last[:1]
        else:
            raise LzwError("lzw: invalid code")
        out += word
        if len(out) > MOST_BYTES:
            raise LzwError("lzw: too much data")
        if last and len(words) <= LARGEST:
            words.append(last + word[:1])
        # The writer is one entry ahead: its next code may already need the width of the entry it has just made.
        if len(words) + 1 > 1 << width and width < WIDE:
            width += 1
        last = word
    raise LzwError("unexpected EOF")


def _fresh() -> list[bytes]:
    """The words of all literals; the two codes that stand for no word hold a place."""
    return [*(bytes([byte]) for byte in range(256)), b"", b""]
