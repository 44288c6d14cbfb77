"""The service mesh and cluster peering, switched off by the configuration: every route says so as Consul does."""

import json

import pytest

from tests.http.conftest import connected, running

NO_CONNECT = "Connect must be enabled in order to use this endpoint"
NO_PEERING = "peering must be enabled to use this endpoint"
OFF = "connect { enabled = false } peering { enabled = false }"
INTENTIONS = b'{"Kind": "service-intentions", "Name": "web", "Sources": [{"Name": "a", "Action": "allow"}]}'
VIRTUAL = "consul-virtual"
ONE_CALL = b'{"Target": "web", "ClientCertURI": "spiffe://x/ns/default/dc/dc1/svc/a"}'


@pytest.mark.parametrize(
    ("method", "path", "body", "text"),
    [
        ("GET", "/v1/connect/ca/roots", b"", NO_CONNECT),
        ("GET", "/v1/connect/ca/configuration", b"", NO_CONNECT),
        ("PUT", "/v1/connect/ca/configuration", b"{}", NO_CONNECT),
        ("GET", "/v1/agent/connect/ca/roots", b"", NO_CONNECT),
        ("GET", "/v1/agent/connect/ca/leaf/web", b"", NO_CONNECT),
        ("POST", "/v1/agent/connect/authorize", ONE_CALL, f"failed getting intention match: {NO_CONNECT}"),
        ("GET", "/v1/discovery-chain/web", b"", NO_CONNECT),
        ("GET", "/v1/connect/intentions", b"", NO_CONNECT),
        ("GET", "/v1/connect/intentions/exact?source=a&destination=b", b"", NO_CONNECT),
        ("GET", "/v1/connect/intentions/match?by=source&name=a", b"", NO_CONNECT),
        ("GET", "/v1/connect/intentions/check?source=a&destination=b", b"", NO_CONNECT),
        ("PUT", "/v1/connect/intentions/exact?source=a&destination=b", b'{"Action": "allow"}', NO_CONNECT),
        ("PUT", "/v1/config", INTENTIONS, NO_CONNECT),
        ("DELETE", "/v1/config/service-intentions/web", b"", NO_CONNECT),
        ("GET", "/v1/peerings", b"", NO_PEERING),
        ("GET", "/v1/peering/x", b"", NO_PEERING),
        ("DELETE", "/v1/peering/x", b"", NO_PEERING),
        ("POST", "/v1/peering/token", b'{"PeerName": "x"}', NO_PEERING),
    ],
)
async def test_a_route_of_what_is_off_says_so(method: str, path: str, body: bytes, text: str) -> None:
    """With 500, whatever it would say with the capability on."""
    async with running(OFF) as agent, connected(agent) as wire:
        answer = await wire.get(path, method=method, body=body)
        assert (answer.status, answer.body.decode()) == (500, text)


async def test_other_config_entries_are_written_all_the_same() -> None:
    """Defaults of services do not need a mesh."""
    async with running(OFF) as agent, connected(agent) as wire:
        body = b'{"Kind": "service-defaults", "Name": "web", "Protocol": "http"}'
        assert (await wire.get("/v1/config", method="PUT", body=body)).status == 200


async def test_a_leader_does_not_write_intentions_of_its_configuration() -> None:
    """``config_entries.bootstrap`` may name them; the log tells that they wait for the mesh."""
    bootstrap = 'kind = "service-intentions" name = "web" sources = [{ name = "a" action = "allow" }]'
    async with (
        running(f"{OFF} config_entries {{ bootstrap = [{{ {bootstrap} }}] }}") as agent,
        connected(agent) as wire,
    ):
        answer = await wire.get("/v1/config/service-intentions")
        assert (answer.status, answer.body) == (200, b"[]")


GATEWAY = {"Kind": "terminating-gateway", "Name": "edge", "Services": [{"Name": "db"}]}
NATIVE = {"Name": "web", "Port": 80, "Connect": {"Native": True}}
EDGE = {"Name": "edge", "Kind": "terminating-gateway", "Port": 8443}


@pytest.mark.parametrize(
    ("settings", "web", "edge"), [(OFF, set[str](), set[str]()), ("", {VIRTUAL}, {f"{VIRTUAL}:db"})]
)
async def test_services_have_virtual_addresses_only_with_a_mesh(settings: str, web: set[str], edge: set[str]) -> None:
    """Neither those of the mesh nor those behind its gateways, by whatever way they come."""
    async with running(settings) as agent, connected(agent) as wire:
        for path, definition in (
            ("config", GATEWAY),
            ("agent/service/register", NATIVE),
            ("agent/service/register", EDGE),
        ):
            assert (await wire.get(f"/v1/{path}", method="PUT", body=json.dumps(definition).encode())).status == 200
        for name, expected in (("web", web), ("edge", edge)):
            [row] = json.loads((await wire.get(f"/v1/catalog/service/{name}")).body)
            assert {tag for tag in row.get("ServiceTaggedAddresses") or () if tag.startswith(VIRTUAL)} == expected
