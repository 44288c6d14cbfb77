"""Snapshot records of the catalog: what is dumped comes back, through the bytes of Go's msgpack."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.memdb import Store, Table
from pyconsul.server import families
from pyconsul.server.fsm.catalog import apply_deregister, apply_register, load_register, register_rows
from pyconsul.server.fsm.coordinate import apply_coordinates
from pyconsul.server.fsm.federation import apply_federation_state
from pyconsul.server.fsm.registry import RECORD_KINDS
from pyconsul.server.state.catalog_tables import CHECKS, KIND_SERVICE_NAMES, NODES, SERVICES
from pyconsul.server.state.coordinate import COORDINATES
from pyconsul.server.state.federation import FEDERATION_STATES
from pyconsul.server.state.indexes import INDEXES
from pyconsul.server.state.mesh_topology import MESH_TOPOLOGY
from pyconsul.server.state.virtual_ips import FREE_VIRTUAL_IPS, SERVICE_VIRTUAL_IPS
from pyconsul.structs import gomsgpack
from pyconsul.structs.catalog import (
    DeregisterRequest,
    Locality,
    NodeService,
    RegisterRequest,
    ServiceAddress,
    ServiceConnect,
)
from pyconsul.structs.connect_proxy import ConnectProxyConfig, Upstream
from pyconsul.structs.coordinate import Coordinate, NodeCoordinate
from pyconsul.structs.errors import InternalError
from pyconsul.structs.federation import FederationState, FederationStateRequest
from pyconsul.structs.health import HealthCheck, HealthCheckDefinition
from pyconsul.structs.messages import MessageType
from pyconsul.structs.wire import changed

# In the order in which records stand in a snapshot; those that a restore needs first come first.
RECORDS = (
    MessageType.SERVICE_VIRTUAL_IP,
    MessageType.FREE_VIRTUAL_IP,
    MessageType.REGISTER,
    MessageType.COORDINATE_BATCH_UPDATE,
    MessageType.FEDERATION_STATE,
    MessageType.INDEX,
)
TABLES = (NODES, SERVICES, COORDINATES, SERVICE_VIRTUAL_IPS, FREE_VIRTUAL_IPS, FEDERATION_STATES, INDEXES)

names = st.sampled_from(["a", "b", "Web"])
maps = st.none() | st.dictionaries(st.sampled_from(["k", "l"]), st.sampled_from(["", "v", "ü"]), max_size=2)
services = st.builds(
    NodeService,
    ID=names,
    Service=names,
    Tags=st.none() | st.lists(names, max_size=2),
    Meta=maps,
    Port=st.integers(1, 9),
    TaggedAddresses=st.just({"wan": ServiceAddress(Address="198.51.100.1", Port=1)}),
    Connect=st.builds(ServiceConnect, Native=st.just(True)) | st.just(ServiceConnect()),
) | st.builds(
    NodeService,
    ID=names,
    Service=names,
    Kind=st.just("connect-proxy"),
    Port=st.just(9),
    Proxy=st.builds(
        ConnectProxyConfig,
        DestinationServiceName=names,
        Config=st.just({"a": [1.5, None, {"b": "c"}]}),
        Upstreams=st.lists(st.builds(Upstream, DestinationName=names), min_size=1, max_size=2),
    ),
)
checks = st.builds(
    HealthCheck,
    Node=st.just("n1"),
    CheckID=names,
    Status=st.sampled_from(["passing", "critical"]),
    ServiceID=st.just("") | names,
    Definition=st.builds(HealthCheckDefinition, Interval=st.just("1m0s"), Timeout=st.just("500ms"))
    | st.just(HealthCheckDefinition()),
)
registrations = st.builds(
    RegisterRequest,
    Node=st.just("n1"),
    Address=names,
    NodeMeta=maps,
    TaggedAddresses=maps,
    Locality=st.none() | st.just(Locality(Region="r")),
    Service=st.none() | services,
    Check=st.none() | checks,
)
removals = st.builds(DeregisterRequest, Node=st.just("n1"), ServiceID=names) | st.builds(
    DeregisterRequest, Node=st.just("n1"), CheckID=names
)


def nameless(check: HealthCheck) -> HealthCheck:
    """The check without what it takes of its service."""
    return changed(check, ServiceName="", ServiceTags=None)


@settings(max_examples=60, deadline=None)
@given(st.lists(registrations | removals, max_size=12))
def test_a_restored_catalog_is_the_one_that_was_saved(entries: list[RegisterRequest | DeregisterRequest]) -> None:
    """Rows, Raft indexes and index rows alike, and the derived tables are rebuilt."""
    db = Store(families.TABLES)
    for index, entry in enumerate(entries, 5):
        try:
            with db.transaction():
                if isinstance(entry, RegisterRequest):
                    apply_register(db, index, entry)
                else:
                    apply_deregister(db, index, entry)
        except InternalError:
            continue
    apply_coordinates(db, 50, [NodeCoordinate(Node="n1", Coord=Coordinate(Vec=[0.5] * 8))])
    apply_federation_state(db, 51, FederationStateRequest(Op="upsert", State=FederationState(Datacenter="dc1")))
    frozen = db.snapshot()
    fresh = Store(families.TABLES)
    for number in RECORDS:
        kind = RECORD_KINDS[number]
        for row in kind.rows(frozen):
            kind.load(fresh, gomsgpack.decode(gomsgpack.encode(row), kind.row))
    tables: list[Table[Any]] = list(TABLES)
    for table in tables:
        assert fresh.all(table) == db.all(table), table.name
    # A restore takes a check's name and tags of its service anew, as every registration does.
    assert [nameless(row) for row in fresh.all(CHECKS)] == [nameless(row) for row in db.all(CHECKS)]
    live = {row.Service.Service for row in db.all(SERVICES)}
    assert {row.Service for row in fresh.all(KIND_SERVICE_NAMES) if row.Kind == ""} <= live
    links = {(row.Upstream, row.Downstream) for row in db.all(MESH_TOPOLOGY)}
    assert {(row.Upstream, row.Downstream) for row in fresh.all(MESH_TOPOLOGY)} == links


def test_a_proxy_that_says_nothing_is_the_same_from_a_server_that_writes_it_out() -> None:
    """Go writes structs of zeros where ours writes nil; the instance is no other for that and shows neither."""
    service = gomsgpack.to_plain(NodeService(ID="web", Service="web"))
    service["Proxy"]["TransparentProxy"] = {"OutboundListenerPort": 0, "DialedDirectly": False}
    service["Proxy"]["AccessLogs"] = {"Enabled": False, "Type": ""}
    assert gomsgpack.from_plain(service, NodeService) == NodeService(ID="web", Service="web")


def test_a_node_whose_rows_stand_among_anothers_is_saved_whole_and_so_is_the_other() -> None:
    """A NUL in a name, which parts keys, is no reason to lose anything."""
    db, fresh = Store(families.TABLES), Store(families.TABLES)
    for index, (node, service) in enumerate((("a", "a"), ("a\0b", "x"), ("a", "c"), ("z", "a")), start=1):
        check = HealthCheck(Node=node, CheckID=service, ServiceID=service)
        apply_register(db, index, RegisterRequest(Node=node, Service=NodeService(ID=service, Service=service)))
        apply_register(db, index, RegisterRequest(Node=node, Check=check))
    for row in register_rows(db.snapshot()):
        load_register(fresh, row)
    assert fresh.all(NODES) == db.all(NODES)
    assert fresh.all(SERVICES) == db.all(SERVICES)
    assert fresh.all(CHECKS) == db.all(CHECKS)
