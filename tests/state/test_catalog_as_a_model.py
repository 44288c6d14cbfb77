"""The catalog under any order of writes: its rows are those of plain dicts, and its readers miss nothing."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pyconsul.memdb import Store, WatchSet
from pyconsul.server import families
from pyconsul.server.fsm.catalog import apply_deregister, apply_register
from pyconsul.server.state import catalog_reads as reads
from pyconsul.server.state.catalog_tables import CHECKS, NODES, SERVICES
from pyconsul.structs.catalog import DeregisterRequest, NodeService, RegisterRequest, ServiceConnect
from pyconsul.structs.connect_proxy import ConnectProxyConfig
from pyconsul.structs.health import HealthCheck

Answer = tuple[int, object]
Reader = Callable[[Store, WatchSet | None], Answer]

NODE_NAMES = st.sampled_from(["n1", "N2"])
SERVICE_IDS = st.sampled_from(["web", "db", "proxy", "native"])
STATUSES = st.sampled_from(["passing", "warning", "critical"])

READERS: dict[str, Reader] = {
    "nodes": lambda db, ws: reads.nodes(db, ws=ws),
    "nodes with metadata": lambda db, ws: reads.nodes(db, {"zone": "east"}, ws=ws),
    "names": lambda db, ws: reads.service_names(db, ws=ws),
    "rows": lambda db, ws: reads.all_service_rows(db, ws=ws),
    "instances": lambda db, ws: reads.service_nodes(db, "web", ws=ws),
    "tagged": lambda db, ws: reads.service_nodes(db, "web", ["v1"], ws=ws),
    "health": lambda db, ws: reads.check_service_nodes(db, "web", ws=ws),
    "mesh": lambda db, ws: reads.connect_service_nodes(db, "web", ws=ws),
    "mesh health": lambda db, ws: reads.check_connect_service_nodes(db, "web", ws=ws),
    "checks of a node": lambda db, ws: reads.checks_of_node(db, "n1", ws=ws),
    "checks of a service": lambda db, ws: reads.checks_of_service(db, "web", ws=ws),
    "critical": lambda db, ws: reads.checks_in_state(db, "critical", ws=ws),
    "any state": lambda db, ws: reads.checks_in_state(db, "any", ws=ws),
    "proxies": lambda db, ws: reads.check_service_nodes_of_kind(db, "connect-proxy", ws=ws),
    "everything": lambda db, ws: reads.all_check_service_nodes(db, ws=ws),
}

# Consul answers with the index of the service, whose proxies have names and indexes of their own.
FOREIGN_INDEX = {"mesh", "mesh health"}


def instance(service_id: str, port: int, tags: list[str]) -> NodeService:
    """An instance whose ID says what it is: a plain one, a proxy of web, or one that speaks for itself."""
    proxied = ConnectProxyConfig(DestinationServiceName="web") if service_id == "proxy" else ConnectProxyConfig()
    return NodeService(
        ID=service_id,
        Service="web" if service_id == "native" else service_id,
        Kind="connect-proxy" if service_id == "proxy" else "",
        Port=port,
        Tags=tags,
        Proxy=proxied,
        Connect=ServiceConnect(Native=service_id == "native"),
    )


class Catalog(RuleBasedStateMachine):
    """Registrations and deregistrations in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.db = Store(families.TABLES)
        self.index = 10
        self.nodes: dict[str, dict[str, str]] = {}  # their metadata
        self.services: dict[tuple[str, str], int] = {}  # their ports
        self.checks: dict[tuple[str, str], tuple[str, str]] = {}  # service and status
        self.waiting: dict[str, tuple[WatchSet, Answer]] = {}

    def register(self, node: str, service: NodeService | None = None, check: HealthCheck | None = None) -> None:
        """One log entry at the next index; the metadata stay."""
        self.index += 1
        meta = self.nodes.setdefault(node, {})
        request = RegisterRequest(Node=node, Address="10.0.0.1", NodeMeta=meta, Service=service, Check=check)
        with self.db.transaction():
            apply_register(self.db, self.index, request)

    def deregister(self, node: str, **what: str) -> None:
        """One log entry at the next index."""
        self.index += 1
        with self.db.transaction():
            apply_deregister(self.db, self.index, DeregisterRequest(Node=node, **what))

    @rule(node=NODE_NAMES, zone=st.sampled_from(["east", "west"]))
    def put_node(self, node: str, zone: str) -> None:
        """A node comes or changes."""
        self.nodes[node] = {"zone": zone}
        self.register(node)

    @rule(node=NODE_NAMES, what=SERVICE_IDS, port=st.integers(1, 2), tags=st.sampled_from([[], ["v1"]]))
    def put_service(self, node: str, what: str, port: int, tags: list[str]) -> None:
        """An instance comes or changes, and its node if need be."""
        self.register(node, instance(what, port, tags))
        self.services[node, what] = port

    @rule(node=NODE_NAMES, status=STATUSES)
    def put_node_check(self, node: str, status: str) -> None:
        """A check of the node itself."""
        self.register(node, check=HealthCheck(Node=node, CheckID="alive", Status=status))
        self.checks[node, "alive"] = "", status

    @rule(node=NODE_NAMES, service=SERVICE_IDS, status=STATUSES)
    def put_service_check(self, node: str, service: str, status: str) -> None:
        """A check of an instance that is there."""
        if (node, service) in self.services:
            check_id = f"{service}-check"
            check = HealthCheck(Node=node, CheckID=check_id, ServiceID=service, Status=status)
            self.register(node, check=check)
            self.checks[node, check_id] = service, status

    @rule(node=NODE_NAMES)
    def drop_node(self, node: str) -> None:
        """A node goes with all that is on it."""
        self.deregister(node)
        self.nodes.pop(node, None)
        self.services = {key: port for key, port in self.services.items() if key[0] != node}
        self.checks = {key: check for key, check in self.checks.items() if key[0] != node}

    @rule(node=NODE_NAMES, service=SERVICE_IDS)
    def drop_service(self, node: str, service: str) -> None:
        """An instance goes with its checks."""
        self.deregister(node, ServiceID=service)
        if self.services.pop((node, service), None):
            self.checks = {key: c for key, c in self.checks.items() if (key[0], c[0]) != (node, service)}

    @rule(node=NODE_NAMES, check=st.sampled_from(["alive", "web-check"]))
    def drop_check(self, node: str, check: str) -> None:
        """A check goes, and nothing with it."""
        self.deregister(node, CheckID=check)
        self.checks.pop((node, check), None)

    @invariant()
    def the_rows_are_those_of_the_model(self) -> None:
        """Nothing is lost, and nothing outlives its node or instance."""
        assert {n.Node: n.Meta for n in self.db.all(NODES)} == self.nodes
        assert {(r.Node, r.Service.ID): r.Service.Port for r in self.db.all(SERVICES)} == self.services
        found = {(c.Node, c.CheckID): (c.ServiceID, c.Status) for c in self.db.all(CHECKS)}
        assert found == self.checks

    @invariant()
    def readers_miss_nothing(self) -> None:
        """An answer that is different now has a later index, and its watch set has fired; none goes back."""
        for name, read in READERS.items():
            ws = WatchSet(quiet=WatchSet())
            index, answer = read(self.db, ws)
            if name in self.waiting:
                old, (index_before, before) = self.waiting[name]
                assert answer == before or old.fired, name
                if name not in FOREIGN_INDEX:
                    assert index > index_before or (answer == before and index == index_before), name
                old.close()
            self.waiting[name] = ws, (index, answer)


def test_no_order_of_registrations_confuses_the_catalog_or_its_readers() -> None:
    """Whatever is registered and deregistered, rows are right, indexes only rise, and who waits is woken."""
    run_state_machine_as_test(Catalog, settings=settings(max_examples=30, stateful_step_count=20))
