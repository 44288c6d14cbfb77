"""The single voters: what was acknowledged is there after a restart, in order, once; snapshots cut the log short."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from pyconsul.raft.archive import Server
from pyconsul.raft.consensus import ShuttingDown, UnappliableEntry
from pyconsul.raft.log_format import LogRecord, LogType
from pyconsul.raft.log_store import LogError, SegmentLog
from pyconsul.raft.single import DurableVoter
from pyconsul.structs import gomsgpack
from pyconsul.structs.errors import BadRequest, RaftFailure
from pyconsul.telemetry.logging import Level
from tests.raft import voters
from tests.raft.voters import SET, Dictionary, Running, both, durable, logged
from tests.waiting import comes_true


def killed_after(lines: int, directory: Path) -> dict[str, int]:
    """The last acknowledged number of each hand of a process that was killed after so many lines."""
    start = f"import runpy; runpy.run_path({voters.__file__!r})['write_until_killed']({str(directory)!r})"
    with Popen([sys.executable, "-c", start], stdout=PIPE) as child:
        assert child.stdout is not None
        printed = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        printed += child.stdout.read().splitlines(keepends=True)
    whole = [line.decode().split() for line in printed if line.endswith(b"\n")]
    return {who: int(n) for who, n in whole}


@both
async def test_a_proposal_returns_the_machines_answer(running: Running, tmp_path: Path) -> None:
    """The proposer gets what apply returned."""
    async with running(tmp_path) as (voter, _):
        assert await voter.propose(SET, ["a", "1"]) is None
        assert await voter.propose(SET, ["a", "2"]) == "1"


@both
async def test_an_error_answer_is_raised(running: Running, tmp_path: Path) -> None:
    """An exception that the machine returns reaches the proposer; the entry keeps its index."""
    async with running(tmp_path) as (voter, _):
        before = voter.last_index
        with pytest.raises(BadRequest, match="refused"):
            await voter.propose(SET, ["a", "refuse"])
        assert voter.applied_index == before + 1


@both
async def test_proposals_of_one_turn_keep_their_order(running: Running, tmp_path: Path) -> None:
    """Entries are applied in the order of proposing, with indexes that follow each other."""
    async with running(tmp_path) as (voter, machine):
        first = voter.last_index + 1
        await asyncio.gather(*(voter.propose_soon(SET, ["k", str(n)]) for n in range(50)))
        assert machine.applied == list(range(first, first + 50))
        assert machine.rows == {"k": "49"}


@both
async def test_a_barrier_waits_for_what_was_proposed(running: Running, tmp_path: Path) -> None:
    """After the barrier everything before it is applied."""
    async with running(tmp_path) as (voter, machine):
        soon = voter.propose_soon(SET, ["a", "1"])
        index = await voter.barrier()
        assert soon.done()
        assert machine.rows == {"a": "1"}
        assert voter.applied_index == index


@both
async def test_a_stopped_voter_takes_nothing(running: Running, tmp_path: Path) -> None:
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
async def test_stats_are_those_of_consul_info(running: Running, tmp_path: Path) -> None:
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


async def test_a_write_that_a_crash_interrupted_is_cut_off_and_told(tmp_path: Path) -> None:
    """Nobody was told that it is there; all before it is."""
    async with durable(tmp_path) as (voter, machine):
        await voter.propose(SET, ["k", "v"])
        rows = machine.rows
    (segment,) = (tmp_path / "raft/log").glob("*.log")
    with segment.open("ab") as file:
        file.write(segment.read_bytes()[:9])
    with logged(Level.WARN) as lines:
        async with durable(tmp_path) as (_, machine):
            assert machine.rows == rows
    assert f"an interrupted write was cut off the log: file={segment}: " in lines().replace('"', "")


async def test_a_file_that_is_none_of_ours_stops_the_start(tmp_path: Path) -> None:
    """Whoever put it there has to take it away."""
    async with durable(tmp_path):
        pass
    (tmp_path / "raft/log/notes.log").touch()
    with pytest.raises(LogError, match=r"notes\.log is no file of ours"):
        async with durable(tmp_path):
            pass


async def test_a_new_address_is_written_to_the_configuration(tmp_path: Path) -> None:
    """A server that comes back under another address records that."""
    async with durable(tmp_path):
        pass
    moved = Server("node-1", "127.0.0.2:8300")
    voter = DurableVoter(Dictionary(), moved, tmp_path / "raft")
    await voter.start()
    assert voter.configuration().servers == (moved,)
    await voter.stop()


async def test_a_start_that_fails_at_its_end_frees_the_directory(tmp_path: Path) -> None:
    """Where the new term cannot be saved, the next attempt is not told that somebody uses the directory."""
    in_the_way = tmp_path / "raft/term.tmp"
    in_the_way.mkdir(parents=True)
    with pytest.raises(OSError, match="term"):
        await DurableVoter(Dictionary(), voters.ME, tmp_path / "raft").start()
    in_the_way.rmdir()
    async with durable(tmp_path) as (voter, _):
        assert voter.is_leader


async def test_a_failed_write_is_reported_and_the_log_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_after_a_failed_sync_nothing_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nobody knows what is on the disk, the voter stops acknowledging for good."""
    async with durable(tmp_path) as (voter, _):

        def broken(_: int) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patched:
            patched.setattr(os, "fdatasync", broken)
            first = asyncio.create_task(voter.propose(SET, ["a", "1"]))
            await comes_true(lambda: voter._writing)  # pyright: ignore[reportPrivateUsage]
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


@pytest.mark.parametrize("lines", [1, 300, 2000])
async def test_a_kill_under_load_loses_nothing_acknowledged(tmp_path: Path, lines: int) -> None:
    """Whatever the killed process had printed as written is there, snapshots and rotation included."""
    acknowledged = await asyncio.to_thread(killed_after, lines, tmp_path / "raft")
    assert len(acknowledged) >= 1
    async with durable(tmp_path) as (_, machine):
        assert all(int(machine.rows[who]) >= n for who, n in acknowledged.items())
