"""The catalog, health, coordinate and UI routes, asked through the door of an agent without sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck as HypothesisCheck
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.agent.http.translation import with_wan_addresses
from pyconsul.structs.catalog import CheckServiceNode, Node, NodeService, ServiceAddress, ServiceNode
from tests.door import Answer, DoorClient, leading_agent


class Api(DoorClient):
    """Asks the door of one agent."""

    async def once(self, url: str, fits: Callable[[Any], object]) -> Any:
        """The body of a route as soon as it fits; waits by blocking queries."""
        answer = await self.get(url)
        while not fits(answer.body):
            index = answer.headers["X-Consul-Index"]
            answer = await asyncio.wait_for(self.get(f"{url}{'&' if '?' in url else '?'}index={index}&wait=5s"), 60)
        return answer.body

    async def register(self, **fields: Any) -> Answer:
        """Register on n1 unless the fields say otherwise."""
        return await self.ask("PUT", "catalog/register", {"Node": "n1", "Address": "10.0.0.1", **fields})


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """A dev agent whose server leads; no port is opened."""
    async with leading_agent() as agent:
        yield Api(agent)


async def test_a_registration_is_seen_everywhere(api: Api) -> None:
    """Catalog and health answer with it at once, under an index that has moved."""
    answer = await api.register(
        Service={"Service": "web", "Port": 80, "Tags": ["a"]}, Check={"Name": "up", "Status": "passing"}
    )
    assert (answer.status, answer.body) == (200, True)
    names = (await api.get("catalog/services")).body
    assert names == {"consul": [], "web": ["a"]}
    flat = (await api.get("catalog/service/web")).body[0]
    assert (flat["ServiceID"], flat["Address"], flat["ServicePort"]) == ("web", "10.0.0.1", 80)
    health = await api.get("health/service/web?passing")
    assert health.body[0]["Checks"][0]["CheckID"] == "up"
    assert health.headers["X-Consul-Effective-Consistency"] == "leader"
    assert int(health.headers["X-Consul-Index"]) > 1


async def test_names_are_taken_in_any_spelling_that_consul_takes(api: Api) -> None:
    """Letter case does not matter, proxies have snake_case aliases, durations may be text."""
    answer = await api.ask(
        "PUT",
        "catalog/register",
        {
            "node": "n1",
            "ADDRESS": "10.0.0.1",
            "service": {
                "service": "p",
                "kind": "connect-proxy",
                "port": 9,
                "proxy": {
                    "destination_service_name": "web",
                    "upstreams": [{"destination_name": "a", "local_bind_port": 1}],
                },
            },
            "check": {
                "name": "c",
                "definition": {"http": "http://x", "interval": "1m", "Timeout": 5000000000, "junk": 1},
            },
        },
    )
    assert answer.text == "true"
    service = (await api.get("health/service/p")).body[0]["Service"]
    assert service["Proxy"]["DestinationServiceName"] == "web"
    assert service["Proxy"]["Upstreams"][0]["LocalBindPort"] == 1
    check = (await api.get("health/node/n1")).body[0]
    assert check["Type"] == "http"
    assert check["Definition"] == {"HTTP": "http://x", "Interval": "1m0s", "Timeout": "5s"}


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "Request decode failed: EOF"),
        (b"{", 400, "Request decode failed: unexpected EOF"),
        ({"Node": "n", "Address": "1.1.1.1", "Bogus": 1}, 400, 'Request decode failed: json: unknown field "Bogus"'),
        ({}, 500, "Must provide node"),
        ({"Node": "n"}, 500, "Must provide address if SkipNodeUpdate is not set"),
        ({"Node": "n", "Address": "a", "ID": "x"}, 500, "Bad node ID: uuid string is wrong length"),
        ({"Node": "n", "Address": "a", "Service": {}}, 500, "Must provide service name (Service.Service)"),
        (
            {"Node": "n", "Address": "a", "Service": {"ID": "x"}},
            500,
            "Must provide service name (Service.Service) when service ID is provided",
        ),
        ({"Node": "n", "Address": "a", "Service": {"Service": "x", "Address": "::"}}, 500, "Invalid service address"),
        (
            {"Node": "n", "Address": "a", "Check": {"Name": "c", "ServiceID": "no"}},
            500,
            "Unknown service ID 'no' for check ID 'c'",
        ),
        (
            {"Node": "n", "Address": "a", "Check": {"Name": "c", "Node": "m"}},
            500,
            "Node 'm' for check 'c' doesn't match register request node 'n'",
        ),
        ({"Node": "n", "Address": "a", "PeerName": "p"}, 500, "cannot register requests with PeerName in them"),
        ({"Node": "n", "Address": "a", "Datacenter": "dc7"}, 500, "No path to datacenter"),
    ],
)
async def test_a_bad_registration_is_told_what_is_wrong(api: Api, body: Any, status: int, text: str) -> None:
    """In Consul's words, and nothing is stored."""
    answer = await api.ask("PUT", "catalog/register", body)
    assert (answer.status, answer.text) == (status, text)
    assert [node["Node"] for node in (await api.get("catalog/nodes")).body] == ["here"]


