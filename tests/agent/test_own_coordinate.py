"""The agent's own coordinate, sent again and again."""

import asyncio
from typing import Any

import pytest

from pyconsul.agent.coordinates import CoordinateSender
from pyconsul.structs.coordinate import ORIGIN, CoordinateUpdateRequest
from pyconsul.structs.errors import InternalError, PermissionDenied


class Servers:
    """Takes a few calls, of which the first fail with ``faults``."""

    def __init__(self, wanted: int, *faults: Exception) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.enough = asyncio.Event()
        self._wanted = wanted
        self._faults = list(faults)

    async def __call__(self, method: str, ask: Any) -> None:
        """One RPC."""
        self.calls.append((method, ask))
        if len(self.calls) == self._wanted:
            self.enough.set()
        if self._faults:
            raise self._faults.pop(0)


async def sent_to(servers: Servers) -> None:
    """Run a sender until the servers have had enough."""
    sender = CoordinateSender(servers, datacenter="dc1", node="here", token=lambda: "secret", interval=0)
    sender.start()
    async with asyncio.timeout(10):
        await servers.enough.wait()
    await sender.stop()


async def test_an_agent_that_has_met_nobody_lies_at_the_origin() -> None:
    """And says so with its own token."""
    servers = Servers(1)
    await sent_to(servers)
    assert servers.calls[0] == (
        "Coordinate.Update",
        CoordinateUpdateRequest(Datacenter="dc1", Token="secret", Node="here", Coord=ORIGIN),
    )


@pytest.mark.parametrize("fault", [PermissionDenied(), InternalError("No cluster leader")])
async def test_what_fails_is_tried_again_next_time(fault: Exception) -> None:
    """It is logged, and the agent goes on."""
    servers = Servers(2, fault)
    await sent_to(servers)
    assert len(servers.calls) >= 2
