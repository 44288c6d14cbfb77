"""What of an answer is left for a token: each kind of row by the rule that covers it, and nothing of the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.acl import Authorizer, Base, manage_all, parse_rules
from pyconsul.server.endpoints import acl_filter
from pyconsul.server.state.catalog_tables import service_row
from pyconsul.structs.catalog import CheckServiceNode, Node, NodeService, ServiceName, ServiceNode
from pyconsul.structs.coordinate import NodeCoordinate
from pyconsul.structs.health import HealthCheck
from pyconsul.structs.intentions import Intention
from pyconsul.structs.internal import GatewayService, NodeInfo, ServiceInfo, ServiceTopology
from pyconsul.structs.kv import DirEntry
from pyconsul.structs.prepared_query import PreparedQuery, QueryTemplateOptions
from pyconsul.structs.session import Session
from pyconsul.structs.txn import TxnResult

NODE, SERVICE = 'node "n" { policy = "read" }', 'service "web" { policy = "read" }'
Filter = Callable[[Authorizer, Any], tuple[Any, bool]]


def holder(*rules: str) -> Authorizer:
    """Whoever was given these rules, and nothing else."""
    return Authorizer.of_policies([parse_rules(text) for text in rules], Base.DENY, accessor_id="me")


def instance(node: str = "n", service: str = "web", **fields: Any) -> CheckServiceNode:
    """An instance with its node."""
    return CheckServiceNode(Node=Node(Node=node), Service=NodeService(ID="web-1", Service=service, **fields))


def behind(service: str = "web", gateway: str = "gw", node: str = "") -> ServiceInfo:
    """A service behind a gateway, with an instance or without one."""
    mapping = GatewayService(Gateway=ServiceName(Name=gateway), Service=ServiceName(Name=service))
    there = Node(Node=node) if node else None
    return ServiceInfo(Node=there, Service=NodeService(Service=service), GatewayService=mapping)


# Kind of rows, how it is filtered, a row, and the rules that it needs: each of them.
ROWS: list[tuple[str, Filter, Any, list[str]]] = [
    ("pair", acl_filter.entries, DirEntry(Key="k"), ['key "k" { policy = "read" }']),
    ("session", acl_filter.sessions, Session(ID="s", Node="n"), ['session "n" { policy = "read" }']),
    ("coordinate", acl_filter.coordinates, NodeCoordinate(Node="n"), [NODE]),
    ("node", acl_filter.nodes, Node(Node="n"), [NODE]),
    ("stored instance", acl_filter.service_rows, service_row("n", NodeService(Service="web")), [NODE, SERVICE]),
    ("flat instance", acl_filter.service_nodes, ServiceNode(Node="n", ServiceName="web"), [NODE, SERVICE]),
    ("instance", acl_filter.check_service_nodes, instance(), [NODE, SERVICE]),
    ("check of a node", acl_filter.health_checks, HealthCheck(Node="n", CheckID="c"), [NODE]),
    ("check of a service", acl_filter.health_checks, HealthCheck(Node="n", ServiceName="web"), [NODE, SERVICE]),
    ("service of a node", acl_filter.services_of_node, NodeService(ID="x", Service="web"), [SERVICE]),
    ("service by its ID", acl_filter.services_of_node_by_id, NodeService(ID="web", Service="x"), [SERVICE]),
    ("name", acl_filter.service_names, "web", [SERVICE]),
    ("mapping", acl_filter.gateway_services, GatewayService(Service=ServiceName(Name="web")), [SERVICE]),
    ("service behind a gateway", acl_filter.service_dump, behind(), [SERVICE, 'service "gw" { policy = "read" }']),
    ("instance behind a gateway", acl_filter.service_dump, behind(gateway="", node="n"), [SERVICE, NODE]),
    ("query", acl_filter.queries, PreparedQuery(ID="q", Name="web"), ['query "web" { policy = "read" }']),
    ("pair of a transaction", acl_filter.txn_results, TxnResult(KV=DirEntry(Key="k")), ['key "k" { policy = "read" }']),
    ("node of a transaction", acl_filter.txn_results, TxnResult(Node=Node(Node="n")), [NODE]),
    ("service of a transaction", acl_filter.txn_results, TxnResult(Service=NodeService(Service="web")), [SERVICE]),
    ("node check of a transaction", acl_filter.txn_results, TxnResult(Check=HealthCheck(Node="n")), [NODE]),
    ("check of a transaction", acl_filter.txn_results, TxnResult(Check=HealthCheck(ServiceName="web")), [SERVICE]),
]  # fmt: skip
IDS = [name for name, *_ in ROWS]


@pytest.mark.parametrize(("what", "keep", "row", "rules"), ROWS, ids=IDS)
def test_a_row_is_seen_by_who_has_all_the_rights_that_it_needs(
    what: str, keep: Filter, row: Any, rules: list[str]
) -> None:
    """Without one of them it is gone, and the answer says that something is."""
    del what
    assert keep(holder(*rules), [row]) == ([row], False)
    for missing in rules:
        assert keep(holder(*(rule for rule in rules if rule != missing)), [row]) == ([], True)


@pytest.mark.parametrize(("what", "keep", "row", "rules"), ROWS, ids=IDS)
def test_management_sees_everything_and_others_what_is_not_theirs_never(
    what: str, keep: Filter, row: Any, rules: list[str]
) -> None:
    """An answer that was empty lacks nothing."""
    del what, rules
    assert keep(manage_all(), [row]) == ([row], False)
    assert keep(holder('key "other" { policy = "write" }'), [row]) == ([], True)
    assert keep(holder(), []) == ([], False)


@given(st.lists(st.sampled_from(["a", "ab", "b", "c"])))
def test_what_stays_keeps_its_order(keys: list[str]) -> None:
    """And the answer tells whether anything went."""
    rows = [DirEntry(Key=key) for key in keys]
    left, went = acl_filter.entries(holder('key_prefix "a" { policy = "read" }'), rows)
    assert left == [row for row in rows if row.Key.startswith("a")]
    assert went is (len(left) < len(rows))


def test_an_instance_without_its_node_or_service_is_nobodys() -> None:
    """Nothing says who might see it."""
    rows = [CheckServiceNode(Node=Node(Node="n")), CheckServiceNode(Service=NodeService(Service="web"))]
    assert acl_filter.check_service_nodes(holder(NODE, SERVICE), rows) == ([], True)


def test_what_a_session_left_in_a_transaction_everybody_sees() -> None:
    """It is neither pair nor row of the catalog."""
    assert acl_filter.txn_results(holder(), [TxnResult()]) == ([TxnResult()], False)


def test_of_a_node_stays_what_may_be_seen_of_it() -> None:
    """The node with some of its services and checks; without the right to it, nothing."""
    web, db = NodeService(ID="1", Service="web"), NodeService(ID="2", Service="db")
    alive, pings = HealthCheck(Node="n", CheckID="alive"), HealthCheck(Node="n", CheckID="ping", ServiceName="db")
    row = NodeInfo(Node="n", Services=[web, db], Checks=[alive, pings])
    (left,), went = acl_filter.node_dump(holder(NODE, SERVICE), [row])
    assert (left.Services, left.Checks, went) == ([web], [alive], True)
    both = holder(NODE, SERVICE, 'service "db" { policy = "read" }')
    assert acl_filter.node_dump(both, [row]) == ([row], False)
    assert acl_filter.node_dump(holder(SERVICE), [row]) == ([], True)


def test_a_datacenter_without_visible_instances_is_left_out() -> None:
    """Also where it had none to begin with, of which nobody is told."""
    found = {"dc1": [instance(), instance("secret")], "dc2": [instance("secret")], "dc3": []}
    left, went = acl_filter.by_datacenter(holder(NODE, SERVICE), found)
    assert (left, went) == ({"dc1": [instance()]}, True)
    assert acl_filter.by_datacenter(holder(NODE, SERVICE), {"dc3": []}) == ({}, False)


def test_neighbours_are_seen_on_either_side() -> None:
    """A side that lost all is null."""
    found = ServiceTopology(Upstreams=[instance(), instance("secret")], Downstreams=[instance(service="secret")])
    left, went = acl_filter.topology(holder(NODE, SERVICE), found)
    assert (left.Upstreams, left.Downstreams, went) == ([instance()], None, True)
    open_one = ServiceTopology(Upstreams=[instance()])
    assert acl_filter.topology(holder(NODE, SERVICE), open_one) == (open_one, False)


@pytest.mark.parametrize(
    ("source", "peer", "destination", "seen"),
    [
        ("web", "", "db", True),
        ("db", "", "web", True),
        ("db", "", "cache", False),
        ("web", "p", "db", False),
        ("web", "p", "web", True),
    ],
)
def test_an_intention_is_seen_from_either_end(source: str, peer: str, destination: str, seen: bool) -> None:
    """But not from one that is at a peer."""
    row = Intention(SourceName=source, SourcePeer=peer, DestinationName=destination)
    left, went = acl_filter.intentions(holder('service "web" { policy = "read" intentions = "read" }'), [row])
    assert (left, went) == (([row], False) if seen else ([], True))


def test_a_query_without_a_name_is_managements_and_nobody_is_told() -> None:
    """Unless it is a template, which answers to every name."""
    nameless = PreparedQuery(ID="1")
    template = PreparedQuery(ID="2", Template=QueryTemplateOptions(Type="name_prefix_match"))
    reader = holder('query_prefix "" { policy = "read" }')
    assert acl_filter.queries(reader, [nameless, template]) == ([template], False)
    assert acl_filter.queries(holder('acl = "write"'), [nameless]) == ([nameless], False)


def test_the_token_of_a_query_is_hidden_from_all_but_management() -> None:
    """That there is none may be seen."""
    reader = holder('query_prefix "" { policy = "read" }')
    query = PreparedQuery(ID="1", Name="q", Token="secret")
    assert [row.Token for row in acl_filter.queries(reader, [query])[0]] == ["<hidden>"]
    assert acl_filter.with_hidden_token(holder('acl = "write"'), query) is query
    assert acl_filter.with_hidden_token(reader, PreparedQuery(ID="1", Name="q")).Token == ""
