"""Services and checks come and go through the rules, defaults and files of an agent."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyconsul.agent.local.loading import LoadError
from pyconsul.agent.local.registrations import NewService
from pyconsul.agent.local.sidecar import sidecar_port
from pyconsul.structs.catalog import HealthCheck, NodeService, ServiceAddress
from pyconsul.structs.checks import CheckType
from pyconsul.structs.connect_proxy import ConnectProxyConfig, ExposeConfig
from pyconsul.structs.errors import InternalError, NotFound
from pyconsul.telemetry.logging import Level, Monitor, add_sink, remove_sink
from tests.door import DoorClient, leading_agent
from tests.local.conftest import HOUR, Place, files_below
from tests.waiting import comes_true


async def test_checks_of_a_service_get_ids_and_names(place: Place) -> None:
    """One check has the service's ID, several are numbered; intervals are shown as Go prints them."""
    place.register(Name="one", Check={"TTL": "90s"})
    place.register(Name="two", Checks=[{"TTL": "1s"}, {"HTTP": "http://x", "Interval": "90s", "Timeout": "500ms"}])
    assert place.check("service:one").Name == "Service 'one' check"
    second = place.check("service:two:2")
    assert (second.Interval, second.Timeout, second.Type, second.Status) == ("1m30s", "500ms", "http", "critical")


FAMILIES: list[tuple[str, set[str]]] = [
    ("10.0.0.1", {"lan_ipv4", "wan_ipv4"}),
    ("fe80::1", {"lan_ipv6", "wan_ipv6"}),
    ("a.b", set()),
    ("", set()),
]


@pytest.mark.parametrize(("address", "tags"), FAMILIES)
async def test_ip_addresses_are_tagged_by_family(place: Place, address: str, tags: set[str]) -> None:
    """Names get no tags."""
    place.register(Name="x", Address=address, Port=5)
    found = place.service("x").TaggedAddresses or {}
    assert set(found) == tags
    assert all(each == ServiceAddress(Address=address, Port=5) for each in found.values())


@pytest.mark.parametrize(
    ("name", "warned"),
    [
        ("web-1", ""),
        ("a\\b", ""),
        ("a_b", "due to invalid characters. Valid characters include all alpha-numerics and dashes.: service=a_b"),
        ("w" * 63, ""),
        ("w" * 64, f"due to it being too long. Valid lengths are between 1 and 63 bytes.: service={'w' * 64}"),
    ],
)
async def test_a_name_that_dns_cannot_find_is_warned_about(name: str, warned: str, place: Place) -> None:
    """The service is registered all the same."""
    monitor = Monitor(Level.WARN)
    add_sink(monitor)
    try:
        place.register(Name=name)
    finally:
        remove_sink(monitor)
    said = monitor.take()
    assert (f"Service name will not be discoverable via DNS {warned}" in said) if warned else said == ""
    assert place.service(name).Service == name


async def test_given_tagged_addresses_stay_and_must_fit(place: Place) -> None:
    """An address under a tag of the other family is refused, and nothing stays."""
    own = {"lan_ipv4": {"Address": "10.9.9.9", "Port": 1}}
    place.register(Name="x", Address="10.0.0.1", TaggedAddresses=own)
    assert (place.service("x").TaggedAddresses or {})["lan_ipv4"].Address == "10.9.9.9"
    with pytest.raises(InternalError, match='Service tagged address "lan_ipv6" must be a valid ipv6 address'):
        place.register(Name="y", TaggedAddresses={"lan_ipv6": {"Address": "10.0.0.1"}})
    assert place.state.service("y") is None


async def test_results_survive_a_second_registration(place: Place) -> None:
    """The check is made anew, its last result stays."""
    place.register(Name="x", Check={"TTL": "1h"})
    place.registrations.update_ttl("service:x", "passing", "fine")
    place.register(Name="x", Port=1, Check={"TTL": "1h", "Status": "critical"})
    assert (place.check("service:x").Status, place.check("service:x").Output) == ("passing", "fine")


