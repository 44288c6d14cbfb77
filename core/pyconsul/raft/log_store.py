"""The log and the term on disk: append-only segment files, read once at the start, appended to ever after.

Blocking calls, made from the voter's disk thread; only `load` is walked on the event loop, before anybody else needs
that. The bytes are ``log_format``'s; the choice of plain files over lmdb is measured in ``docs/durability.md``.
"""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from pyconsul.primitives.system_errors import file_text, system_text
from pyconsul.primitives.whole_files import make_directory, sync_directory, write_durably
from pyconsul.raft.log_format import LogRecord, encode_frame, scan

SEGMENT_BYTES: Final = 16 * 1024 * 1024  # after which a new file is begun; the log is cut short by whole files
_SUFFIX: Final = ".log"
# What a real Consul keeps its log in; neither program reads the other's.
_FOREIGN: Final = ("raft.db", "wal", "raft.wal")


class LogError(Exception):
    """The directory cannot be used, or what it holds must not be trusted."""


class HardState(msgspec.Struct, frozen=True):
    """What a voter must remember across restarts before it answers anybody (Raft paper, figure 2)."""

    term: int = 0
    voted_for: str = ""


class _Segment(msgspec.Struct):
    """One file: the index of its first record (which names it), of its last, and its length."""

    first: int
    path: Path
    last: int = 0
    size_bytes: int = 0


def claim_directory(directory: Path) -> int:
    """Make the directory and lock it for this process; returns the lock's descriptor. Raises LogError.

    Refuses the data directory of a real Consul server.
    """
    for name in _FOREIGN:
        if (directory / name).exists():
            raise LogError(
                f"{directory / name} is the log of another Consul implementation, which is neither read nor changed. "
                "Take a snapshot there (consul snapshot save) and restore it here into a fresh data directory."
            )
    try:
        make_directory(directory, mode=0o700)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileExistsError as e:
        raise LogError(f"mkdir {directory}: not a directory") from e
    except OSError as e:
        raise LogError(f"cannot use {directory}: {file_text(e)}") from e
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        os.close(lock)
        raise LogError(f"{directory} is in use by another process") from e
    return lock


