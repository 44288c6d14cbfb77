"""The servers' view of nodes and services: ``/v1/catalog``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from pyconsul.sdk.decode import json_of, one_or_none, truth
from pyconsul.sdk.request import QueryOptions, Request, escape_path, json_body, params_of
from pyconsul.sdk.results import (
    CatalogNode,
    CatalogNodeServices,
    CatalogService,
    Json,
    Node,
)

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller

Names: TypeAlias = list[str]
Nodes: TypeAlias = list[Node]
ServiceTags: TypeAlias = dict[str, list[str]]
Instances: TypeAlias = list[CatalogService]
JsonList: TypeAlias = list[Json]


def datacenters_request() -> Request[Names]:
    """The known datacenters, nearest first."""
    return Request("GET", "/v1/catalog/datacenters", json_of(list[str]))


def nodes_request() -> Request[Nodes]:
    """All nodes."""
    return Request("GET", "/v1/catalog/nodes", json_of(list[Node]))


def services_request() -> Request[ServiceTags]:
    """All service names, each with the tags of its instances."""
    return Request("GET", "/v1/catalog/services", json_of(dict[str, list[str]]))


def service_request(name: str, *, tags: Sequence[str] = ()) -> Request[Instances]:
    """The instances of a service that carry all of ``tags``."""
    return Request(
        "GET",
        f"/v1/catalog/service/{escape_path(name)}",
        json_of(list[CatalogService]),
        params=params_of(("tag", tags)),
    )


def connect_request(name: str, *, tags: Sequence[str] = ()) -> Request[Instances]:
    """The mesh-capable instances of a service: proxies for it, or native ones."""
    return Request(
        "GET",
        f"/v1/catalog/connect/{escape_path(name)}",
        json_of(list[CatalogService]),
        params=params_of(("tag", tags)),
    )


def node_request(name: str) -> Request[CatalogNode | None]:
    """One node with its instances, None when there is no such node."""
    return Request("GET", f"/v1/catalog/node/{escape_path(name)}", one_or_none(CatalogNode))


def node_services_request(name: str) -> Request[CatalogNodeServices | None]:
    """One node with its instances as a list."""
    return Request("GET", f"/v1/catalog/node-services/{escape_path(name)}", one_or_none(CatalogNodeServices))


def gateway_services_request(gateway: str) -> Request[JsonList]:
    """The services behind a gateway."""
    return Request("GET", f"/v1/catalog/gateway-services/{escape_path(gateway)}", json_of(list[Json]))


def register_request(definition: Mapping[str, Any] | Struct) -> Request[bool]:
    """Write a node, a service or checks straight into the catalog."""
    return Request("PUT", "/v1/catalog/register", truth, body=json_body(definition), idempotent=True)


def deregister_request(definition: Mapping[str, Any] | Struct) -> Request[bool]:
    """Remove a node, a service or a check from the catalog."""
    return Request("PUT", "/v1/catalog/deregister", truth, body=json_body(definition), idempotent=True)


class Catalog:
    """The servers' view of nodes and services."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def datacenters(self, options: QueryOptions | None = None) -> Names:
        """The known datacenters, nearest first."""
        return await self._client.call(datacenters_request(), options)

    async def nodes(self, options: QueryOptions | None = None) -> Nodes:
        """All nodes."""
        return await self._client.call(nodes_request(), options)

    async def services(self, options: QueryOptions | None = None) -> ServiceTags:
        """All service names, each with the tags of its instances."""
        return await self._client.call(services_request(), options)

    async def service(self, name: str, options: QueryOptions | None = None, *, tags: Sequence[str] = ()) -> Instances:
        """The instances of a service that carry all of ``tags``."""
        return await self._client.call(service_request(name, tags=tags), options)

    async def connect(self, name: str, options: QueryOptions | None = None, *, tags: Sequence[str] = ()) -> Instances:
        """The mesh-capable instances of a service: proxies for it, or native ones."""
        return await self._client.call(connect_request(name, tags=tags), options)

    async def node(self, name: str, options: QueryOptions | None = None) -> CatalogNode | None:
        """One node with its instances, None when there is no such node."""
        return await self._client.call(node_request(name), options)

    async def node_services(self, name: str, options: QueryOptions | None = None) -> CatalogNodeServices | None:
        """One node with its instances as a list."""
        return await self._client.call(node_services_request(name), options)

    async def gateway_services(self, gateway: str, options: QueryOptions | None = None) -> JsonList:
        """The services behind a gateway."""
        return await self._client.call(gateway_services_request(gateway), options)

    async def register(self, definition: Mapping[str, Any] | Struct, options: QueryOptions | None = None) -> bool:
        """Write a node, a service or checks straight into the catalog."""
        return await self._client.call(register_request(definition), options)

    async def deregister(self, definition: Mapping[str, Any] | Struct, options: QueryOptions | None = None) -> bool:
        """Remove a node, a service or a check from the catalog."""
        return await self._client.call(deregister_request(definition), options)
