"""Tells the servers again and again where this node lies in the network's space of round-trip times."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pyconsul.agent.local.tokens import Tokens
from pyconsul.primitives.dice import DICE
from pyconsul.structs.coordinate import ORIGIN, Coordinate, CoordinateUpdateRequest
from pyconsul.structs.errors import ConsulError, PermissionDenied
from pyconsul.telemetry import logger
from pyconsul.telemetry.routines import Routine

__all__ = ["CoordinateSender", "pause_between"]

_LEAST_RATE: Final = 0.001  # nodes per second; below it the rate does not count
_log = logger("agent")

Rpc = Callable[[str, Any], Awaitable[Any]]


def pause_between(rate: float, least: float, members: int) -> float:
    """Seconds between two updates of a node, so that all ``members`` together send at most ``rate`` a second."""
    return least if rate <= _LEAST_RATE else max(least, members / rate)


class CoordinateSender:
    """Sends one node's coordinate. ``pause()`` gives the seconds before the next, to which chance adds up to as many.

    ``accessor_of`` gives the public ID of a token, for the log.
    """

    def __init__(
        self,
        node: str,
        datacenter: str,
        rpc: Rpc,
        tokens: Tokens,
        *,
        pause: Callable[[], float],
        where: Callable[[], Coordinate] = lambda: ORIGIN,
        accessor_of: Callable[[str], str] = lambda token: "",
    ) -> None:
        self._node = node
        self._datacenter = datacenter
        self._rpc = rpc
        self._tokens = tokens
        self._pause = pause
        self._where = where
        self._accessor_of = accessor_of
        self._routine = Routine("coordinates", self._run, _log)

    def start(self) -> None:
        """Begin with a pause: a node that has just started has measured nothing yet."""
        self._routine.start()

    def stop(self) -> None:
        """Send no more."""
        self._routine.stop()

    async def _run(self) -> None:
        while True:
            pause = self._pause()
            await asyncio.sleep(pause + DICE.random() * pause)
            await self.send()

    async def send(self) -> None:
        """Send the coordinate once; the log tells where that is refused."""
        token = self._tokens.agent_token()
        request = CoordinateUpdateRequest(
            Datacenter=self._datacenter, Node=self._node, Coord=self._where(), Token=token
        )
        try:
            await self._rpc("Coordinate.Update", request)
        except PermissionDenied:
            _log.warn("Coordinate update blocked by ACLs", accessorID=self._accessor_of(token))
        except ConsulError as error:
            _log.error("Coordinate update error", error=error.text)
