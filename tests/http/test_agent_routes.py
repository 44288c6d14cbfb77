"""``/v1/agent``: asked through the door of an agent whose server leads, without sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck as HypothesisCheck
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.structs import gojson
from pyconsul.telemetry import logger
from pyconsul.telemetry.logging import Level, Monitor
from tests.door import DoorClient as Api
from tests.door import leading_agent


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """A dev agent with local state and a leading server; no port is opened."""
    async with leading_agent(local=True) as agent:
        yield Api(agent, "/v1/agent/")


async def test_a_registered_service_is_in_the_catalog_when_the_answer_comes(api: Api) -> None:
    """Nobody has to wait for anti-entropy."""
    answer = await api.put("service/register", {"Name": "web", "Port": 80, "Check": {"TTL": "1h"}})
    assert (answer.status, answer.raw) == (200, b"")
    assert (await api.get("services")).body["web"]["Weights"] == {"Passing": 1, "Warning": 1}
    assert (await api.get("/v1/catalog/service/web")).body[0]["ServicePort"] == 80


REFUSED: list[tuple[str, Any, int, str]] = [
    ("service/register", b"", 400, "Request decode failed: EOF"),
    ("service/register", {}, 400, "Missing service name"),
    ("service/register", {"Name": "x", "Address": "0.0.0.0"}, 400, "Invalid service address"),
    ("service/register", {"Name": "x", "Weights": {}}, 400, "Invalid Weights: Passing must be greater than 0"),
    (
        "service/register",
        {"Name": "x", "Check": {"TTL": "1s", "Status": "odd"}},
        400,
        "Status for checks must 'passing', 'warning', 'critical'",
    ),
    (
        "service/register",
        {"Name": "x", "Connect": {"SidecarService": {"Checks": [{}]}}},
        400,
        "Invalid check in sidecar_service: TTL must be > 0 for TTL checks",
    ),
    ("check/register", {"TTL": "1s"}, 400, "Missing check name"),
    ("check/register", {"Name": "c", "TTL": "1s", "Status": "odd"}, 400, "Bad check status"),
    ("check/register", {"Name": "c", "TTL": "1s", "ServiceID": "x"}, 404, 'ServiceID "x" does not exist'),
    ("check/register", {"Name": "c", "OSService": "x", "Interval": "1s"}, 500, "not implemented"),
    ("check/update/c", {"Status": "odd"}, 400, "Invalid check status: 'odd'"),
    (
        "check/pass/c",
        b"",
        404,
        'Unknown check ID "c". Ensure that the check ID is passed, not the check name.',
    ),
    (
        "service/deregister/x",
        b"",
        404,
        'Unknown service ID "x". Ensure that the service ID is passed, not the service name.',
    ),
    ("service/maintenance/x", b"", 400, "Missing value for enable"),
    ("service/maintenance/?enable=true", b"", 400, "Missing service ID"),
    ("maintenance?enable=perhaps", b"", 400, 'Invalid value for enable: "perhaps"'),
    ("maintenance?enable=%22%0a", b"", 400, r'Invalid value for enable: "\"\n"'),
    (
        'service/deregister/a"\udcff',
        b"",
        404,
        r'Unknown service ID "a\"\xff". Ensure that the service ID is passed, not the service name.',
    ),
    ("token/default", {"Token": "x"}, 401, "ACL support disabled"),
    ("force-leave/nobody", b"", 500, "agent: No node found with name 'nobody'"),
]


@pytest.mark.parametrize(("url", "body", "status", "text"), REFUSED)
async def test_refusals_have_consuls_status_and_text(api: Api, url: str, body: Any, status: int, text: str) -> None:
    """Clients match on both."""
    answer = await api.put(url, body)
    assert (answer.status, answer.text) == (status, text)


async def test_ttl_checks_take_reports(api: Api) -> None:
    """By path and note, or by body."""
    await api.put("check/register", {"Name": "c", "TTL": "1h"})
    seen: list[tuple[str, str]] = []
    for url, body in (
        ("check/pass/c?note=fine", b""),
        ("check/warn/c", b""),
        ("check/update/c", {"status": "critical", "output": "o"}),
        ("check/fail/c?note=bad", b""),
    ):
        assert (await api.put(url, body)).status == 200
        check = (await api.get("checks")).body["c"]
        seen.append((check["Status"], check["Output"]))
    assert seen == [("passing", "fine"), ("warning", ""), ("critical", "o"), ("critical", "bad")]


async def test_filters_choose_services_and_checks(api: Api) -> None:
    """A selector that does not exist is an error, over no checks at all it is not."""
    await api.put("service/register", {"Name": "web", "Meta": {"env": "a"}})
    await api.put("service/register", {"Name": "api"})
    assert list((await api.get("services?filter=Meta.env+%3D%3D+a")).body) == ["web"]
    assert (await api.get("services?filter=Bogus+%3D%3D+a")).status == 500
    assert (await api.get("checks?filter=Bogus+%3D%3D+a")).body == {}


async def test_the_worst_state_gives_the_code(api: Api) -> None:
    """Load balancers look at the status code alone."""
    for number, status in enumerate(("passing", "warning")):
        body = {"Name": "web", "ID": f"w{number}", "Check": {"TTL": "1h", "Status": status}}
        await api.put("service/register", body)
    codes = [(await api.get(f"health/service/{each}")).status for each in ("id/w0", "id/w1", "name/web", "name/no")]
    assert codes == [200, 429, 429, 404]
    await api.put("service/maintenance/w0?enable=true")
    answer = await api.get("health/service/name/web?format=text")
    assert (answer.status, answer.text, answer.headers["X-Consul-Reason"]) == (503, "maintenance", "maintenance")


async def test_a_hash_waits_for_a_change(api: Api) -> None:
    """The answer comes when the service's content differs, not before."""
    await api.put("service/register", {"Name": "web"})
    seen = (await api.get("service/web")).headers["X-Consul-Contenthash"]
    waiting = asyncio.create_task(api.get(f"service/web?hash={seen}&wait=30s"))
    await api.put("service/register", {"Name": "other"})
    await api.put("check/register", {"Name": "c", "TTL": "1h", "ServiceID": "web"})
    assert not waiting.done()
    await api.put("service/register", {"Name": "web", "Port": 9})
    answer = await waiting
    assert answer.body["Port"] == 9 and answer.body["ContentHash"] != seen


