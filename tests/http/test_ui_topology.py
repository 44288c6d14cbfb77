"""Who calls whom in the mesh, as the web UI shows it: neighbours with why they are thought to be ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.door import DoorClient, leading_agent

REGISTERED, ROUTED, ANY = "proxy-registration", "routing-config", "default-allow"
SAYS_NOTHING = {
    "Allowed": True,
    "HasPermissions": False,
    "ExternalSource": "",
    "HasExact": False,
    "DefaultAllow": True,
}


async def instance(door: DoorClient, service: str, calls: str = "", **proxy: Any) -> None:
    """An instance with a sidecar that may call one other service."""
    if calls:
        proxy["Upstreams"] = [{"DestinationName": calls, "LocalBindPort": 1}]
    proxy["DestinationServiceName"] = service
    sidecar = {"Kind": "connect-proxy", "Service": f"{service}-sidecar-proxy", "Port": 81, "Proxy": proxy}
    for each in ({"Service": service, "Port": 80}, sidecar):
        await door.put("catalog/register", {"Node": "n", "Address": "10.0.0.1", "Service": each})


async def entry(door: DoorClient, kind: str, name: str, **fields: Any) -> None:
    """A config entry."""
    assert (await door.put("config", {"Kind": kind, "Name": name, **fields})).body is True


@pytest.fixture
async def mesh() -> AsyncIterator[DoorClient]:
    """``front`` is a router without instances in front of ``api``, whose calls end at ``db``; ``open`` may call all."""
    async with leading_agent() as agent:
        door = DoorClient(agent)
        await entry(door, "proxy-defaults", "global", Config={"protocol": "http"})
        to_api = {"Match": {"HTTP": {"PathPrefix": "/a"}}, "Destination": {"Service": "api"}}
        await entry(door, "service-router", "front", Routes=[to_api])
        await entry(door, "service-resolver", "api", Redirect={"Service": "db"})
        partly = {"Name": "api", "Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/"}}]}
        sources, meta = [{"Name": "web", "Action": "deny"}, partly], {"external-source": "kubernetes"}
        await entry(door, "service-intentions", "db", Sources=sources, Meta=meta)
        await entry(door, "service-intentions", "web", Sources=[{"Name": "in", "Action": "allow"}])
        await instance(door, "web", calls="db")
        await instance(door, "api", calls="db")
        await instance(door, "db")
        await instance(door, "old", calls="front")
        await instance(door, "open", Mode="transparent")
        gateway = {"Kind": "ingress-gateway", "Service": "in", "Port": 443}
        await door.put("catalog/register", {"Node": "n", "Address": "10.0.0.1", "Service": gateway})
        served = [{"Name": name, "Hosts": [f"{name}.test"]} for name in ("web", "front")]
        await entry(door, "ingress-gateway", "in", Listeners=[{"Port": 80, "Protocol": "http", "Services": served}])
        yield door


async def topology(mesh: DoorClient, service: str, kind: str = "") -> dict[str, Any]:
    """What is shown of a service."""
    return (await mesh.get(f"internal/ui/service-topology/{service}?kind={kind}")).body


@pytest.mark.parametrize(
    ("service", "kind", "upstreams", "downstreams"),
    [
        ("web", "", {"db": REGISTERED}, {"in": REGISTERED, "open": ANY}),
        ("api", "", {"db": REGISTERED}, {"open": ANY}),  # who calls it ends at db
        ("db", "", {}, {"api": REGISTERED, "in": REGISTERED, "old": REGISTERED, "open": ANY, "web": REGISTERED}),
        ("old", "", {"front": ROUTED}, {"open": ANY}),
        ("open", "", {"api": ANY, "db": ANY, "old": ANY, "web": ANY, "front": ROUTED}, {}),
        ("front", "", {}, {"in": REGISTERED, "old": REGISTERED, "open": ANY}),
        ("in", "ingress-gateway", {"web": REGISTERED, "front": ROUTED}, {"open": ANY}),
    ],
)
async def test_neighbours_stand_there_with_the_reason(
    service: str, kind: str, upstreams: dict[str, str], downstreams: dict[str, str], mesh: DoorClient
) -> None:
    """A call counts for the service where its chain ends; routers without instances come behind the others."""
    shown = await topology(mesh, service, kind)
    assert [(one["Name"], one["Source"]) for one in shown["Upstreams"]] == list(upstreams.items())
    assert [(one["Name"], one["Source"]) for one in shown["Downstreams"]] == list(downstreams.items())
    assert (shown["Protocol"], shown["TransparentProxy"]) == ("http", service == "open")


async def test_a_neighbour_shows_what_intentions_say(mesh: DoorClient) -> None:
    """Of the two services: whether they name both, whether requests count, and who wrote them."""
    shown = {one["Name"]: one["Intention"] for one in (await topology(mesh, "db"))["Downstreams"]}
    named = {"Allowed": False, "ExternalSource": "kubernetes", "HasExact": True, "DefaultAllow": True}
    assert shown["web"] == {**named, "HasPermissions": False}
    assert shown["api"] == {**named, "HasPermissions": True}
    assert shown["open"] == SAYS_NOTHING
    by_hand = {one["Name"]: one["Intention"] for one in (await topology(mesh, "web"))["Downstreams"]}
    assert by_hand["in"] == {**named, "Allowed": True, "HasPermissions": False, "ExternalSource": ""}


async def test_a_router_without_instances_has_nothing_else_to_show(mesh: DoorClient) -> None:
    """Its lists are null, as those of a service of which nothing is known."""
    [front] = (await topology(mesh, "old"))["Upstreams"]
    assert front == {
        "Name": "front",
        "Datacenter": "dc1",
        "Tags": None,
        "Nodes": None,
        "ExternalSources": None,
        "InstanceCount": 0,
        "ChecksPassing": 0,
        "ChecksWarning": 0,
        "ChecksCritical": 0,
        "GatewayConfig": {},
        "TransparentProxy": False,
        "ConnectNative": False,
        "Source": ROUTED,
        "Intention": SAYS_NOTHING,
    }


async def test_instances_of_an_upstream_are_those_in_the_case_of_the_registration(mesh: DoorClient) -> None:
    """As in Consul, which finds the others and drops them."""
    await instance(mesh, "cased", calls="DB")
    assert (await topology(mesh, "cased"))["Upstreams"] == []
    await instance(mesh, "plain", calls="db")
    assert [each["Name"] for each in (await topology(mesh, "plain"))["Upstreams"]] == ["db"]
