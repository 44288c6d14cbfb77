"""Coordinates that nodes sent, gathered for a while and then written to the log in batches, newest of each only."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyconsul.structs.coordinate import NodeCoordinate
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.messages import MessageType
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server.coordinate")

UPDATE_PERIOD = 5.0  # seconds between two batches; a dev agent waits a tenth of a second
DEV_UPDATE_PERIOD = 0.1
BATCH_SIZE = 128  # coordinates in one log entry
MAX_BATCHES = 5  # per period; what is more is dropped, the nodes send it again


class CoordinateBatches:
    """What waits to be written; ``add`` starts the clock of the next batch."""

    def __init__(self, srv: Server) -> None:
        self._srv = srv
        self._waiting: dict[tuple[str, str], NodeCoordinate] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._flush: asyncio.Task[None] | None = None

    def add(self, update: NodeCoordinate) -> None:
        """Keep the newest coordinate of a node and segment for the next batch."""
        self._waiting[update.Node, update.Segment] = update
        if self._timer is None:
            period = DEV_UPDATE_PERIOD if self._srv.config.dev_mode else UPDATE_PERIOD
            self._timer = asyncio.get_running_loop().call_later(period, self._begin)

    def stop(self) -> None:
        """Drop what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flush is not None:
            self._flush.cancel()
        self._waiting.clear()

    def _begin(self) -> None:
        self._timer = None
        self._flush = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        """Write what waits; those behind a batch that failed are dropped, as all that is beyond the limit."""
        updates = list(self._waiting.values())
        self._waiting.clear()
        limit = BATCH_SIZE * MAX_BATCHES
        if len(updates) > limit:
            log.warn("Discarded coordinate updates", number_discarded=len(updates) - limit)
        for start in range(0, min(len(updates), limit), BATCH_SIZE):
            try:
                batch = updates[start : min(start + BATCH_SIZE, limit)]
                await self._srv.propose(MessageType.COORDINATE_BATCH_UPDATE, batch)
            except ConsulError as error:
                log.warn("Batch update failed", error=error.text)
                return
