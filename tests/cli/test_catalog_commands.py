"""``consul catalog``: datacenters, nodes and services as lists and tables."""

from __future__ import annotations

import pytest

from tests.cli.conftest import FakeAgent, Run

NODES = [
    {
        "ID": "6a7e4f10-3c52-4b8e-9d21-0f5b7c9e1a34",
        "Node": "web-1",
        "Address": "10.0.0.1",
        "Datacenter": "dc1",
        "TaggedAddresses": {"wan": "2", "lan": "1"},
        "Meta": {"zone": "a"},
    },
    {"ID": "", "Node": "n2", "Address": "10.0.0.2", "Datacenter": "dc1", "TaggedAddresses": None, "Meta": None},
]


@pytest.mark.parametrize("command", ["datacenters", "nodes", "services"])
def test_no_arguments_are_taken(command: str, run: Run) -> None:
    """Words behind the flags are refused."""
    result = run("catalog", command, "x")
    assert (result.code, result.err) == (1, "Too many arguments (expected 0, got 1)\n")


def test_datacenters_are_listed(agent: FakeAgent, run: Run) -> None:
    """One datacenter a line, in the agent's order."""
    agent.on("GET", "/v1/catalog/datacenters", ["dc2", "dc1"])
    assert run("catalog", "datacenters").out == "dc2\ndc1\n"


def test_nodes_are_a_table_with_short_ids(agent: FakeAgent, run: Run) -> None:
    """Ids are cut at their first dash, missing ones leave a gap."""
    agent.on("GET", "/v1/catalog/nodes", NODES)
    assert run("catalog", "nodes").out == (
        "Node   ID        Address   DC\nweb-1  6a7e4f10  10.0.0.1  dc1\nn2               10.0.0.2  dc1\n"
    )


def test_detailed_nodes_have_everything(agent: FakeAgent, run: Run) -> None:
    """Whole ids, tagged addresses and metadata, in order of their names."""
    agent.on("GET", "/v1/catalog/nodes", NODES[:1])
    row = run("catalog", "nodes", "-detailed").out.splitlines()[1]
    whole_id = "6a7e4f10-3c52-4b8e-9d21-0f5b7c9e1a34"
    assert row.split() == ["web-1", whole_id, "10.0.0.1", "dc1", "lan=1,", "wan=2", "zone=a"]


def test_nodes_are_chosen_by_parameters(agent: FakeAgent, run: Run) -> None:
    """Filter, nearness and metadata go to the agent; a filter may come from standard input."""
    agent.on("GET", "/v1/catalog/nodes", [])
    result = run("catalog", "nodes", "-near=_agent", "-node-meta=a=1", "-filter=-", stdin=b"Node == x")
    assert (result.code, result.err) == (0, "No nodes match the given query - try expanding your search.\n")
    assert agent.asked[0].params == {"near": ["_agent"], "node-meta": ["a:1"], "filter": ["Node == x"]}


def test_nodes_of_a_service_come_from_its_instances(agent: FakeAgent, run: Run) -> None:
    """``-service`` asks for the instances and shows their nodes."""
    row = {"ID": "abcd-1", "Node": "n1", "Address": "10.0.0.1", "Datacenter": "dc1", "ServiceName": "web"}
    agent.on("GET", "/v1/catalog/service/web", [row])
    assert run("catalog", "nodes", "-service=web").out == "Node  ID    Address   DC\nn1    abcd  10.0.0.1  dc1\n"


def test_services_are_sorted_with_sorted_tags(agent: FakeAgent, run: Run) -> None:
    """Names in order; with ``-tags`` a column of tags, the last line without padding."""
    agent.on("GET", "/v1/catalog/services", {"web": ["v2", "v1"], "consul": []})
    assert run("catalog", "services").out == "consul\nweb\n"
    assert run("catalog", "services", "-tags").out == "consul      \nweb         v1,v2\n"


def test_a_last_service_without_tags_widens_the_column_all_the_same(agent: FakeAgent, run: Run) -> None:
    """Its line loses the padding at its end, but its name counts in the width of the names above."""
    agent.on("GET", "/v1/catalog/services", {"consul": [], "web": ["v1"], "web-sidecar-proxy": []})
    first, second, last = run("catalog", "services", "-tags").out.splitlines()
    assert (first, second, last) == ("consul".ljust(23), "web".ljust(23) + "v1", "web-sidecar-proxy")


def test_services_of_a_node_are_grouped_by_name(agent: FakeAgent, run: Run) -> None:
    """Instances of the same service count once, with all their tags."""
    services = {
        "w1": {"ID": "w1", "Service": "web", "Tags": ["b"]},
        "w2": {"ID": "w2", "Service": "web", "Tags": ["a"]},
    }
    agent.on("GET", "/v1/catalog/node/n1", {"Node": NODES[1], "Services": services})
    assert run("catalog", "services", "-node=n1", "-tags").out == "web      a,b\n"
    agent.on("GET", "/v1/catalog/node/none", b"null")
    assert "No services match" in run("catalog", "services", "-node=none").err