async def test_a_hash_wait_ends_when_the_service_goes(api: Api) -> None:
    """Then it is a 404."""
    await api.put("service/register", {"Name": "web"})
    seen = (await api.get("service/web")).body["ContentHash"]
    waiting = asyncio.create_task(api.get(f"service/web?hash={seen}"))
    await asyncio.sleep(0)
    await api.put("service/deregister/web")
    answer = await waiting
    assert (answer.status, answer.text) == (404, "unknown service ID: web")


PROXY = {
    "DestinationServiceName": "web",
    "DestinationServiceID": "w1",
    "LocalServicePort": 80,
    "Config": {"a": 1, "b": [1, "x", None, {"c": True}], "d": 1.5},
    "Upstreams": [
        {"DestinationName": "db", "LocalBindPort": 9, "Config": {"x": {"y": 2}}},
        {"DestinationType": "prepared_query", "DestinationName": "q", "LocalBindPort": 10, "Datacenter": "dc9"},
    ],
    "Expose": {"Checks": True, "Paths": [{"Path": "/x", "ListenerPort": 22, "LocalPathPort": 3}]},
    "TransparentProxy": {"OutboundListenerPort": 15},
    "AccessLogs": {"Enabled": True, "Type": "stderr"},
    "Mode": "transparent",
    "MeshGateway": {"Mode": "local"},
}


@pytest.mark.parametrize(
    ("body", "digest"),
    [
        (
            {
                "Name": "web",
                "Port": 8080,
                "Address": "10.9.8.7",
                "Tags": ["v1", "blue"],
                "Meta": {"team": "x"},
                "Weights": {"Passing": 3, "Warning": 2},
                "EnableTagOverride": True,
                "TaggedAddresses": {"wan": {"Address": "1.2.3.4", "Port": 80}},
            },
            "91601fbeca2847a6",
        ),
        ({"Name": "px", "Kind": "connect-proxy", "Port": 5, "Proxy": PROXY}, "96224db35cfe0ee"),
    ],
)
async def test_content_hashes_are_consuls(api: Api, body: dict[str, Any], digest: str) -> None:
    """Recorded from Consul 1.21: the same service has the same hash here."""
    await api.put("service/register", body)
    assert (await api.get(f"service/{body['Name']}")).body["ContentHash"] == digest


