"""What the web UI shows of gateways and of the services behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.door import DoorClient, leading_agent


@pytest.fixture
async def door() -> AsyncIterator[DoorClient]:
    """``in`` leads to ``web``, ``api`` and ``gone``, which has no instances; ``out`` to ``api`` and ``far``."""
    async with leading_agent() as agent:
        client = DoorClient(agent)
        await client.put("config", {"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}})
        for service in (
            {"Service": "web", "Port": 80, "Meta": {"external-source": "kubernetes"}},
            {"Service": "api", "Port": 81},
            {"Service": "in", "Port": 443, "Kind": "ingress-gateway"},
            {"Service": "out", "Port": 444, "Kind": "terminating-gateway"},
        ):
            await client.put("catalog/register", {"Node": "n", "Address": "10.0.0.1", "Service": service})
        served = [{"Name": "web", "Hosts": ["w.test"]}, {"Name": "api"}, {"Name": "gone"}]
        listener = {"Port": 8080, "Protocol": "http", "Services": served}
        await client.put("config", {"Kind": "ingress-gateway", "Name": "in", "Listeners": [listener]})
        behind = [{"Name": "api"}, {"Name": "far"}]
        await client.put("config", {"Kind": "terminating-gateway", "Name": "out", "Services": behind})
        yield client


async def shown(door: DoorClient, path: str, *fields: str) -> dict[str, tuple[Any, ...]]:
    """These fields of each service, by name."""
    rows = (await door.get(f"internal/ui/{path}")).body
    return {row["Name"]: tuple(row[field] for field in fields) for row in rows}


async def test_services_behind_an_ingress_gateway_have_addresses(door: DoorClient) -> None:
    """By the hosts of the entry, or else by the name that DNS gives them; also where nothing runs."""
    assert await shown(door, "gateway-services-nodes/in", "GatewayConfig", "InstanceCount", "Nodes") == {
        "api": ({"Addresses": ["api.ingress.dc1.consul:8080"]}, 1, ["n"]),
        "gone": ({"Addresses": ["gone.ingress.dc1.consul:8080"]}, 0, None),
        "web": ({"Addresses": ["w.test:8080"]}, 1, ["n"]),
    }


async def test_services_behind_a_terminating_gateway_have_none(door: DoorClient) -> None:
    """It leads out of the mesh."""
    found = await shown(door, "gateway-services-nodes/out", "GatewayConfig", "InstanceCount")
    assert found == {"api": ({}, 1), "far": ({}, 0)}


async def test_the_list_of_services_tells_of_gateways(door: DoorClient) -> None:
    """A gateway counts what it leads to, a service says whether one leads to it, and who registered it."""
    found = await shown(door, "services", "GatewayConfig", "ConnectedWithGateway", "ExternalSources")
    assert found == {
        "api": ({}, True, None),
        "consul": ({}, False, None),
        "in": ({"AssociatedServiceCount": 3}, False, None),
        "out": ({"AssociatedServiceCount": 2}, False, None),
        "web": ({}, True, ["kubernetes"]),
    }
