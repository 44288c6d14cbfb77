"""Nodes, services and checks in the store: what a registration changes, which indexes move, what goes together."""

from typing import Any

import pytest

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.fsm.catalog import apply_deregister, apply_register
from pyconsul.server.fsm.session import create_session
from pyconsul.server.state import catalog
from pyconsul.server.state.catalog_reads import check_service_nodes, service_index, services_of_node
from pyconsul.server.state.catalog_tables import KIND_SERVICE_NAMES
from pyconsul.server.state.indexes import INDEXES
from pyconsul.server.state.sessions import session_with_id
from pyconsul.structs.catalog import DeregisterRequest, NodeService, RegisterRequest, Weights
from pyconsul.structs.connect_proxy import ConnectProxyConfig
from pyconsul.structs.errors import InternalError
from pyconsul.structs.health import HealthCheck, HealthCheckDefinition
from pyconsul.structs.session import Session

UUID_A = "11111111-2222-3333-4444-555555555555"
UUID_B = "99999999-2222-3333-4444-555555555555"


def put(db: Store, index: int, **fields: Any) -> None:
    """Register on node n1 at 10.0.0.1 unless the fields say otherwise."""
    given: dict[str, Any] = {"Node": "n1", "Address": "10.0.0.1", "Datacenter": "dc1", **fields}
    request = RegisterRequest(**given)
    with db.transaction():
        apply_register(db, index, request)


def drop(db: Store, index: int, **fields: str) -> None:
    """Deregister from node n1."""
    with db.transaction():
        apply_deregister(db, index, DeregisterRequest(**{"Node": "n1", **fields}))


def web(service_id: str = "web1", **fields: Any) -> NodeService:
    """An instance of web."""
    given: dict[str, Any] = {"ID": service_id, "Service": "web", "Port": 80, **fields}
    return NodeService(**given)


def moved(db: Store, index: int) -> set[str]:
    """The index rows that stand at ``index``."""
    return {row.Key for row in db.all(INDEXES) if row.Value == index}


def test_a_new_node_raises_the_node_rows(db: Store) -> None:
    """The table for snapshots, the table of local data, and the node's own row."""
    put(db, 5)
    assert moved(db, 5) == {"nodes", "peer.~:nodes", "peer.~:node.n1"}


def test_the_same_registration_again_changes_nothing(db: Store) -> None:
    """Neither rows nor indexes move, and nobody is woken."""
    put(db, 5, Service=web(), Check=HealthCheck(Node="n1", CheckID="c", Name="c", ServiceID="web1"))
    ws = WatchSet()
    check_service_nodes(db, "web", ws=ws)
    put(db, 6, Service=web(), Check=HealthCheck(Node="n1", CheckID="c", Name="c", ServiceID="web1"))
    assert moved(db, 6) == set()
    assert not ws.fired


def test_a_new_instance_raises_service_kind_and_node_rows(db: Store) -> None:
    """All rows of fsm.md, section 2, that an instance touches."""
    put(db, 5)
    put(db, 6, Service=web())
    assert moved(db, 6) == {
        "services",
        "peer.~:services",
        "peer.~:service.web",
        "service_kind.typical",
        "peer.~:service_kind.typical",
        "nodes",
        "peer.~:nodes",
        "peer.~:node.n1",
        "kind_service_names.typical",
    }


def test_a_service_of_the_mesh_is_noted_as_such_until_its_last_instance_goes(db: Store) -> None:
    """Beside its kind; a snapshot holds these rows."""
    proxy = NodeService(
        ID="p", Service="p", Kind="connect-proxy", Proxy=ConnectProxyConfig(DestinationServiceName="web")
    )
    put(db, 5, Service=proxy)
    assert [(row.Kind, row.Service) for row in db.all(KIND_SERVICE_NAMES)] == [
        ("connect-enabled", "web"),
        ("connect-proxy", "p"),
    ]
    drop(db, 6, ServiceID="p")
    assert db.all(KIND_SERVICE_NAMES) == []


def test_a_second_instance_leaves_the_names_in_use_alone(db: Store) -> None:
    """Only the first instance of a name enters it among the names of its kind."""
    put(db, 5, Service=web())
    put(db, 6, Service=web("web2"))
    assert "kind_service_names.typical" not in moved(db, 6)


def test_a_service_check_raises_checks_and_its_service(db: Store) -> None:
    """Neither the node nor the service table moves with a check."""
    put(db, 5, Service=web())
    put(db, 6, Check=HealthCheck(Node="n1", CheckID="c", Name="c", ServiceID="web1", Status="passing"))
    assert moved(db, 6) == {
        "checks",
        "peer.~:checks",
        "peer.~:service.web",
        "service_kind.typical",
        "peer.~:service_kind.typical",
    }


