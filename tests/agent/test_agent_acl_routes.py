"""Who may do what with an agent: its routes, asked with tokens of different rights."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyconsul.structs.acl import ACLToken
from pyconsul.telemetry.logging import Level, Monitor
from tests.agent.conftest import Api

WEB = {"Name": "web", "Port": 80, "Check": {"CheckID": "web-ttl", "TTL": "1h"}}
ANONYMOUS = " The anonymous token is used implicitly when a request does not specify a token."
EVERYTHING = """
agent_prefix "" { policy = "write" } node_prefix "" { policy = "write" } service_prefix "" { policy = "write" }
event_prefix "" { policy = "write" } operator = "write" keyring = "write"
"""


@pytest.fixture
async def root(api: Api) -> str:
    """A token that may do everything with an agent; a service and a check of the node are there."""
    secret = api.grant(EVERYTHING)
    await api.put("/v1/agent/service/register", WEB, secret)
    await api.put("/v1/agent/check/register", {"Name": "of-node", "TTL": "1h"}, secret)
    return secret


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("GET", "self", 'agent:read\' on "here"'),
        ("GET", "metrics", 'agent:read\' on "here"'),
        ("GET", "metrics/stream", 'agent:read\' on "here"'),
        ("GET", "monitor?loglevel=odd", 'agent:read\' on "here"'),
        ("GET", "host", "operator:read'"),
        ("PUT", "reload", 'agent:write\' on "here"'),
        ("PUT", "leave", 'agent:write\' on "here"'),
        ("PUT", "join/127.0.0.1", 'agent:write\' on "here"'),
        ("PUT", "force-leave/nobody", "operator:write'"),
        ("PUT", "token/odd", 'agent:write\' on "here"'),
        ("PUT", "maintenance?enable=true", 'node:write\' on "here"'),
        ("GET", "service/web", 'service:read\' on "web"'),
        ("GET", "health/service/id/web", 'service:read\' on "web"'),
        ("GET", "health/service/name/none", 'service:read\' on "none"'),
        ("PUT", "service/maintenance/web?enable=true", 'service:write\' on "web"'),
        ("PUT", "service/deregister/web", 'service:write\' on "web"'),
        ("PUT", "check/deregister/of-node", 'node:write\' on "here"'),
        ("PUT", "check/pass/web-ttl", 'service:write\' on "web"'),
    ],
)
async def test_a_refusal_names_who_lacks_which_right(api: Api, root: str, method: str, path: str, right: str) -> None:
    """In Consul's words; without a token the anonymous one is meant. Nothing happens."""
    answer = await api.ask(method, f"/v1/agent/{path}")
    assert (answer.status, answer.text) == (
        403,
        f"Permission denied: anonymous token lacks permission '{right}.{ANONYMOUS}",
    )
    assert sorted((await api.get("/v1/agent/checks", root)).body) == ["of-node", "web-ttl"]


@pytest.mark.parametrize("path", ["service/none", "health/service/id/none"])
async def test_what_is_not_there_is_said_to_anybody(api: Api, path: str) -> None:
    """Before rights are looked at, as in Consul."""
    assert (await api.get(f"/v1/agent/{path}")).status == 404
    assert (await api.put("/v1/agent/check/pass/none")).status == 404
    assert (await api.put("/v1/agent/service/deregister/none")).status == 404


@pytest.mark.parametrize("path", ["services", "checks", "members", "service/none", "self", "host"])
async def test_a_token_that_nobody_knows_gets_nothing(api: Api, path: str) -> None:
    """Not even an empty list."""
    answer = await api.get(f"/v1/agent/{path}", "unknown")
    assert (answer.status, answer.text) == (403, "ACL not found")


async def test_version_and_leader_are_open(api: Api) -> None:
    """To anybody, whatever the token."""
    assert (await api.get("/v1/agent/version", "unknown")).status == 200
    assert (await api.get("/v1/status/leader", "unknown")).status == 200


async def test_lists_show_what_the_asker_may_see(api: Api, root: str) -> None:
    """And tell those with a token that something is missing."""
    one = api.grant('service "web" { policy = "read" }')
    for path, seen in (("services", {"web"}), ("checks", {"web-ttl"}), ("members", set[str]())):
        answer = await api.get(f"/v1/agent/{path}", one)
        assert {row["Name"] if isinstance(row, dict) else row for row in answer.body} == seen, path
        assert ("X-Consul-Results-Filtered-By-Acls" in answer.headers) is (path != "services"), path
        hidden = await api.get(f"/v1/agent/{path}")
        assert not hidden.body and "X-Consul-Results-Filtered-By-Acls" not in hidden.headers