NULLS: list[Any] = [
    {"Node": None, "Address": None},
    {"Node": "n", "Address": "a", "Service": None, "Check": None, "Checks": None},
    {"Node": "n", "Address": "a", "Checks": [None]},
    {"Node": "n", "Address": "a", "Service": {"Service": "x", "Tags": [None], "Weights": None, "Proxy": None}},
    {"Node": "n", "Address": "a", "Service": {"Service": "x", "Proxy": {"Config": {"a": [None]}, "Upstreams": [None]}}},
    {"Node": "n", "Address": "a", "Service": {"Service": "x", "TaggedAddresses": {"lan": None}, "Connect": None}},
]


@pytest.mark.parametrize("body", NULLS)
async def test_nulls_get_an_answer(api: Api, body: Any) -> None:
    """Real Consul drops the connection on some of these."""
    assert (await api.ask("PUT", "catalog/register", body)).status in (200, 400, 500)
    assert (await api.get("internal/ui/nodes")).status == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Node", "Service", "Check", "Checks", "Definition", "Proxy", "Upstreams", "Meta", "Tags", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HypothesisCheck.function_scoped_fixture])
@given(body=JSON)
async def test_any_json_gets_an_answer(api: Api, body: Any) -> None:
    """Never an internal error, whatever the body."""
    for path in ("catalog/register", "catalog/deregister", "coordinate/update", "internal/service-virtual-ip"):
        answer = await api.ask("PUT", path, body)
        assert answer.status in (200, 400, 500)
        assert not answer.text.startswith("internal error")


async def test_a_failed_read_still_has_the_headers_of_one(api: Api) -> None:
    """Except for health by service, as Consul does it."""
    for path in ("catalog/nodes?dc=dc2", "catalog/service/web?filter=x", "health/state/any?dc=dc2"):
        answer = await api.get(path)
        assert answer.status == 500
        assert (answer.headers["X-Consul-Index"], answer.headers["X-Consul-Knownleader"]) == ("1", "false")
    answer = await api.get("health/service/web?dc=dc2")
    assert (answer.text, "X-Consul-Index" in answer.headers) == ("No path to datacenter", False)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("catalog/service/", "Missing service name"),
        ("catalog/node/", "Missing node name"),
        ("catalog/gateway-services/", "Missing gateway name"),
        ("health/state/", "Missing check state"),
        ("health/service/web?passing=maybe", "Invalid value for ?passing"),
        ("health/service/web?peer=p&sg=g", "peer-name and sameness-group are mutually exclusive"),
        ("internal/ui/service-topology/web", "Missing service kind"),
        ("internal/ui/service-topology/web?kind=x", 'Unsupported service kind "x"'),
        ("internal/federation-state/", "Missing datacenter name"),
        ("catalog/services?ns=x", 'Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature'),
        (
            "catalog/nodes?partition=x",
            'Invalid query parameter: "partition" - Partitions are a Consul Enterprise feature',
        ),
    ],
)
async def test_missing_and_bad_parameters_are_named(api: Api, path: str, text: str) -> None:
    """With status 400."""
    answer = await api.get(path)
    assert (answer.status, answer.text) == (400, text)


