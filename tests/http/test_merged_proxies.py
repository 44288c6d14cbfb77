"""``?merge-central-config`` at every read that shows proxies: entries fill in what a registration leaves open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.door import DoorClient, leading_agent
from tests.waiting import comes_true

PLAIN: dict[str, Any] = {"DestinationServiceName": "web", "Mode": "", "MeshGateway": {}, "Expose": {}}
MERGED = {
    **PLAIN,
    "Config": {"a": 1, "protocol": "http"},
    "MeshGateway": {"Mode": "remote"},
    "Expose": {"Checks": True},
}


@pytest.fixture
async def door() -> AsyncIterator[DoorClient]:
    """An agent with entries for a service, its proxy, and a gateway, which no entry is for."""
    async with leading_agent() as agent:
        client = DoorClient(agent)
        everywhere = {"Config": {"a": 1}, "Expose": {"Checks": True}}
        await client.put("config", {"Kind": "proxy-defaults", "Name": "global", **everywhere})
        of_web = {"Protocol": "http", "MeshGateway": {"Mode": "remote"}}
        await client.put("config", {"Kind": "service-defaults", "Name": "web", **of_web})
        proxy = {"Kind": "connect-proxy", "Service": "p", "Port": 81, "Proxy": {"DestinationServiceName": "web"}}
        for service in ({"Service": "web", "Port": 80}, proxy, {"Kind": "mesh-gateway", "Service": "g", "Port": 82}):
            await client.put("catalog/register", {"Node": "n", "Address": "10.0.0.1", "Service": service})
        yield client


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """The proxy's settings in a row of the catalog or of health."""
    return row["ServiceProxy"] if "ServiceProxy" in row else row["Service"]["Proxy"]


async def rows(door: DoorClient, path: str) -> list[dict[str, Any]]:
    """The rows that a read shows, however it names them."""
    return rows_in((await door.get(path)).body)


def rows_in(body: dict[str, Any] | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a list, of the object that has it as Services, or of the object there that has each by its ID."""
    if isinstance(body, list):
        return body
    return rows_in(body["Services"]) if "Services" in body else list(body.values())


@pytest.mark.parametrize("path", ["catalog/service/p", "catalog/connect/web", "health/service/p", "health/connect/web"])
async def test_a_proxy_is_shown_with_what_its_entries_say(path: str, door: DoorClient) -> None:
    """Where it is asked for."""
    assert [shown(row) for row in await rows(door, path)] == [PLAIN]
    assert [shown(row) for row in await rows(door, f"{path}?merge-central-config")] == [MERGED]


async def test_a_merged_row_of_the_catalog_says_nothing_of_its_node(door: DoorClient) -> None:
    """But its name: Consul makes the row of the instance anew."""
    [row] = await rows(door, "catalog/service/p?merge-central-config")
    fields = ("Node", "ID", "Address", "Datacenter", "TaggedAddresses", "NodeMeta")
    assert [row[name] for name in fields] == ["n", "", "", "", None, None]
    [web] = await rows(door, "catalog/service/web?merge-central-config")
    assert (web["Address"], web["Datacenter"]) == ("10.0.0.1", "dc1")


async def test_the_services_of_a_node_are_merged_in_the_list_alone(door: DoorClient) -> None:
    """All that are proxies or gateways; the older form of the read knows nothing of it."""
    listed = {row["Service"]: row["Proxy"] for row in await rows(door, "catalog/node-services/n?merge-central-config")}
    assert listed["p"] == MERGED
    assert listed["g"]["Config"] == {"a": 1}
    assert "Config" not in listed["web"]
    older = {row["Service"]: row["Proxy"] for row in await rows(door, "catalog/node/n?merge-central-config")}
    assert older["p"] == PLAIN


@pytest.mark.parametrize("path", ["catalog/service/web", "health/service/web"])
async def test_instances_are_chosen_by_what_is_known_of_their_node(path: str, door: DoorClient) -> None:
    """All pairs must be there."""
    other = {"Node": "m", "Address": "10.0.0.2", "NodeMeta": {"rack": "1", "room": "2"}, "Service": {"Service": "web"}}
    await door.put("catalog/register", other)
    chosen = await rows(door, f"{path}?node-meta=rack:1&node-meta=room:2")
    assert [row["Node"] if isinstance(row["Node"], str) else row["Node"]["Node"] for row in chosen] == ["m"]
    assert await rows(door, f"{path}?node-meta=rack:1&node-meta=room:3") == []


READS = ["catalog/service/{}", "health/service/{}", "catalog/node-services/n-{}"]


@pytest.mark.parametrize("path", READS)
async def test_the_index_of_a_merged_read_counts_entries_only_where_a_proxy_rests_on_them(
    path: str, door: DoorClient
) -> None:
    """What no entry configures keeps its own index."""
    services: list[dict[str, Any]] = [
        {"Service": "a"},
        {"Kind": "connect-proxy", "Service": "b", "Proxy": PLAIN, "Port": 9},
    ]
    for service in services:
        node = {"Node": f"n-{service['Service']}", "Address": "10.0.0.3"}
        await door.put("catalog/register", {**node, "Service": service})
    await door.put("config", {"Kind": "service-defaults", "Name": "other", "Protocol": "http"})

    async def index(of: str, query: str) -> str:
        return (await door.get(path.format(of) + query)).headers["X-Consul-Index"]

    assert await index("a", "?merge-central-config") == await index("a", "")
    assert int(await index("b", "?merge-central-config")) > int(await index("b", ""))


@pytest.mark.parametrize("path", READS)
async def test_only_entries_of_the_proxy_wake_who_waits_for_it(path: str, door: DoorClient) -> None:
    """Another service's entry, and one of its own that says nothing new of the proxy, are no news."""
    proxy: dict[str, Any] = {"Kind": "connect-proxy", "Service": "b", "Proxy": PLAIN, "Port": 9}
    await door.put("catalog/register", {"Node": "n-b", "Address": "10.0.0.3", "Service": proxy})
    read = path.format("b") + "?merge-central-config"
    index = (await door.get(read)).headers["X-Consul-Index"]
    reads = door.agent.server.shared_reads
    asking = asyncio.ensure_future(door.get(f"{read}&index={index}&wait=60s"))
    await comes_true(lambda: reads.waiting == 1)
    same = {"Kind": "service-defaults", "Name": "web", "Protocol": "http", "MeshGateway": {"Mode": "remote"}}
    for silent in ({**same, "Name": "other"}, {**same, "Meta": {"a": "b"}}):
        await door.put("config", silent)
        for _ in range(9):  # turns of the loop in which an answer would come
            await asyncio.sleep(0)
        assert not asking.done()
    await door.put("config", {**same, "Protocol": "grpc"})
    assert '"protocol":"grpc"' in (await asking).text
