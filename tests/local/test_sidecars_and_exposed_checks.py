"""What the agent works out by itself: a sidecar's port and checks, and checks that go through a proxy's listener."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.agent.local.central import takes_central_config, with_central_config
from pyconsul.agent.local.exposed import ExposedPorts, rerouted
from pyconsul.agent.local.service_addresses import check_tagged_addresses
from pyconsul.agent.local.sidecar import default_sidecar_checks, sidecar_of, sidecar_port
from pyconsul.structs.catalog import NodeService, ServiceAddress
from pyconsul.structs.checks import CheckType
from pyconsul.structs.connect_proxy import ConnectProxyConfig, MeshGatewayConfig, Upstream
from pyconsul.structs.definitions import service_definition_from
from pyconsul.structs.errors import InternalError


def sidecar(service: NodeService, **definition: Any) -> NodeService:
    """What a nested definition means beside a service."""
    return sidecar_of(service, service_definition_from(definition))


def test_ports_for_exposed_checks_are_given_out_from_below() -> None:
    """A check keeps its port, and one that is given back is the next to be taken."""
    ports = ExposedPorts(21500, 21501)
    assert [ports.take("web", "a"), ports.take("web", "b"), ports.take("web", "a")] == [21500, 21501, 21500]
    ports.free("web", "a")
    assert ports.take("db", "a") == 21500


@pytest.mark.parametrize(
    ("low", "high", "text"), [(5, 5, "no ports available to expose 'b'"), (5, 4, "no ports available")]
)
def test_a_range_has_an_end(low: int, high: int, text: str) -> None:
    """One that is empty says less."""
    ports = ExposedPorts(low, high)
    with pytest.raises(ValueError) as caught:
        for check in "ab":
            ports.take("web", check)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("target", "host", "through"),
    [
        ("http://localhost:80/health?a=b:1", "10.0.0.1", "http://10.0.0.1:21500/health?a=b:1"),
        ("https://web", "10.0.0.1", "https://10.0.0.1:21500"),
        ("http://[::1]:80/x", "fe80::1", "http://[fe80::1]:21500/x"),
        ("http://web:80", "[::1]", "http://[::1]:21500"),
        ("ftp://web:80", "10.0.0.1", "ftp://web:80"),
    ],
)
def test_an_http_check_asks_the_listener_of_the_proxy(target: str, host: str, through: str) -> None:
    """Only host and port are other ones; a target that is no URL stays as it is."""
    check = rerouted(CheckType(HTTP=target), host, 21500)
    assert (check.HTTP, check.ProxyHTTP) == (target, through)


@pytest.mark.parametrize(
    ("target", "through"),
    [("web:80", "10.0.0.1:21500"), ("web:80/service", "10.0.0.1:21500/service"), ("web", "web")],
)
def test_a_grpc_check_asks_the_listener_of_the_proxy(target: str, through: str) -> None:
    """With the name of its service, if it has one."""
    assert rerouted(CheckType(GRPC=target), "10.0.0.1", 21500).ProxyGRPC == through


def test_other_checks_go_where_they_went() -> None:
    """There is no listener for them."""
    check = CheckType(TCP="web:80")
    assert rerouted(check, "10.0.0.1", 21500) is check


WEB = NodeService(ID="web-1", Service="web", Port=80, Address="10.0.0.1", Tags=["a"], Meta={"k": "v"})


def test_a_sidecar_without_settings_is_a_proxy_of_its_service() -> None:
    """Address, tags and metadata are those of the service, and the port is still to be drawn."""
    made = sidecar(WEB)
    assert (made.ID, made.Service, made.Kind) == ("web-1-sidecar-proxy", "web-sidecar-proxy", "connect-proxy")
    assert (made.Address, made.Tags, made.Meta, made.Port or 0) == ("10.0.0.1", ["a"], {"k": "v"}, 0)
    assert (made.Proxy.DestinationServiceName, made.Proxy.DestinationServiceID) == ("web", "web-1")
    assert (made.Proxy.LocalServiceAddress, made.Proxy.LocalServicePort) == ("127.0.0.1", 80)


def test_what_a_sidecar_says_itself_stays() -> None:
    """Whatever the service says."""
    own: dict[str, Any] = {"Name": "x", "Address": "10.9.9.9", "Tags": ["b"], "Meta": {"m": "n"}}
    proxy = {"LocalServiceAddress": "10.8.8.8", "LocalServicePort": 8080}
    made = sidecar(WEB, **own, Proxy=proxy)
    assert (made.Service, made.Address, made.Tags, made.Meta) == ("x", "10.9.9.9", ["b"], {"m": "n"})
    assert (made.Proxy.LocalServiceAddress, made.Proxy.LocalServicePort) == ("10.8.8.8", 8080)


def test_a_service_behind_a_socket_is_reached_there() -> None:
    """Unless the sidecar names an address and a port."""
    service = NodeService(ID="web", Service="web", SocketPath="/run/web")
    made = sidecar(service)
    assert (made.Proxy.LocalServiceSocketPath, made.Proxy.LocalServicePort or 0) == ("/run/web", 0)
    named = sidecar(service, Proxy={"LocalServiceAddress": "10.8.8.8", "LocalServicePort": 8080})
    assert not named.Proxy.LocalServiceSocketPath


@given(st.sets(st.integers(21000, 21005)))
def test_a_sidecar_gets_the_lowest_free_port_or_none(used: set[int]) -> None:
    """One that has a port of the range already keeps it."""
    others = [NodeService(ID=f"s{port}", Port=port) for port in used]
    free = sorted(set(range(21000, 21005)) - used)
    if free:
        assert sidecar_port(others, "new", 21000, 21004) == free[0]
    else:
        with pytest.raises(ValueError, match=r"none left in the configured range \[21000, 21004\]"):
            sidecar_port(others, "new", 21000, 21004)
    for port in used - {21005}:
        assert sidecar_port(others, f"s{port}", 21000, 21004) == port


@pytest.mark.parametrize(("low", "high"), [(0, 21004), (21000, 0), (0, 0)])
def test_without_a_range_a_sidecar_has_to_bring_its_port(low: int, high: int) -> None:
    """Zero at either end switches the drawing off."""
    with pytest.raises(ValueError, match="auto-assignment disabled in config"):
        sidecar_port([], "new", low, high)


@pytest.mark.parametrize(
    ("address", "local", "target"),
    [("10.0.0.1", "127.0.0.1", "10.0.0.1:21000"), ("", "127.0.0.1", "127.0.0.1:21000"), ("::1", "", "[::1]:21000")],
)
def test_a_sidecar_is_watched_by_its_port_and_by_its_service(address: str, local: str, target: str) -> None:
    """Every ten seconds, and by an alias of the service's own checks."""
    proxy = ConnectProxyConfig(LocalServiceAddress=local)
    port, alias = default_sidecar_checks(NodeService(ID="web-sidecar-proxy", Port=21000, Address=address, Proxy=proxy))
    assert (port.Name, port.TCP, port.Interval) == ("Connect Sidecar Listening", target, 10_000_000_000)
    assert (alias.Name, alias.AliasService) == ("Connect Sidecar Aliasing web", "web")