async def test_self_tells_what_is_effective(api: Api) -> None:
    """Names, figures and the ports of xDS."""
    found = (await api.get("self")).body
    assert (found["Config"]["NodeName"], found["Config"]["Server"]) == ("here", True)
    assert found["Stats"]["agent"] == {"check_monitors": "0", "check_ttls": "0", "checks": "0", "services": "0"}
    assert found["Member"]["Tags"]["role"] == "consul"
    assert found["xDS"]["Ports"] == {"Plaintext": 8502, "TLS": 8503}
    assert (await api.get("version")).body["HumanVersion"] == found["Config"]["Version"]


@pytest.mark.parametrize(
    ("hcl", "tags"),
    [
        ("", {}),
        ('tls { internal_rpc { ca_file = "ca.pem" } }', {"use_tls": "1"}),
        ('tls { defaults { ca_path = "authorities" } }', {"use_tls": "1"}),
        ("read_replica = true", {"nonvoter": "1", "read_replica": "1"}),
        ("protocol = 3", {"vsn": "3"}),
    ],
)
async def test_members_tell_how_the_server_is_set_up(hcl: str, tags: dict[str, str]) -> None:
    """Tags that other servers go by; they are there only where the setting is."""
    async with leading_agent(hcl) as agent:
        found = (await Api(agent, "/v1/agent/").get("members")).body[0]["Tags"]
    told = ("nonvoter", "read_replica", "use_tls", "vsn")
    assert {name: found[name] for name in told if name in found} == {"vsn": "2", **tags}


async def test_the_catalog_knows_where_the_agent_runs() -> None:
    """Its ``locality`` goes with the node, without the parts that are not said."""
    async with leading_agent('locality { region = "r" }') as agent:
        assert await agent.syncer.changes_sent() == []
        assert (await Api(agent, "/v1/").get("catalog/nodes")).body[0]["Locality"] == {"Region": "r"}


async def test_host_facts_are_collected(api: Api) -> None:
    """Memory, processors, host and disk."""
    found = (await api.get("host")).body
    assert found["Memory"]["total"] > found["Memory"]["free"] > 0
    assert found["CPU"] and found["Host"]["os"] == "linux" and found["Disk"]["total"] > 0
    assert found["Errors"] is None


async def test_members_are_this_agent(api: Api) -> None:
    """In the WAN pool under its datacenter's name."""
    assert [m["Name"] for m in (await api.get("members")).body] == ["here"]
    assert [m["Name"] for m in (await api.get("members?wan=1")).body] == ["here.dc1"]
    assert (await api.get("members?filter=Name+%3D%3D+x")).body == []
    for unfit in ("Addr+%3D%3D+x", "Port+%3D%3D+-1", "Port+%3D%3D+65536", "DelegateCur+%3D%3D+256"):
        assert (await api.get(f"members?filter={unfit}")).status == 500
    assert (await api.get("members?segment=a")).status == 500
    assert (await api.get("members?wan=1&segment=a")).raw == b"Cannot provide a segment with wan=true"
    assert (await api.get("members?partition=a")).status == 400
    for name in (
        "force-leave/here",
        "force-leave/here.dc1",
        "force-leave/here.dc1?wan",
    ):  # the WAN pool's name is a name
        assert (await api.put(name)).status == 200
    assert (await api.put("join/127.0.0.1:8301")).status == 200


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "Failed to resolve : lookup : no such host"),
        ("127.0.0.1:serf", 'Failed to resolve 127.0.0.1:serf: strconv.ParseUint: parsing "serf": invalid syntax'),
        (
            "127.0.0.1:70000",
            'Failed to resolve 127.0.0.1:70000: strconv.ParseUint: parsing "70000": value out of range',
        ),
    ],
)
async def test_who_cannot_be_found_cannot_be_joined(api: Api, address: str, reason: str) -> None:
    """The address is named as it was given."""
    reply = await api.put(f"join/{address}")
    assert (reply.status, reply.raw.decode()) == (500, f"1 error occurred:\n\t* {reason}\n\n")


async def test_who_waits_for_an_event_waits_ten_minutes(api: Api, skip_time: Callable[[float], None]) -> None:
    """Unless told otherwise; other blocking queries wait for five."""
    waiting = asyncio.create_task(api.get("/v1/event/list?index=1"))
    short = asyncio.create_task(api.get("/v1/event/list?index=1&wait=5m"))
    await asyncio.sleep(0)
    skip_time(310)
    assert ((await short).body, waiting.done()) == ([], False)
    skip_time(300)
    assert (await waiting).body == []


