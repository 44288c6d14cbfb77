"""Intentions, config entries, gateways and topology: the rules of the mesh."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.acl_enforcement.conftest import Guarded

RULES = {
    "web": 'service "web" { policy = "write" }',
    "decides web": 'service "web" { policy = "write" intentions = "write" }',
    "reads": 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }',
    "operator": 'operator = "write"',
    "mesh": 'mesh = "write"',
    "reads mesh": 'mesh = "read"',
    "no mesh": 'operator = "write" mesh = "deny"',
    "all": 'service_prefix "" { policy = "write" intentions = "write" }',
}
ENTRIES = (
    {"Kind": "proxy-defaults", "Name": "global"},
    {"Kind": "mesh"},
    {"Kind": "service-defaults", "Name": "web", "Protocol": "http"},
    {"Kind": "service-defaults", "Name": "db", "Protocol": "http"},
    {"Kind": "service-intentions", "Name": "db", "Sources": [{"Name": "web", "Action": "allow"}]},
    {"Kind": "service-intentions", "Name": "web", "Sources": [{"Name": "other", "Action": "deny"}]},
    {"Kind": "exported-services", "Name": "default"},
    {"Kind": "jwt-provider", "Name": "okta", "JSONWebKeySet": {"Local": {"Filename": "/jwks.json"}}},
    {
        "Kind": "ingress-gateway",
        "Name": "gw",
        "Listeners": [
            {"Port": 80, "Protocol": "tcp", "Services": [{"Name": "cache"}]},
            {"Port": 81, "Protocol": "http", "Services": [{"Name": "web"}]},
        ],
    },
)


@pytest.fixture(name="mesh", autouse=True)
def mesh_fixture(guarded: Guarded) -> None:
    """Entries of many kinds, and a service behind a gateway."""
    for entry in ENTRIES:
        guarded.must("PUT /v1/config", entry)
    for name in ("web", "db", "cache"):
        guarded.must("PUT /v1/catalog/register", {"Node": "n1", "Address": "10.0.0.1", "Service": {"Service": name}})
    sidecar = {
        "Kind": "connect-proxy",
        "Service": "web-sidecar",
        "Port": 1,
        "Proxy": {
            "DestinationServiceName": "web",
            "Upstreams": [{"DestinationName": "db", "LocalBindPort": 1}],
        },
    }
    guarded.must("PUT /v1/catalog/register", {"Node": "n1", "Address": "10.0.0.1", "Service": sidecar})


def test_config_entries_are_read_by_the_rule_of_their_kind(check: Callable[..., None]) -> None:
    """Defaults of all proxies and the mesh are for everyone; lists leave out what one read would refuse."""
    check(
        RULES,
        [
            ("web", "GET /v1/config/service-defaults", "200 web filtered"),
            ("web", "GET /v1/config/service-defaults/web", "200 web"),
            ("web", "GET /v1/config/service-defaults/db", "403 service:read on db"),
            ("web", "GET /v1/config/service-resolver/db", "403 service:read on db"),
            ("web", "GET /v1/config/proxy-defaults/global", "200 global"),
            ("web", "GET /v1/config/mesh/mesh", "200 mesh"),
            ("", "GET /v1/config/mesh/mesh", "200 mesh"),
            ("web", "GET /v1/config/service-intentions/web", "200 web"),
            ("web", "GET /v1/config/service-intentions/db", "403 intention:read on db"),
            ("web", "GET /v1/config/service-intentions", "200 web filtered"),
            ("web", "GET /v1/config/exported-services/default", "403 mesh:read"),
            ("web", "GET /v1/config/jwt-provider/okta", "200 okta"),
            ("reads", "GET /v1/config/jwt-provider/okta", "403 mesh:read"),
            ("reads mesh", "GET /v1/config/jwt-provider", "200 okta"),
            ("reads mesh", "GET /v1/config/exported-services", "200 default"),
            ("operator", "GET /v1/config/exported-services", "200 default"),
            ("no mesh", "GET /v1/config/exported-services", "200 filtered"),
            ("operator", "GET /v1/config/service-defaults", "200 filtered"),
            ("reads", "GET /v1/config/ingress-gateway/gw", "200 gw"),
            ("", "GET /v1/config/ingress-gateway", "200"),
        ],
    )


def test_config_entries_are_written_by_the_rule_of_their_kind(check: Callable[..., None]) -> None:
    """What leads a service elsewhere needs to see where to; what is of the whole mesh needs the mesh."""
    put = "PUT /v1/config?"
    bodies: dict[str, Any] = {
        f"{put}defaults": {"Kind": "service-defaults", "Name": "web", "Protocol": "http"},
        f"{put}db": {"Kind": "service-defaults", "Name": "db", "Protocol": "http"},
        f"{put}redirect": {"Kind": "service-resolver", "Name": "web", "Redirect": {"Service": "db"}},
        f"{put}split": {
            "Kind": "service-splitter",
            "Name": "web",
            "Splits": [{"Weight": 50, "Service": "cache"}, {"Weight": 50, "Service": "web"}],
        },
        f"{put}proxies": {"Kind": "proxy-defaults", "Name": "global"},
        f"{put}mesh": {"Kind": "mesh"},
        f"{put}intentions": {"Kind": "service-intentions", "Name": "web", "Sources": [{"Name": "a", "Action": "deny"}]},
        f"{put}gateway": {"Kind": "terminating-gateway", "Name": "web"},
        f"{put}bound": {"Kind": "bound-api-gateway", "Name": "web"},
    }
    check(
        RULES,
        [
            ("web", f"{put}defaults", "200 True"),
            ("web", f"{put}db", "403 service:write on db"),
            ("web", f"{put}redirect", "403 service:read on db"),
            ("web", f"{put}split", "403 service:read on cache"),
            ("web", f"{put}proxies", "403 mesh:write"),
            ("web", f"{put}intentions", "403 intention:write on web"),
            ("web", f"{put}gateway", "403 mesh:write"),
            ("all", f"{put}bound", "403 Permission denied: only writeable by controller"),
            ("decides web", f"{put}intentions", "200 True"),
            ("reads", f"{put}defaults", "403 service:write on web"),
            ("operator", f"{put}proxies", "200 True"),
            ("operator", f"{put}mesh", "200 True"),
            ("operator", f"{put}defaults", "403 service:write on web"),
            ("no mesh", f"{put}mesh", "403 mesh:write"),
            ("reads mesh", f"{put}mesh", "403 mesh:write"),
            ("mesh", f"{put}mesh", "200 True"),
            ("web", "DELETE /v1/config/service-resolver/db", "403 service:write on db"),
            ("web", "DELETE /v1/config/service-resolver/web", "200"),
            ("web", "DELETE /v1/config/mesh/mesh", "403 mesh:write"),
            ("", f"{put}mesh", "403 mesh:write"),
        ],
        bodies,
    )


def test_intentions_may_be_read_from_both_ends_and_written_at_their_destination(
    check: Callable[..., None],
) -> None:
    """A refusal names neither end, but where a single name was asked for."""
    exact, match = "/v1/connect/intentions/exact?", "/v1/connect/intentions/match?"
    bodies = {
        f"PUT {exact}source=a&destination=web": {"Action": "allow"},
        f"PUT {exact}source=web&destination=db": {"Action": "allow"},
        "POST /v1/connect/intentions": {"SourceName": "a", "DestinationName": "db", "Action": "allow"},
    }
    check(
        RULES,
        [
            ("web", "GET /v1/connect/intentions", "200 other web"),
            ("operator", "GET /v1/connect/intentions", "200 filtered"),
            ("", "GET /v1/connect/intentions", "200"),
            ("web", f"GET {exact}source=web&destination=db", "200 web"),
            ("operator", f"GET {exact}source=web&destination=db", "403"),
            ("web", f"GET {match}by=destination&name=web", "200 web"),
            ("web", f"GET {match}by=destination&name=db", "403 intention:read on db"),
            ("web", "GET /v1/connect/intentions/check?source=db&destination=web", "200 Allowed"),
            ("web", "GET /v1/connect/intentions/check?source=web&destination=db", "403 service:read on db"),
            ("web", f"PUT {exact}source=a&destination=web", "403"),
            ("decides web", f"PUT {exact}source=a&destination=web", "200 True"),
            ("decides web", f"PUT {exact}source=web&destination=db", "403"),
            ("decides web", f"DELETE {exact}source=web&destination=db", "403"),
            ("decides web", "POST /v1/connect/intentions", "403"),
            ("decides web", f"DELETE {exact}source=a&destination=web", "200 True"),
        ],
        bodies,
    )


def test_what_no_intention_speaks_of_is_left_to_the_default_policy(guarded: Guarded) -> None:
    """Under default deny a call is denied, even for management."""
    token = guarded.token(RULES["reads"])
    asked = "GET /v1/connect/intentions/check?source=db&destination=cache"
    assert json.loads(guarded.answer(asked, token)[2]) == {"Allowed": False}


def test_gateways_and_topology_need_the_right_to_the_service_asked_for(check: Callable[..., None]) -> None:
    """What is behind them is filtered."""
    ui = "/v1/internal/ui/"
    check(
        RULES,
        [
            ("web", "GET /v1/catalog/gateway-services/gw", "403 service:read on gw"),
            ("reads", "GET /v1/catalog/gateway-services/gw", "200 cache web"),
            ("web", f"GET {ui}gateway-services-nodes/gw", "403 service:read on gw"),
            ("web", f"GET {ui}gateway-intentions/gw", "403 service:read on gw"),
            ("web", f"GET {ui}service-topology/db?kind=", "403 service:read on db"),
            ("web", f"GET {ui}catalog-overview", "403 operator:read"),
            ("reads mesh", f"GET {ui}catalog-overview", "403 operator:read"),
            ("web", f"GET {ui}nodes", "200 filtered"),
            ("reads", f"GET {ui}nodes", "200 cache db web web-sidecar consul"),
            ("web", f"GET {ui}node/n1", "404"),
            ("web", f"GET {ui}services", "200 filtered"),
            ("", f"GET {ui}services", "200"),
            ("web", "PUT /v1/internal/service-virtual-ip", "403 mesh:write"),
        ],
        {"PUT /v1/internal/service-virtual-ip": {"Service": "web", "ManualVIPs": ["10.1.1.1"]}},
    )


def test_a_gateway_shows_those_of_its_services_that_may_be_seen(guarded: Guarded) -> None:
    """By the mapping, and with the node of an instance."""
    token = guarded.token('service "gw" { policy = "read" } service "web" { policy = "read" }')
    assert guarded.ask("GET /v1/catalog/gateway-services/gw", token) == "200 web filtered"
    assert guarded.ask("GET /v1/internal/ui/gateway-services-nodes/gw", token) == "200 filtered"
    guarded.must("PUT /v1/connect/intentions/exact?source=b&destination=web", {"Action": "allow"})
    assert guarded.ask("GET /v1/internal/ui/gateway-intentions/gw", token) == "200 b"


def test_a_topology_tells_whether_neighbours_are_hidden(guarded: Guarded) -> None:
    """In the body and, to who brings a token, in a header."""
    token = guarded.token('service "web" { policy = "read" } node_prefix "" { policy = "read" }')
    _, headers, body = guarded.answer("GET /v1/internal/ui/service-topology/web?kind=", token)
    found = json.loads(body)
    assert found["FilteredByACLs"] is True
    assert found["Upstreams"] == []
    assert headers["x-consul-results-filtered-by-acls"] == "true"
    seer = guarded.token(RULES["reads"])
    found = json.loads(guarded.answer("GET /v1/internal/ui/service-topology/web?kind=", seer)[2])
    assert found["FilteredByACLs"] is False
    assert [one["Name"] for one in found["Upstreams"]] == ["db"]