def test_a_node_check_raises_every_service_of_the_node(db: Store) -> None:
    """Since each instance on the node shows it."""
    put(db, 5, Service=web())
    put(db, 6, Service=NodeService(ID="db", Service="db"))
    put(db, 7, Check=HealthCheck(Node="n1", CheckID="mem", Name="mem", Status="passing"))
    assert {"peer.~:service.web", "peer.~:service.db", "checks"} <= moved(db, 7)


def test_the_last_instance_leaves_an_extinction_index(db: Store) -> None:
    """The service's own row goes, and the answer's index does not go back."""
    put(db, 5, Service=web())
    drop(db, 9, ServiceID="web1")
    assert db.get(INDEXES, "peer.~:service.web") is None
    assert service_index(db, "web", exists=False, checks=False) == 9


def test_indexes_are_found_in_any_letter_case(db: Store) -> None:
    """Services Web and web share one index row, as they do in Consul."""
    put(db, 5, Service=NodeService(ID="a", Service="Web"))
    assert service_index(db, "wEB", exists=True, checks=False) == 5


def test_a_node_takes_everything_along(db: Store) -> None:
    """Services, checks, sessions and its own index row go with it."""
    put(db, 5, Service=web(), Check=HealthCheck(Node="n1", CheckID="serfHealth", Name="s", Status="passing"))
    create_session(db, 6, Session(ID="s1", Node="n1", NodeChecks=["serfHealth"]))
    drop(db, 7)
    assert catalog.node_named(db, "n1") is None
    assert catalog.service_of_node(db, "n1", "web1") is None
    assert catalog.check_of_node(db, "n1", "serfHealth") is None
    assert session_with_id(db, "s1") is None
    assert db.get(INDEXES, "peer.~:node.n1") is None
    assert {"peer.~:node_last_extinction", "peer.~:service_last_extinction", "sessions"} <= moved(db, 7)


def test_deregistering_goes_by_service_then_check_then_node(db: Store) -> None:
    """A service ID wins over a check ID; what is not there is no error."""
    put(db, 5, Service=web(), Check=HealthCheck(Node="n1", CheckID="mem", Name="mem", Status="passing"))
    drop(db, 6, ServiceID="web1", CheckID="mem")
    assert catalog.service_of_node(db, "n1", "web1") is None
    assert catalog.check_of_node(db, "n1", "mem") is not None
    drop(db, 7, CheckID="mem")
    drop(db, 8, CheckID="mem")
    assert catalog.check_of_node(db, "n1", "mem") is None
    assert catalog.node_named(db, "n1") is not None


def test_a_critical_check_ends_the_sessions_that_lean_on_it(db: Store) -> None:
    """A session lives as long as its checks do not turn critical."""
    put(db, 5, Check=HealthCheck(Node="n1", CheckID="mem", Name="mem", Status="passing"))
    create_session(db, 6, Session(ID="s1", Node="n1", NodeChecks=["mem"]))
    put(db, 7, Check=HealthCheck(Node="n1", CheckID="mem", Name="mem", Status="warning"))
    assert session_with_id(db, "s1") is not None
    put(db, 8, Check=HealthCheck(Node="n1", CheckID="mem", Name="mem", Status="critical"))
    assert session_with_id(db, "s1") is None


def test_checks_of_type_session_follow_the_session(db: Store) -> None:
    """Such a check passes while a session of its name lives, and turns critical with its end."""
    definition = HealthCheckDefinition(SessionName="lead")
    put(db, 5, Check=HealthCheck(Node="n1", CheckID="leader", Name="l", Type="session", Definition=definition))
    create_session(db, 6, Session(ID="s1", Name="lead", Node="n1"))
    check = catalog.check_of_node(db, "n1", "leader")
    assert check is not None and (check.Status, check.Output) == ("passing", "Session 's1' in force")
    catalog.sessions.destroy_session(db, 7, "s1")
    check = catalog.check_of_node(db, "n1", "leader")
    assert check is not None and (check.Status, check.Output) == ("critical", "Session 's1' is invalid")


def test_a_check_takes_name_and_tags_of_its_service(db: Store) -> None:
    """Whatever the registration says of them; the status is critical unless it is given."""
    check = HealthCheck(Node="n1", CheckID="c", Name="c", ServiceID="web1", ServiceName="lie", ServiceTags=["lie"])
    put(db, 5, Service=web(Tags=["a"]), Check=check)
    stored = catalog.check_of_node(db, "n1", "c")
    assert stored is not None
    assert (stored.ServiceName, stored.ServiceTags, stored.Status) == ("web", ["a"], "critical")


