"""The agent tells the servers from time to time where it lies in the network's space of round-trip times.

Where that is comes of measuring others; an agent that has met nobody lies at the origin, and is very unsure of it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

from pyconsul.agent.rpc import Rpc
from pyconsul.structs.coordinate import ORIGIN, CoordinateUpdateRequest
from pyconsul.structs.errors import ConsulError, PermissionDenied
from pyconsul.telemetry.logging import logger

log = logger("agent")

INTERVAL: Final = 15.0  # seconds, with up to as many again; Consul's least, for clusters of up to 960 nodes


class CoordinateSender:
    """Sends the coordinate of ``node``; ``token`` gives the agent's token of the moment."""

    def __init__(
        self, rpc: Rpc, *, datacenter: str, node: str, token: Callable[[], str], interval: float = INTERVAL
    ) -> None:
        self._rpc = rpc
        self._datacenter = datacenter
        self._node = node
        self._token = token
        self._interval = interval
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the first coordinate goes off after an interval."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Send no more. Safe to call without ``start``."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval * (1 + random.random()))
            await self._send()

    async def _send(self) -> None:
        update = CoordinateUpdateRequest(
            Datacenter=self._datacenter, Token=self._token(), Node=self._node, Coord=ORIGIN
        )
        try:
            await self._rpc("Coordinate.Update", update)
        except PermissionDenied as error:
            log.warn("Coordinate update blocked by ACLs", error=error.text)
        except ConsulError as error:
            log.error("Coordinate update error", error=error.text)
