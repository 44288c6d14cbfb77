"""A log with a single voter: in memory for ``-dev``, on disk for a server that is a cluster of its own.

Behind the `Consensus` seam. An entry counts once it is in the log (durable: synced), is applied on the event loop in
log order, and only then answers its proposer. All that is proposed while the disk syncs goes into one next write.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeVar

from pyconsul.raft.archive import Archive, Meta, Server, read_archive, scratch_file, write_archive
from pyconsul.raft.consensus import Configuration, Entry, FrozenState, ShuttingDown, Snapshot, StateMachine
from pyconsul.raft.log_format import LogRecord, LogType
from pyconsul.raft.log_store import (
    HardState,
    LogError,
    SegmentLog,
    claim_directory,
    load_hard_state,
    save_hard_state,
)
from pyconsul.raft.records import StateReader
from pyconsul.raft.snapshot_store import SnapshotStore
from pyconsul.structs import gomsgpack
from pyconsul.structs.errors import RaftFailure
from pyconsul.telemetry.logging import logger

log = logger("agent.server.raft")

T = TypeVar("T")
_SLICE: Final = 0.004  # seconds of work before the loop gets its turn
_WRITE_CHUNK: Final = 256 * 1024
_BATCH: Final = 1024  # entries in one write, so that applying them does not hold the loop for long


class Proposal(NamedTuple):
    """What waits for its place in the log; an ``entry`` of None is Raft's own business."""

    log_type: int
    entry: Entry | None
    data: bytes | None
    done: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class SnapshotRules:
    """When a durable voter snapshots by itself, and how much log it keeps (Consul's ``raft_…`` settings)."""

    interval: float = 30.0
    threshold: int = 16384
    trailing_logs: int = 10240


