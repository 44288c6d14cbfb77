"""Services and checks come and go through the rules, defaults and files of an agent."""

import asyncio
import errno
import hashlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pyconsul.agent.checks.runner import CheckRunner
from pyconsul.agent.local.loading import Loader, LoadError, registered_service
from pyconsul.agent.local.registrations import NewService, Registrations
from pyconsul.agent.local.sidecar import sidecar_of, sidecar_port
from pyconsul.agent.local.state import LocalState, NodeFacts
from pyconsul.agent.local.sync import Syncer
from pyconsul.agent.local.tokens import Tokens
from pyconsul.agent.persistence import LocalFiles
from pyconsul.config import load
from pyconsul.structs.catalog import HealthCheck, NodeService, ServiceAddress
from pyconsul.structs.checks import CheckType
from pyconsul.structs.connect_proxy import ConnectProxyConfig, ExposeConfig
from pyconsul.structs.definitions import service_definition_from
from pyconsul.structs.errors import InternalError, NotFound
from pyconsul.telemetry.logging import Level, Monitor, add_sink, remove_sink

FACTS = NodeFacts(datacenter="dc1", node="here", node_id="id", address="1.1.1.1", tagged_addresses={}, meta={})
SECOND = 1_000_000_000
HOUR = 3600 * SECOND


def files_below(folder: Path) -> list[Path]:
    """All files, at any depth."""
    return [path for path in folder.rglob("*") if path.is_file()]


async def no_rpc(method: str, ask: Any) -> Any:
    """Nobody is asked in these tests."""
    raise AssertionError(f"{method} {ask}")


class Place:
    """Everything around ``registrations``, on files below ``folder``; checks first run after an hour."""

    def __init__(self, folder: str = "", **settings: Any) -> None:
        hcl = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        config = load({"dev": True, "node": "here", "hcl": hcl}, {}).runtime
        self.state = LocalState(FACTS, on_change=lambda: self.syncer.wake(), stagger=lambda t: t)
        self.syncer = Syncer(self.state, no_rpc, Tokens())
        self.files = LocalFiles(folder)
        self.checks = CheckRunner(self.state, no_rpc, stagger=lambda _: 3600.0)
        self.registrations = Registrations(config, self.state, self.syncer, self.checks, self.files)
        self.loader = Loader(self.state, self.registrations, self.files)

    def flush(self) -> None:
        """Write what waits to be written."""
        self.files.flush_now()

    def register(self, **body: Any) -> None:
        """Register as the API does."""
        definition = service_definition_from(body)
        service = registered_service(definition)
        self.registrations.add_service(NewService(service=service, checks=definition.check_types(), persist=True))
        if definition.Sidecar is not None:
            nested = NewService(
                service=sidecar_of(service, definition.Sidecar),
                checks=definition.Sidecar.check_types(),
                persist=True,
                is_sidecar=True,
            )
            self.registrations.add_service(nested)

    def service(self, service_id: str) -> NodeService:
        """A service that must be there."""
        found = self.state.service(service_id)
        assert found is not None, [each.ID for each in self.state.services()]
        return found

    def check(self, check_id: str) -> HealthCheck:
        """A check that must be there."""
        found = self.state.check(check_id)
        assert found is not None, [each.CheckID for each in self.state.checks()]
        return found


@pytest.fixture
async def place_at() -> AsyncIterator[Callable[..., Place]]:
    """Makes places and stops their checks at the end."""
    made: list[Place] = []

    def make(folder: str = "", **settings: Any) -> Place:
        made.append(Place(folder, **settings))
        return made[-1]

    yield make
    for each in made:
        await each.checks.close()


@pytest.fixture
async def place(place_at: Callable[..., Place]) -> Place:
    """A place that keeps nothing."""
    return place_at()


async def test_checks_of_a_service_get_ids_and_names(place: Place) -> None:
    """One check has the service's ID, several are numbered; intervals are shown as Go prints them."""
    place.register(Name="one", Check={"TTL": "90s"})
    place.register(Name="two", Checks=[{"TTL": "1s"}, {"HTTP": "http://x", "Interval": "90s", "Timeout": "500ms"}])
    assert place.check("service:one").Name == "Service 'one' check"
    second = place.check("service:two:2")
    assert (second.Interval, second.Timeout, second.Type, second.Status) == ("1m30s", "500ms", "http", "critical")


