"""A log on disk with a single voter: group commit, snapshots that cut it short, recovery at the start.

A proposal is pending until the disk is free, then written with all that came meanwhile: what one turn of the loop
brings, and what comes while the disk syncs. Once that write is synced its entries count, are applied, and answer. So a
write that fails leaves no hole: the next one has the same indexes. A restore holds writes back until another state
stands in the old one's place. After a fault that leaves nobody sure of what is on the disk the log takes nothing any
more. The promise and the files are described in ``docs/durability.md``.
"""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from pyconsul.lang.strconv import quote
from pyconsul.primitives.dice import DICE
from pyconsul.primitives.system_errors import file_text, words_of
from pyconsul.raft.archive import Archive, Server, read_archive
from pyconsul.raft.consensus import Entry, ShuttingDown, Snapshot, SnapshotRules, StateMachine, UnappliableEntry
from pyconsul.raft.log_format import LogRecord, LogType
from pyconsul.raft.log_store import (
    HardState,
    LogError,
    SegmentLog,
    claim_directory,
    load_hard_state,
    save_hard_state,
)
from pyconsul.raft.snapshot_store import SnapshotStore
from pyconsul.raft.voter import Proposal, SingleVoter, sliced, to_its_end
from pyconsul.structs import gomsgpack
from pyconsul.structs.errors import RaftFailure
from pyconsul.telemetry import metrics
from pyconsul.telemetry.logging import logger
from pyconsul.telemetry.routines import Routine

log = logger("agent.server.raft")
requests = logger("agent.server.rpc")

_WRITTEN: Final = metrics.timing("raft.leader.dispatchLog")
_DISPATCHED: Final = metrics.level("raft.leader.dispatchNumLogs")
_APPENDS: Final = metrics.counter("raft.wal.log_appends")
_ENTRIES: Final = metrics.counter("raft.wal.log_entries_written")
_BYTES: Final = metrics.counter("raft.wal.log_entry_bytes_written")
_ENTRIES_READ: Final = metrics.counter("raft.wal.log_entries_read")
_BYTES_READ: Final = metrics.counter("raft.wal.log_entry_bytes_read")
metrics.declare("summary", "raft.snapshot.persist")
_LARGE: Final = 1 << 20  # bytes of one entry of which operators are told
_BATCH: Final = 1024  # entries in one write, so that applying them does not hold the loop for long