def load_hard_state(path: Path) -> HardState:
    """The saved term and vote, zero where there is none. Raises LogError if the checksum fails."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return HardState()
    try:
        body, _, checksum = text.rstrip(b"\n").rpartition(b" ")
        if zlib.crc32(body) != int(checksum, 16):
            raise ValueError("checksum mismatch")
        fields = json.loads(body)
        return HardState(int(fields["term"]), str(fields["voted_for"]))
    except (ValueError, KeyError, TypeError) as e:
        raise LogError(f"{path} is damaged ({e}); restore a snapshot into a fresh data directory") from e


def save_hard_state(path: Path, state: HardState) -> None:
    """Write term and vote durably."""
    body = json.dumps({"term": state.term, "voted_for": state.voted_for}).encode()
    write_durably(path, body + b" %08x\n" % zlib.crc32(body))


class SegmentLog(msgspec.Struct):
    """The log as files named after the index of their first record; only the last one is written to."""

    directory: Path
    segment_bytes: int = SEGMENT_BYTES
    torn: str = ""
    _segments: list[_Segment] = msgspec.field(default_factory=list[_Segment])
    _file: int = -1

    @property
    def first_index(self) -> int:
        """Index of the oldest record, 0 while there is none."""
        return next((s.first for s in self._segments if s.last), 0)

    def load(self, after: int) -> Iterator[LogRecord]:
        """Read the records with an index above ``after`` (where the snapshot ends), cutting a torn tail.

        Afterwards `append` may be called. ``torn`` says what was cut. Raises LogError for any other damage, and for
        entries that are missing between the snapshot and the log or within the log.
        """
        make_directory(self.directory)
        expected = 0
        for segment in (segments := self._files()):
            records = self._read(segment, last=segment is segments[-1])
            # A gap below the snapshot is none: a restore moves the index on, and its old files may have stayed.
            if records and expected and records[0].index != expected and records[0].index > after + 1:
                raise LogError(f"{segment.path}: entries {expected} to {records[0].index - 1} are missing")
            for record in records:
                if record.index > after:
                    yield record
            expected = segment.last + 1 if records else expected
        self._segments = segments
        self._drop_empty_tail()
        if self.first_index > after + 1:
            raise LogError(
                f"{self.directory}: the log begins with entry {self.first_index}, "
                f"but the newest usable snapshot ends with {after}"
            )

    def append(self, records: list[LogRecord]) -> None:
        """Write the records with one append and one fdatasync.

        After an OSError nothing of them counts and the log goes on; after a LogError it must not be used any more.
        """
        # After a restore it does not: the log goes on at another index, which names a file of its own.
        follows = self._file >= 0 and self._segments[-1].last + 1 == records[0].index
        if not follows or self._segments[-1].size_bytes >= self.segment_bytes:
            self._begin(records[0].index)
        segment = self._segments[-1]
        frame = encode_frame(records, segment.first, segment.size_bytes)
        self._write(memoryview(frame), segment)
        try:
            os.fdatasync(self._file)
        except OSError as e:
            # After a failed sync nobody knows what is on the disk: the kernel may have dropped the pages.
            raise LogError(f"sync {segment.path}: {system_text(e)}") from e
        segment.last = records[-1].index
        segment.size_bytes += len(frame)

    def _write(self, frame: memoryview, segment: _Segment) -> None:
        """Write at the end of the file; what a failed write left there is cut off again."""
        try:
            written = 0
            while written < len(frame):
                written += os.pwrite(self._file, frame[written:], segment.size_bytes + written)
        except OSError as e:
            try:
                os.ftruncate(self._file, segment.size_bytes)
            except OSError:
                raise LogError(f"write {segment.path}: {system_text(e)}") from e
            raise OSError(e.errno, e.strerror, str(segment.path)) from e

    def drop_before(self, index: int) -> None:
        """Remove files that hold nothing from ``index`` on; the newest file stays."""
        dropped = False
        while len(self._segments) > 1 and self._segments[0].last < index:
            self._segments.pop(0).path.unlink()
            dropped = True
        if dropped:
            sync_directory(self.directory)

    def reset(self) -> None:
        """Forget everything: a restored snapshot stands for it. The next append may begin at any index."""
        self.close()
        # From the oldest on, so that a crash in between leaves no hole.
        for segment in self._segments:
            segment.path.unlink()
        self._segments.clear()
        sync_directory(self.directory)

    def close(self) -> None:
        """Close the file that is written to."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _files(self) -> list[_Segment]:
        found: list[_Segment] = []
        for path in self.directory.iterdir():
            if path.suffix == _SUFFIX:
                try:
                    found.append(_Segment(int(path.stem, 16), path))
                except ValueError as e:
                    raise LogError(f"{path} is no file of ours") from e
        return sorted(found, key=lambda s: s.first)

    def _read(self, segment: _Segment, *, last: bool) -> list[LogRecord]:
        data = segment.path.read_bytes()
        result = scan(data, segment.first)
        if result.corrupt or (result.torn and not last):
            raise LogError(
                f"{segment.path} is damaged ({result.corrupt or result.torn}). Entries that were acknowledged are "
                "unreadable; restore a snapshot into a fresh data directory."
            )
        self._check_order(segment, result.records)
        if result.torn:
            self.torn = f"{segment.path}: {result.torn}, {len(data) - result.end} bytes cut off"
            with open(segment.path, "r+b") as file:
                file.truncate(result.end)
                os.fsync(file.fileno())
        segment.size_bytes = result.end
        segment.last = result.records[-1].index if result.records else 0
        return result.records

    @staticmethod
    def _check_order(segment: _Segment, records: list[LogRecord]) -> None:
        for expected, record in enumerate(records, start=segment.first):
            if record.index != expected:
                raise LogError(f"{segment.path}: entry {record.index} stands where {expected} should be")

    def _drop_empty_tail(self) -> None:
        """Remove a last file without a record: its only write was torn, failed, or never began."""
        if self._segments and not self._segments[-1].last:
            self._segments.pop().path.unlink()
        if self._segments:
            self._file = os.open(self._segments[-1].path, os.O_WRONLY | os.O_CLOEXEC)

    def _begin(self, first: int) -> None:
        path = self.directory / f"{first:016x}{_SUFFIX}"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            sync_directory(self.directory)
        except BaseException:
            os.close(file)
            raise
        self.close()
        self._file = file
        if self._segments and not self._segments[-1].last:  # this very file, and a write into it failed
            self._segments.pop()
        self._segments.append(_Segment(first, path))
