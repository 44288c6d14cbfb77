"""What clients see of an agent that ends, and of one that leaves first."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from pyconsul.agent.agent import Agent
from pyconsul.config.runtime import Address
from pyconsul.structs.catalog import DCSpecificRequest
from pyconsul.structs.errors import NoLeader
from tests.http.conftest import Wire, connected, running
from tests.waiting import comes_true


async def _waiting(agent: Agent, wire: Wire, path: str) -> None:
    """Ask something that waits, and return once the agent is at it."""
    connections = agent.listeners.front.connections
    await comes_true(lambda: len(connections) == 1)
    (connection,) = connections
    wire.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    reads = 0 if path.startswith(("/v1/agent", "/v1/event")) else 1
    await comes_true(lambda: len(agent.server.shared_reads) == reads and vars(connection)["_task"] is not None)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/kv/there?raw&index=9999", 200),
        ("/v1/kv/none?index=9999", 404),
        ("/v1/catalog/services?index=9999", 200),
        ("/v1/health/service/consul?index=9999&cached", 200),
        ("/v1/event/list?index=1", 200),
    ],
)
async def test_who_waits_is_answered_at_the_end(path: str, status: int) -> None:
    """A blocking query ends with what there is, as if its time were up: no client sees its connection break."""
    async with running() as agent, connected(agent) as wire:
        await wire.get("/v1/kv/there", method="PUT", body=b"x")
        await _waiting(agent, wire, path)
        await agent.stop()
        answer = await wire.answer()
        assert answer.status == status and await wire.rest() == b""


async def test_who_waits_for_a_service_of_the_agent_is_answered_at_the_end() -> None:
    """The wait for another content hash ends, too."""
    async with running() as agent, connected(agent) as wire:
        await wire.get("/v1/agent/service/register", method="PUT", body=b'{"Name": "web"}')
        known = json.loads((await wire.get("/v1/agent/service/web")).body)
        await _waiting(agent, wire, f"/v1/agent/service/web?hash={known['ContentHash']}")
        await agent.stop()
        assert json.loads((await wire.answer()).body) == known


async def test_all_who_wait_along_are_answered_at_the_end() -> None:
    """Also those whose query is the same as another's."""
    async with running() as agent, AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(connected(agent)) for _ in range(5)]
        for wire in wires:
            wire.send(b"GET /v1/catalog/nodes?index=9999 HTTP/1.1\r\nHost: x\r\n\r\n")
        reads, groups = agent.server.shared_reads, agent.listeners.front.groups
        await comes_true(lambda: reads.waiting + groups.following == len(wires))
        await agent.stop()
        assert {(await wire.answer()).status for wire in wires} == {200}
        assert [await wire.rest() for wire in wires] == [b""] * len(wires)


@pytest.mark.parametrize("path", ["/v1/agent/monitor?loglevel=info", "/v1/agent/metrics/stream"])
async def test_a_stream_comes_to_its_proper_end(path: str) -> None:
    """Whoever follows the log of an agent sees its last lines, and that it is over."""
    async with running() as agent, connected(agent) as wire:
        await _waiting(agent, wire, path)
        await wire.reader.readuntil(b"\r\n\r\n")
        await agent.stop()
        said = await wire.rest()
        assert said.endswith(b"0\r\n\r\n")
        assert (b"agent: Requesting shutdown" in said) is ("monitor" in path)


async def test_nothing_is_said_of_dns_connections_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """One that is idle is closed, and that is no failure."""
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    async with running(dns_addrs=(Address("tcp", "127.0.0.1", 0),)) as agent:
        reader, writer = await asyncio.open_connection(*agent.dns.tcp_addresses[0])
        await comes_true(lambda: agent.dns.connections == 1)
        await agent.stop()
        assert await reader.read() == b"" and not failures and not caplog.records
        writer.close()


async def test_a_leaving_server_refuses_requests_until_it_stops() -> None:
    """Clients are told to look elsewhere; who waits goes on waiting, and the agent tells of itself."""
    async with running('performance { leave_drain_time = "1h" }') as agent, AsyncExitStack() as stack:
        waiting, asking, leaving = [await stack.enter_async_context(connected(agent)) for _ in range(3)]
        assert (await asking.get("/v1/catalog/nodes")).status == 200  # and kept for the next who asks so
        waiting.send(b"GET /v1/kv/none?index=9999 HTTP/1.1\r\nHost: x\r\n\r\n")
        await comes_true(lambda: len(agent.server.shared_reads) == 1)
        leaving.send(b"PUT /v1/agent/leave HTTP/1.1\r\nHost: x\r\n\r\n")
        await comes_true(lambda: agent.server.leaving)
        refused = await asking.get("/v1/catalog/nodes")
        assert (refused.status, refused.body) == (500, b"No cluster leader")
        assert (await asking.get("/v1/agent/self")).status == 200
        with pytest.raises(NoLeader):
            await agent.rpc("Catalog.ListNodes", DCSpecificRequest())
        await agent.stop()
        assert (await waiting.answer()).status == 404


async def test_a_leave_is_answered_before_the_doors_close() -> None:
    """Whoever asked for it learns that it is done."""
    async with running('performance { leave_drain_time = "1ms" }') as agent, connected(agent) as wire:
        assert (await wire.get("/v1/agent/leave", method="PUT")).status == 200
        await agent.stopped.wait()
