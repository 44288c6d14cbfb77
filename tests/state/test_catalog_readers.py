"""Readers of the catalog: what they find, in which order, and that their watch sets miss nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.memdb import Store, WatchSet
from pyconsul.server import families
from pyconsul.server.state import catalog
from pyconsul.server.state import catalog_reads as reads
from pyconsul.server.state.coordinate import put_coordinates, sorted_by_distance
from pyconsul.server.state.overview import catalog_summary, node_dump
from pyconsul.server.state.topology import service_topology
from pyconsul.structs.catalog import (
    CheckServiceNode,
    HealthFilter,
    NodeService,
    QuerySource,
    RegisterRequest,
    ServiceConnect,
)
from pyconsul.structs.connect_proxy import ConnectProxyConfig, Upstream
from pyconsul.structs.coordinate import Coordinate, NodeCoordinate, distance, in_common_segment
from pyconsul.structs.health import HealthCheck


def put(db: Store, index: int, node: str, service: NodeService | None = None, status: str = "", **meta: str) -> None:
    """Register a node, a service and a check of that service (named after it)."""
    check = None
    if service is not None and status:
        check = HealthCheck(Node=node, CheckID=f"c-{service.ID}", Name="c", Status=status, ServiceID=service.ID)
    request = RegisterRequest(
        Node=node, Address="10.0.0.1", Datacenter="dc1", NodeMeta=meta or None, Service=service, Check=check
    )
    with db.transaction():
        catalog.register(db, index, request)


def web(service_id: str, *tags: str) -> NodeService:
    """An instance of web."""
    return NodeService(ID=service_id, Service="web", Port=80, Tags=list(tags) or None)


@pytest.fixture
def stocked(db: Store) -> Store:
    """Three instances of web on two nodes: one passing, one warning, one critical."""
    put(db, 5, "east", web("w1", "v1", "Prod"), "passing", zone="east")
    put(db, 6, "east", web("w2", "v2"), "warning", zone="east")
    put(db, 7, "west", web("w3", "v2", "prod"), "critical", zone="west")
    return db


def ids(found: list[CheckServiceNode]) -> list[str]:
    """The instances' IDs."""
    return [one.Service.ID for one in found if one.Service]


def test_tags_match_in_any_letter_case_and_all_of_them(stocked: Store) -> None:
    """An instance must have every tag that is asked for."""
    assert ids(reads.check_service_nodes(stocked, "WEB", ["prod"])[1]) == ["w1", "w3"]
    assert ids(reads.check_service_nodes(stocked, "web", ["PROD", "v2"])[1]) == ["w3"]


def test_health_filters_swap_the_last_one_in(stocked: Store) -> None:
    """What is left out is replaced by the last row, as Consul's in-place filter leaves them."""
    found = reads.check_service_nodes(stocked, "web")[1]
    assert ids(reads.keep_healthy(found, HealthFilter.ONLY_PASSING)) == ["w1"]
    assert ids(reads.keep_healthy(found, HealthFilter.EXCLUDE_CRITICAL)) == ["w1", "w2"]
    swapped = reads.keep_healthy(list(reversed(found)), HealthFilter.EXCLUDE_CRITICAL)
    assert ids(swapped) == ["w1", "w2"]


def test_node_checks_come_before_the_instance_own(stocked: Store) -> None:
    """Each instance shows both."""
    catalog.put_check(stocked, 8, HealthCheck(Node="east", CheckID="zzz", Name="z", Status="passing"))
    first = reads.check_service_nodes(stocked, "web")[1][0]
    assert [check.CheckID for check in first.Checks or ()] == ["zzz", "c-w1"]