async def test_an_expression_sees_no_more_than_the_asker(api: Api, root: str) -> None:
    """Rights come before ``?filter=``."""
    nobody = api.grant("")
    answer = await api.get("/v1/agent/services?filter=Port==80", nobody)
    assert (answer.body, answer.headers["X-Consul-Results-Filtered-By-Acls"]) == ({}, "true")
    wrong = await api.get("/v1/agent/members?filter=Nope==80", nobody)
    assert (wrong.status, wrong.headers["X-Consul-Results-Filtered-By-Acls"]) == (500, "true")


async def test_a_service_takes_the_right_to_its_name_and_to_what_it_replaces(api: Api, root: str) -> None:
    """One cannot take over another's ID."""
    other = api.grant('service "other" { policy = "write" }')
    assert (await api.put("/v1/agent/service/register", {"Name": "other"}, other)).status == 200
    answer = await api.put("/v1/agent/service/register", {"Name": "other", "ID": "web"}, other)
    assert (answer.status, answer.text.endswith("lacks permission 'service:write' on \"web\"")) == (403, True)


async def test_a_proxy_takes_the_right_to_what_it_stands_for(api: Api) -> None:
    """It would be found as an instance of that."""
    proxy = api.grant('service "proxy" { policy = "write" }')
    body = {"Name": "proxy", "Kind": "connect-proxy", "Port": 1, "Proxy": {"DestinationServiceName": "db"}}
    answer = await api.put("/v1/agent/service/register", body, proxy)
    assert answer.text.endswith("lacks permission 'service:write' on \"db\"")


async def test_a_sidecar_is_vetted_with_its_own_token(api: Api) -> None:
    """Where it brings one; nothing of the registration stays when that is refused."""
    web = api.grant('service "web" { policy = "write" }')
    sidecar = api.grant('service "web" { policy = "write" } service "web-sidecar-proxy" { policy = "write" }')

    def body(token: str) -> dict[str, Any]:
        return {"Name": "web", "Port": 1, "Connect": {"SidecarService": {"Token": token}}}

    assert (await api.put("/v1/agent/service/register", body(""), web)).status == 403
    assert api.agent.local.services() == []
    assert (await api.put("/v1/agent/service/register", body("unknown"), web)).text == "ACL not found"
    assert (await api.put("/v1/agent/service/register", body(sidecar), web)).status == 200
    row = api.agent.local.service_row("web-sidecar-proxy")
    assert row is not None and row.Token == sidecar


async def test_a_check_takes_the_right_to_its_service_or_node(api: Api, root: str) -> None:
    """And to what the check that it replaces belongs to."""
    web = api.grant('service "web" { policy = "write" }')
    node = api.grant('node "here" { policy = "write" }')
    for token, body, status in (
        (web, {"Name": "a", "TTL": "1h", "ServiceID": "web"}, 200),
        (node, {"Name": "b", "TTL": "1h", "ServiceID": "web"}, 403),
        (node, {"Name": "c", "TTL": "1h"}, 200),
        (web, {"Name": "d", "TTL": "1h"}, 403),
        (web, {"Name": "of-node", "TTL": "1h", "ServiceID": "web"}, 403),
        (node, {"Name": "e", "ID": "web-ttl", "TTL": "1h"}, 403),
    ):
        assert (await api.put("/v1/agent/check/register", body, token)).status == status, body


async def test_events_are_fired_and_seen_by_name(api: Api) -> None:
    """A refusal to fire does not say what is missing; a token that nobody knows is a failure, as from Consul."""
    deploy = api.grant('event "deploy" { policy = "write" } event "seen" { policy = "read" }')
    everything = api.grant(EVERYTHING)
    for name, token, status, text in (
        ("deploy", deploy, 200, None),
        ("seen", deploy, 403, "Permission denied"),
        ("seen", "unknown", 500, "ACL not found"),
        ("seen", everything, 200, None),
        ("hidden", everything, 200, None),
    ):
        answer = await api.put(f"/v1/event/fire/{name}", token=token)
        assert answer.status == status and text in (None, answer.text)
    answer = await api.get("/v1/event/list", deploy)
    assert [event["Name"] for event in answer.body] == ["deploy", "seen"]
    assert answer.headers["X-Consul-Results-Filtered-By-Acls"] == "true"
    assert (await api.get("/v1/event/list")).body == []
    assert (await api.get("/v1/event/list", "unknown")).status == 403