@pytest.mark.parametrize(
    ("tag", "address", "fits"),
    [
        ("lan_ipv4", "10.0.0.1", True),
        ("lan_ipv4", "::1", False),
        ("wan_ipv4", "::1", False),
        ("lan_ipv6", "::1", True),
        ("lan_ipv6", "10.0.0.1", False),
        ("lan_ipv4", "web", False),
        ("wan_ipv6", "10.0.0.1", True),
        ("lan", "web", True),
    ],
)
def test_a_tagged_address_is_of_the_family_that_its_tag_names(tag: str, address: str, fits: bool) -> None:
    """Nobody looks at ``wan_ipv6``, as in Consul."""
    service = NodeService(TaggedAddresses={tag: ServiceAddress(Address=address)})
    if fits:
        check_tagged_addresses(service)
    else:
        with pytest.raises(InternalError, match=f'Service tagged address "{tag}" must be a valid ip{tag[-2:]} address'):
            check_tagged_addresses(service)


@pytest.mark.parametrize(
    ("kind", "destination", "takes"),
    [
        ("connect-proxy", "web", True),
        ("connect-proxy", "", False),
        ("mesh-gateway", "", True),
        ("terminating-gateway", "", True),
        ("", "web", False),
    ],
)
def test_central_settings_are_for_proxies_of_a_service_and_for_gateways(
    kind: str, destination: str, takes: bool
) -> None:
    """Whether the proxy names it or its ID."""
    for proxy in (
        ConnectProxyConfig(DestinationServiceName=destination),
        ConnectProxyConfig(DestinationServiceID=destination),
    ):
        assert takes_central_config(NodeService(Kind=kind, Proxy=proxy)) is takes


def test_a_proxys_gateway_mode_is_that_of_its_upstreams() -> None:
    """But for those that have one and for prepared queries; a transparent proxy gets an upstream for all the others."""
    local, remote = MeshGatewayConfig(Mode="local"), MeshGatewayConfig(Mode="remote")
    upstreams = [
        Upstream(DestinationName="a"),
        Upstream(DestinationName="b", MeshGateway=remote),
        Upstream(DestinationName="q", DestinationType="prepared_query"),
    ]
    proxy = ConnectProxyConfig(DestinationServiceName="web", Mode="transparent", MeshGateway=local, Upstreams=upstreams)
    found = with_central_config(NodeService(Kind="connect-proxy", Proxy=proxy)).Proxy.Upstreams or []
    modes = [(each.DestinationName, each.MeshGateway.Mode or "") for each in found]
    assert modes == [("a", "local"), ("b", "remote"), ("q", ""), ("*", "local")]


def test_without_a_gateway_mode_or_upstreams_a_proxy_stays_as_it_is() -> None:
    """The very same value: nothing is sent for it."""
    plain = NodeService(Kind="connect-proxy", Proxy=ConnectProxyConfig(DestinationServiceName="web"))
    gateway = MeshGatewayConfig(Mode="local")
    lonely = NodeService(
        Kind="connect-proxy", Proxy=ConnectProxyConfig(DestinationServiceName="web", MeshGateway=gateway)
    )
    assert with_central_config(plain) is plain
    assert with_central_config(lonely) is lonely
