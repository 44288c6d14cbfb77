"""``/v1/catalog``: register and deregister, list nodes and services."""

from __future__ import annotations

from pyconsul.agent.cache import kinds
from pyconsul.agent.http.discovery import (
    cache_headers,
    fetch,
    fetch_cached,
    listed,
    node_meta,
    path_name,
    query_source,
    read_options,
    refuse_partition,
    tagged_service,
    with_tags,
)
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.agent.http.translation import translated, translated_one
from pyconsul.server.aside import aside
from pyconsul.structs import godecode
from pyconsul.structs.catalog import (
    DatacentersRequest,
    DCSpecificRequest,
    IndexedNodes,
    IndexedNodeServiceList,
    IndexedNodeServices,
    IndexedServiceNodes,
    IndexedServices,
    NodeSpecificRequest,
    ServiceSpecificRequest,
)
from pyconsul.structs.catalog_input import deregister_request_from, register_request_from
from pyconsul.structs.errors import BadRequest
from pyconsul.structs.internal import IndexedGatewayServices
from pyconsul.structs.wire import changed


@route("PUT", "/v1/catalog/register")
async def catalog_register(req: Request) -> Reply:
    """Put a node, and a service and checks on it. ``true``; 500 with the rule that the body breaks."""
    req.refuse_enterprise()
    try:
        args = await aside(len(req.body), lambda: register_request_from(godecode.parse(req.body)))
    except ValueError as error:
        raise BadRequest(f"Request decode failed: {godecode.enterprise_hint(str(error))}") from error
    args = changed(args, Datacenter=args.Datacenter or req.agent.datacenter, Token=req.token())
    await req.rpc("Catalog.Register", args, object)
    return Reply(True)


@route("PUT", "/v1/catalog/deregister")
async def catalog_deregister(req: Request) -> Reply:
    """Drop a service, a check or a whole node. ``true``, also where there was nothing."""
    req.refuse_enterprise()
    try:
        args = deregister_request_from(godecode.parse(req.body))
    except ValueError as error:
        raise BadRequest(f"Request decode failed: {godecode.enterprise_hint(str(error))}") from error
    args = changed(args, Datacenter=args.Datacenter or req.agent.datacenter, Token=req.token())
    await req.rpc("Catalog.Deregister", args, object)
    return Reply(True)


@route("GET", "/v1/catalog/datacenters")
async def catalog_datacenters(req: Request) -> Reply:
    """The known datacenters, nearest first; no headers of a read."""
    ask = DatacentersRequest(Token=req.token(), **req.cache_options())
    # The list is the agent's own knowledge of other datacenters: it has no index, and nothing of it can be stale.
    if ask.UseCache:
        found, meta = await req.agent.cache.get(kinds.DATACENTERS, ask)
        return Reply(found, headers=cache_headers(meta))
    return Reply(await req.rpc("Catalog.ListDatacenters", ask, list))


@route("GET", "/v1/catalog/nodes")
async def catalog_nodes(req: Request) -> Reply:
    """All nodes, by name or by distance from ``?near=``."""
    refuse_partition(req)
    options = req.read_options(refuse_enterprise=False)
    ask = DCSpecificRequest(**options, Source=query_source(req), NodeMetaFilters=node_meta(req))
    found = await fetch(req, "Catalog.ListNodes", ask, IndexedNodes)
    return listed(translated(req, found.Nodes or [], ask.Datacenter), found)


@route("GET", "/v1/catalog/services")
async def catalog_services(req: Request) -> Reply:
    """Service names with the union of their tags."""
    ask = DCSpecificRequest(**read_options(req), NodeMetaFilters=node_meta(req))
    headers: dict[str, str] = {}
    if ask.UseCache:
        found, headers = await fetch_cached(req, kinds.SERVICES, ask)
    else:
        found = await fetch(req, "Catalog.ListServices", ask, IndexedServices)
    return Reply(dict(sorted((found.Services or {}).items())), meta=found, headers=headers)


@route("GET", "/v1/catalog/service/{name...}")
async def catalog_service(req: Request) -> Reply:
    """The instances of a service, flat; an unknown service is an empty list."""
    return await _service_nodes(req, connect=False)


@route("GET", "/v1/catalog/connect/{name...}")
async def catalog_connect(req: Request) -> Reply:
    """The proxies and native instances that speak for a service in the mesh."""
    return await _service_nodes(req, connect=True)


async def _service_nodes(req: Request, *, connect: bool) -> Reply:
    ask = ServiceSpecificRequest(
        **read_options(req),
        Connect=connect,
        Source=query_source(req),
        NodeMetaFilters=node_meta(req),
        PeerName=req.query.get("peer"),
        ServiceTags=req.query.all("tag") or None,
        TagFilter=req.query.has("tag"),
        MergeCentralConfig=req.query.has("merge-central-config"),
        ServiceName=path_name(req, "name", "Missing service name"),
    )
    headers: dict[str, str] = {}
    if ask.UseCache:
        found, headers = await fetch_cached(req, kinds.SERVICE_NODES, ask)
    else:
        found = await fetch(req, "Catalog.ServiceNodes", ask, IndexedServiceNodes)
    nodes = [with_tags(node) for node in found.ServiceNodes or ()]
    return Reply(translated(req, nodes, ask.Datacenter), meta=found, headers=headers)


@route("GET", "/v1/catalog/node/{name...}")
async def catalog_node(req: Request) -> Reply:
    """A node (by name or ID prefix) with its services by ID; ``null`` when it is unknown."""
    options = read_options(req)
    ask = NodeSpecificRequest(**options, Node=path_name(req, "name", "Missing node name"))
    found = await fetch(req, "Catalog.NodeServices", ask, IndexedNodeServices)
    shown = found.NodeServices
    if shown is not None:
        services = {key: tagged_service(one) for key, one in (shown.Services or {}).items()}
        shown = translated_one(req, changed(shown, Services=services), ask.Datacenter)
    return Reply(shown, meta=found)


@route("GET", "/v1/catalog/node-services/{name...}")
async def catalog_node_services(req: Request) -> Reply:
    """A node with its services as a list; both null when it is unknown."""
    options = read_options(req)
    ask = NodeSpecificRequest(
        **options,
        Node=path_name(req, "name", "Missing node name"),
        MergeCentralConfig=req.query.has("merge-central-config"),
    )
    found = await fetch(req, "Catalog.NodeServiceList", ask, IndexedNodeServiceList)
    shown = found.NodeServices
    if shown.Services is not None:
        shown = changed(shown, Services=[tagged_service(one) for one in shown.Services])
    return Reply(translated_one(req, shown, ask.Datacenter), meta=found)


@route("GET", "/v1/catalog/gateway-services/{name...}")
async def catalog_gateway_services(req: Request) -> Reply:
    """The services behind a gateway."""
    options = read_options(req)
    ask = ServiceSpecificRequest(**options, ServiceName=path_name(req, "name", "Missing gateway name"))
    found = await fetch(req, "Catalog.GatewayServices", ask, IndexedGatewayServices)
    return listed(found.Services, found)