class _SingleVoter:
    """What both voters share: indexes, answers, the figures that tools show."""

    def __init__(self, machine: StateMachine, me: Server) -> None:
        self._machine = machine
        self._me = me
        self._term = 0
        self._last_index = 0
        self._applied_index = 0
        self._snapshot = Meta(index=0, term=0)
        self._running = False
        self._servers: tuple[Server, ...] = ()
        self._configuration_index = 0
        self._saving = asyncio.Lock()

    @property
    def term(self) -> int:
        """The current term: one more with each start."""
        return self._term

    @property
    def last_index(self) -> int:
        """Index of the newest entry."""
        return self._last_index

    @property
    def commit_index(self) -> int:
        """Index up to which entries are in the log for good."""
        return self._applied_index

    @property
    def applied_index(self) -> int:
        """Index of the newest entry that the state machine has seen."""
        return self._applied_index

    @property
    def is_leader(self) -> bool:
        """True while running: nobody else could lead."""
        return self._running

    @property
    def known_leader(self) -> bool:
        """As `is_leader`."""
        return self._running

    @property
    def last_contact(self) -> float:
        """Always 0."""
        return 0.0

    def _log_election(self) -> None:
        """The lines that operators know from an election."""
        log.info("election won", term=self._term, tally=1)
        log.info("entering leader state", leader=f"Node at {self._me.address} [Leader]")

    async def verify(self) -> None:
        """Make sure that this is still the leader; a single voter is. Raises ShuttingDown when it stopped."""
        if not self._running:
            raise ShuttingDown

    def configuration(self) -> Configuration:
        """This server alone."""
        return Configuration(self._servers, self._configuration_index)

    def stats(self) -> dict[str, str]:
        """The raft section of ``consul info``."""
        servers = " ".join(
            f"{{Suffrage:{'Nonvoter' if s.suffrage else 'Voter'} ID:{s.id} Address:{s.address}}}" for s in self._servers
        )
        return {
            "applied_index": str(self._applied_index),
            "commit_index": str(self._applied_index),
            "fsm_pending": "0",
            "last_contact": "0",
            "last_log_index": str(self._last_index),
            "last_log_term": str(self._term),
            "last_snapshot_index": str(self._snapshot.index),
            "last_snapshot_term": str(self._snapshot.term),
            "latest_configuration": f"[{servers}]",
            "latest_configuration_index": "0",  # Raft's future never carries it
            "num_peers": str(max(0, len(self._servers) - 1)),
            "protocol_version": "3",
            "protocol_version_max": "3",
            "protocol_version_min": "0",
            "snapshot_version_max": "1",
            "snapshot_version_min": "0",
            "state": "Leader" if self._running else "Shutdown",
            "term": str(self._term),
        }

    def propose_soon(self, type: int, request: object) -> asyncio.Future[Any]:
        """Put an entry into the log; the future holds the state machine's answer or error."""
        return self._submit(LogType.COMMAND, Entry(type, request), None)

    async def propose(self, type: int, request: object) -> Any:
        """As `propose_soon`, waiting for the answer."""
        return await self.propose_soon(type, request)

    async def barrier(self) -> int:
        """Wait until everything proposed so far is applied; returns the barrier's index."""
        index: int = await self._submit(LogType.BARRIER, None, None)
        return index

    def _submit(self, log_type: int, entry: Entry | None, data: bytes | None) -> asyncio.Future[Any]:
        raise NotImplementedError

    def _apply(self, index: int, proposal: Proposal) -> None:
        """Let the state machine see a committed entry and answer its proposer."""
        self._applied_index = index
        answer: Any = index
        if proposal.entry is not None:
            try:
                answer = self._machine.apply(index, proposal.entry)
            except Exception as error:
                log.error("failed to apply log entry", index=index, type=proposal.entry.type, error=repr(error))
                answer = error
        if proposal.done.done():
            return
        if isinstance(answer, BaseException):
            proposal.done.set_exception(answer)
        else:
            proposal.done.set_result(answer)

    def _adopt(self, index: int, servers: tuple[Server, ...]) -> None:
        self._servers = servers
        self._configuration_index = index

    def _meta(self) -> Meta:
        """Where the state stands now."""
        return Meta(
            index=self._applied_index,
            term=self._term,
            peers=gomsgpack.pack([s.address for s in self._servers if not s.suffrage]),
            servers=self._servers,
            configuration_index=self._configuration_index,
        )

    async def _encode(self, frozen: FrozenState, *, private: bool) -> IO[bytes]:
        """A frozen state as a file, encoded beside the loop while writes go on."""
        state = scratch_file()
        try:
            held: list[bytes] = []
            size = 0
            async for piece in _sliced(frozen.records(private=private)):
                held.append(piece)
                size += len(piece)
                if size >= _WRITE_CHUNK:
                    state.write(b"".join(held))
                    held.clear()
                    size = 0
            state.write(b"".join(held))
        except BaseException:
            state.close()
            raise
        return state

    async def _exported(self, meta: Meta, frozen: FrozenState) -> Snapshot:
        """An archive that may leave this server."""
        archive = scratch_file()
        with await self._encode(frozen, private=False) as state:
            await asyncio.to_thread(write_archive, archive, meta, state)
        archive.seek(0)
        return Snapshot(meta, archive)

    async def _load(self, state: IO[bytes], *, commit: Callable[[], Awaitable[None]] | None = None) -> None:
        """Fill a new state from an archive's; it replaces the old one after ``commit`` has succeeded.

        Raises ArchiveError, and leaves the old state, for records that cannot be read.
        """
        fresh = self._machine.restoring()
        async for number, data in _sliced(StateReader(state)):
            fresh.load(number, data)
        if commit is not None:
            await commit()
        fresh.finish()


async def _sliced(items: Iterable[T]) -> AsyncGenerator[T, None]:
    """Pass items on, giving the loop its turn every few milliseconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _SLICE
    for item in items:
        yield item
        if loop.time() > until:
            await asyncio.sleep(0)
            until = loop.time() + _SLICE


class MemoryVoter(_SingleVoter):
    """The log of ``-dev``: entries are applied where they are proposed, and nothing is kept or encoded."""

    async def start(self) -> None:
        """Bootstrap, win the election and write the leader's first entry, as a real server would."""
        self._running = True
        self._term = 1
        self._last_index = self._applied_index = 1
        self._adopt(1, (self._me,))
        self._term = 2
        self._log_election()
        await self._submit(LogType.NOOP, None, None)

    async def stop(self) -> None:
        """Take no more proposals."""
        self._running = False

    def _submit(self, log_type: int, entry: Entry | None, data: bytes | None) -> asyncio.Future[Any]:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self._running:
            done.set_exception(ShuttingDown())
            return done
        self._last_index += 1
        self._apply(self._last_index, Proposal(log_type, entry, data, done))
        return done

    async def snapshot(self) -> Snapshot:
        """Save the state as an archive."""
        async with self._saving:
            self._snapshot = self._meta()
            return await self._exported(self._snapshot, self._machine.freeze())

    async def restore(self, source: IO[bytes]) -> None:
        """Replace the state by an archive's. Raises ArchiveError."""
        async with self._saving:
            with await asyncio.to_thread(read_archive, source) as archive:
                await self._load(archive.state)
                self._last_index = max(self._last_index, archive.meta.index) + 1
            self._applied_index = self._last_index
            self._snapshot = self._meta()
        await self._submit(LogType.NOOP, None, None)