async def test_checks_that_are_not_named_again_stay_unless_told_otherwise(place: Place) -> None:
    """``replace-existing-checks`` drops what the new registration lacks."""
    place.register(Name="x", Checks=[{"CheckID": "a", "TTL": "1h"}, {"CheckID": "b", "TTL": "1h"}])
    new = NewService(service=place.service("x"), checks=[CheckType(CheckID="a", TTL=HOUR)])
    place.registrations.add_service(new)
    assert {c.CheckID for c in place.state.checks()} == {"a", "b"}
    place.registrations.add_service(
        NewService(service=place.service("x"), checks=[CheckType(CheckID="a", TTL=HOUR)], replace_checks=True)
    )
    assert {c.CheckID for c in place.state.checks()} == {"a"}


async def test_a_failed_registration_leaves_nothing(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """Neither rows nor running checks nor files."""
    place = place_at(str(tmp_path))
    with pytest.raises(InternalError, match="Scripts are disabled on this agent from remote calls"):
        place.register(Name="x", Checks=[{"TTL": "1h"}, {"Args": ["a"], "Interval": "1s"}])
    place.flush()
    assert (place.state.services(), place.state.checks(), place.checks.count("ttl")) == ([], [], 0)
    assert files_below(tmp_path) == []


@pytest.mark.parametrize(
    ("settings", "from_config", "allowed"),
    [
        ({}, False, False),
        ({}, True, False),
        ({"enable_local_script_checks": True}, True, True),
        ({"enable_local_script_checks": True}, False, False),
        ({"enable_script_checks": True}, True, True),
        ({"enable_script_checks": True}, False, True),
    ],
)
async def test_scripts_run_only_where_they_are_allowed(
    place_at: Callable[..., Place], settings: dict[str, bool], from_config: bool, allowed: bool
) -> None:
    """Local scripts are those of configuration files."""
    place = place_at("", **settings)
    kind = CheckType(CheckID="c", Name="c", ScriptArgs=["/bin/true"], Interval=HOUR)
    check = HealthCheck(CheckID="c", Name="c", Status="critical")
    if allowed:
        place.registrations.add_check(check, kind, from_config=from_config, persist=False)
        assert place.checks.count("script") == 1
    else:
        with pytest.raises(InternalError, match="Scripts are disabled on this agent"):
            place.registrations.add_check(check, kind, from_config=from_config, persist=False)


async def test_removing_a_service_takes_checks_and_sidecar_along(place: Place) -> None:
    """A service of that ID which is no sidecar stays."""
    place.register(Name="web", Port=80, Check={"TTL": "1h"}, Connect={"SidecarService": {}})
    place.register(Name="api", Port=81)
    place.register(Name="api-sidecar-proxy", Port=82)
    place.registrations.remove_service("web")
    place.registrations.remove_service("api")
    assert [s.ID for s in place.state.services()] == ["api-sidecar-proxy"]
    assert place.state.checks() == []


async def test_a_sidecar_inherits_what_it_does_not_say(place: Place) -> None:
    """Name, tags, meta, address, port range and checks have defaults."""
    place.register(Name="web", Port=80, Address="10.0.0.1", Tags=["t"], Meta={"m": "1"}, Connect={"SidecarService": {}})
    sidecar = place.service("web-sidecar-proxy")
    assert (sidecar.Kind, sidecar.Service, sidecar.Port) == ("connect-proxy", "web-sidecar-proxy", 21000)
    assert (sidecar.Tags, sidecar.Meta, sidecar.Address) == (["t"], {"m": "1"}, "10.0.0.1")
    assert (sidecar.Proxy.LocalServiceAddress, sidecar.Proxy.LocalServicePort) == ("127.0.0.1", 80)
    names = [place.check(f"service:web-sidecar-proxy:{n}").Name for n in (1, 2)]
    assert names == ["Connect Sidecar Listening", "Connect Sidecar Aliasing web"]


async def test_sidecars_get_the_lowest_free_port_and_keep_it(place: Place) -> None:
    """A second registration does not move a sidecar."""
    for name in ("a", "b", "a"):
        place.register(Name=name, Port=1, Connect={"SidecarService": {}})
    assert [place.service(f"{n}-sidecar-proxy").Port for n in ("a", "b")] == [21000, 21001]


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(0, 0, "auto-assignment disabled"), (5, 6, r"none left in the configured range \[5, 6\]")],
)
def test_without_a_free_port_a_sidecar_is_refused(low: int, high: int, text: str) -> None:
    """The sentence says whether ports are off or used up."""
    taken = [NodeService(ID=f"s{port}", Port=port) for port in (5, 6)]
    with pytest.raises(ValueError, match=text):
        sidecar_port(taken, "x", low, high)


