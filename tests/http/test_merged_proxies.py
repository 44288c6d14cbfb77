"""``?merge-central-config`` at every read that shows proxies: entries fill in what a registration leaves open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.door import DoorClient, leading_agent

PLAIN = {"DestinationServiceName": "web", "Mode": "", "MeshGateway": {}, "Expose": {}}
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
    body = (await door.get(path)).body
    services = body["Services"] if isinstance(body, dict) else body
    return list(services.values()) if isinstance(services, dict) else services


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
