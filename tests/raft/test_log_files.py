"""Segment files: what is written comes back, a torn tail is cut, anything else that is damaged is refused."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.raft.log_format import LogRecord, LogType, encode_frame, scan
from pyconsul.raft.log_store import (
    HardState,
    LogError,
    SegmentLog,
    claim_directory,
    load_hard_state,
    save_hard_state,
)


def a_record(index: int, data: bytes | None = b"x") -> LogRecord:
    """One command of term 2."""
    return LogRecord(index, 2, LogType.COMMAND, data)


def a_log(directory: Path, *batches: list[LogRecord], segment_bytes: int = 1 << 20) -> Path:
    """A log on disk with one frame a batch; returns its last file."""
    log = SegmentLog(directory, segment_bytes)
    assert list(log.load(0)) == []
    for batch in batches:
        log.append(batch)
    log.close()
    return sorted(directory.glob("*.log"))[-1]


def read(directory: Path, after: int = 0) -> list[int]:
    """The indexes that a fresh start finds."""
    log = SegmentLog(directory)
    try:
        return [r.index for r in log.load(after)]
    finally:
        log.close()


THREE_WRITES = ([a_record(1)], [a_record(2, b"two"), a_record(3, None)], [a_record(4, b"four" * 40)])


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    """A new process sees the same records, nil data and extensions included."""
    written = [LogRecord(1, 1, LogType.NOOP), LogRecord(2, 1, LogType.COMMAND, b"", b"\x00ext")]
    a_log(tmp_path, written)
    assert list(SegmentLog(tmp_path).load(0)) == written


def test_a_cut_at_every_byte_keeps_all_whole_writes(tmp_path: Path) -> None:
    """However far the last write got, all earlier ones are there and nothing half-written is."""
    path = a_log(tmp_path, *THREE_WRITES)
    whole = path.read_bytes()
    ends = {0: 0}
    for batch in THREE_WRITES:
        at = max(ends)
        ends[at + len(encode_frame(batch, 1, at))] = batch[-1].index
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        found = read(tmp_path)
        assert len(found) == max(last for end, last in ends.items() if end <= size), f"cut at {size}"
        path.write_bytes(whole)


def test_after_a_cut_the_log_goes_on(tmp_path: Path) -> None:
    """A torn tail is removed from the file, reported, and the next append follows the last whole write."""
    path = a_log(tmp_path, *THREE_WRITES)
    path.write_bytes(path.read_bytes()[:-5])
    log = SegmentLog(tmp_path)
    assert [r.index for r in log.load(0)] == [1, 2, 3]
    assert "bytes cut off" in log.torn
    log.append([a_record(4, b"again")])
    log.close()
    assert read(tmp_path) == [1, 2, 3, 4]


def test_a_flipped_bit_anywhere_is_refused(tmp_path: Path) -> None:
    """Damage to a complete file is never taken for a torn write, wherever it is."""
    path = a_log(tmp_path, *THREE_WRITES)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        with pytest.raises(LogError, match="is damaged"):
            read(tmp_path)


def test_lost_sectors_of_the_last_write_are_a_torn_tail(tmp_path: Path) -> None:
    """Where the file grew but its content never reached the disk, the unacknowledged write is cut."""
    path = a_log(tmp_path, [a_record(1)], [a_record(2, b"y" * 4096)])
    whole = path.read_bytes()
    path.write_bytes(whole[:1024] + bytes(512) + whole[1536:])
    assert read(tmp_path) == [1]


def test_damage_before_a_later_write_is_refused(tmp_path: Path) -> None:
    """A hole followed by a synced write means that acknowledged entries are gone."""
    path = a_log(tmp_path, [a_record(1, b"y" * 4096)], [a_record(2)])
    whole = path.read_bytes()
    path.write_bytes(whole[:1024] + bytes(512) + whole[1536:])
    with pytest.raises(LogError, match="is damaged"):
        read(tmp_path)


def test_a_frame_stored_as_a_value_is_no_frame(tmp_path: Path) -> None:
    """The bytes of a log inside a value do not make a torn write look like damage."""
    copy = encode_frame([a_record(9)], 1, 0)
    path = a_log(tmp_path, [a_record(1)], [a_record(2, copy * 3)])
    path.write_bytes(path.read_bytes()[:-1])
    assert read(tmp_path) == [1]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A log without one of its files does not start as if nothing had been there."""
    a_log(tmp_path, *([a_record(n, b"z" * 100)] for n in range(1, 8)), segment_bytes=150)
    files = sorted(tmp_path.glob("*.log"))
    assert len(files) > 2
    files[1].unlink()
    with pytest.raises(LogError, match="are missing"):
        read(tmp_path)


