"""Links between services of the mesh are those that its proxies name, in whatever order these come, change and go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyconsul.memdb import Store
from pyconsul.server import families
from pyconsul.server.state import catalog
from pyconsul.server.state.mesh_topology import MESH_TOPOLOGY
from pyconsul.structs.catalog import NodeService, RegisterRequest
from pyconsul.structs.connect_proxy import ConnectProxyConfig, Upstream

PROXIES = st.sampled_from(["p1", "p2"])
SERVICES = st.sampled_from(["web", "API"])
UPSTREAMS = st.sets(st.sampled_from(["a", "b", "C"]))
# A proxy comes or changes (destination and upstreams), or goes (None).
STEPS = st.lists(st.tuples(PROXIES, st.none() | st.tuples(SERVICES, UPSTREAMS)), max_size=12)


def proxy(service_id: str, destination: str, upstreams: set[str]) -> NodeService:
    """A proxy that names these upstreams, and a prepared query, which is no service."""
    named = [Upstream(DestinationName=name) for name in sorted(upstreams)]
    query = Upstream(DestinationName="q", DestinationType="prepared_query")
    config = ConnectProxyConfig(DestinationServiceName=destination, Upstreams=[*named, query])
    return NodeService(ID=service_id, Service=service_id, Kind="connect-proxy", Proxy=config)


@given(STEPS)
def test_a_link_is_there_as_long_as_a_proxy_names_it(steps: list[tuple[str, tuple[str, set[str]] | None]]) -> None:
    """And knows which proxies do."""
    db = Store(families.TABLES)
    there: dict[str, tuple[str, set[str]]] = {}
    for index, (service_id, wanted) in enumerate(steps, start=5):
        if wanted is None:
            catalog.delete_service(db, index, "n", service_id)
            there.pop(service_id, None)
        else:
            service = proxy(service_id, *wanted)
            catalog.register(db, index, RegisterRequest(Node="n", Address="10.0.0.1", Service=service))
            there[service_id] = wanted
    links = {
        (upstream, destination): {who for who, (to, named) in there.items() if to == destination and upstream in named}
        for destination, upstreams in there.values()
        for upstream in upstreams
    }
    found = {(row.Upstream, row.Downstream): len(row.Refs) for row in db.all(MESH_TOPOLOGY)}
    assert found == {names: len(who) for names, who in links.items()}
