"""Snapshots of a single voter cut the log short, survive restarts, and replace everything when they are restored."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import threading
from pathlib import Path
from typing import IO

import pytest

from pyconsul.raft.archive import ArchiveError, Meta, read_archive, write_archive
from pyconsul.raft.log_store import LogError, SegmentLog
from pyconsul.raft.single import SnapshotRules
from pyconsul.raft.snapshot_store import SnapshotStore
from pyconsul.telemetry.logging import Level
from tests.raft.voters import ME, SET, Running, a_state, an_archive, both, durable, logged
from tests.waiting import LIMIT, comes_true


@both
async def test_a_snapshot_holds_state_and_configuration(running: Running, tmp_path: Path) -> None:
    """The archive has the state of its index and names the server; private records stay here."""
    async with running(tmp_path) as (voter, _):
        await voter.propose(SET, ["a", "1"])
        await voter.propose(SET, [".secret", "1"])
        snapshot = await voter.snapshot()
        with snapshot.file, read_archive(snapshot.file) as archive:
            assert archive.state.read() == a_state(a="1").read()
            assert archive.meta.index == voter.applied_index
            assert archive.meta.servers == (ME,)


@both
async def test_a_restore_replaces_everything_and_moves_the_index_on(running: Running, tmp_path: Path) -> None:
    """The new state stands behind both the old log and the archive's index."""
    async with running(tmp_path) as (voter, machine):
        await voter.propose(SET, ["old", "1"])
        await voter.restore(an_archive(5000, new="2"))
        assert machine.rows == {"new": "2"}
        assert voter.last_index == 5002  # one for the snapshot, one for the no-op behind it
        await voter.propose(SET, ["more", "3"])
        assert machine.rows == {"new": "2", "more": "3"}


def a_lie(**promised: int) -> io.BytesIO:
    """An archive that is whole, with other numbers in its meta than those of its state."""
    packed = gzip.decompress(an_archive(9, new="2").getvalue())
    document = packed[512 : packed.index(b"\n", 512) + 1]
    lie = json.dumps({**json.loads(document), **promised}, separators=(",", ":")).encode() + b"\n"
    assert len(lie) == len(document)  # so that the header of the tar stays right
    for old, new in ((document, lie), *((hashlib.sha256(one).hexdigest().encode() for one in (document, lie)),)):
        packed = packed.replace(old, new)
    return io.BytesIO(gzip.compress(packed))


@both
async def test_an_archive_must_keep_what_its_meta_promises(running: Running, tmp_path: Path) -> None:
    """Else it is not the state that was saved."""
    size = len(a_state(new="2").read())
    async with running(tmp_path) as (voter, machine):
        await voter.propose(SET, ["old", "1"])
        for lie, text in (
            (a_lie(Size=size + 1), f"failed to write snapshot, size didn't match ({size} != {size + 1})"),
            (a_lie(Version=2), "unsupported snapshot version 2"),
            (a_lie(Version=0), "failed to create snapshot: unsupported snapshot version 0"),
        ):
            with pytest.raises(ArchiveError) as refused:
                await voter.restore(lie)
            assert str(refused.value) == f"Raft error when restoring snapshot: {text}"
        assert machine.rows == {"old": "1"}


@both
async def test_a_bad_archive_changes_nothing(running: Running, tmp_path: Path) -> None:
    """Whatever is wrong with it, the old state serves on."""
    state = io.BytesIO(a_state(x="1").read() + b"\x63\xc0")
    unknown_record = io.BytesIO()
    write_archive(unknown_record, Meta(index=9, term=1), state)
    unknown_record.seek(0)
    async with running(tmp_path) as (voter, machine):
        await voter.propose(SET, ["old", "1"])
        for bad in (io.BytesIO(b"garbage"), unknown_record):
            with pytest.raises(ArchiveError):
                await voter.restore(bad)
        assert machine.rows == {"old": "1"}
        await voter.propose(SET, ["old", "2"])


async def test_a_snapshot_comes_when_it_is_due_and_cuts_the_log(tmp_path: Path) -> None:
    """After enough entries a snapshot is saved; a restart begins from it and applies only what follows."""
    async with durable(tmp_path) as (voter, machine):
        assert not await voter.snapshot_if_due()
        for n in range(6):
            await voter.propose(SET, [f"k{n}", "v"])
        assert await voter.snapshot_if_due()
        await voter.propose(SET, [".own", "after"])
        rows, newest = machine.rows, voter.applied_index
    async with durable(tmp_path) as (_, machine):
        assert machine.rows == rows
        assert machine.applied == [newest]


async def test_a_snapshot_that_cannot_be_saved_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writes go on meanwhile."""

    def fails(store: SnapshotStore, meta: Meta, state: IO[bytes]) -> tuple[Meta, IO[bytes]]:
        raise LogError("no space left on device")

    async with durable(tmp_path) as (voter, _):
        for n in range(6):
            await voter.propose(SET, [f"k{n}", "v"])
        with logged(Level.ERROR) as lines, monkeypatch.context() as patched:
            patched.setattr(SnapshotStore, "save", fails)
            assert not await voter.snapshot_if_due()
        assert lines().endswith('failed to take snapshot: error="no space left on device"\n')
        await voter.propose(SET, ["more", "v"])
        assert await voter.snapshot_if_due()


async def test_old_files_that_a_restore_cannot_remove_are_only_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot covers what is in them."""

    def fails(log: SegmentLog) -> None:
        raise OSError(13, "Permission denied", "raft")

    async with durable(tmp_path) as (voter, machine):
        await voter.propose(SET, ["old", "1"])
        with logged(Level.ERROR) as lines, monkeypatch.context() as patched:
            patched.setattr(SegmentLog, "reset", fails)
            await voter.restore(an_archive(5000, new="2"))
        assert machine.rows == {"new": "2"}
    assert "failed to remove old log files: error=" in lines()