async def test_the_log_tells_how_a_join_ended(api: Api) -> None:
    """With the number of those who were joined."""
    monitor = Monitor(Level.INFO)
    monitor.start()
    await api.put("join/127.0.0.1:8301")
    await api.put("join/127.0.0.1:serf?wan=1")
    monitor.stop()
    text = monitor.take()
    assert "[INFO]  agent: (LAN) joined: number_of_nodes=1\n" in text
    assert "[WARN]  agent: (WAN) couldn't join: number_of_nodes=0\n  error=\n  | 1 error occurred:" in text


async def test_metrics_have_both_forms(api: Api) -> None:
    """JSON always; Prometheus text only when it is on, and an empty answer with a reason when not."""
    await api.put("service/register", {"Name": "web"})
    found = (await api.get("metrics")).body
    assert set(found) == {"Timestamp", "Gauges", "Points", "Counters", "Samples"}
    plain = await api.get("metrics?format=prometheus")
    assert (plain.raw, plain.headers["X-Consul-Reason"][:28]) == (b"", "Prometheus is not enabled si")


async def end(stream: Any) -> None:
    """Read no more of a stream, which is a generator."""
    await stream.aclose()


async def test_a_monitor_streams_lines_of_its_level(api: Api) -> None:
    """From the moment of the request on, as long as it is read."""
    reply, _ = await api.agent.door.answer(api.request("GET", "monitor?loglevel=warn&logjson"))
    assert reply.stream is not None
    first = asyncio.ensure_future(anext(reply.stream))
    await asyncio.sleep(0)
    logger("agent.x").info("quiet")
    logger("agent.x").warn("loud", k=1)
    async with asyncio.timeout(60):
        line = json.loads(await first)
    assert (line["@message"], line["k"]) == ("loud", 1)
    await end(reply.stream)
    assert (await api.get("monitor?loglevel=loud")).text == "Unknown log level: loud"


async def test_the_mesh_says_what_it_cannot(api: Api) -> None:
    """Questions that are wrong in themselves are refused first."""
    uri = "spiffe://x.consul/ns/default/dc/dc1/svc/web"
    asks = [{}, {"Target": "t", "ClientCertURI": "x"}, {"Target": "t", "ClientCertURI": uri}]
    answers = [await api.ask("POST", "connect/authorize", ask) for ask in asks]
    assert [a.status for a in answers] == [400, 400, 501]
    assert (await api.get("connect/ca/roots")).status == 501


@pytest.mark.parametrize("url", ["services?ns=x", "checks?partition=x", "service/web?ns=x"])
async def test_namespaces_are_an_enterprise_matter(api: Api, url: str) -> None:
    """The community edition refuses them."""
    assert (await api.get(url)).status == 400


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["Name", "ID", "Port", "Tags", "Check", "Checks", "Connect", "Proxy", "Kind", "TTL", "HTTP"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HypothesisCheck.function_scoped_fixture])
@given(st.sampled_from(["service/register", "check/register", "check/update/x"]), st.dictionaries(names, values))
async def test_no_body_upsets_the_agent(api: Api, url: str, body: dict[str, Any]) -> None:
    """Whatever JSON comes, the answer is a status with a text, and never an internal error."""
    answer = await api.put(url, body)
    assert answer.status in (200, 400, 404) or not answer.text.startswith("internal error"), answer.text
    assert (await api.get("services")).status == 200


async def test_a_node_id_that_was_made_up_is_shown_as_the_configured_one_would_be(api: Api) -> None:
    """In both halves of ``self``."""
    shown = (await api.get("self")).body
    assert shown["DebugConfig"]["NodeID"] == shown["Config"]["NodeID"] == api.agent.node_id != ""
    assert shown["DebugConfig"]["Cloud"]["NodeID"] == ""  # the configured one alone


async def test_self_is_pretty_where_the_agent_is_a_dev_agent(api: Api) -> None:
    """The kept part and the moving one make one indented text."""
    raw = (await api.get("self")).raw
    assert raw == gojson.encode_pretty(json.loads(raw))


@pytest.mark.parametrize(
    ("accept", "asks"),
    [
        ("application/openmetrics-text;version=1.0.0,*/*;q=0.1", True),
        ("text/plain; version=0.4.0", True),
        ("text/plain;version=0.0.4", False),
        ("text/plain;q=0.5;version=0.4.0", False),
    ],
)
async def test_which_accept_headers_ask_for_prometheus(accept: str, asks: bool, api: Api) -> None:
    """Those that Consul knows; the version of the text format is not the one that the format itself has."""
    assert ("X-Consul-Reason" in (await api.get("metrics", accept=accept)).headers) is asks
