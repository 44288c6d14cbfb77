"""Nobody without a token gets or changes anything where all is denied by default: every route of the API, one by one.

A route that stands in no list here must be refused, so that a new one is refused or thought about.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from pyconsul.agent.http import families
from tests.acl_enforcement.conftest import Guarded

MARK = "hush"  # in everything that is stored, in nothing that is asked
# What is told to everyone: who leads, which datacenters there are, which version this is.
PUBLIC = (
    "GET /v1/acl/replication",
    "GET /v1/agent/version",
    "GET /v1/catalog/datacenters",
    "GET /v1/coordinate/datacenters",
    "GET /v1/status/leader",
    "GET /v1/status/peers",
)
# Lists of which nothing is left.
EMPTY = (
    *(f"GET /v1/agent/{what}" for what in ("checks", "members", "services")),
    *(f"GET /v1/catalog/{what}" for what in ("nodes", "services", "service/web", "connect/web", "node/n1")),
    "GET /v1/catalog/node-services/n1",
    "GET /v1/config/service-defaults",
    "GET /v1/connect/intentions",
    "GET /v1/coordinate/nodes",
    "GET /v1/event/list",
    *(f"GET /v1/health/{what}" for what in ("state/any", "node/n1", "checks/web", "service/web")),
    "GET /v1/internal/federation-states/mesh-gateways",
    *(f"GET /v1/internal/ui/{what}" for what in ("nodes", "services", "exported-services?peer=p")),
    "GET /v1/query",
    *(f"GET /v1/session/{what}" for what in ("list", "node/n1", "info/{session}")),
)
# What says nothing about anybody's data by another status, as in Consul.
OTHERWISE = {
    "PUT /v1/txn": 409,
    "POST /v1/acl/logout": 401,
    "DELETE /v1/config/service-defaults": 404,
    "GET /v1/internal/ui/node/n1": 404,
    "GET /v1/internal/ui/metrics-proxy/x": 404,
    "POST /v1/internal/acl/authorize": 200,  # what one may do oneself
    "GET /v1/connect/intentions/{none}": 404,
    "DELETE /v1/connect/intentions/{none}": 500,
    "PUT /v1/connect/intentions/{none}": 500,
}
LATER = ("/v1/connect/ca", "/v1/agent/connect/ca", "/v1/discovery-chain", "/v1/peering", "/api/")
STREAMS = ("/v1/agent/monitor", "/v1/agent/metrics/stream")  # tried with the agent's routes

PLACES = {
    "name": "web",
    "node": "n1",
    "key": "a",
    "kind": "service-defaults",
    "service": "web",
    "gateway": "gw",
    "state": "any",
    "dc": "dc1",
    "path": "x",
    "address": "127.0.0.1",
    "id": "{none}",
}
OWN_PLACES = {
    "/v1/agent/service": "web",
    "/v1/agent/check": "web-check",
    "/v1/agent/health/service/id": "web",
    "/v1/session": "{session}",
    "/v1/query": "{query}",
}
FIXED_PATHS = {
    "/v1/catalog/node/{name...}": "/v1/catalog/node/n1",
    "/v1/catalog/node-services/{name...}": "/v1/catalog/node-services/n1",
    "/v1/session/node/{node...}": "/v1/session/node/n1",
    "/v1/agent/token/{name...}": "/v1/agent/token/default",
}
PARAMETERS = {
    "/v1/connect/intentions/match": "?by=source&name=web",
    "/v1/connect/intentions/check": "?source=web&destination=web",
    "/v1/connect/intentions/exact": "?source=web&destination=web",
    "/v1/internal/ui/service-topology/web": "?kind=",
    "/v1/internal/ui/exported-services": "?peer=p",
    "/v1/operator/raft/peer": "?id=x",
    "/v1/agent/maintenance": "?enable=true",
    "/v1/agent/service/maintenance/web": "?enable=true",
}
INTENTION = {"SourceName": "web", "DestinationName": "web", "Action": "allow"}
BODIES: dict[str, Any] = {
    "/v1/catalog/register": {"Node": "n1", "Address": "10.0.0.1", "Service": {"Service": "web"}},
    "/v1/catalog/deregister": {"Node": "n1"},
    "/v1/config": {"Kind": "mesh"},
    "/v1/coordinate/update": {"Node": "n1", "Coord": {"Vec": [0] * 8, "Error": 1.5, "Height": 1e-5}},
    "/v1/connect/intentions": INTENTION,
    "/v1/connect/intentions/exact?source=web&destination=web": {"Action": "allow"},
    "/v1/connect/intentions/{none}": INTENTION,
    "/v1/query": {"Name": "web", "Service": {"Service": "web"}},
    "/v1/query/{query}": {"Name": "web", "Service": {"Service": "web"}},
    "/v1/txn": [{"KV": {"Verb": "set", "Key": "a", "Value": "MQ=="}}],
    "/v1/acl/policy": {"Name": "x"},
    "/v1/acl/role": {"Name": "x", "ServiceIdentities": [{"ServiceName": "web"}]},
    "/v1/agent/service/register": {"Name": "web"},
    "/v1/agent/check/register": {"Name": "web", "TTL": "1m"},
    "/v1/agent/check/update/web-check": {"Status": "passing"},
    "/v1/agent/connect/authorize": {
        "Target": "web",
        "ClientCertURI": "spiffe://11111111-2222-3333-4444-555555555555.consul/ns/default/dc/dc1/svc/web",
    },
    "/v1/operator/keyring": {"Key": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="},
    "/v1/internal/acl/authorize": [{"Resource": "key", "Access": "read", "Segment": "a"}],
}


@pytest.fixture(name="stored")
def stored_fixture(guarded: Guarded) -> dict[str, str]:
    """One row of everything, each with the mark somewhere in it; the IDs by what they are of."""
    guarded.must("PUT /v1/kv/a", MARK.encode())
    service = {"Service": "web", "ID": "web", "Meta": {"m": MARK}}
    check = {"CheckID": "c", "Notes": MARK}
    node = {"Node": "n1", "Address": "10.0.0.1", "NodeMeta": {"m": MARK}}
    guarded.must("PUT /v1/catalog/register", node | {"Service": service, "Check": check})
    guarded.must("PUT /v1/config", {"Kind": "service-defaults", "Name": "web", "Meta": {"m": MARK}})
    guarded.must("PUT /v1/agent/service/register", {"Name": "web", "Meta": {"m": MARK}})
    guarded.must("PUT /v1/agent/check/register", {"Name": "web-check", "ServiceID": "web", "TTL": "1h", "Notes": MARK})
    sources = [{"Name": "web", "Action": "allow", "Description": MARK}]
    guarded.must("PUT /v1/config", {"Kind": "service-intentions", "Name": "web", "Sources": sources})
    session = guarded.must("PUT /v1/session/create", {"Name": MARK, "NodeChecks": []})["ID"]
    query = guarded.must("POST /v1/query", {"Name": "q", "Service": {"Service": "web", "ServiceMeta": {"m": MARK}}})[
        "ID"
    ]
    guarded.must("PUT /v1/event/fire/x", MARK.encode())
    return {"{session}": session, "{query}": query, "{none}": "00000000-0000-4000-8000-00000000000a"}


def path_of(pattern: str) -> str:
    """A path that a route with this pattern answers."""
    if pattern in FIXED_PATHS:
        return FIXED_PATHS[pattern]
    own = next((name for start, name in OWN_PLACES.items() if pattern.startswith(f"{start}/")), "")
    parts = [part.strip("{}.") if part.startswith("{") else "" for part in pattern.split("/")]
    named = [(own or PLACES[name]) if name else part for name, part in zip(parts, pattern.split("/"), strict=True)]
    path = "/".join(named)
    return path + PARAMETERS.get(path, "")


def requests() -> list[str]:
    """One request for each route and method."""
    return [
        f"{method} {path_of(pattern)}"
        for pattern, route in families.router().routes.items()
        if pattern not in STREAMS
        for method in route.handlers
        if method not in route.unlisted
    ]


def expected(request: str) -> int:
    """The status that a request without a token must get."""
    path = request.partition(" ")[2]
    if request in PUBLIC or request in EMPTY:
        return 200
    return OTHERWISE.get(request, 501 if path.startswith(LATER) else 403)


def asked(guarded: Guarded, stored: dict[str, str], request: str) -> tuple[int, dict[str, str], bytes]:
    """The answer to a request without a token."""
    method, _, path = request.partition(" ")
    body = BODIES.get(path, {}) if method in ("PUT", "POST", "DELETE") else None
    for name, value in stored.items():
        request = request.replace(name, value)
    return guarded.answer(request, "", body)


def test_no_route_gives_anything_to_nobody(guarded: Guarded, stored: dict[str, str]) -> None:
    """Refused or empty, and whatever is said holds nothing that is stored."""
    found: dict[str, int] = {}
    for request in requests():
        status, headers, body = asked(guarded, stored, request)
        found[request] = status
        assert MARK.encode() not in body, request
        assert "x-consul-results-filtered-by-acls" not in headers, request
    assert found == {request: expected(request) for request in requests()}


def test_lists_are_empty_indeed(guarded: Guarded, stored: dict[str, str]) -> None:
    """Not only free of the mark."""
    nothing: list[Any] = [[], {}, None, {"Node": None, "Services": None}]
    for request in EMPTY:
        assert json.loads(asked(guarded, stored, request)[2]) in nothing, request


def test_nothing_has_changed_for_all_that_was_tried(guarded: Guarded, stored: dict[str, str]) -> None:
    """Every write without a token leaves all rows as they were."""
    shown = [request for request in EMPTY if "node-services" not in request]

    def everything() -> list[bytes]:
        answers = [guarded.answer(request.replace("{session}", stored["{session}"]), guarded.root) for request in shown]
        return [body for status, _, body in answers if status == 200]

    before = everything()
    for request in requests():
        if not request.startswith("GET"):
            asked(guarded, stored, request)
    assert everything() == before
    assert len(before) == len(shown)


def test_an_unknown_token_is_told_so_by_every_route_that_asks_for_one(guarded: Guarded, stored: dict[str, str]) -> None:
    """Even where the anonymous token would get an empty list."""
    for request in EMPTY:
        path = request.replace("{session}", stored["{session}"])
        assert guarded.ask(path, "99999999-9999-4999-8999-999999999999") == "403 ACL not found", request