async def test_a_proxys_gateway_mode_reaches_its_upstreams(place: Place) -> None:
    """Upstreams without a mode inherit it; a transparent proxy gets a wildcard upstream too."""
    proxy = {
        "DestinationServiceName": "d",
        "Mode": "transparent",
        "MeshGateway": {"Mode": "remote"},
        "Upstreams": [
            {"DestinationName": "a", "LocalBindPort": 1},
            {"DestinationName": "b", "LocalBindPort": 2, "MeshGateway": {"Mode": "local"}},
        ],
    }
    place.register(Name="p", Kind="connect-proxy", Port=1, Proxy=proxy)
    found = place.service("p").Proxy.Upstreams or []
    assert [(u.DestinationName, u.MeshGateway.Mode) for u in found] == [
        ("a", "remote"),
        ("b", "local"),
        ("*", "remote"),
    ]


async def test_exposed_checks_go_through_the_proxy_and_back(place: Place) -> None:
    """While a proxy exposes its service's checks, they have listener ports."""
    place.register(Name="web", Port=80, Check={"HTTP": "http://10.0.0.1:80/h", "Interval": "1h"})
    proxy = NodeService(
        ID="p",
        Service="p",
        Kind="connect-proxy",
        Port=1,
        Proxy=ConnectProxyConfig(
            DestinationServiceName="web", DestinationServiceID="web", Expose=ExposeConfig(Checks=True)
        ),
    )
    place.registrations.add_service(NewService(service=proxy))
    assert place.check("service:web").ExposedPort == 21500
    place.registrations.remove_service("p")
    assert place.check("service:web").ExposedPort == 0


async def test_maintenance_is_a_critical_mark(place: Place) -> None:
    """Service and node have their own; a second start changes nothing."""
    place.register(Name="web")
    place.maintenance.start_service("web", "", "")
    place.maintenance.start_service("web", "other reason", "")
    place.maintenance.start_node("why", "")
    mark = place.check("_service_maintenance:web")
    assert (mark.Status, mark.Type, mark.ServiceName) == ("critical", "maintenance", "web")
    assert mark.Notes.startswith("Maintenance mode is enabled for this service, but no reason")
    assert place.check("_node_maintenance").Notes == "why"
    place.maintenance.end_service("web")
    place.maintenance.end_node()
    assert place.state.checks() == []
    with pytest.raises(NotFound, match='No service registered with ID "x"'):
        place.maintenance.start_service("x", "", "")


async def test_services_that_stay_critical_are_dropped(place: Place) -> None:
    """After the time that the check gives, at least a minute; never for other checks."""
    place.register(Name="web", Check={"TTL": "1h", "DeregisterCriticalServiceAfter": "1s"})
    place.register(Name="api", Check={"TTL": "1h"})
    for check_id in ("service:web", "service:api"):
        place.registrations.update_ttl(check_id, "critical", "")
    now = asyncio.get_running_loop().time()
    place.registrations.reap(now + 59)
    assert len(place.state.services()) == 2
    place.registrations.reap(now + 61)
    assert [s.ID for s in place.state.services()] == ["api"]


async def test_who_registers_again_is_given_the_time_anew(place: Place) -> None:
    """The check may be critical as long again as it may be at first, inside a service or by itself."""
    check = {"TTL": "1h", "DeregisterCriticalServiceAfter": "1m"}
    place.register(Name="web", Check=check)
    place.register(Name="api")
    place.register_check(Name="own", ServiceID="api", **check)
    for check_id in ("service:web", "own"):
        place.state.update_check(check_id, "critical", "", asyncio.get_running_loop().time() - 50)
    place.register(Name="web", Check=check)
    place.register_check(Name="own", ServiceID="api", **check)
    place.registrations.reap(asyncio.get_running_loop().time() + 50)
    assert [s.ID for s in place.state.services()] == ["api", "web"]
    place.registrations.reap(asyncio.get_running_loop().time() + 61)
    assert [s.ID for s in place.state.services()] == ["web"]