class DurableVoter(_SingleVoter):
    """A log on disk: group commit, snapshots that cut it short, recovery at the start.

    ``directory`` is ``raft`` below the data directory; it is locked while this runs.
    """

    def __init__(self, machine: StateMachine, me: Server, directory: Path, rules: SnapshotRules | None = None) -> None:
        super().__init__(machine, me)
        self._directory = directory
        self._rules = rules or SnapshotRules()
        self._log = SegmentLog(directory / "log")
        self._lock = -1
        self._pending: list[Proposal] = []
        self._writing = False
        self._scheduled = False
        self._held = False  # a restore is going on: proposals wait
        self._broken: str = ""
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="raft-disk")
        self._idle = asyncio.Event()
        self._background: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Lock the directory, load the newest snapshot, replay the log, begin a new term.

        Raises LogError for a directory that must not be used.
        """
        self._lock = await self._on_disk(claim_directory, self._directory)
        try:
            await self._recover()
        except BaseException:
            await self.stop()
            raise
        self._running = True
        self._idle.set()
        if self._servers != (self._me,):
            await self._submit(LogType.CONFIGURATION, None, _encode_servers((self._me,)))
            self._adopt(self._last_index, (self._me,))
        await self._on_disk(self._begin_term, self._term + 1)
        self._log_election()
        await self._submit(LogType.NOOP, None, None)
        self._background = asyncio.get_running_loop().create_task(self._snapshot_now_and_then())

    async def stop(self) -> None:
        """Finish what is being written, close the files, free the directory. Safe to call twice."""
        self._running = False
        if self._background is not None:
            self._background.cancel()
            await asyncio.gather(self._background, return_exceptions=True)
            self._background = None
        while self._writing:
            await self._idle.wait()
        self._refuse_pending(ShuttingDown())
        if self._lock >= 0:
            await self._on_disk(self._log.close)
            os.close(self._lock)
            self._lock = -1
        self._disk.shutdown()

    async def snapshot(self) -> Snapshot:
        """Save the state to disk and return the archive opened for reading."""
        async with self._saving:
            meta, frozen = self._meta(), self._machine.freeze()
            with await self._encode(frozen, private=True) as state:
                meta, file = await asyncio.to_thread(self._snapshots.save, meta, state)
            self._snapshot = meta
            await self._on_disk(self._log.drop_before, meta.index - self._rules.trailing_logs)
            log.info("snapshot complete up to", index=meta.index)
            if not frozen.has_private:
                return Snapshot(meta, file)
            file.close()
            return await self._exported(meta, frozen)

    async def restore(self, source: IO[bytes]) -> None:
        """Replace the state by an archive's, durably; the log begins anew behind it. Raises ArchiveError."""
        async with self._saving:
            with await asyncio.to_thread(read_archive, source) as archive:
                self._held = True
                try:
                    await self._idle.wait()
                    await self._replace_by(archive)
                finally:
                    self._held = False
        self._kick()
        await self._submit(LogType.NOOP, None, None)

    async def _replace_by(self, archive: Archive) -> None:
        index = max(self._last_index, archive.meta.index) + 1

        async def commit() -> None:
            meta = replace(self._meta(), index=index)
            meta, file = await asyncio.to_thread(self._snapshots.save, meta, archive.state)
            file.close()
            self._snapshot = meta
            self._last_index = self._applied_index = index
            try:
                await self._on_disk(self._log.reset)
            except OSError as error:  # the snapshot covers them, so they are only in the way
                log.error("failed to remove old log files", error=error)

        await self._load(archive.state, commit=commit)
        log.info("restored user snapshot", index=index)

    # Recovery

    async def _recover(self) -> None:
        self._term = (await self._on_disk(load_hard_state, self._directory / "term")).term
        self._snapshots = await self._on_disk(SnapshotStore.at, self._directory / "snapshots")
        archive = await self._on_disk(self._snapshots.newest)
        for reason in self._snapshots.unusable:
            log.error("failed to open snapshot", error=reason)
        if archive is not None:
            with archive:
                await self._load(archive.state)
            self._snapshot = archive.meta
            self._last_index = self._applied_index = archive.meta.index
            self._term = max(self._term, archive.meta.term)
            self._adopt(archive.meta.configuration_index, archive.meta.servers)
            log.info("snapshot restore complete", id=archive.meta.id, **{"last-index": archive.meta.index})
        await self._replay()

    async def _replay(self) -> None:
        async for record in _sliced(self._log.load(self._last_index)):
            self._last_index = self._applied_index = record.index
            self._term = max(self._term, record.term)
            if record.log_type == LogType.COMMAND:
                self._apply_again(record)
            elif record.log_type == LogType.CONFIGURATION and record.data:
                self._adopt(record.index, _decode_servers(record.data))
        if self._log.torn:
            log.warn("an interrupted write was cut off the log", file=self._log.torn)

    def _apply_again(self, record: LogRecord) -> None:
        try:
            self._machine.apply(record.index, Entry.from_data(record.data or b""))
        except Exception as error:
            raise LogError(f"cannot apply log entry {record.index} again: {error}") from error

    def _begin_term(self, term: int) -> None:
        save_hard_state(self._directory / "term", HardState(term, self._me.id))
        self._term = term

    # Writing

    def _submit(self, log_type: int, entry: Entry | None, data: bytes | None) -> asyncio.Future[Any]:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._broken:
            done.set_exception(RaftFailure(self._broken))
        elif not self._running:
            done.set_exception(ShuttingDown())
        else:
            self._pending.append(Proposal(log_type, entry, data, done))
            self._kick()
        return done

    def _kick(self) -> None:
        """See that what waits is written at the end of this loop turn, or when the disk is free."""
        if self._pending and not (self._writing or self._scheduled or self._held):
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        self._scheduled = False
        if self._writing or self._held or not self._pending:
            return
        batch, self._pending = self._pending[:_BATCH], self._pending[_BATCH:]
        self._writing = True
        self._idle.clear()
        records = [self._record(number, p) for number, p in enumerate(batch, start=self._last_index + 1)]
        writing = asyncio.get_running_loop().run_in_executor(self._disk, self._log.append, records)
        writing.add_done_callback(lambda done: self._written(batch, done))

    def _record(self, index: int, proposal: Proposal) -> LogRecord:
        data = proposal.data if proposal.entry is None else proposal.entry.data
        return LogRecord(index, self._term, proposal.log_type, data)

    def _written(self, batch: list[Proposal], writing: asyncio.Future[None]) -> None:
        self._writing = False
        error = writing.exception()
        if error is None:
            first = self._last_index + 1
            self._last_index += len(batch)
            for index, proposal in enumerate(batch, start=first):
                self._apply(index, proposal)
        else:
            self._refuse(batch, error)
        self._idle.set()
        self._write()

    def _refuse(self, batch: list[Proposal], error: BaseException) -> None:
        """Tell the proposers that nothing was written; a log that cannot be trusted any more takes nothing again."""
        log.error("failed to commit logs", error=error)
        failure = RaftFailure(f"failed to commit logs: {error}")
        for proposal in batch:
            if not proposal.done.done():
                proposal.done.set_exception(failure)
        if not isinstance(error, OSError):
            self._broken = failure.text
            self._refuse_pending(failure)

    def _refuse_pending(self, error: Exception) -> None:
        for proposal in self._pending:
            if not proposal.done.done():
                proposal.done.set_exception(error)
        self._pending.clear()

    # Snapshots by themselves

    async def _snapshot_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._rules.interval * (1 + random.random()))
            await self.snapshot_if_due()

    async def snapshot_if_due(self) -> bool:
        """Save a snapshot if enough entries came since the last one; whether it did."""
        if self._applied_index - self._snapshot.index < self._rules.threshold:
            return False
        try:
            (await self.snapshot()).close()
        except OSError as error:
            log.error("failed to take snapshot", error=error)
            return False
        return True

    async def _on_disk(self, function: Any, *args: Any) -> Any:
        """Run a blocking function in the disk thread, so that it never runs beside a write."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, function, *args)


def _encode_servers(servers: tuple[Server, ...]) -> bytes:
    """A configuration entry's data (``wire/raft.md`` section 1)."""
    rows = [{"Address": s.address, "ID": s.id, "Suffrage": s.suffrage} for s in servers]
    return gomsgpack.pack({"Servers": rows})


def _decode_servers(data: bytes) -> tuple[Server, ...]:
    rows: Any = gomsgpack.unpack(data)
    return tuple(Server(r["ID"], r["Address"], r.get("Suffrage", 0)) for r in rows["Servers"] or ())
