"""When tombstones are reaped: bins of 30 s, 15 minutes after the delete (``wire/fsm.md`` section 2)."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from pyconsul.structs.errors import ConsulError
from pyconsul.structs.kv import TombstoneRequest
from pyconsul.structs.messages import MessageType
from pyconsul.telemetry import metrics
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server")

metrics.declare("summary", "leader.reapTombstones")


class ReapSchedule:
    """Which index to reap when: pure, time passed in. ``ttl`` and ``granularity`` in seconds."""

    def __init__(self, ttl: float, granularity: float) -> None:
        self._ttl = ttl
        self._granularity = granularity
        self._bins: dict[float, int] = {}

    def add(self, index: int, now: float) -> float:
        """Note a delete; returns when its bin is due, rounded up to the granularity: so many deletes, one log entry."""
        due = math.ceil((now + self._ttl) / self._granularity) * self._granularity
        self._bins[due] = max(index, self._bins.get(due, 0))
        return due

    def take(self, due: float) -> int | None:
        """The highest index of the bin that is due then, once."""
        return self._bins.pop(due, None)


class TombstoneReaper:
    """Timers over a ReapSchedule; proposes the reaping."""

    def __init__(self, server: Server) -> None:
        self._server = server
        config = server.config
        self._schedule = ReapSchedule(config.tombstone_ttl / 1e9, config.tombstone_granularity / 1e9)
        self._timers: dict[float, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Give everything that a former leader would have reaped one more full time."""
        last = self._server.consensus.last_index
        if last:
            self.schedule(last)

    def schedule(self, index: int) -> None:
        """Reap up to ``index`` once its time has come."""
        loop = asyncio.get_running_loop()
        due = self._schedule.add(index, loop.time())
        if due not in self._timers:
            self._timers[due] = loop.call_at(due, self._fire, due)

    def stop(self) -> None:
        """Drop all timers, as a leader that lost its leadership does."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for task in self._tasks:
            task.cancel()

    def _fire(self, due: float) -> None:
        self._timers.pop(due, None)
        index = self._schedule.take(due)
        if index is None:
            return
        task = asyncio.get_running_loop().create_task(self._reap(index))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reap(self, index: int) -> None:
        request = TombstoneRequest(Datacenter=self._server.config.datacenter, Op="reap", ReapIndex=index)
        try:
            with metrics.measure("leader.reapTombstones"):
                await self._server.propose(MessageType.TOMBSTONE, request)
        except ConsulError as error:
            log.error("failed to reap tombstones up to index", index=index, error=error)
