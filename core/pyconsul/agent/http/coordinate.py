"""``/v1/coordinate``: where nodes lie in the network's space of round-trip times."""

from __future__ import annotations

from pyconsul.agent.http.discovery import fetch, refuse_partition
from pyconsul.agent.http.reply import Reply, late_meta
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.structs import godecode
from pyconsul.structs.catalog import DatacentersRequest, DCSpecificRequest, NodeSpecificRequest
from pyconsul.structs.coordinate import CoordinateUpdateRequest, IndexedCoordinates, NodeCoordinate
from pyconsul.structs.errors import BadRequest, ConsulError
from pyconsul.structs.wire import changed


class CoordinatesDisabled(ConsulError):
    """The agent is configured without coordinates."""

    http_status = 401
    default_text = "Coordinate support disabled"


def _refuse_disabled(req: Request) -> None:
    if req.agent.config.disable_coordinates:
        raise CoordinatesDisabled


@route("GET", "/v1/coordinate/datacenters")
async def coordinate_datacenters(req: Request) -> Reply:
    """The servers of each datacenter with their WAN coordinates; no headers of a read."""
    _refuse_disabled(req)
    if req.agent.config.serf_advertise_wan is None:  # in no WAN pool there is nobody to be near to
        return Reply([])
    return Reply(await req.rpc("Coordinate.ListDatacenters", DatacentersRequest(), list))


@route("GET", "/v1/coordinate/nodes")
async def coordinate_nodes(req: Request) -> Reply:
    """All nodes' coordinates, ``?segment=`` those of one segment."""
    _refuse_disabled(req)
    ask = DCSpecificRequest(**req.read_options(refuse_enterprise=False))
    refuse_partition(req)
    found = await fetch(req, "Coordinate.ListNodes", ask, IndexedCoordinates, shows_consistency=False)
    return Reply(_of_segment(req, found), meta=found)


@route("GET", "/v1/coordinate/node/{node...}")
async def coordinate_node(req: Request) -> Reply:
    """One node's coordinates, one a segment; 404 without a body where there is none."""
    _refuse_disabled(req)
    ask = NodeSpecificRequest(**req.read_options(refuse_enterprise=False), Node=req.path["node"])
    refuse_partition(req)
    found = await fetch(req, "Coordinate.Node", ask, IndexedCoordinates, shows_consistency=False)
    shown = _of_segment(req, found)
    return Reply(shown, meta=found) if shown else Reply.empty(404, meta=late_meta(req, found))


def _of_segment(req: Request, found: IndexedCoordinates) -> list[NodeCoordinate]:
    rows = found.Coordinates or []
    if not req.query.has("segment"):
        return rows
    segment = req.query.get("segment")
    return [row for row in rows if row.Segment == segment]


@route("PUT", "/v1/coordinate/update")
async def coordinate_update(req: Request) -> Reply:
    """Say where a node is; an empty answer, since it is written a little later."""
    _refuse_disabled(req)
    try:
        args = godecode.into(godecode.parse(req.body), CoordinateUpdateRequest)
    except ValueError as error:
        raise BadRequest(f"Request decode failed: {error}") from error
    req.refuse_enterprise()
    args = changed(args, Datacenter=req.query.get("dc") or args.Datacenter or req.datacenter(), Token=req.token())
    await req.rpc("Coordinate.Update", args, object)
    return Reply.nothing()
