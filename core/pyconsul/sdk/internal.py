"""What the web UI reads, and other routes for Consul's own tools: ``/v1/internal``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from pyconsul.sdk.decode import json_of, one_or_none
from pyconsul.sdk.request import QueryOptions, Request, escape_path, json_body, params_of
from pyconsul.sdk.results import (
    Json,
)

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller

JsonList: TypeAlias = list[Json]


def nodes_request() -> Request[JsonList]:
    """All nodes with services and checks."""
    return Request("GET", "/v1/internal/ui/nodes", json_of(list[Json]))


def node_request(node: str) -> Request[Json | None]:
    """One node with services and checks, None when there is no such node."""
    return Request("GET", f"/v1/internal/ui/node/{escape_path(node)}", one_or_none(Json), accept=(200, 404))


def services_request() -> Request[JsonList]:
    """A summary of every service."""
    return Request("GET", "/v1/internal/ui/services", json_of(list[Json]))


def exported_services_request() -> Request[JsonList]:
    """The services exported to a peer (``options.peer``)."""
    return Request("GET", "/v1/internal/ui/exported-services", json_of(list[Json]))


def catalog_overview_request() -> Request[Json]:
    """Counts of nodes, services and checks by status."""
    return Request("GET", "/v1/internal/ui/catalog-overview", json_of(Json))


def gateway_services_nodes_request(gateway: str) -> Request[JsonList]:
    """The services behind a gateway with their instances."""
    return Request("GET", f"/v1/internal/ui/gateway-services-nodes/{escape_path(gateway)}", json_of(list[Json]))


def gateway_intentions_request(gateway: str) -> Request[JsonList]:
    """The intentions of the services behind a gateway."""
    return Request("GET", f"/v1/internal/ui/gateway-intentions/{escape_path(gateway)}", json_of(list[Json]))


def service_topology_request(service: str, *, kind: str = "") -> Request[Json]:
    """What a service calls and who calls it."""
    return Request(
        "GET",
        f"/v1/internal/ui/service-topology/{escape_path(service)}",
        json_of(Json),
        params=params_of(("kind", kind)),
    )


def service_virtual_ip_request(definition: Mapping[str, Any]) -> Request[Json]:
    """Set the manual virtual IPs of a service."""
    return Request("PUT", "/v1/internal/service-virtual-ip", json_of(Json), body=json_body(definition), idempotent=True)


def federation_states_request() -> Request[JsonList]:
    """The federation states of all datacenters."""
    return Request("GET", "/v1/internal/federation-states", json_of(list[Json]))


def federation_state_request(datacenter: str) -> Request[Json | None]:
    """One datacenter's federation state."""
    return Request(
        "GET", f"/v1/internal/federation-state/{escape_path(datacenter)}", one_or_none(Json), accept=(200, 404)
    )


def mesh_gateways_request() -> Request[Json]:
    """The mesh gateways by datacenter."""
    return Request("GET", "/v1/internal/federation-states/mesh-gateways", json_of(Json))


class Internal:
    """Routes for the web UI and for Consul's own tools."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def nodes(self, options: QueryOptions | None = None) -> JsonList:
        """All nodes with services and checks."""
        return await self._client.call(nodes_request(), options)

    async def node(self, node: str, options: QueryOptions | None = None) -> Json | None:
        """One node with services and checks, None when there is no such node."""
        return await self._client.call(node_request(node), options)

    async def services(self, options: QueryOptions | None = None) -> JsonList:
        """A summary of every service."""
        return await self._client.call(services_request(), options)

    async def exported_services(self, options: QueryOptions | None = None) -> JsonList:
        """The services exported to a peer (``options.peer``)."""
        return await self._client.call(exported_services_request(), options)

    async def catalog_overview(self, options: QueryOptions | None = None) -> Json:
        """Counts of nodes, services and checks by status."""
        return await self._client.call(catalog_overview_request(), options)

    async def gateway_services_nodes(self, gateway: str, options: QueryOptions | None = None) -> JsonList:
        """The services behind a gateway with their instances."""
        return await self._client.call(gateway_services_nodes_request(gateway), options)

    async def gateway_intentions(self, gateway: str, options: QueryOptions | None = None) -> JsonList:
        """The intentions of the services behind a gateway."""
        return await self._client.call(gateway_intentions_request(gateway), options)

    async def service_topology(self, service: str, options: QueryOptions | None = None, *, kind: str = "") -> Json:
        """What a service calls and who calls it."""
        return await self._client.call(service_topology_request(service, kind=kind), options)

    async def service_virtual_ip(self, definition: Mapping[str, Any], options: QueryOptions | None = None) -> Json:
        """Set the manual virtual IPs of a service."""
        return await self._client.call(service_virtual_ip_request(definition), options)

    async def federation_states(self, options: QueryOptions | None = None) -> JsonList:
        """The federation states of all datacenters."""
        return await self._client.call(federation_states_request(), options)

    async def federation_state(self, datacenter: str, options: QueryOptions | None = None) -> Json | None:
        """One datacenter's federation state."""
        return await self._client.call(federation_state_request(datacenter), options)

    async def mesh_gateways(self, options: QueryOptions | None = None) -> Json:
        """The mesh gateways by datacenter."""
        return await self._client.call(mesh_gateways_request(), options)
