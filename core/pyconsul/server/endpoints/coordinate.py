"""RPC methods of network coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.acl import Access
from pyconsul.memdb import Store, WatchSet
from pyconsul.server.endpoints import acl_filter
from pyconsul.server.registry import rpc
from pyconsul.server.state.coordinate import all_coordinates, coordinate_index, coordinates_of_node
from pyconsul.structs.catalog import DatacentersRequest, DCSpecificRequest, NodeSpecificRequest
from pyconsul.structs.coordinate import (
    ORIGIN,
    CoordinateUpdateRequest,
    DatacenterMap,
    IndexedCoordinates,
    NodeCoordinate,
)
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import changed

if TYPE_CHECKING:
    from pyconsul.server.server import Server


@rpc("Coordinate.Update")
async def update(srv: Server, req: CoordinateUpdateRequest) -> None:
    """Take a node's coordinate; it is written with the next batch. Raises InternalError for a bad one."""
    if req.Coord is None or not req.Coord.is_valid():
        raise InternalError("invalid coordinate")
    if not req.Coord.is_compatible_with(ORIGIN):
        raise InternalError("incompatible coordinate")
    srv.acl.authorizer(req.Token).require("node", Access.WRITE, req.Node)
    srv.coordinates.add(NodeCoordinate(Node=req.Node, Segment=req.Segment, Coord=req.Coord))


@rpc("Coordinate.ListDatacenters")
async def list_datacenters(srv: Server, ask: DatacentersRequest) -> list[DatacenterMap]:
    """The servers of each datacenter with their places in the WAN."""
    del ask
    here = NodeCoordinate(Node=srv.config.node_name, Coord=ORIGIN)  # alone in its WAN, it has met nobody
    return [DatacenterMap(Datacenter=srv.config.datacenter, AreaID="wan", Coordinates=[here])]


@rpc("Coordinate.ListNodes")
async def list_nodes(srv: Server, ask: DCSpecificRequest) -> IndexedCoordinates:
    """All coordinates by node; null when there are none."""

    def read(db: Store, ws: WatchSet) -> IndexedCoordinates:
        found, filtered = acl_filter.coordinates(srv.acl.authorizer(ask.Token, ws), all_coordinates(db, ws))
        index = coordinate_index(db, ws)
        return IndexedCoordinates(Index=index, Coordinates=found or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Coordinate.Node")
async def node(srv: Server, ask: NodeSpecificRequest) -> IndexedCoordinates:
    """One node's coordinates, one a segment, under the name as it was asked for; null when there are none."""

    def read(db: Store, ws: WatchSet) -> IndexedCoordinates:
        srv.acl.authorizer(ask.Token, ws).require("node", Access.READ, ask.Node)
        found = [changed(row, Node=ask.Node) for row in coordinates_of_node(db, ask.Node, ws)]
        return IndexedCoordinates(Index=coordinate_index(db, ws), Coordinates=found or None)

    return await srv.read(ask, read)