async def test_what_is_absent_is_empty_null_or_404(api: Api) -> None:
    """Each route has its own way to say so."""
    assert (await api.get("catalog/service/no")).body == []
    assert (await api.get("health/service/no")).body == []
    assert (await api.get("catalog/node/no")).body is None
    assert (await api.get("catalog/node-services/no")).body == {"Node": None, "Services": None}
    assert (await api.get("catalog/gateway-services/no")).body == []
    assert (await api.get("internal/ui/node/no")).status == 404
    assert (await api.get("coordinate/node/no")).status == 404


async def test_a_blocking_query_ends_with_the_change_it_waits_for(api: Api) -> None:
    """And says that a stream would have brought it."""
    await api.register(Service={"Service": "web"})
    index = (await api.get("health/service/web")).headers["X-Consul-Index"]
    waiting = asyncio.create_task(api.get(f"health/service/web?index={index}&wait=1m"))
    await asyncio.sleep(0)
    await api.register(Service={"Service": "db"})
    assert not waiting.done()
    await api.register(Service={"Service": "web", "Port": 81})
    answer = await asyncio.wait_for(waiting, 60)
    assert answer.body[0]["Service"]["Port"] == 81
    assert answer.headers["X-Consul-Query-Backend"] == "streaming"
    assert answer.headers["X-Consul-Knownleader"] == "false"  # in 360 of 360 such answers of Consul


async def test_a_stream_brings_nodes_with_capitals_first(api: Api) -> None:
    """It sorts names as they are spelled, other reads whatever their case; instances of one node go by ID."""
    for node, instance in (("Ns", "b"), ("Ns", "a"), ("n1", "c")):
        await api.register(Node=node, Service={"Service": "web", "ID": instance})
    for query, order in (("", ["c", "a", "b"]), ("?index=1", ["a", "b", "c"]), ("?cached", ["a", "b", "c"])):
        rows = (await api.get(f"health/service/web{query}")).body
        assert [row["Service"]["ID"] for row in rows] == order


async def test_a_stream_brings_null_for_empty_maps(api: Api) -> None:
    """Its messages cannot tell the two apart; other reads can."""
    await api.register(NodeMeta={}, TaggedAddresses={}, Service={"Service": "web", "Meta": {}})
    shown: list[tuple[str, dict[str, str] | None]] = [("", {}), ("?index=1", None), ("?cached", None)]
    for query, empty in shown:
        (row,) = (await api.get(f"health/service/web{query}")).body
        assert [row["Node"]["Meta"], row["Node"]["TaggedAddresses"], row["Service"]["Meta"]] == [empty] * 3


@pytest.mark.parametrize(
    ("path", "news", "ends"),
    [
        ("catalog/nodes", {"Service": {"Service": "web", "Port": 81}}, {"NodeMeta": {"a": "b"}}),
        ("catalog/service/web", {"Check": {"Name": "c"}}, {"Service": {"Service": "web", "Port": 81}}),
        ("health/state/critical", {"Check": {"Name": "c", "Status": "passing"}}, {"Check": {"Name": "d"}}),
        ("health/checks/web", {"Check": {"Name": "c"}}, {"Check": {"Name": "d", "ServiceID": "web"}}),
    ],
)
async def test_indexes_that_move_alone_wake_nobody(
    api: Api, path: str, news: dict[str, Any], ends: dict[str, Any]
) -> None:
    """Who waits for rows is woken by rows; who asks afterwards with the old index is answered at once."""
    await api.register(Service={"Service": "web"})
    index = (await api.get(path)).headers["X-Consul-Index"]
    waiting = asyncio.create_task(api.get(f"{path}?index={index}&wait=1m"))
    await asyncio.sleep(0)
    await api.register(**news)
    assert not waiting.done()
    later = await asyncio.wait_for(api.get(f"{path}?index={index}&wait=1m"), 60)
    assert int(later.headers["X-Consul-Index"]) > int(index)
    assert not waiting.done()
    await api.register(**ends)
    answer = await asyncio.wait_for(waiting, 60)
    assert int(answer.headers["X-Consul-Index"]) > int(later.headers["X-Consul-Index"])