@pytest.mark.parametrize(
    ("address", "tags"),
    [("10.0.0.1", {"lan_ipv4", "wan_ipv4"}), ("fe80::1", {"lan_ipv6", "wan_ipv6"}), ("a.b", set()), ("", set())],
)
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
    place.registrations.start_service_maintenance("web", "", "")
    place.registrations.start_service_maintenance("web", "other reason", "")
    place.registrations.start_node_maintenance("why", "")
    mark = place.check("_service_maintenance:web")
    assert (mark.Status, mark.Type, mark.ServiceName) == ("critical", "maintenance", "web")
    assert mark.Notes.startswith("Maintenance mode is enabled for this service, but no reason")
    assert place.check("_node_maintenance").Notes == "why"
    place.registrations.end_service_maintenance("web")
    place.registrations.end_node_maintenance()
    assert place.state.checks() == []
    with pytest.raises(NotFound, match='No service registered with ID "x"'):
        place.registrations.start_service_maintenance("x", "", "")


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


async def test_only_ttl_checks_take_reports(place: Place) -> None:
    """Others say so."""
    place.register(Name="web", Check={"TCP": "a:1", "Interval": "1h"})
    with pytest.raises(InternalError, match='CheckID "service:web" does not have associated TTL'):
        place.registrations.update_ttl("service:web", "passing", "")


