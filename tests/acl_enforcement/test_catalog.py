"""The catalog, health and coordinates: what is shown of nodes, services and checks, and who may register what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.acl_enforcement.conftest import Guarded

RULES = {
    "node": 'node "n1" { policy = "read" }',
    "web": 'node_prefix "" { policy = "read" } service "web" { policy = "read" }',
    "services": 'service_prefix "" { policy = "read" }',
    "writes web": 'service "web" { policy = "write" }',
    "writes n1": 'node "n1" { policy = "write" }',
    "writes both": 'node "n1" { policy = "write" } service_prefix "" { policy = "write" }',
}
NODES = {"n1": "10.0.0.1", "n2": "10.0.0.2"}


def instance(node: str, service: str, service_id: str = "", **more: Any) -> dict[str, Any]:
    """A registration that says nothing new of its node."""
    named = {"Service": service, "ID": service_id or service, **more}
    return {"Node": node, "Address": NODES.get(node, "10.0.0.9"), "Service": named}


@pytest.fixture(name="catalog", autouse=True)
def catalog_fixture(guarded: Guarded) -> None:
    """Two nodes with services and checks."""
    for node, service in (("n1", "web"), ("n1", "db"), ("n2", "web")):
        check = {"CheckID": f"{service}-check", "ServiceID": service, "Status": "passing"}
        guarded.must("PUT /v1/catalog/register", instance(node, service) | {"Check": check})
    proxy = instance("n1", "web-proxy", Kind="connect-proxy", Proxy={"DestinationServiceName": "web"}, Port=1)
    guarded.must("PUT /v1/catalog/register", proxy)
    node_check = {"CheckID": "n1-alive", "Status": "passing"}
    guarded.must("PUT /v1/catalog/register", {"Node": "n1", "Address": "10.0.0.1", "Check": node_check})


def test_nodes_and_services_are_filtered(check: Callable[..., None]) -> None:
    """An instance needs the right to its node and to its service."""
    check(
        RULES,
        [
            ("node", "GET /v1/catalog/nodes", "200 n1 filtered"),
            ("web", "GET /v1/catalog/nodes", "200 n1 n2 test-node"),
            ("services", "GET /v1/catalog/nodes", "200 filtered"),
            ("", "GET /v1/catalog/nodes", "200"),
            ("node", "GET /v1/catalog/services", "200 filtered"),
            ("web", "GET /v1/catalog/services", "200 web filtered"),
            ("web", "GET /v1/catalog/service/web", "200 web web"),
            ("web", "GET /v1/catalog/service/db", "200 filtered"),
            ("services", "GET /v1/catalog/service/web", "200 filtered"),
            ("", "GET /v1/catalog/service/web", "200"),
            ("web", "GET /v1/catalog/connect/web", "200 filtered"),
            ("node", "GET /v1/catalog/connect/web", "200"),
            ("web", "GET /v1/catalog/node/n1", "200 web filtered"),
            ("services", "GET /v1/catalog/node/n1", "200 None filtered"),
            ("web", "GET /v1/catalog/node-services/n2", "200 web"),
            ("web", "GET /v1/catalog/gateway-services/gw", "403 service:read on gw"),
        ],
    )


def test_services_of_a_node_by_id_are_asked_for_by_their_ids(guarded: Guarded) -> None:
    """As in Consul, where the list of the same services asks for their names."""
    guarded.must("PUT /v1/catalog/register", instance("n3", "web", "web-7"))
    token = guarded.token(RULES["web"])
    assert guarded.ask("GET /v1/catalog/node/n3", token) == "200 n3 filtered"
    assert guarded.ask("GET /v1/catalog/node-services/n3", token) == "200 web"
    guarded.must("PUT /v1/catalog/deregister", {"Node": "n3"})


def test_an_expression_sees_only_what_the_token_may_see(guarded: Guarded) -> None:
    """Else it would tell of what is hidden by its matches."""
    token = guarded.token(RULES["node"])
    assert guarded.ask('GET /v1/catalog/nodes?filter=Node+==+"n2"', token) == "200 filtered"
    assert guarded.ask('GET /v1/health/state/any?filter=CheckID+==+"n1-alive"', token) == "200 n1-alive filtered"
    assert guarded.ask('GET /v1/health/checks/web?filter=Node+==+"n9"', token) == "200"


def test_health_is_filtered_and_the_mesh_refused(check: Callable[..., None]) -> None:
    """Checks of a node need its right alone; whom a proxy speaks for is no secret to be found out."""
    check(
        RULES,
        [
            ("node", "GET /v1/health/node/n1", "200 n1-alive filtered"),
            ("web", "GET /v1/health/node/n1", "200 n1-alive web-check filtered"),
            ("web", "GET /v1/health/checks/web", "200 web-check web-check"),
            ("node", "GET /v1/health/checks/web", "200 filtered"),
            ("web", "GET /v1/health/service/web?filter=Node.Node+!=+%22n3%22", "200 web web"),
            ("services", "GET /v1/health/service/web", "200 filtered"),
            ("node", "GET /v1/health/connect/web", "403"),
            ("web", "GET /v1/health/connect/web", "200 filtered"),
            ("node", "GET /v1/health/ingress/web", "403"),
            ("", "GET /v1/health/service/web", "200"),
            ("", "GET /v1/health/node/n1", "200"),
        ],
    )


def test_what_consul_answers_from_its_stream_hides_silently(check: Callable[..., None]) -> None:
    """Waiting and cached questions about health are neither refused nor told that something is missing."""
    check(
        RULES,
        [
            ("node", "GET /v1/health/connect/web?index=1", "200"),
            ("node", "GET /v1/health/connect/web?cached", "200"),
            ("services", "GET /v1/health/service/web?index=1", "200"),
            ("services", "GET /v1/health/service/web?cached", "200"),
            ("services", "GET /v1/health/service/web?cached&near=n1", "200 filtered"),
            ("node", "GET /v1/health/connect/web?index=1&near=n1", "403"),
            ("node", "GET /v1/health/ingress/web?index=1", "403"),
            ("services", "GET /v1/catalog/service/web?index=1", "200 filtered"),
        ],
    )


def test_the_datacenters_are_cached_for_all_tokens_together(guarded: Guarded) -> None:
    """They are told to everyone, whatever is sent as a token."""
    asked = [guarded.answer("GET /v1/catalog/datacenters?cached", token) for token in ("", "no-token", guarded.root)]
    assert [status for status, _, _ in asked] == [200, 200, 200]
    assert [headers["x-cache"] for _, headers, _ in asked][1:] == ["HIT", "HIT"]


@pytest.mark.parametrize("path", ["catalog/services", "catalog/service/web", "health/service/web", "internal/ui/nodes"])
def test_an_unknown_token_is_refused_before_the_expression_is_read(guarded: Guarded, path: str) -> None:
    """The expression is a bad one."""
    assert guarded.ask(f"GET /v1/{path}?filter=bad(+", "no-token") == "403 ACL not found"


def test_registrations_need_the_rights_to_what_they_change(check: Callable[..., None]) -> None:
    """A service may come to a node that it says nothing new of; a proxy speaks for a service that it may write."""
    proxy = instance("n1", "web", Kind="connect-proxy", Proxy={"DestinationServiceName": "db"}, Port=1)
    node_check = {"Node": "n1", "SkipNodeUpdate": True, "Check": {"CheckID": "c", "Status": "passing"}}
    db_check = {"Node": "n1", "SkipNodeUpdate": True, "Check": {"CheckID": "c", "ServiceID": "db"}}
    no_check = {"Node": "n1", "SkipNodeUpdate": True, "Check": {"CheckID": "c", "ServiceID": "none"}}
    bodies = {
        "PUT /v1/catalog/register?web": instance("n1", "web"),
        "PUT /v1/catalog/register?db": instance("n1", "db"),
        "PUT /v1/catalog/register?new-node": instance("n8", "web"),
        "PUT /v1/catalog/register?moved": instance("n1", "web") | {"Address": "10.9.9.9"},
        "PUT /v1/catalog/register?takes-over": instance("n1", "web", "db"),
        "PUT /v1/catalog/register?other-case": instance("n1", "web", "DB"),
        "PUT /v1/catalog/register?proxy": proxy,
        "PUT /v1/catalog/register?node-check": node_check,
        "PUT /v1/catalog/register?db-check": db_check,
        "PUT /v1/catalog/register?no-check": no_check,
        "PUT /v1/catalog/register?consul": instance("n1", "consul"),
    }
    put = "PUT /v1/catalog/register?"
    check(
        RULES,
        [
            ("writes web", f"{put}web", "200 True"),
            ("writes web", f"{put}db", "403 service:write on db"),
            ("writes web", f"{put}new-node", "403 node:write on n8"),
            ("writes web", f"{put}moved", "403 node:write on n1"),
            ("writes web", f"{put}takes-over", "403"),
            ("writes web", f"{put}other-case", "403"),
            ("writes web", f"{put}proxy", "403 service:write on db"),
            ("writes web", f"{put}node-check", "403 node:write on n1"),
            ("writes web", f"{put}db-check", "403 service:write on db"),
            ("writes web", f"{put}no-check", "500 Unknown service ID 'none' for check ID 'c'"),
            ("writes web", f"{put}consul", "403 service:write on consul"),
            ("writes n1", f"{put}web", "403 service:write on web"),
            ("writes n1", f"{put}node-check", "200 True"),
            ("writes both", f"{put}moved", "200 True"),
            ("writes both", f"{put}web", "200 True"),
            ("", f"{put}web", "403 service:write on web"),
        ],
        bodies,
    )


def test_who_may_write_the_node_may_drop_all_that_is_on_it(check: Callable[..., None]) -> None:
    """Others need the right to the very service; what is not there is only told to those."""
    bodies = {
        "PUT /v1/catalog/deregister?db": {"Node": "n1", "ServiceID": "db"},
        "PUT /v1/catalog/deregister?web": {"Node": "n2", "ServiceID": "web"},
        "PUT /v1/catalog/deregister?none": {"Node": "n1", "ServiceID": "none"},
        "PUT /v1/catalog/deregister?check": {"Node": "n1", "CheckID": "n1-alive"},
        "PUT /v1/catalog/deregister?no-check": {"Node": "n1", "CheckID": "none"},
        "PUT /v1/catalog/deregister?web-check": {"Node": "n2", "CheckID": "web-check"},
        "PUT /v1/catalog/deregister?n1": {"Node": "n1"},
        "PUT /v1/catalog/deregister?n2": {"Node": "n2"},
    }
    put = "PUT /v1/catalog/deregister?"
    check(
        RULES,
        [
            ("writes web", f"{put}db", "403 service:write on db"),
            ("writes web", f"{put}none", "500 Unknown service ID 'none'"),
            ("writes web", f"{put}check", "403 node:write on n1"),
            ("writes web", f"{put}no-check", "500 Unknown check ID 'none'"),
            ("writes web", f"{put}n2", "403 node:write on n2"),
            ("writes web", f"{put}web-check", "200 True"),
            ("writes web", f"{put}web", "200 True"),
            ("", f"{put}n1", "403 node:write on n1"),
            ("writes n1", f"{put}none", "200 True"),
            ("writes n1", f"{put}db", "200 True"),
            ("writes n1", f"{put}n1", "200 True"),
        ],
        bodies,
    )


def test_coordinates_follow_their_nodes(check: Callable[..., None], guarded: Guarded) -> None:
    """Reading and telling where a node is need the right to it."""
    where = {"Vec": [0.0] * 8, "Error": 1.5, "Adjustment": 0.0, "Height": 1e-5}
    bodies = {"PUT /v1/coordinate/update": {"Node": "test-node", "Coord": where}}
    check(
        RULES,
        [
            ("node", "PUT /v1/coordinate/update", "403 node:write on test-node"),
            ("node", "GET /v1/coordinate/node/test-node", "403 node:read on test-node"),
            ("node", "GET /v1/coordinate/node/n1", "404"),
            ("node", "GET /v1/coordinate/datacenters", "200 dc1"),
        ],
        bodies,
    )
    assert (
        guarded.ask(
            "PUT /v1/coordinate/update",
            guarded.token('node_prefix "" { policy = "write" }'),
            bodies["PUT /v1/coordinate/update"],
        )
        == "200"
    )