async def test_cached_reads_say_hit_or_miss_and_stay_fresh(api: Api) -> None:
    """An entry refreshes itself, so that a hit shows what was registered after the miss."""
    first = await api.get("catalog/services?cached")
    assert (first.headers["X-Cache"], "Age" in first.headers) == ("MISS", False)
    second = await api.get("catalog/services?cached")
    assert (second.headers["X-Cache"], second.headers["Age"]) == ("HIT", "0")
    await api.register(Service={"Service": "web"})
    await api.once("catalog/services?cached", lambda names: "web" in names)
    assert (await api.get("catalog/datacenters?cached")).headers["X-Cache"] == "MISS"
    assert (await api.get("catalog/datacenters?cached")).headers["X-Cache"] == "HIT"
    revalidated = await api.get("catalog/datacenters?cached", cache_control="must-revalidate")
    assert revalidated.headers["X-Cache"] == "MISS"


async def test_coordinates_are_written_a_little_later(api: Api) -> None:
    """Good ones of known nodes; bad ones are refused at once."""
    await api.register()
    point = {"Vec": [0.5, 0, 0, 0, 0, 0, 0, 0], "Error": 1.5, "Adjustment": 0, "Height": 1e-05}
    assert (await api.ask("PUT", "coordinate/update", {"Node": "n1", "Coord": point})).raw == b""
    await api.once("coordinate/nodes", len)
    assert (await api.get("coordinate/node/n1")).body == [{"Node": "n1", "Segment": "", "Coord": point}]
    assert (await api.get("coordinate/nodes?segment=x")).body == []
    short = await api.ask("PUT", "coordinate/update", {"Node": "n1", "Coord": {"Vec": [1]}})
    assert (short.status, short.text) == (500, "incompatible coordinate")
    missing = await api.ask("PUT", "coordinate/update", {"Node": "n1"})
    assert (missing.status, missing.text) == (500, "invalid coordinate")


async def test_near_sorts_by_round_trip_time(api: Api) -> None:
    """Seen from the named node; ``_agent`` is the agent's own."""
    for node, x in (("n1", 0.9), ("n2", 0.1)):
        await api.register(Node=node, Service={"Service": "web"})
        coordinate = {"Vec": [x, 0, 0, 0, 0, 0, 0, 0]}
        await api.ask("PUT", "coordinate/update", {"Node": node, "Coord": coordinate})
    await api.once("coordinate/nodes", lambda rows: len(rows) == 2)
    assert [s["Node"] for s in (await api.get("catalog/service/web?near=n2")).body] == ["n2", "n1"]
    assert [s["Node"]["Node"] for s in (await api.get("health/service/web?near=n1")).body] == ["n1", "n2"]
    assert (await api.get("catalog/nodes?near=_agent")).status == 200


async def test_the_leader_keeps_its_federation_state(api: Api) -> None:
    """Without mesh gateways at first, with them once they are in the catalog."""
    await api.once("internal/federation-states", len)
    found = await api.get("internal/federation-state/dc1")
    assert "MeshGateways" not in found.body["State"]
    assert found.body["Backend"] == 0
    await api.register(Service={"Service": "mgw", "Kind": "mesh-gateway", "Port": 8443})
    gateways = await api.once("internal/federation-states/mesh-gateways", len)
    assert gateways["dc1"][0]["Service"]["Service"] == "mgw"


