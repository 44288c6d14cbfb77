"""Names of the mesh, ``name.connect`` and ``name.ingress``, and what node metadata looks like in TXT records."""

from __future__ import annotations

import pytest

from pyconsul.structs.catalog import ServiceConnect
from pyconsul.structs.config_entries.decode import decode_entry
from pyconsul.structs.config_entries.requests import ConfigEntryRequest
from pyconsul.structs.connect_proxy import ConnectProxyConfig
from tests.dns.conftest import World


@pytest.fixture
async def mesh(world: World) -> World:
    """``web`` with a sidecar, the native ``nat``, and a gateway that leads to ``web``."""
    await world.service("n1", "198.51.100.1", "web", port=80)
    proxy = ConnectProxyConfig(DestinationServiceName="web")
    await world.service("n1", "198.51.100.1", "web-proxy", port=81, Kind="connect-proxy", Proxy=proxy)
    await world.service("n2", "198.51.100.2", "nat", port=82, Connect=ServiceConnect(Native=True))
    await world.service("n3", "198.51.100.3", "in", port=443, Kind="ingress-gateway")
    leads = [{"Port": 8080, "Protocol": "tcp", "Services": [{"Name": "web"}]}]
    entry = decode_entry({"Kind": "ingress-gateway", "Name": "in", "Listeners": leads})
    await world.server.call("ConfigEntry.Apply", ConfigEntryRequest(Op="upsert", Entry=entry))
    return world


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("web.connect.consul", "81 n1.node.dc1.consul."),
        ("web.connect.dc1.consul", "81 n1.node.dc1.consul."),
        ("web.connect.dc1.dc.consul", "81 n1.node.dc1.consul."),
        ("web.connect.p.peer.consul", "81 n1.node.dc1.consul."),
        ("a.web.connect.consul", "81 n1.node.dc1.consul."),
        ("nat.connect.consul", "82 n2.node.dc1.consul."),
        ("web.ingress.consul", "443 n3.node.dc1.consul."),
        ("web.ingress.dc1.consul", "443 n3.node.dc1.consul."),
        ("a.web.ingress.consul", "443 n3.node.dc1.consul."),
    ],
)
async def test_a_service_of_the_mesh_is_reached_by_its_proxy_or_gateway(name: str, target: str, mesh: World) -> None:
    """Parts before the name mean nothing here, and peers are not asked."""
    found = await mesh.ask(name, "SRV")
    assert found.answer == [f"{name}. 0 SRV 1 1 {target}"]
    assert [line.rpartition(" ")[0] for line in found.additional] == [f"{target.split()[1]} 0 A"]


@pytest.mark.parametrize(
    "name",
    [
        "in.ingress.consul",
        "nat.ingress.consul",
        "db.connect.consul",
        "web.connect.dc2.consul",
        "_web._tcp.connect.consul",
        "connect.consul",
        "ingress.consul",
        "service.consul",
        "virtual.consul",
    ],
)
async def test_other_names_of_the_mesh_are_none(name: str, mesh: World) -> None:
    """A gateway is no service behind itself."""
    assert (await mesh.ask(name)).rcode == "NXDOMAIN"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\\065b", "aAb"),
        ("a\\b", "ab"),
        ("end\\", "end"),
        ("\\", ""),
        ("\\999x", "\\231x"),
        ("\\06", "06"),
        ('"q"', '\\"q\\"'),
        ("é", "\\195\\169"),
    ],
)
async def test_metadata_is_read_like_a_zone_file(value: str, shown: str, world: World) -> None:
    """A backslash takes the next character, or an octet in decimal, as the library under Consul does."""
    await world.service("n1", "198.51.100.1", "web", meta={"k": value})
    assert (await world.ask("n1.node.consul", "TXT")).answer == [f'n1.node.consul. 0 TXT "k={shown}"']
