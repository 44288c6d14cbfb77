"""The single voters: what was acknowledged is there after a restart, in order, once; snapshots cut the log short."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import IO, Any

import pytest

from pyconsul.raft.archive import ArchiveError, Meta, Server, read_archive, write_archive
from pyconsul.raft.consensus import Entry, ShuttingDown, UnappliableEntry
from pyconsul.raft.log_format import LogRecord, LogType
from pyconsul.raft.log_store import LogError, SegmentLog
from pyconsul.raft.records import header, record
from pyconsul.raft.single import DurableVoter, MemoryVoter, SnapshotRules
from pyconsul.raft.snapshot_store import SnapshotStore
from pyconsul.structs import gomsgpack
from pyconsul.structs.errors import BadRequest, RaftFailure
from tests.waiting import comes_true

SET = 2


class Frozen:
    """A copy of the dict; ``private`` records are those of keys that begin with a dot."""

    def __init__(self, rows: dict[str, str]) -> None:
        self.rows = rows
        self.has_private = any(k.startswith(".") for k in rows)

    def records(self, *, private: bool) -> Iterator[bytes]:
        """One record a key."""
        yield header(1)
        for key, value in self.rows.items():
            if private or not key.startswith("."):
                yield record(SET, [key, value])


class Filling:
    """A dict that replaces the machine's."""

    def __init__(self, machine: Dictionary) -> None:
        self.machine = machine
        self.rows: dict[str, str] = {}

    def load(self, number: int, data: bytes) -> None:
        """Take one pair."""
        if number != SET:
            raise ArchiveError(f"no record type {number}")
        key, value = gomsgpack.decode(data, list[str])
        self.rows[key] = value

    def finish(self) -> Iterator[object]:
        """Swap; there is nothing to free."""
        self.machine.rows = self.rows
        return iter(())


class Dictionary:
    """Sets keys; the answer is the value that was there. The value "refuse" is refused."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.applied: list[int] = []

    def apply(self, index: int, entry: Entry) -> Any:
        """Set one key."""
        self.applied.append(index)
        key, value = entry.request_as(list[str])
        if value == "refuse":
            return BadRequest("refused")
        if value == "break":
            raise RuntimeError("broken")
        if value == "unknown":
            raise UnappliableEntry("unknown")
        old = self.rows.get(key)
        self.rows[key] = value
        return old

    def freeze(self) -> Frozen:
        """A copy."""
        return Frozen(dict(self.rows))

    def restoring(self) -> Filling:
        """An empty one."""
        return Filling(self)


def a_state(**rows: str) -> io.BytesIO:
    """A state.bin with these pairs."""
    return io.BytesIO(b"".join(Frozen(rows).records(private=True)))


ME = Server("node-1", "127.0.0.1:8300")
FEW = SnapshotRules(interval=3600, threshold=5, trailing_logs=2)


@asynccontextmanager
async def durable(directory: Path, rules: SnapshotRules = FEW) -> AsyncIterator[tuple[DurableVoter, Dictionary]]:
    """A running voter on disk with its machine."""
    machine = Dictionary()
    voter = DurableVoter(machine, ME, directory / "raft", rules)
    await voter.start()
    try:
        yield voter, machine
    finally:
        await voter.stop()


@asynccontextmanager
async def memory(directory: Path) -> AsyncIterator[tuple[MemoryVoter, Dictionary]]:
    """A running voter in memory with its machine."""
    del directory
    machine = Dictionary()
    voter = MemoryVoter(machine, ME)
    await voter.start()
    yield voter, machine
    await voter.stop()


both: Any = pytest.mark.parametrize("running", [memory, durable])


def an_archive(index: int, **rows: str) -> io.BytesIO:
    """An archive of a dict."""
    out = io.BytesIO()
    write_archive(out, Meta(index=index, term=1), a_state(**rows))
    out.seek(0)
    return out


@both
async def test_a_proposal_returns_the_machines_answer(running: Any, tmp_path: Path) -> None:
    """The proposer gets what apply returned."""
    async with running(tmp_path) as (voter, _):
        assert await voter.propose(SET, ["a", "1"]) is None
        assert await voter.propose(SET, ["a", "2"]) == "1"


@both
async def test_an_error_answer_is_raised(running: Any, tmp_path: Path) -> None:
    """An exception that the machine returns reaches the proposer; the entry keeps its index."""
    async with running(tmp_path) as (voter, _):
        before = voter.last_index
        with pytest.raises(BadRequest, match="refused"):
            await voter.propose(SET, ["a", "refuse"])
        assert voter.applied_index == before + 1


@both
async def test_proposals_of_one_turn_keep_their_order(running: Any, tmp_path: Path) -> None:
    """Entries are applied in the order of proposing, with indexes that follow each other."""
    async with running(tmp_path) as (voter, machine):
        first = voter.last_index + 1
        await asyncio.gather(*(voter.propose_soon(SET, ["k", str(n)]) for n in range(50)))
        assert machine.applied == list(range(first, first + 50))
        assert machine.rows == {"k": "49"}


@both
async def test_a_barrier_waits_for_what_was_proposed(running: Any, tmp_path: Path) -> None:
    """After the barrier everything before it is applied."""
    async with running(tmp_path) as (voter, machine):
        soon = voter.propose_soon(SET, ["a", "1"])
        index = await voter.barrier()
        assert soon.done()
        assert machine.rows == {"a": "1"}
        assert voter.applied_index == index


@both
async def test_a_stopped_voter_takes_nothing(running: Any, tmp_path: Path) -> None:
    """After stop there is no leader and every proposal is refused."""
    async with running(tmp_path) as (voter, _):
        await voter.stop()
        assert not voter.is_leader
        with pytest.raises(ShuttingDown):
            await voter.propose(SET, ["a", "1"])


async def test_proposals_that_stopping_overtakes_are_told(tmp_path: Path) -> None:
    """Each is either written or refused; nobody waits for ever."""
    async with durable(tmp_path) as (voter, machine):
        proposed = [asyncio.create_task(voter.propose(SET, [str(n), "1"])) for n in range(3)]
        await asyncio.sleep(0)  # they are queued, and nothing is written yet
        await voter.stop()
        async with asyncio.timeout(60):
            told = await asyncio.gather(*proposed, return_exceptions=True)
        written = [n for n, answer in enumerate(told) if not isinstance(answer, ShuttingDown)]
        assert [str(n) for n in written] == list(machine.rows)


@both
async def test_a_snapshot_holds_state_and_configuration(running: Any, tmp_path: Path) -> None:
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
async def test_a_restore_replaces_everything_and_moves_the_index_on(running: Any, tmp_path: Path) -> None:
    """The new state stands behind both the old log and the archive's index."""
    async with running(tmp_path) as (voter, machine):
        await voter.propose(SET, ["old", "1"])
        await voter.restore(an_archive(5000, new="2"))
        assert machine.rows == {"new": "2"}
        assert voter.last_index == 5002  # one for the snapshot, one for the no-op behind it
        await voter.propose(SET, ["more", "3"])
        assert machine.rows == {"new": "2", "more": "3"}