async def test_the_ui_counts_a_proxys_checks_for_its_service(api: Api) -> None:
    """Each check once, whatever number of instances shows it."""
    await api.register(Service={"Service": "web", "Port": 1}, Check={"Name": "node", "Status": "warning"})
    proxy = {"Service": "web-proxy", "Kind": "connect-proxy", "Port": 2, "Proxy": {"DestinationServiceName": "web"}}
    await api.register(Service=proxy, Check={"Name": "p", "Status": "critical", "ServiceID": "web-proxy"})
    listed = {line["Name"]: line for line in (await api.get("internal/ui/services")).body}
    web = listed["web"]
    assert (web["ChecksPassing"], web["ChecksWarning"], web["ChecksCritical"]) == (0, 1, 1)
    assert (web["ConnectedWithProxy"], listed["web-proxy"]["ConnectedWithProxy"]) == (True, False)
    assert (await api.get("internal/ui/metrics-proxy/x")).text == "Metrics proxy is not enabled"
    assert (await api.get("internal/ui/catalog-overview")).body["Nodes"][0]["Total"] == 2


async def test_manual_addresses_go_to_mesh_services_only(api: Api) -> None:
    """Others are not found; what is no IPv4 address, or too many of them, is refused."""
    await api.register(Service={"Service": "web", "Port": 1, "Connect": {"Native": True}})

    async def assign(service: str, *addresses: str) -> Answer:
        return await api.ask("PUT", "internal/service-virtual-ip", {"Service": service, "ManualVIPs": list(addresses)})

    assert (await assign("web", "10.9.0.1")).body == {"Found": True, "UnassignedFrom": None}
    assert (await assign("web", "10.9.0.1")).body == {"Found": True, "UnassignedFrom": None}
    assert (await assign("nosuch", "10.9.0.1")).body == {"Found": False, "UnassignedFrom": None}
    assert (await assign("web", "zz")).text == '"<nil>" is not a valid IPv4 address'
    many = await assign("web", *(f"10.9.0.{n}" for n in range(9)))
    assert many.text == "cannot associate more than 8 manual virtual IPs with the same service"


def test_wan_addresses_stand_in_where_they_are_tagged() -> None:
    """In nodes, instances and both together; the port follows when the tagged address has one."""
    node = Node(Node="n", Address="10.0.0.1", TaggedAddresses={"wan": "198.51.100.1"})
    service = NodeService(
        ID="s",
        Service="s",
        Address="10.0.0.2",
        Port=80,
        TaggedAddresses={"wan": ServiceAddress(Address="198.51.100.2")},
    )
    assert with_wan_addresses(node).Address == "198.51.100.1"
    both = with_wan_addresses(CheckServiceNode(Node=node, Service=service))
    assert both.Node and both.Service
    assert (both.Node.Address, both.Service.Address, both.Service.Port) == ("198.51.100.1", "198.51.100.2", 80)
    flat = ServiceNode(
        Address="10.0.0.1",
        ServiceAddress="10.0.0.2",
        ServicePort=1,
        ServiceTaggedAddresses={"wan": ServiceAddress(Address="198.51.100.2", Port=9)},
    )
    assert (with_wan_addresses(flat).ServiceAddress, with_wan_addresses(flat).ServicePort) == ("198.51.100.2", 9)


async def test_a_bad_filter_is_told_before_a_sameness_group(api: Api) -> None:
    """The expression is read first."""
    answer = await api.get("health/service/web?sg=g&filter=X==1")
    assert answer.text == 'Failed to create boolean expression evaluator: Selector "X" is not valid'


@pytest.mark.parametrize("query", ["a;b&token=secret", "%zz&pretty", "a;b&pretty&token"])
async def test_a_query_string_that_cannot_be_parsed_is_refused(api: Api, query: str) -> None:
    """With an empty 500 as Consul gives it, tokens and all; the connection does not hang."""
    answer = await api.get(f"catalog/nodes?{query}")
    assert (answer.status, answer.raw) == (500, b"")


async def test_a_streamed_read_tells_of_a_bad_filter_without_the_beginning(api: Api) -> None:
    """As Consul's streams do; reads that come from no stream have it."""
    for url in ("health/service/web?filter=X==1&cached", "health/connect/web?filter=X==1&index=1&wait=1s"):
        assert (await api.get(url)).text == 'Selector "X" is not valid'
    for url in ("health/service/web?filter=X==1", "health/ingress/web?filter=X==1&cached"):
        text = (await api.get(url)).text
        assert text == 'Failed to create boolean expression evaluator: Selector "X" is not valid'