def test_a_log_that_begins_after_the_snapshot_is_refused(tmp_path: Path) -> None:
    """Entries between the snapshot and the first file of the log must not be skipped over."""
    a_log(tmp_path, [a_record(7)])
    with pytest.raises(LogError, match="begins with entry 7"):
        read(tmp_path, after=5)
    assert read(tmp_path, after=6) == [7]


def test_old_files_go_and_newer_entries_stay(tmp_path: Path) -> None:
    """Dropping what a snapshot covers keeps every entry from the given index on."""
    a_log(tmp_path, *([a_record(n, b"z" * 100)] for n in range(1, 11)), segment_bytes=300)
    log = SegmentLog(tmp_path)
    list(log.load(0))
    log.drop_before(6)
    log.close()
    assert set(range(6, 11)) <= set(read(tmp_path, after=5)) <= set(range(4, 11))


def test_a_full_disk_at_the_turn_to_a_new_file_costs_nothing_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that could not be written to is begun anew, and is not taken for an old one ever after."""
    log = SegmentLog(tmp_path, segment_bytes=1)
    assert list(log.load(0)) == []
    log.append([a_record(1)])

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        for _ in range(3):
            with pytest.raises(OSError, match="No space left"):
                log.append([a_record(2)])
    for index in (2, 3, 4):
        log.append([a_record(index)])
    log.drop_before(2)
    log.close()
    assert read(tmp_path, after=1) == [2, 3, 4]


def test_after_a_reset_the_log_may_begin_anywhere(tmp_path: Path) -> None:
    """A restored snapshot replaces the log; the next entry follows the snapshot."""
    a_log(tmp_path, *THREE_WRITES)
    log = SegmentLog(tmp_path)
    list(log.load(0))
    log.reset()
    log.append([a_record(5001)])
    log.close()
    assert read(tmp_path, after=5000) == [5001]


def test_entries_behind_a_newer_snapshot_need_not_be_contiguous(tmp_path: Path) -> None:
    """Old files that survived a crash during a restore do not get in the way."""
    a_log(tmp_path, *THREE_WRITES)
    log = SegmentLog(tmp_path)
    list(log.load(5000))
    log.append([a_record(5001)])
    log.close()
    assert read(tmp_path, after=5000) == [5001]


@given(st.binary(max_size=300))
def test_no_bytes_break_the_scanner(data: bytes) -> None:
    """Whatever a file holds, the scan ends with a verdict."""
    result = scan(data, 1)
    assert result.end == len(data) or result.torn or result.corrupt


@given(
    st.lists(
        st.builds(
            LogRecord,
            st.integers(0, 2**64 - 1),
            st.integers(0, 2**64 - 1),
            st.sampled_from(LogType),
            st.none() | st.binary(),
            st.none() | st.binary(),
        ),
        min_size=1,
    )
)
def test_any_records_survive_a_frame(records: list[LogRecord]) -> None:
    """A frame gives back exactly what was put in."""
    assert scan(encode_frame(records, 1, 0), 1).records == records


def test_the_hard_state_survives_or_is_refused(tmp_path: Path) -> None:
    """Term and vote come back; a damaged file is an error, never a forgotten vote."""
    path = tmp_path / "term"
    assert load_hard_state(path) == HardState()
    save_hard_state(path, HardState(7, "me"))
    assert load_hard_state(path) == HardState(7, "me")
    path.write_bytes(path.read_bytes().replace(b"7", b"6"))
    with pytest.raises(LogError, match="is damaged"):
        load_hard_state(path)


@pytest.mark.parametrize("name", ["raft.db", "wal"])
def test_the_directory_of_a_real_consul_is_refused(tmp_path: Path, name: str) -> None:
    """Somebody else's log is never touched; the error says what to do."""
    (tmp_path / name).mkdir()
    with pytest.raises(LogError, match="snapshot save"):
        claim_directory(tmp_path)


def test_a_directory_has_one_owner(tmp_path: Path) -> None:
    """A second server on the same directory is refused while the first one runs."""
    claim_directory(tmp_path)
    with pytest.raises(LogError, match="in use by another process"):
        claim_directory(tmp_path)