async def test_the_log_of_the_servers_tells_who_may_not_fire_an_event(api: Api) -> None:
    """There an operator sees it, wherever the event was fired."""
    monitor = Monitor(Level.WARN)
    monitor.start()
    await api.put("/v1/event/fire/deploy")
    monitor.stop()
    told = 'user event blocked by ACLs: event=deploy accessorID="anonymous token"'
    assert f"[WARN]  agent.server.internal: {told}\n" in monitor.take()


async def test_gossip_keys_take_a_right_of_their_own(api: Api) -> None:
    """To read and to change; what is wrong with a request is said first."""
    reader = api.grant('keyring = "read"')
    assert (await api.get("/v1/operator/keyring", reader)).status != 403
    assert (await api.get("/v1/operator/keyring")).status == 403
    for method in ("POST", "PUT", "DELETE"):
        answer = await api.ask(method, "/v1/operator/keyring", {"Key": "x"}, reader)
        assert answer.text.endswith("lacks permission 'keyring:write'")
    assert (await api.ask("PUT", "/v1/operator/keyring?relay-factor=9", {"Key": "x"}, "")).status == 400


async def test_profiles_take_the_right_to_see_the_operator_s_things(api: Api) -> None:
    """Without a word."""
    for token in ("", "unknown", "deny"):
        answer = await api.get("/debug/pprof/heap", token)
        assert (answer.status, answer.raw) == (403, b""), token


async def test_the_mesh_is_asked_by_who_registers_the_target(api: Api) -> None:
    """A question that is wrong in itself is told so first."""
    body = {"Target": "db", "ClientCertURI": "spiffe://x.consul/ns/default/dc/dc1/svc/web"}
    ask = ("POST", "/v1/agent/connect/authorize")
    assert (await api.ask(*ask, body, "unknown")).text == "Could not resolve token to authorizer: ACL not found"
    assert "'service:write' on \"db\"" in (await api.ask(*ask, body)).text
    assert (await api.ask(*ask, {"Target": "db"}, "unknown")).status == 400


async def test_the_recovery_token_needs_no_server(api: Api) -> None:
    """It may do everything with this agent, see all nodes, and nothing else."""
    api.agent.tokens.update("agent_recovery", "rescue")
    assert (await api.get("/v1/agent/self", "rescue")).status == 200
    assert (await api.get("/v1/agent/members", "rescue")).body[0]["Name"] == "here"
    answer = await api.get("/v1/agent/host", "rescue")
    assert (
        answer.text == "Permission denied: token with AccessorID 'agent-recovery:here' lacks permission 'operator:read'"
    )
    api.agent.tokens.update("agent_recovery", "another")
    assert (await api.get("/v1/agent/self", "rescue")).text == "ACL not found"


async def test_requests_without_a_token_have_the_default_one(api: Api, root: str) -> None:
    """As soon as it is set."""
    assert (await api.get("/v1/agent/self")).status == 403
    api.agent.tokens.update("default", root)
    assert (await api.get("/v1/agent/self")).status == 200


async def test_a_service_that_is_waited_for_is_lost_with_the_right_to_it(api: Api, root: str) -> None:
    """Whoever waits is asked for its rights again when there is news."""
    token = ACLToken(AccessorID="a", SecretID="reader")
    api.grant('service "web" { policy = "read" }', token)
    seen = (await api.get("/v1/agent/service/web", "reader")).headers["X-Consul-Contenthash"]
    waiting = asyncio.create_task(api.get(f"/v1/agent/service/web?hash={seen}&wait=60s", "reader"))
    await asyncio.sleep(0)
    api.grant("", token)
    await api.put("/v1/agent/service/register", WEB | {"Port": 81}, root)
    async with asyncio.timeout(5):
        assert (await waiting).text.endswith("lacks permission 'service:read' on \"web\"")