@both
async def test_a_bad_archive_changes_nothing(running: Any, tmp_path: Path) -> None:
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


@both
async def test_stats_are_those_of_consul_info(running: Any, tmp_path: Path) -> None:
    """The raft section has Consul's keys, all of them texts."""
    async with running(tmp_path) as (voter, _):
        stats = voter.stats()
        assert stats["state"] == "Leader"
        assert stats["latest_configuration"] == "[{Suffrage:Voter ID:node-1 Address:127.0.0.1:8300}]"
        assert stats["last_log_index"] == stats["applied_index"] == str(voter.last_index)


async def test_a_restart_finds_everything_once(tmp_path: Path) -> None:
    """All acknowledged entries are applied again in order, in a newer term."""
    async with durable(tmp_path) as (voter, machine):
        for n in range(30):
            await voter.propose(SET, [f"k{n}", "v"])
        rows, applied, term, last = machine.rows, machine.applied, voter.term, voter.last_index
    async with durable(tmp_path) as (voter, machine):
        assert machine.rows == rows
        assert machine.applied == applied
        assert (voter.term, voter.last_index) == (term + 1, last + 1)


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


async def test_a_cancelled_snapshot_is_saved_to_its_end(tmp_path: Path, monkeypatch: Any) -> None:
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


async def test_a_restore_that_cannot_be_saved_leaves_nothing_behind(tmp_path: Path, monkeypatch: Any) -> None:
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


async def test_a_new_address_is_written_to_the_configuration(tmp_path: Path) -> None:
    """A server that comes back under another address records that."""
    async with durable(tmp_path):
        pass
    moved = Server("node-1", "127.0.0.2:8300")
    voter = DurableVoter(Dictionary(), moved, tmp_path / "raft")
    await voter.start()
    assert voter.configuration().servers == (moved,)
    await voter.stop()


async def test_a_failed_write_is_reported_and_the_log_goes_on(tmp_path: Path, monkeypatch: Any) -> None:
    """With the disk full a proposal fails; when there is space again the next one gets the same index."""
    async with durable(tmp_path) as (voter, machine):
        last = voter.last_index

        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", full)
            with pytest.raises(RaftFailure, match="no space left on device"):
                await voter.propose(SET, ["a", "lost"])
        await voter.propose(SET, ["a", "kept"])
        assert (voter.last_index, machine.rows) == (last + 1, {"a": "kept"})