def test_node_metadata_selects(stocked: Store) -> None:
    """Nodes, services, checks by the metadata of their nodes; the value must be equal."""
    assert [n.Node for n in reads.nodes(stocked, {"zone": "east"})[1]] == ["east"]
    assert reads.nodes(stocked, {"zone": "east", "no": ""})[1] == []
    assert len(reads.all_service_rows(stocked, {"zone": "west"})[1]) == 1
    assert [c.Status for c in reads.checks_in_state(stocked, "any", {"zone": "west"})[1]] == ["critical"]
    assert len(reads.checks_of_service(stocked, "web", {"zone": "east"})[1]) == 2


def test_the_flat_form_has_no_null_tags_or_metadata(stocked: Store) -> None:
    """``/v1/catalog/service`` shows [] and {} where nothing was given."""
    put(stocked, 8, "n", NodeService(ID="bare", Service="bare"))
    flat = reads.service_nodes(stocked, "bare")[1][0]
    assert (flat.ServiceTags, flat.ServiceMeta) == ([], {})


def test_services_are_found_by_address(stocked: Store) -> None:
    """By their own address, which instances without one do not have."""
    put(stocked, 8, "n", NodeService(ID="at", Service="at", Address="10.7.7.7"))
    assert [s.ServiceID for s in reads.service_nodes_at_address(stocked, "10.7.7.7")] == ["at"]


