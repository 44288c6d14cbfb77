"""What every log with a single voter has in common: indexes, answers, snapshots, the figures that tools show.

An entry counts once it is in the log, is applied on the event loop in log order, and only then answers its proposer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeVar

from pyconsul.raft.archive import Meta, Server, scratch_file, write_archive
from pyconsul.raft.consensus import Configuration, Entry, FrozenState, ShuttingDown, Snapshot, StateMachine
from pyconsul.raft.log_format import LogType
from pyconsul.raft.records import StateReader
from pyconsul.structs import gomsgpack
from pyconsul.telemetry import metrics
from pyconsul.telemetry.logging import logger

log = logger("agent.server.raft")

T = TypeVar("T")
_SLICE: Final = 0.002  # seconds of work before the loop gets its turn
_APPLIED: Final = metrics.counter("raft.apply")
_COMMIT_TIME: Final = metrics.timing("raft.commitTime")
_COMMITTED: Final = metrics.level("raft.commitNumLogs")
_FSM_APPLY: Final = metrics.timing("raft.fsm.apply")
_VERIFIED: Final = metrics.counter("raft.verify_leader")
_BARRIERS: Final = metrics.counter("raft.barrier")
_PEERS: Final = metrics.level("raft.peers")
_RESTORED: Final = metrics.level("raft.fsm.lastRestoreDuration")
_ELECTION: Final = [
    metrics.counter(f"raft.{name}")
    for name in ("state.follower", "transition.heartbeat_timeout", "state.candidate", "state.leader")
]
# A single voter has no follower whose contact it could measure; alerts on this series shall find it nevertheless.
metrics.declare("summary", "raft.leader.lastContact", "fsm.persist")
_BATCH: Final = 16  # items between two looks at the clock; of the largest records, some 5 ms


class Proposal(NamedTuple):
    """What waits for its place in the log; an ``entry`` of None is Raft's own business."""

    log_type: int
    entry: Entry | None
    data: bytes | None
    done: asyncio.Future[Any]


class SingleVoter:
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
        self._scratch_folder: Path | None = None

    @property
    def term(self) -> int:
        """The current term: one more with each start."""
        return self._term

    @property
    def last_index(self) -> int:
        """Index of the newest entry."""
        return self._last_index

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

    def _log_election(self) -> None:
        """The lines and counters that operators know from an election."""
        for counter in _ELECTION:
            counter.pending += 1
        _PEERS.value = len(self._servers)
        log.info("election won", term=self._term, tally=1)
        log.info("entering leader state", leader=f"Node at {self._me.address} [Leader]")

    async def verify(self) -> None:
        """Make sure that this is still the leader; a single voter is. Raises ShuttingDown when it stopped."""
        if not self._running:
            raise ShuttingDown
        _VERIFIED.pending += 1

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
        _BARRIERS.pending += 1
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
                began = time.perf_counter()
                answer = self._machine.apply(index, proposal.entry)
                _FSM_APPLY.add((time.perf_counter() - began) * 1000)
            except Exception as error:
                log.error("failed to apply log entry", index=index, type=proposal.entry.type, error=repr(error))
                answer = error
        if proposal.done.done():
            return
        if isinstance(answer, BaseException):
            proposal.done.set_exception(answer)
        else:
            proposal.done.set_result(answer)

    def _measure(self, entries: int, began: float) -> None:
        """Note that so many entries were proposed at ``began`` and are applied now."""
        _APPLIED.pending += entries
        _COMMIT_TIME.add((time.perf_counter() - began) * 1000)
        _COMMITTED.value = entries

    def _adopt(self, index: int, servers: tuple[Server, ...]) -> None:
        self._servers = servers
        self._configuration_index = index

    def _begin_snapshot(self) -> tuple[Meta, FrozenState]:
        """Where the state stands now, and the state."""
        meta, frozen = self._meta(), self._machine.freeze()
        log.info("starting snapshot up to", index=meta.index)
        return meta, frozen

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
        state = scratch_file(self._scratch_folder)
        try:
            with metrics.measure("fsm.persist"):
                async for pieces in sliced(frozen.records(private=private)):
                    state.write(b"".join(pieces))
        except BaseException:
            state.close()
            raise
        return state

    async def _exported(self, meta: Meta, frozen: FrozenState) -> Snapshot:
        """An archive that may leave this server."""
        archive = scratch_file(self._scratch_folder)
        try:
            with await self._encode(frozen, private=False) as state:
                await to_its_end(asyncio.to_thread(write_archive, archive, meta, state))
        except BaseException:
            archive.close()
            raise
        archive.seek(0)
        return Snapshot(meta, archive)

    async def _load(self, state: IO[bytes], *, commit: Callable[[], Awaitable[None]] | None = None) -> None:
        """Fill a new state from an archive's; it replaces the old one after ``commit`` has succeeded.

        Raises ArchiveError, and leaves the old state, for records that cannot be read.
        """
        began = time.perf_counter()
        fresh = self._machine.restoring()
        async for records in sliced(StateReader(state)):
            for number, data in records:
                fresh.load(number, data)
        if commit is not None:
            await commit()
        async for _ in sliced(fresh.finish()):
            pass
        _RESTORED.value = (time.perf_counter() - began) * 1000


async def to_its_end(work: Coroutine[Any, Any, T], drop: Callable[[T], object] = lambda _: None) -> T:
    """Wait for work that cannot be broken off, even when cancelled: it holds files that must not be closed before.

    ``drop`` takes what nobody waits for any more.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled() and task.exception() is None:
            drop(task.result())
        raise


async def sliced(items: Iterable[T]) -> AsyncGenerator[list[T], None]:
    """Pass items on, some at a time, giving the loop its turn every few milliseconds.

    One at a time through an asynchronous generator would cost half as much again as making a small record.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + _SLICE
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        yield batch
        if loop.time() > until:
            await asyncio.sleep(0)
            until = loop.time() + _SLICE