async def test_private_records_survive_a_restart_from_a_snapshot(tmp_path: Path) -> None:
    """What must not leave the server is in the snapshots on its own disk."""
    async with durable(tmp_path) as (voter, _):
        await voter.propose(SET, [".own", "1"])
        (await voter.snapshot()).close()
    async with durable(tmp_path) as (_, machine):
        assert machine.rows == {".own": "1"}


async def test_a_restored_state_survives_a_restart(tmp_path: Path) -> None:
    """The archive's state is durable, and the log goes on behind it."""
    async with durable(tmp_path) as (voter, _):
        await voter.propose(SET, ["old", "1"])
        await voter.restore(an_archive(5000, new="2"))
        await voter.propose(SET, ["more", "3"])
    async with durable(tmp_path) as (voter, machine):
        assert machine.rows == {"new": "2", "more": "3"}
        assert voter.last_index == 5004


async def test_writes_go_on_while_a_snapshot_is_saved(tmp_path: Path) -> None:
    """What is written meanwhile is not in the snapshot, and is not lost."""
    async with durable(tmp_path) as (voter, machine):
        await voter.propose(SET, ["a", "1"])
        saving = asyncio.create_task(voter.snapshot())
        await asyncio.sleep(0)
        await asyncio.gather(*(voter.propose(SET, ["a", str(n)]) for n in range(20)))
        (await saving).close()
        rows = machine.rows
    async with durable(tmp_path) as (_, machine):
        assert machine.rows == rows


async def test_a_damaged_newest_snapshot_is_passed_over_if_the_log_reaches_back(tmp_path: Path) -> None:
    """The older snapshot and the log together give the same state."""
    async with durable(tmp_path, SnapshotRules(trailing_logs=1000)) as (voter, machine):
        for n in range(3):
            await voter.propose(SET, [f"k{n}", "v"])
            (await voter.snapshot()).close()
        rows = machine.rows
    newest = max((tmp_path / "raft/snapshots").glob("*.snap"), key=lambda p: int(p.stem.split("-")[1]))
    newest.write_bytes(newest.read_bytes()[:-20])
    async with durable(tmp_path) as (_, machine):
        assert machine.rows == rows


async def test_without_a_usable_snapshot_it_does_not_start(tmp_path: Path) -> None:
    """A directory with only damaged snapshots is an error, not an empty state."""
    async with durable(tmp_path) as (voter, _):
        (await voter.snapshot()).close()
    for path in (tmp_path / "raft/snapshots").glob("*.snap"):
        path.write_bytes(b"nonsense")
    with pytest.raises(LogError, match="failed to load any existing snapshots"):
        async with durable(tmp_path):
            pass


async def test_a_cancelled_restore_goes_on_to_its_end(tmp_path: Path) -> None:
    """A client that hangs up leaves no state half replaced, in memory or on disk."""
    async with durable(tmp_path) as (voter, _):
        await voter.propose(SET, ["old", "1"])
        restoring = asyncio.create_task(voter.restore(an_archive(5000, new="2")))
        await asyncio.sleep(0)
        restoring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await restoring
        await voter.propose(SET, ["more", "3"])
    async with durable(tmp_path) as (_, machine):
        assert machine.rows["new"] == "2"


async def test_a_cancelled_snapshot_is_saved_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops the voter waits for the disk: nothing writes to a directory that is free for others."""
    began, may_end = threading.Event(), threading.Event()
    save = SnapshotStore.save

    def slowly(store: SnapshotStore, meta: Meta, state: IO[bytes]) -> tuple[Meta, IO[bytes]]:
        began.set()
        assert may_end.wait(10)
        return save(store, meta, state)

    monkeypatch.setattr(SnapshotStore, "save", slowly)
    async with durable(tmp_path) as (voter, _):
        saving = asyncio.create_task(voter.snapshot())
        await asyncio.to_thread(began.wait, 10)
        saving.cancel()
        await asyncio.sleep(0)
        assert not saving.done()
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await saving
    assert len(list((tmp_path / "raft/snapshots").iterdir())) == 1


async def test_what_waited_for_a_restore_that_failed_is_written(tmp_path: Path) -> None:
    """To the old state, and no later proposal has to come along for that."""
    state = a_state(**{f"k{n}": "" for n in range(20_000)}).read() + b"\x63"
    bad = io.BytesIO()
    write_archive(bad, Meta(index=9, term=1), io.BytesIO(state))
    bad.seek(0)
    async with durable(tmp_path) as (voter, machine):
        restoring = asyncio.create_task(voter.restore(bad))
        await comes_true(lambda: voter._held)  # pyright: ignore[reportPrivateUsage]
        waiting = asyncio.create_task(voter.propose(SET, ["kept", "1"]))
        with pytest.raises(ArchiveError):
            await restoring
        await asyncio.wait_for(waiting, LIMIT)
        assert machine.rows == {"kept": "1"}


async def test_a_restore_that_cannot_be_saved_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the directory failing, the old state serves on, and a restart does not find the new one."""
    async with durable(tmp_path) as (voter, machine):
        await voter.propose(SET, ["old", "1"])
        failed: list[Path] = []

        def fails_once(directory: Path) -> None:
            if not failed:
                failed.append(directory)
                raise OSError(5, "Input/output error")

        with monkeypatch.context() as patched:
            patched.setattr("pyconsul.raft.snapshot_store.sync_directory", fails_once)
            with pytest.raises(OSError, match="Input/output"):
                await voter.restore(an_archive(5000, new="2"))
        await voter.propose(SET, ["old", "2"])
    async with durable(tmp_path) as (_, machine):
        assert machine.rows == {"old": "2"}