async def test_what_the_api_registered_survives_a_restart(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """Services, checks, maintenance marks and TTL reports come back; probes start critical."""
    first = place_at(str(tmp_path))
    first.register(Name="web", Port=80, Check={"TTL": "1h"}, Connect={"SidecarService": {}})
    first.registrations.update_ttl("service:web", "passing", "fine")
    first.registrations.start_service_maintenance("web", "why", "")
    check = HealthCheck(CheckID="n", Name="n", Status="passing", Type="tcp")
    kind = CheckType(TCP="a:1", Interval=HOUR)
    first.registrations.add_check(check, kind, token="t", from_config=False, persist=True)
    first.flush()
    again = place_at(str(tmp_path))
    again.loader.load((), ())
    assert [s.ID for s in again.state.services()] == ["web", "web-sidecar-proxy"]
    assert (again.check("service:web").Status, again.check("service:web").Output) == ("passing", "fine")
    assert again.check("_service_maintenance:web").Notes == "why"
    row = again.state.check_row("n")
    assert row is not None and (row.Token, row.Check.Status) == ("t", "critical")
    again.registrations.remove_service("web")
    assert again.state.services() == []


async def test_reports_to_configured_checks_are_kept_for_those_outside_services(
    place_at: Callable[..., Place], tmp_path: Path
) -> None:
    """After a restart a check inside a configured service begins anew, as in Consul."""
    services = [{"name": "web", "check": {"id": "inside", "ttl": "1h", "status": "passing"}}]
    checks = [{"id": "outside", "name": "outside", "ttl": "1h", "status": "passing"}]
    first = place_at(str(tmp_path))
    first.loader.load(services, checks)
    for check_id in ("inside", "outside"):
        first.registrations.update_ttl(check_id, "critical", "bad")
    first.flush()
    again = place_at(str(tmp_path))
    again.loader.load(services, checks)
    assert (again.check("outside").Status, again.check("outside").Output) == ("critical", "bad")
    assert (again.check("inside").Status, again.check("inside").Output) == ("passing", "")


async def test_files_are_consuls_own(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """Names are hashes of IDs, contents the fields that Consul writes."""
    place = place_at(str(tmp_path))
    place.register(Name="web", Port=80, Check={"TTL": "1h"})
    place.registrations.update_ttl("service:web", "passing", "fine")
    place.flush()
    name = hashlib.sha256(b"web").hexdigest()
    service = json.loads((tmp_path / "services" / name).read_text())
    assert (service["Source"], service["Token"], service["Service"]["Port"]) == ("remote", "", 80)
    check = json.loads(next(p for p in (tmp_path / "checks").iterdir() if p.is_file()).read_text())
    assert (check["Check"]["CheckID"], check["ChkType"]["TTL"]) == ("service:web", HOUR)
    state = json.loads(next((tmp_path / "checks" / "state").iterdir()).read_text())
    assert (state["CheckID"], state["Status"], state["Output"]) == ("service:web", "passing", "fine")


async def test_broken_files_are_left_alone(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """What cannot be read stops nobody; temporary files are ignored."""
    for folder in ("services", "checks", "checks/state"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").write_text("{")
        (tmp_path / folder / "y.tmp").write_text("{}")
        (tmp_path / folder / "z").write_text("{}")
    place = place_at(str(tmp_path))
    place.loader.load((), ())
    assert place.state.services() == [] and (tmp_path / "services" / "x").exists()


async def test_old_ttl_reports_are_forgotten(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """A report that would have expired meanwhile says nothing."""
    place = place_at(str(tmp_path))
    place.register(Name="web", Check={"TTL": "1h"})
    place.registrations.update_ttl("service:web", "passing", "fine")
    place.flush()
    path = next((tmp_path / "checks" / "state").iterdir())
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "Expires": 5}))
    again = place_at(str(tmp_path))
    again.loader.load((), ())
    again.flush()
    assert again.check("service:web").Status == "critical" and not path.exists()


async def test_configuration_wins_over_files(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """A configured service replaces a registered one, whose file goes."""
    first = place_at(str(tmp_path))
    first.register(Name="web", Port=80)
    first.flush()
    again = place_at(str(tmp_path))
    again.loader.load([{"name": "web", "port": 90}], [])
    again.flush()
    assert again.service("web").Port == 90
    assert list((tmp_path / "services").iterdir()) == []


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


async def test_files_are_written_outside_the_loop_before_anybody_is_answered(
    place_at: Callable[..., Place], tmp_path: Path
) -> None:
    """Callers that come while a batch is written share the next one."""
    place = place_at(str(tmp_path))
    flushes: list[Awaitable[None]] = []
    for number in range(5):
        place.register(Name=f"s{number}")
        flushes.append(place.files.flush())
        await asyncio.sleep(0)
    await asyncio.gather(*flushes)
    assert len(files_below(tmp_path)) == 5


async def test_a_data_directory_that_cannot_be_written_is_told(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """Whoever registers hears of it."""
    (tmp_path / "file").write_text("")
    place = place_at(str(tmp_path / "file"))
    place.register(Name="web")
    with pytest.raises(OSError, match="Not a directory"):
        await place.files.flush()


async def test_one_file_that_cannot_be_written_does_not_keep_others_away(
    place_at: Callable[..., Place], tmp_path: Path
) -> None:
    """All that share a batch hear that something of it failed, and what can be written is."""
    place = place_at(str(tmp_path))
    place.register(Name="taken")
    await place.files.flush()
    taken = next((tmp_path / "services").iterdir())
    taken.unlink()
    taken.mkdir()  # no file can be put there
    place.register(Name="taken")
    first = place.files.flush()
    place.register(Name="web")
    second = place.files.flush()
    with pytest.raises(OSError, match=taken.name):
        await first
    with pytest.raises(OSError, match=taken.name):
        await second
    assert len(files_below(tmp_path)) == 1
    await place.files.flush()  # what failed was told, and is not told again


async def test_who_comes_while_a_batch_is_written_hears_how_the_next_one_ends(
    place_at: Callable[..., Place], tmp_path: Path
) -> None:
    """Nobody is told that a registration is kept which is not."""
    (tmp_path / "services").write_text("")
    place = place_at(str(tmp_path))
    ends: list[Awaitable[None]] = []
    for number in range(3):
        place.register(Name=f"s{number}")
        ends.append(place.files.flush())
        await asyncio.sleep(0)
    answers = await asyncio.gather(*ends, return_exceptions=True)
    assert all(isinstance(answer, OSError) for answer in answers), answers


async def test_nothing_stays_of_a_service_whose_check_cannot_be_made(place: Place, monkeypatch: Any) -> None:
    """A host without descriptors cannot even load the code of a check."""

    def start(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(place.checks, "start", start)
    with pytest.raises(OSError, match="Too many open files"):
        place.register(Name="web", Check={"TCP": "127.0.0.1:1", "Interval": "1s"})
    assert (place.state.services(), place.state.checks()) == ([], [])


@pytest.mark.parametrize("what", ["services", "checks"])
async def test_a_folder_that_is_none_stops_the_agent(place_at: Callable[..., Place], tmp_path: Path, what: str) -> None:
    """Else nothing could be kept, and nobody would know."""
    (tmp_path / what).write_text("")
    with pytest.raises(LoadError) as caught:
        place_at(str(tmp_path)).loader.load([], [])
    path = tmp_path / what
    assert str(caught.value) == f'Failed reading {what} dir "{path}": open {path}: not a directory'