async def test_after_a_failed_sync_nothing_is_accepted(tmp_path: Path, monkeypatch: Any) -> None:
    """When nobody knows what is on the disk, the voter stops acknowledging for good."""
    async with durable(tmp_path) as (voter, _):

        def broken(_: int) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patched:
            patched.setattr(os, "fdatasync", broken)
            first = asyncio.create_task(voter.propose(SET, ["a", "1"]))
            await comes_true(lambda: voter._writing)
            behind = asyncio.create_task(voter.propose(SET, ["b", "1"]))
            for proposed in (first, behind):
                with pytest.raises(RaftFailure, match=r"sync .*: input/output error"):
                    await proposed
        with pytest.raises(RaftFailure, match=r"sync .*: input/output error"):
            await voter.propose(SET, ["a", "2"])


async def test_the_first_entries_are_those_of_a_real_server(tmp_path: Path) -> None:
    """Bootstrap configuration in term 1, then the leader's no-op in term 2."""
    async with durable(tmp_path) as (voter, _):
        assert (voter.term, voter.last_index, voter.configuration().index) == (2, 2, 1)


async def test_a_request_that_cannot_be_encoded_hurts_nobody_else(tmp_path: Path) -> None:
    """Its proposer gets the error; what others proposed in the same turn is written."""
    async with durable(tmp_path) as (voter, machine):
        soon = voter.propose_soon(SET, ["a", "1"])
        with pytest.raises(TypeError):
            await voter.propose(SET, object())
        await soon
        assert machine.rows == {"a": "1"}


async def test_an_entry_that_fails_fails_again_and_nothing_else(tmp_path: Path) -> None:
    """An unexpected error in the machine is the proposer's; a restart goes past the entry as well."""
    async with durable(tmp_path) as (voter, _):
        with pytest.raises(RuntimeError, match="broken"):
            await voter.propose(SET, ["a", "break"])
        await voter.propose(SET, ["a", "1"])
    async with durable(tmp_path) as (_, machine):
        assert machine.rows == {"a": "1"}


async def test_an_entry_that_may_not_be_skipped_stops_the_start(tmp_path: Path) -> None:
    """A log with an entry of a newer version is not applied in part."""
    async with durable(tmp_path) as (voter, _):
        with pytest.raises(UnappliableEntry):
            await voter.propose(SET, ["a", "unknown"])
    with pytest.raises(LogError, match="cannot apply log entry 3 again"):
        async with durable(tmp_path):
            pass


async def test_the_log_of_a_cluster_is_refused(tmp_path: Path) -> None:
    """One of several servers must not go on alone."""
    log = SegmentLog(tmp_path / "raft/log")
    assert list(log.load(0)) == []
    rows = [{"Address": f"127.0.0.{n}:8300", "ID": f"id-{n}", "Suffrage": 0} for n in (1, 2, 3)]
    log.append([LogRecord(1, 1, LogType.CONFIGURATION, gomsgpack.pack({"Servers": rows}))])
    log.close()
    with pytest.raises(LogError, match="cluster of 3 servers"):
        async with durable(tmp_path):
            pass


def write_until_killed(directory: str) -> None:
    """What the killed process does: write with eight hands, print what was acknowledged."""

    async def main() -> None:
        rules = SnapshotRules(interval=0.02, threshold=50, trailing_logs=10)
        voter = DurableVoter(Dictionary(), ME, Path(directory), rules)
        await voter.start()

        async def write(who: int) -> None:
            for n in range(1_000_000):
                await voter.propose(SET, [f"{who}", str(n)])
                print(who, n, flush=True)

        await asyncio.gather(*(write(who) for who in range(8)))

    asyncio.run(main())


def killed_after(lines: int, directory: Path) -> dict[str, int]:
    """The last acknowledged number of each hand of a process that was killed after so many lines."""
    start = f"import runpy; runpy.run_path({__file__!r})['write_until_killed']({str(directory)!r})"
    with Popen([sys.executable, "-c", start], stdout=PIPE) as child:
        assert child.stdout is not None
        printed = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        printed += child.stdout.read().splitlines(keepends=True)
    whole = [line.decode().split() for line in printed if line.endswith(b"\n")]
    return {who: int(n) for who, n in whole}


@pytest.mark.parametrize("lines", [1, 300, 2000])
async def test_a_kill_under_load_loses_nothing_acknowledged(tmp_path: Path, lines: int) -> None:
    """Whatever the killed process had printed as written is there, snapshots and rotation included."""
    acknowledged = await asyncio.to_thread(killed_after, lines, tmp_path / "raft")
    assert len(acknowledged) >= 1
    async with durable(tmp_path) as (_, machine):
        assert all(int(machine.rows[who]) >= n for who, n in acknowledged.items())
