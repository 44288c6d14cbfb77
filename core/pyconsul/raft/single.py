"""Logs with a single voter: in memory for ``-dev``, on disk (`durable`) for a server that is a cluster of its own."""

from __future__ import annotations

import asyncio
import time
from typing import IO, Any

from pyconsul.raft.archive import read_archive
from pyconsul.raft.consensus import Entry, ShuttingDown, Snapshot, SnapshotRules
from pyconsul.raft.durable import DurableVoter
from pyconsul.raft.log_format import LogType
from pyconsul.raft.voter import Proposal, SingleVoter

__all__ = ["DurableVoter", "MemoryVoter", "SnapshotRules"]


class MemoryVoter(SingleVoter):
    """The log of ``-dev``: entries are applied where they are proposed, and nothing is kept or encoded."""

    async def start(self) -> None:
        """Bootstrap, win the election and write the leader's first entry, as a real server would.

        Clients see the same first indexes then: 1 is the configuration, of term 1, and 2 the no-op, of term 2.
        """
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
        began = time.perf_counter()
        self._last_index += 1
        self._apply(self._last_index, Proposal(log_type, entry, data, done))
        self._measure(1, began)
        return done

    def configure_snapshots(self, rules: SnapshotRules) -> None:
        """Nothing changes: where no log grows none is cut short."""
        del rules

    async def snapshot(self) -> Snapshot:
        """Save the state as an archive."""
        async with self._saving:
            self._snapshot, frozen = self._begin_snapshot()
            return await self._exported(self._snapshot, frozen)

    async def restore(self, source: IO[bytes]) -> None:
        """Replace the state by an archive's. Raises ArchiveError."""
        async with self._saving:
            with await asyncio.to_thread(read_archive, source) as archive:
                archive.check()
                await self._load(archive.state)
                # As on disk: one beyond both logs.
                self._last_index = max(self._last_index, archive.meta.index) + 1
            self._applied_index = self._last_index
            self._snapshot = self._meta()
        await self._submit(LogType.NOOP, None, None)