class DurableVoter(SingleVoter):
    """A log on disk: group commit, snapshots that cut it short, recovery at the start.

    ``directory`` is ``raft`` below the data directory; it is locked while this runs.
    """

    def __init__(self, machine: StateMachine, me: Server, directory: Path, rules: SnapshotRules | None = None) -> None:
        super().__init__(machine, me)
        self._directory = directory
        self._rules = rules or SnapshotRules()
        self._log = SegmentLog(directory / "log")
        self._scratch_folder = directory / "snapshots"
        self._lock = -1
        self._pending: list[Proposal] = []
        self._writing = False
        self._scheduled = False
        self._held = False  # a restore is going on: proposals wait
        self._broken: str = ""  # why nothing is taken any more
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="raft-disk")
        self._idle = asyncio.Event()  # no write is under way
        self._idle.set()
        self._snapshotting = Routine("snapshots", self._snapshot_now_and_then, log)
        self._restoring: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Lock the directory, load the newest snapshot, replay the log, begin a new term.

        Raises LogError for a directory that must not be used.
        """
        try:
            self._lock = await self._on_disk(claim_directory, self._directory)
            await self._recover()
            await self._take_the_lead()
        except BaseException:
            await self.stop()
            raise
        self._snapshotting.start()

    async def _take_the_lead(self) -> None:
        """Write what the first leader of a cluster writes, and each new one. Raises RaftFailure, OSError."""
        self._running = True
        if self._last_index == 0:
            self._term = 1  # that of the bootstrap entry
        if self._servers != (self._me,):
            index = await self._submit(LogType.CONFIGURATION, None, _encode_servers((self._me,)))
            self._adopt(index, (self._me,))
        # A term for each start: no two entries of the same index and term can differ, whatever a crash left of the log.
        await self._on_disk(self._begin_term, self._term + 1)
        self._log_election()
        await self._submit(LogType.NOOP, None, None)

    async def stop(self) -> None:
        """Finish what is being written, close the files, free the directory. Safe to call twice."""
        self._running = False
        await self._snapshotting.stopped()
        if self._restoring is not None:
            await asyncio.gather(self._restoring, return_exceptions=True)
        while self._writing:
            await self._idle.wait()
        self._refuse_pending(ShuttingDown())
        if self._lock >= 0:
            await self._on_disk(self._log.close)
            os.close(self._lock)
            self._lock = -1
        self._disk.shutdown()

    def configure_snapshots(self, rules: SnapshotRules) -> None:
        """From the next look on; the pause before it stays as long as it was."""
        self._rules = rules

    async def snapshot(self) -> Snapshot:
        """Save the state to disk and return the archive opened for reading."""
        async with self._saving:
            with metrics.measure("raft.snapshot.takeSnapshot"):
                with metrics.measure("raft.fsm.snapshot"):
                    meta, frozen = self._begin_snapshot()
                with metrics.measure("raft.snapshot.persist"), await self._encode(frozen, private=True) as state:
                    saving = asyncio.to_thread(self._snapshots.save, meta, state)
                    meta, file = await to_its_end(saving, lambda saved: saved[1].close())
                self._snapshot = meta
                try:
                    with metrics.measure("raft.compactLogs"):
                        await self._on_disk(self._log.drop_before, meta.index - self._rules.trailing_logs)
                except BaseException:
                    file.close()
                    raise
            log.info("snapshot complete up to", index=meta.index)
            if not frozen.has_private:
                return Snapshot(meta, file)
            file.close()
            return await self._exported(meta, frozen)

    async def restore(self, source: IO[bytes]) -> None:
        """Replace the state by an archive's, durably; the log begins anew behind it. Raises ArchiveError.

        It goes on to its end when the caller is cancelled: between snapshot and memory there is no way back.
        """
        self._restoring = asyncio.get_running_loop().create_task(self._restore(source))
        await asyncio.shield(self._restoring)

    async def _restore(self, source: IO[bytes]) -> None:
        async with self._saving:
            with await asyncio.to_thread(read_archive, source, self._scratch_folder) as archive:
                archive.check()
                self._held = True
                try:
                    await self._idle.wait()
                    await self._replace_by(archive)
                finally:
                    self._held = False
                    self._kick()  # they wait for either outcome
        await self._submit(LogType.NOOP, None, None)

    async def _replace_by(self, archive: Archive) -> None:
        """Save the state as a snapshot of our own, put it into the old one's place, and forget the log, in this order.

        Whenever the process ends, a restart finds the old state or the new one, whole.
        """
        # One beyond both logs, as Raft has it: no entry was ever there that could be taken for what follows.
        index = max(self._last_index, archive.meta.index) + 1

        async def commit() -> None:
            meta = msgspec.structs.replace(self._meta(), index=index)
            try:
                meta, file = await asyncio.to_thread(self._snapshots.save, meta, archive.state)
            except LogError as error:  # a restart may find the new state or the old one: no entry fits both
                self._break(RaftFailure(f"restore failed: {error}"))
                raise
            file.close()
            self._snapshot = meta
            self._last_index = self._applied_index = index
            try:
                await self._on_disk(self._log.reset)
            except OSError as error:  # the snapshot covers them, so they are only in the way
                log.error("failed to remove old log files", error=file_text(error))

        await self._load(archive.state, commit=commit)
        log.info("restored user snapshot", index=index)

    # Recovery

    async def _recover(self) -> None:
        self._term = (await self._on_disk(load_hard_state, self._directory / "term")).term
        self._snapshots = await self._on_disk(SnapshotStore.at, self._scratch_folder)
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
        async for records in sliced(self._log.load(self._last_index)):
            for record in records:
                self._replay_one(record)
        if len(self._servers) > 1:
            raise LogError(f"{self._directory} belongs to a cluster of {len(self._servers)} servers")
        if self._log.torn:
            log.warn("an interrupted write was cut off the log", file=self._log.torn)

    def _replay_one(self, record: LogRecord) -> None:
        _ENTRIES_READ.pending += 1
        _BYTES_READ.pending += len(record.data or b"")
        self._last_index = self._applied_index = record.index
        self._term = max(self._term, record.term)
        if record.log_type == LogType.COMMAND:
            self._apply_again(record)
        elif record.log_type == LogType.CONFIGURATION and record.data:
            self._adopt(record.index, _decode_servers(record.data))

    def _apply_again(self, record: LogRecord) -> None:
        """Apply an entry as it was applied before; what failed then fails again and changes nothing again."""
        try:
            self._machine.apply(record.index, Entry.from_data(record.data or b""))
        except (UnappliableEntry, gomsgpack.DecodeError) as error:
            raise LogError(f"cannot apply log entry {record.index} again: {error}") from error
        except Exception as error:
            log.error("failed to apply log entry", index=record.index, error=repr(error))

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
            # Encoded here, so that a request that cannot be is its proposer's error alone.
            data = data if entry is None else entry.data
            if data is not None and len(data) > _LARGE:
                requests.warn("Attempting to apply large raft entry", size_in_bytes=len(data))
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
        records = [
            LogRecord(index, self._term, p.log_type, p.data)
            for index, p in enumerate(batch, start=self._last_index + 1)
        ]
        writing = asyncio.get_running_loop().run_in_executor(self._disk, self._log.append, records)
        began = time.perf_counter()
        writing.add_done_callback(lambda done: self._written(batch, done, began))

    def _written(self, batch: list[Proposal], writing: asyncio.Future[None], began: float) -> None:
        self._writing = False
        _WRITTEN.add((time.perf_counter() - began) * 1000)
        _DISPATCHED.value = len(batch)
        error = writing.exception()
        if error is None:
            _APPENDS.pending += 1
            _ENTRIES.pending += len(batch)
            _BYTES.pending += sum(len(proposal.data or b"") for proposal in batch)
            first = self._last_index + 1
            self._last_index += len(batch)
            for index, proposal in enumerate(batch, start=first):
                self._apply(index, proposal)
            self._measure(len(batch), began)
        else:
            self._refuse(batch, error)
        self._idle.set()
        self._write()

    def _refuse(self, batch: list[Proposal], error: BaseException) -> None:
        """Tell the proposers that nothing was written; a log that cannot be trusted any more takes nothing again."""
        told = words_of(error)
        failure = RaftFailure(f"unable to store logs within log store, err: {quote(told)}")
        log.error("failed to commit logs", error=failure.text)
        for proposal in batch:
            if not proposal.done.done():
                proposal.done.set_exception(failure)
        # After an error of the disk the log is as it was and the next write may work; after any other nobody knows.
        if not isinstance(error, OSError):
            self._break(failure)

    def _break(self, failure: RaftFailure) -> None:
        """Take nothing any more, neither what waits nor what comes."""
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
            await asyncio.sleep(self._rules.interval * (1 + DICE.random()))  # as Raft draws it
            await self.snapshot_if_due()

    async def snapshot_if_due(self) -> bool:
        """Save a snapshot if enough entries came since the last one; whether it did."""
        if self._applied_index - self._snapshot.index < self._rules.threshold:
            return False
        try:
            (await self.snapshot()).close()
        except (OSError, LogError) as error:
            told = words_of(error)
            log.error("failed to take snapshot", error=told)
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
