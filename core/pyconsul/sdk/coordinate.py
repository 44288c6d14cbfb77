"""Network coordinates: ``/v1/coordinate``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from pyconsul.sdk.decode import json_of, list_or_empty, nothing
from pyconsul.sdk.request import QueryOptions, Request, escape_path, json_body, params_of
from pyconsul.sdk.results import (
    CoordinateDatacenter,
    CoordinateEntry,
)

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller

Entries: TypeAlias = list[CoordinateEntry]
Datacenters: TypeAlias = list[CoordinateDatacenter]


def datacenters_request() -> Request[Datacenters]:
    """The WAN coordinates of the servers, by datacenter."""
    return Request("GET", "/v1/coordinate/datacenters", json_of(list[CoordinateDatacenter]))


def nodes_request(*, segment: str = "") -> Request[Entries]:
    """The LAN coordinates of all nodes."""
    return Request(
        "GET", "/v1/coordinate/nodes", json_of(list[CoordinateEntry]), params=params_of(("segment", segment))
    )


def node_request(node: str, *, segment: str = "") -> Request[Entries]:
    """The LAN coordinates of one node, one entry a segment; empty when it is unknown."""
    return Request(
        "GET",
        f"/v1/coordinate/node/{escape_path(node)}",
        list_or_empty(CoordinateEntry),
        params=params_of(("segment", segment)),
        accept=(200, 404),
    )


def update_request(entry: CoordinateEntry | Mapping[str, Any]) -> Request[None]:
    """Set the coordinate of a node that runs no agent."""
    return Request("PUT", "/v1/coordinate/update", nothing, body=json_body(entry), idempotent=True)


class Coordinates:
    """Network coordinates of servers and nodes."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def datacenters(self, options: QueryOptions | None = None) -> Datacenters:
        """The WAN coordinates of the servers, by datacenter."""
        return await self._client.call(datacenters_request(), options)

    async def nodes(self, options: QueryOptions | None = None, *, segment: str = "") -> Entries:
        """The LAN coordinates of all nodes."""
        return await self._client.call(nodes_request(segment=segment), options)

    async def node(self, node: str, options: QueryOptions | None = None, *, segment: str = "") -> Entries:
        """The LAN coordinates of one node, one entry a segment; empty when it is unknown."""
        return await self._client.call(node_request(node, segment=segment), options)

    async def update(self, entry: CoordinateEntry | Mapping[str, Any], options: QueryOptions | None = None) -> None:
        """Set the coordinate of a node that runs no agent."""
        return await self._client.call(update_request(entry), options)