def test_weights_are_always_there(db: Store) -> None:
    """Missing ones and ones that DNS cannot use become 1 and 1."""
    put(db, 5, Service=web(Weights=Weights(Passing=-1, Warning=0)))
    stored = catalog.service_of_node(db, "n1", "web1")
    assert stored is not None and stored.Weights == Weights(Passing=1, Warning=1)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"Check": HealthCheck(Node="n1")},
            'failed inserting check on node "n1": failed health check lookup: index error: '
            "object is missing a value for this index",
        ),
        (
            {"Check": HealthCheck(Node="n1", CheckID="c", ServiceID="no")},
            'failed inserting check on node "n1": Missing service registration',
        ),
        ({"Check": HealthCheck(Node="n2", CheckID="c")}, 'check node "n2" does not match node "n1"'),
        (
            {"Service": web(Meta={"bad key": "x"})},
            "failed inserting service: Invalid Service Meta for node n1 and serviceID web1: "
            "Couldn't load metadata pair ('bad key', 'x'): Key contains invalid characters",
        ),
        (
            {"PeerName": "p", "Service": web(PeerName="q")},
            "Cannot register services and checks for multiple peer names in one registration request",
        ),
    ],
)
def test_what_does_not_fit_is_refused_and_undone(db: Store, fields: dict[str, Any], text: str) -> None:
    """The texts are Consul's, and nothing of the registration stays."""
    with pytest.raises(InternalError) as caught:
        put(db, 5, **fields)
    assert caught.value.text == text
    assert catalog.node_named(db, "n1") is None


def test_a_known_id_under_another_name_is_a_rename(db: Store) -> None:
    """The old node goes with all it has, the new one keeps the create index."""
    put(db, 5, Node="old", ID=UUID_A, Service=web())
    put(db, 6, Node="new", ID=UUID_A)
    node = catalog.node_named(db, "new")
    assert node is not None and (node.CreateIndex, node.ModifyIndex) == (5, 6)
    assert catalog.node_named(db, "old") is None
    assert check_service_nodes(db, "web")[1] == []


def test_a_name_of_a_healthy_node_with_another_id_is_reserved(db: Store) -> None:
    """Until gossip holds its owner for failed."""
    put(db, 5, ID=UUID_A, Check=HealthCheck(Node="n1", CheckID="serfHealth", Name="s", Status="passing"))
    with pytest.raises(InternalError) as caught:
        put(db, 6, ID=UUID_B)
    assert caught.value.text == (
        f'failed inserting node: Error while renaming Node ID: "{UUID_B}": '
        f"Node name n1 is reserved by node {UUID_A} with name n1 (10.0.0.1)"
    )
    put(db, 7, ID=UUID_A, Check=HealthCheck(Node="n1", CheckID="serfHealth", Name="s", Status="critical"))
    put(db, 8, ID=UUID_B)
    node = catalog.node_named(db, "n1")
    assert node is not None and node.ID == UUID_B


def test_a_node_without_id_may_get_one(db: Store) -> None:
    """Even while it is healthy."""
    put(db, 5, Check=HealthCheck(Node="n1", CheckID="serfHealth", Name="s", Status="passing"))
    put(db, 6, ID=UUID_A)
    node = catalog.node_named(db, "N1")
    assert node is not None and (node.ID, node.CreateIndex) == (UUID_A, 5)


def test_skip_node_update_leaves_a_known_node_alone(db: Store) -> None:
    """Its service is registered all the same."""
    put(db, 5, NodeMeta={"a": "b"})
    put(db, 6, Address="", SkipNodeUpdate=True, Service=web())
    node = catalog.node_named(db, "n1")
    assert node is not None and (node.Address, node.Meta) == ("10.0.0.1", {"a": "b"})
    assert services_of_node(db, "n1")[2][0].ID == "web1"


def test_nodes_are_found_by_the_start_of_their_id(db: Store) -> None:
    """Only when it fits a single one; odd lengths lose their last digit."""
    put(db, 5, Node="a", ID=UUID_A)
    put(db, 6, Node="b", ID="11119999-2222-3333-4444-555555555555")
    assert services_of_node(db, "11111")[1] is None
    found = services_of_node(db, "111111")[1]
    assert found is not None and found.Node == "a"
    assert services_of_node(db, "1")[1] is None
    assert services_of_node(db, "zz")[1] is None
