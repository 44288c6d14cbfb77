"""An agent tells the servers where its node lies in the network."""

import asyncio
from typing import Any

import msgspec
import pytest

from pyconsul.agent.agent import Agent
from pyconsul.agent.local.coordinates import CoordinateSender, pause_between
from pyconsul.agent.local.tokens import Tokens
from pyconsul.config import load
from pyconsul.structs.catalog import NodeSpecificRequest
from pyconsul.structs.coordinate import ORIGIN, NodeCoordinate
from pyconsul.structs.errors import ConsulError, NoLeader, PermissionDenied
from pyconsul.telemetry import logging
from tests.door import DoorClient, leading_agent


@pytest.mark.parametrize(
    ("rate", "members", "pause"), [(64.0, 1, 15.0), (64.0, 960, 15.0), (64.0, 6400, 100.0), (0.0, 6400, 15.0)]
)
def test_many_nodes_send_less_often_each(rate: float, members: int, pause: float) -> None:
    """So that all of them together keep to the rate; a rate of zero says nothing."""
    assert pause_between(rate, 15.0, members) == pause


async def test_a_running_agent_has_a_coordinate_in_the_catalog() -> None:
    """``rtt`` finds it there, once the first pause is over."""
    runtime = load({"dev": True, "node": "here", "bind": "127.0.0.1"}, {}).runtime
    agent = Agent(msgspec.structs.replace(runtime, http_addrs=(), dns_addrs=(), sync_coordinate_interval_min=1_000_000))
    await agent.start()
    try:
        ask = NodeSpecificRequest(Node="here", MinQueryIndex=1)
        found = await agent.rpc("Coordinate.Node", ask)
        while not found.Coordinates:
            found = await agent.rpc("Coordinate.Node", msgspec.structs.replace(ask, MinQueryIndex=found.Index))
        assert found.Coordinates == [NodeCoordinate(Node="here", Coord=ORIGIN)]
    finally:
        await agent.stop()


async def test_without_coordinates_nothing_is_sent() -> None:
    """``disable_coordinates`` is the switch."""
    runtime = load(
        {"dev": True, "node": "here", "bind": "127.0.0.1", "hcl": ["disable_coordinates = true"]}, {}
    ).runtime
    agent = Agent(msgspec.structs.replace(runtime, http_addrs=(), dns_addrs=()))
    await agent.start()
    try:
        assert not any(task.get_name() == "coordinates" for task in asyncio.all_tasks())
    finally:
        await agent.stop()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionDenied("Permission denied"), "[WARN]  agent: Coordinate update blocked by ACLs: accessorID=someone"),
        (NoLeader(), '[ERROR] agent: Coordinate update error: error="No cluster leader"'),
    ],
)
async def test_a_refusal_is_in_the_log(error: ConsulError, line: str) -> None:
    """And the next update is sent all the same."""

    async def refuse(method: str, ask: Any) -> Any:
        del method, ask
        raise error

    sender = CoordinateSender("here", "dc1", refuse, Tokens(), pause=lambda: 0.0, accessor_of=lambda token: "someone")
    lines = logging.Monitor(logging.Level.WARN)
    lines.start()
    await sender.send()
    lines.stop()
    assert line in lines.take()


async def test_without_a_wan_pool_no_datacenter_has_coordinates() -> None:
    """An empty list, not even the agent's own."""
    async with leading_agent("ports { serf_wan = -1 }") as agent:
        assert (await DoorClient(agent).get("coordinate/datacenters")).raw == b"[]"
