"""The bytes of the log on disk: frames of records with checksums, and how a damaged file is judged. Does no I/O.

One frame holds what one write brought, and is synced before the next is written. So a crash can only leave the last
frame of the last file incomplete, or with whole disk sectors of zeros; that frame was never acknowledged and is cut.
Any other damage means that acknowledged entries are gone, and the log is refused.

    frame   = magic u32 | payload length u32 | CRC-32 of the payload u32 | CRC-32 of these three u32 | payload
    payload = record* 0xff
    record  = index u64 | term u64 | log type u8 | data length i32 | extensions length i32 | data | extensions

All numbers are little-endian; the length -1 stands for nil. The header's checksum starts from the frame's place (file
and offset), so that a copy of a frame elsewhere, stored as a value or left over on the disk, is none. The closing byte
is never zero, so that a frame's share of its last sector is all zeros only if it was lost.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

import msgspec

MAGIC: Final = 0x314C4350  # "PCL1"
_HEAD: Final = struct.Struct("<IIII")
_RECORD: Final = struct.Struct("<QQBii")
_PLACE: Final = struct.Struct("<QQ")
_CLOSING: Final = b"\xff"
_SECTOR: Final = 512


class LogType(IntEnum):
    """What a log entry is to Raft (``wire/raft.md`` section 1)."""

    COMMAND = 0
    NOOP = 1
    BARRIER = 4
    CONFIGURATION = 5


class LogRecord(msgspec.Struct, frozen=True):
    """One entry of the log as Raft sees it; ``extensions`` belong to chunked commands."""

    index: int
    term: int
    log_type: int
    data: bytes | None = None
    extensions: bytes | None = None


class Scan(msgspec.Struct, frozen=True):
    """What a file holds: its records, the offset behind the last whole frame, and what is wrong after that.

    ``torn`` says that the rest is an interrupted write, ``corrupt`` that it is anything else.
    """

    records: list[LogRecord]
    end: int
    torn: str = ""
    corrupt: str = ""


def encode_frame(records: Iterable[LogRecord], segment: int, offset: int) -> bytes:
    """The bytes of one write, which is to stand at ``offset`` of the file named ``segment``."""
    parts: list[bytes] = []
    for r in records:
        lengths = (-1 if r.data is None else len(r.data), -1 if r.extensions is None else len(r.extensions))
        parts += (_RECORD.pack(r.index, r.term, r.log_type, *lengths), r.data or b"", r.extensions or b"")
    parts.append(_CLOSING)
    payload = b"".join(parts)
    start = _HEAD.pack(MAGIC, len(payload), zlib.crc32(payload), 0)[:12]
    return start + _head_sum(start, segment, offset).to_bytes(4, "little") + payload


def _head_sum(start: bytes, segment: int, offset: int) -> int:
    return zlib.crc32(start, zlib.crc32(_PLACE.pack(segment, offset)))


def scan(data: bytes, segment: int) -> Scan:
    """Read all frames of the file named ``segment`` and judge what follows the last whole one."""
    records: list[LogRecord] = []
    at = 0
    while at < len(data):
        end, fault = _frame_at(data, segment, at)
        if fault:
            return _judge(data, segment, at, records, fault)
        _read_payload(data, at + _HEAD.size, end - len(_CLOSING), records)
        at = end
    return Scan(records, at)


def _frame_at(data: bytes, segment: int, at: int) -> tuple[int, str]:
    """The end of the frame at ``at``, and what is wrong with it."""
    if len(data) - at < _HEAD.size:
        return len(data), "header cut short"
    magic, length, payload_sum, head_sum = _HEAD.unpack_from(data, at)
    if magic != MAGIC or _head_sum(data[at : at + 12], segment, at) != head_sum:
        return len(data), "header checksum mismatch"
    start = at + _HEAD.size
    if len(data) - start < length:
        return len(data), "frame cut short"
    if zlib.crc32(memoryview(data)[start : start + length]) != payload_sum:
        return start + length, "checksum mismatch"
    return start + length, ""


def _judge(data: bytes, segment: int, at: int, records: list[LogRecord], fault: str) -> Scan:
    """A torn write ends the file: cut short, or with sectors that never reached the disk."""
    end, _ = _frame_at(data, segment, at)
    last = end >= len(data) and _next_frame(data, segment, at + 1) is None
    lost = fault.endswith("cut short") or _has_lost_sector(data, at, end)
    if last and lost:
        return Scan(records, at, torn=f"{fault} at offset {at}")
    return Scan(records, at, corrupt=f"{fault} at offset {at}")


def _next_frame(data: bytes, segment: int, start: int) -> int | None:
    """Offset of the next whole frame, if there is any: then what comes before it had been synced."""
    magic = MAGIC.to_bytes(4, "little")
    at = data.find(magic, start)
    while at >= 0:
        if not _frame_at(data, segment, at)[1]:
            return at
        at = data.find(magic, at + 1)
    return None


def _has_lost_sector(data: bytes, start: int, end: int) -> bool:
    """Whether a sector's share of the range is all zeros."""
    at = start
    while at < end:
        stop = min(end, (at // _SECTOR + 1) * _SECTOR)
        if not any(data[at:stop]):
            return True
        at = stop
    return False


def _read_payload(data: bytes, at: int, end: int, records: list[LogRecord]) -> None:
    while at < end:
        index, term, log_type, data_length, extensions_length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        body: bytes | None = None
        if data_length >= 0:
            body = data[at : at + data_length]
            at += data_length
        extensions: bytes | None = None
        if extensions_length >= 0:
            extensions = data[at : at + extensions_length]
            at += extensions_length
        records.append(LogRecord(index, term, log_type, body, extensions))