async def test_a_dropped_service_leaves_no_file(
    place_at: Callable[..., Place], tmp_path: Path, skip_time: Callable[[float], None]
) -> None:
    """Not only once something else is written: a restart would bring it back."""
    place = place_at(str(tmp_path))
    place.register(Name="web", Check={"TTL": "1h", "Status": "critical", "DeregisterCriticalServiceAfter": "1s"})
    place.registrations.update_ttl("service:web", "critical", "")
    await place.files.flush()
    reaping = asyncio.create_task(place.registrations.reap_forever())
    await asyncio.sleep(0)  # it waits for its first round
    skip_time(120)
    await comes_true(lambda: not files_below(tmp_path))
    reaping.cancel()
    assert place.state.services() == []


async def test_only_ttl_checks_take_reports(place: Place) -> None:
    """Others say so."""
    place.register(Name="web", Check={"TCP": "a:1", "Interval": "1h"})
    with pytest.raises(InternalError, match='CheckID "service:web" does not have associated TTL'):
        place.registrations.update_ttl("service:web", "passing", "")


async def test_a_reload_keeps_last_results(place: Place) -> None:
    """What is defined again keeps its status, what is not is gone."""
    place.loader.load(
        [{"name": "web", "check": {"id": "c", "ttl": "1h"}}, {"name": "old"}], [{"name": "n", "ttl": "1h"}]
    )
    place.registrations.update_ttl("c", "passing", "fine")
    before = place.loader.unload()
    assert place.state.services() == []
    place.loader.load([{"name": "web", "port": 1, "check": {"id": "c", "ttl": "1h"}}], [], before)
    assert [s.ID for s in place.state.services()] == ["web"]
    assert (place.check("c").Status, place.check("c").Output) == ("passing", "fine")
    assert place.state.check("n") is None


@pytest.mark.parametrize(
    ("services", "checks", "text"),
    [
        ([{"name": "x", "check": {"http": "h"}}], [], 'Failed to validate checks for service "x": Interval must be'),
        ([{"name": "x", "check": {"args": ["a"], "interval": "1s"}}], [], 'Failed to register service "x": Scripts'),
        (
            [{"name": "x", "connect": {"sidecar_service": {"check": {"http": "h"}}}}],
            [],
            'Failed to validate sidecar for service "x": Interval must be',
        ),
        ([], [{"name": "c", "ttl": "1s", "service_id": "x"}], "Failed to register check 'c': ServiceID \"x\" does not"),
        ([{"name": "x", "nope": 1}], [], "invalid config key service.nope"),
    ],
)
async def test_wrong_definitions_stop_the_agent(
    place: Place, services: list[Any], checks: list[Any], text: str
) -> None:
    """The error says which one and why."""
    with pytest.raises(LoadError) as caught:
        place.loader.load(services, checks)
    assert text in str(caught.value)


async def test_an_alias_is_told_to_the_catalog_as_it_was_registered() -> None:
    """What it finds out first is a mere output, and waits as those of all checks do."""
    async with leading_agent(local=True) as agent:
        agent.syncer.start()
        client = DoorClient(agent)
        alias = {"CheckID": "al", "AliasService": "missing"}
        await client.put("agent/service/register", {"Name": "web", "Check": alias})
        await client.put("agent/check/register", {"Name": "of node", "AliasService": "missing", "AliasNode": "here"})
        told = {each["CheckID"]: each["Output"] for each in (await client.get("health/node/here")).body}
        assert (told["al"], told["of node"]) == ("", "")
        await comes_true(lambda: {"al", "of node"} <= set(agent.local.deferred))
        assert [each.Output for each in agent.local.checks()] == [
            "Service missing could not be found on node ",
            "Service missing could not be found on node here",
        ]
        await agent.syncer.stop()