CHANGES: dict[str, Callable[[Store], object]] = {
    "an instance comes": lambda db: put(db, 20, "new", web("w9")),
    "an instance changes": lambda db: put(db, 20, "east", web("w1", "v9")),
    "an instance goes": lambda db: catalog.delete_service(db, 20, "east", "w1"),
    "an instance becomes another service": lambda db: put(db, 20, "east", NodeService(ID="w1", Service="other")),
    "a node changes": lambda db: put(db, 20, "east", zone="north"),
    "a node goes": lambda db: catalog.delete_node(db, 20, "west"),
    "a check changes": lambda db: put(db, 20, "east", web("w1", "v1", "Prod"), "critical", zone="east"),
    "a node check comes": lambda db: catalog.put_check(
        db, 20, HealthCheck(Node="east", CheckID="mem", Name="m", Status="passing")
    ),
}
READERS: dict[str, Callable[[Store, WatchSet | None], object]] = {
    "nodes": lambda db, ws: reads.nodes(db, ws=ws),
    "services": lambda db, ws: reads.all_service_rows(db, ws=ws),
    "service names": lambda db, ws: reads.service_names(db, ws=ws),
    "service nodes": lambda db, ws: reads.service_nodes(db, "web", ws=ws),
    "absent service": lambda db, ws: reads.check_service_nodes(db, "other", ws=ws),
    "health": lambda db, ws: reads.check_service_nodes(db, "web", ws=ws),
    "connect": lambda db, ws: reads.check_connect_service_nodes(db, "web", ws=ws),
    "node services": lambda db, ws: reads.services_of_node(db, "east", ws=ws),
    "absent node": lambda db, ws: reads.services_of_node(db, "new", ws=ws),
    "node checks": lambda db, ws: reads.checks_of_node(db, "east", ws=ws),
    "service checks": lambda db, ws: reads.checks_of_service(db, "web", ws=ws),
    "checks by metadata": lambda db, ws: reads.checks_of_service(db, "web", {"zone": "east"}, ws=ws),
    "state": lambda db, ws: reads.checks_in_state(db, "critical", ws=ws),
    "node dump": lambda db, ws: node_dump(db, ws=ws),
    "service dump": lambda db, ws: reads.all_check_service_nodes(db, ws=ws),
    "topology": lambda db, ws: service_topology(db, "web", "", ws=ws),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("reader", READERS)
def test_a_reader_is_woken_by_whatever_changes_its_answer(stocked: Store, reader: str, change: str) -> None:
    """If the answer differs after a change, index included, the watch set of the read before it has fired."""
    ws = WatchSet()
    before = READERS[reader](stocked, ws)
    CHANGES[change](stocked)
    after = READERS[reader](stocked, None)
    assert ws.fired or before == after


def test_an_unrelated_service_wakes_nobody(stocked: Store) -> None:
    """Who waits for web is not disturbed by db."""
    ws = WatchSet()
    reads.check_service_nodes(stocked, "web", ws=ws)
    put(stocked, 20, "other", NodeService(ID="db", Service="db"), "passing")
    assert not ws.fired


@pytest.mark.parametrize("reader", [reads.nodes, reads.all_service_rows])
@pytest.mark.parametrize(("zone", "woken"), [("east", False), ("EAST", False), ("north", True)])
def test_who_waits_for_metadata_is_not_disturbed_by_other_nodes(
    stocked: Store, reader: Any, zone: str, woken: bool
) -> None:
    """As long as there is a node with it, in whatever letter case; without one any node is news."""
    ws = WatchSet(quiet=WatchSet())
    found = reader(stocked, {"zone": zone}, ws=ws)[1]
    assert bool(found) is (zone == "east")
    put(stocked, 20, "south", zone="south")
    assert ws.fired is woken


def test_metadata_that_differs_in_letter_case_alone_is_told_apart(db: Store) -> None:
    """Though both pairs are found under one key; the node can be changed and goes like any other."""
    put(db, 5, "east", zone="a", Zone="A")
    put(db, 6, "east", Zone="A")
    assert [len(reads.nodes(db, wanted)[1]) for wanted in ({"zone": "a"}, {"Zone": "A"})] == [0, 1]
    with db.transaction():
        catalog.delete_node(db, 7, "east")
    assert reads.nodes(db, {"Zone": "A"})[1] == []


def place(*seconds: float, **fields: float) -> Coordinate:
    """A point in a space of eight dimensions."""
    return Coordinate(Vec=[*seconds, *([0.0] * (8 - len(seconds)))], **fields)


def test_rows_are_sorted_by_distance_the_unknown_ones_last(db: Store) -> None:
    """In another datacenter, or from an unknown place, the order stays."""
    for index, node in enumerate(("a", "b", "c", "d"), 5):
        put(db, index, node)
    put_coordinates(db, 9, [NodeCoordinate(Node=n, Coord=place(x)) for n, x in (("a", 0.9), ("c", 0.1), ("d", 0.2))])
    rows = ["a", "b", "c", "d"]

    def near(Node: str = "", Datacenter: str = "") -> list[str]:
        return sorted_by_distance(db, QuerySource(Node=Node, Datacenter=Datacenter), "dc1", rows, str, WatchSet())

    assert near(Node="c", Datacenter="dc1") == ["c", "d", "a", "b"]
    assert near(Node="b", Datacenter="dc1") == rows
    assert near(Node="c", Datacenter="dc2") == rows
    assert near(Datacenter="dc1") == rows


def test_coordinates_need_a_known_node_and_finite_numbers(db: Store) -> None:
    """Others are dropped in silence; they go with their node."""
    put(db, 5, "a")
    updates = [
        NodeCoordinate(Node="a", Coord=place(1.0)),
        NodeCoordinate(Node="ghost", Coord=place(1.0)),
        NodeCoordinate(Node="a", Segment="x", Coord=place(float("nan"))),
    ]
    put_coordinates(db, 6, updates)
    assert reads.max_index(db, "coordinates") == 6
    assert [(row.Node, row.Segment) for row in db.snapshot().all(catalog_coordinates())] == [("a", "")]
    catalog.delete_node(db, 7, "a")
    assert reads.max_index(db, "coordinates") == 7


def catalog_coordinates() -> Any:
    """The coordinates' table."""
    return next(table for table in families.TABLES if table.name == "coordinates")


@given(
    st.lists(st.floats(-10, 10), min_size=8, max_size=8),
    st.lists(st.floats(-10, 10), min_size=8, max_size=8),
    st.floats(0, 1),
)
def test_distances_are_symmetric_and_never_negative(one: list[float], other: list[float], height: float) -> None:
    """Whatever the points, as long as nothing is adjusted away."""
    a, b = Coordinate(Vec=one, Height=height), Coordinate(Vec=other)
    assert distance(a, b) == distance(b, a) >= 0
    assert distance(a, None) == float("inf") == distance(a, Coordinate(Vec=[1.0]))


def test_coordinates_are_compared_in_a_common_segment() -> None:
    """A node of one segment decides; servers, which are in all, meet in the default one."""
    server = {"": place(1.0), "s": place(2.0)}
    client = {"s": place(3.0)}
    assert in_common_segment(server, client) == (server["s"], client["s"])
    assert in_common_segment(client, server) == (client["s"], server["s"])
    assert in_common_segment(server, server) == (server[""], server[""])
    assert in_common_segment(client, {"t": place(1.0)}) == (None, place(1.0))


def test_the_overview_counts_the_worst_status(stocked: Store) -> None:
    """An instance is as healthy as its worst check; nodes count their own checks only."""
    summary = catalog_summary(stocked)
    assert summary.Nodes and (summary.Nodes[0].Total, summary.Nodes[0].Passing) == (2, 2)
    assert summary.Services is not None
    service = summary.Services[0]
    counts = (service.Name, service.Total, service.Passing, service.Warning, service.Critical)
    assert counts == ("web", 3, 1, 1, 1)


def proxy(name: str, *upstreams: str, mode: str = "") -> NodeService:
    """A sidecar of ``name`` that calls the upstreams."""
    return NodeService(
        ID=f"{name}-p",
        Service=f"{name}-proxy",
        Kind="connect-proxy",
        Port=9,
        Proxy=ConnectProxyConfig(
            DestinationServiceName=name,
            Mode=mode,
            Upstreams=[Upstream(DestinationName=up, LocalBindPort=1) for up in upstreams],
        ),
    )


def test_neighbours_come_from_registrations_and_from_transparent_proxies(db: Store) -> None:
    """Who is named as upstream is a neighbour; a transparent proxy may call anybody without saying so."""
    for index, name in enumerate(("web", "api", "db"), 5):
        put(db, index, "n", NodeService(ID=name, Service=name))
    put(db, 8, "n", proxy("web", "api"))
    put(db, 9, "n", proxy("api", "db", mode="transparent"))
    _, of_web = service_topology(db, "web", "")
    assert of_web.UpstreamSources == {"api": "proxy-registration"}
    assert of_web.DownstreamSources == {"api": "default-allow"}
    _, of_api = service_topology(db, "api", "")
    assert of_api.TransparentProxy
    assert of_api.UpstreamSources == {"db": "proxy-registration", "web": "default-allow"}
    put(db, 10, "n", proxy("web"))
    assert service_topology(db, "web", "")[1].UpstreamSources == {}


def test_links_last_as_long_as_one_proxy_names_them(db: Store) -> None:
    """The last of several proxies that goes takes the link along."""
    put(db, 5, "a", proxy("web", "api"))
    put(db, 6, "b", proxy("web", "api"))
    catalog.delete_service(db, 7, "b", "web-p")
    assert service_topology(db, "web", "")[1].UpstreamSources == {"api": "proxy-registration"}
    catalog.delete_service(db, 8, "a", "web-p")
    assert service_topology(db, "web", "")[1].UpstreamSources == {}


def test_native_instances_speak_for_themselves(db: Store) -> None:
    """Connect answers show native instances and proxies, not plain ones."""
    put(db, 5, "a", NodeService(ID="plain", Service="web"))
    put(db, 6, "a", NodeService(ID="native", Service="web", Port=1, Connect=ServiceConnect(Native=True)))
    put(db, 7, "a", proxy("web"))
    assert ids(reads.check_connect_service_nodes(db, "web")[1]) == ["native", "web-p"]
    assert [s.ServiceID for s in reads.connect_service_nodes(db, "web")[1]] == ["native", "web-p"]
