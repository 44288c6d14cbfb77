"""``/v1/internal``: what the web UI reads, and virtual addresses assigned by hand."""

from __future__ import annotations

from typing import Any

from pyconsul.agent.http.discovery import fetch, path_name, read_options
from pyconsul.agent.http.reply import Reply, late_meta
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.agent.http.ui_summary import GatewayRow, ServiceSummary, summarize, without_sidecars
from pyconsul.lang.strconv import quote
from pyconsul.server.state.overview import VERSION_META
from pyconsul.server.state.topology import ROUTING
from pyconsul.structs import godecode
from pyconsul.structs.catalog import (
    KIND_API_GATEWAY,
    KIND_INGRESS_GATEWAY,
    KIND_TYPICAL,
    DCSpecificRequest,
    IndexedServiceList,
    NodeSpecificRequest,
    ServiceSpecificRequest,
)
from pyconsul.structs.errors import BadRequest, NotFound
from pyconsul.structs.intentions import (
    BY_DESTINATION,
    IndexedIntentions,
    IntentionMatchEntry,
    IntentionQueryMatch,
    IntentionQueryRequest,
)
from pyconsul.structs.internal import (
    AssignServiceManualVIPsRequest,
    AssignServiceManualVIPsResponse,
    CatalogSummary,
    IndexedNodeDump,
    IndexedNodesWithGateways,
    IndexedServiceDump,
    IndexedServiceTopology,
    IntentionDecisionSummary,
    NodeInfo,
    ServiceDumpRequest,
    ServiceInfo,
)
from pyconsul.structs.wire import changed


@route("GET", "/v1/internal/ui/nodes")
async def ui_nodes(req: Request) -> Reply:
    """Every node with all that is on it."""
    ask = DCSpecificRequest(**req.read_options())
    found = await fetch(req, "Internal.NodeDump", ask, IndexedNodeDump, shows_consistency=False)
    shown = [_shown(req, info) for info in (*(found.Dump or ()), *(found.ImportedDump or ()))]
    return Reply(shown, meta=found)


@route("GET", "/v1/internal/ui/node/{node...}")
async def ui_node(req: Request) -> Reply:
    """One node with all that is on it; 404 without a body when it is unknown."""
    ask = NodeSpecificRequest(
        **req.read_options(), Node=path_name(req, "node", "Missing node name"), PeerName=req.query.get("peer")
    )
    found = await fetch(req, "Internal.NodeInfo", ask, IndexedNodeDump, shows_consistency=False)
    return Reply(_shown(req, found.Dump[0]), meta=found) if found.Dump else Reply.empty(404, meta=late_meta(req, found))


def _shown(req: Request, info: NodeInfo) -> NodeInfo:
    """Lists instead of null, and the version of an agent that did not register it."""
    meta = info.Meta
    config = req.agent.config
    if VERSION_META not in (meta or {}) and info.Address == config.advertise_addr:
        meta = {**(meta or {}), VERSION_META: config.version}
    return changed(info, Meta=meta, Services=info.Services or [], Checks=info.Checks or [])


@route("GET", "/v1/internal/ui/catalog-overview")
async def ui_catalog_overview(req: Request) -> Reply:
    """The health of the datacenter in numbers."""
    ask = DCSpecificRequest(**req.read_options(refuse_enterprise=False))
    return Reply(await req.rpc("Internal.CatalogOverview", ask, CatalogSummary))


@route("GET", "/v1/internal/ui/services")
async def ui_services(req: Request) -> Reply:
    """One line a service: instances, checks, proxies, gateways."""
    ask = ServiceDumpRequest(**req.read_options(), PeerName=req.query.get("peer"))
    found = await fetch(req, "Internal.ServiceDump", ask, IndexedNodesWithGateways, shows_consistency=False)
    gateways = [GatewayRow(g.Service.Name, g.Gateway.Name) for g in found.Gateways or ()]
    dump = [
        ServiceInfo(Node=one.Node, Service=one.Service, Checks=one.Checks)
        for one in (*(found.Nodes or ()), *(found.ImportedNodes or ()))
    ]
    return Reply([summary.listing() for summary in summarize(dump, gateways)], meta=found)


@route("GET", "/v1/internal/ui/exported-services")
async def ui_exported_services(req: Request) -> Reply:
    """The services exported to a peer."""
    ask = ServiceDumpRequest(**req.read_options(), PeerName=req.query.get("peer"))
    found = await fetch(req, "Internal.ExportedServicesForPeer", ask, IndexedServiceList, shows_consistency=False)
    summaries = [ServiceSummary(name=one.Name, datacenter=ask.Datacenter) for one in found.Services or ()]
    return Reply([summary.listing() for summary in summaries], meta=found)


@route("GET", "/v1/internal/ui/gateway-services-nodes/{gateway...}")
async def ui_gateway_services(req: Request) -> Reply:
    """The services behind a gateway, with the addresses that an ingress gateway gives them."""
    ask = ServiceSpecificRequest(**read_options(req), ServiceName=path_name(req, "gateway", "Missing gateway name"))
    found = await fetch(req, "Internal.GatewayServiceDump", ask, IndexedServiceDump, shows_consistency=False)
    config = req.agent.config
    domains = [d for d in (config.domain, config.alt_domain) if d]
    summaries = summarize(found.Dump or [], [], dns_domains=domains, datacenter=ask.Datacenter)
    return Reply([summary.plain() for summary in summaries], meta=found)


@route("GET", "/v1/internal/ui/gateway-intentions/{gateway...}")
async def ui_gateway_intentions(req: Request) -> Reply:
    """The intentions of the services behind a gateway."""
    options = req.read_options()
    entry = IntentionMatchEntry(Name=path_name(req, "gateway", "Missing gateway name"))
    ask = IntentionQueryRequest(**options, Match=IntentionQueryMatch(Type=BY_DESTINATION, Entries=[entry]))
    found = await fetch(req, "Internal.GatewayIntentions", ask, IndexedIntentions, shows_consistency=False)
    return Reply(found.Intentions or [], meta=found)


@route("GET", "/v1/internal/ui/service-topology/{service...}")
async def ui_service_topology(req: Request) -> Reply:
    """The neighbours of a service in the mesh; ``?kind=`` must be there, empty for a plain service."""
    options = req.read_options()
    name = path_name(req, "service", "Missing service name")
    if not req.query.has("kind"):
        raise BadRequest("Missing service kind")
    kind = req.query.get("kind")
    if kind not in (KIND_TYPICAL, KIND_INGRESS_GATEWAY, KIND_API_GATEWAY):
        raise BadRequest(f"Unsupported service kind {quote(kind)}")
    ask = ServiceSpecificRequest(**options, ServiceName=name, ServiceKind=kind)
    found = await fetch(req, "Internal.ServiceTopology", ask, IndexedServiceTopology, shows_consistency=False)
    return Reply(_topology(found, ask.Datacenter), meta=found)


def _topology(found: IndexedServiceTopology, datacenter: str) -> dict[str, Any]:
    topology = found.ServiceTopology
    assert topology is not None  # the endpoint always fills it

    def side(
        nodes: list[Any] | None, sources: dict[str, str], decisions: dict[str, IntentionDecisionSummary]
    ) -> list[dict[str, Any]]:
        dump = [ServiceInfo(Node=one.Node, Service=one.Service, Checks=one.Checks) for one in nodes or ()]
        routed = [name for name, source in sources.items() if source == ROUTING]  # without instances
        return [
            {
                **summary.plain(),
                "Source": sources.get(summary.name, ""),
                "Intention": decisions.get(summary.name, IntentionDecisionSummary()),
            }
            for summary in (
                *without_sidecars(summarize(dump, [])),
                *(ServiceSummary(name=name, datacenter=datacenter) for name in routed),
            )
        ]

    return {
        "Protocol": topology.MetricsProtocol,
        "TransparentProxy": topology.TransparentProxy,
        "Upstreams": side(topology.Upstreams, topology.UpstreamSources or {}, topology.UpstreamDecisions or {}),
        "Downstreams": side(topology.Downstreams, topology.DownstreamSources or {}, topology.DownstreamDecisions or {}),
        "FilteredByACLs": found.FilteredByACLs,
    }


@route("GET", "/v1/internal/ui/metrics-proxy/{path...}")
async def ui_metrics_proxy(req: Request) -> Reply:
    """Not a proxy as long as no metrics provider is configured: 404 with the reason."""
    if not req.agent.config.ui_config.enabled:
        raise NotFound("UI is not enabled")
    raise NotFound("Metrics proxy is not enabled")


@route("PUT", "/v1/internal/service-virtual-ip")
async def assign_virtual_ips(req: Request) -> Reply:
    """Give a mesh service virtual addresses by hand; tells whether it is known, and who lost an address."""
    req.refuse_enterprise()
    try:
        args = godecode.into(godecode.parse(req.body), AssignServiceManualVIPsRequest)
    except ValueError as error:
        raise BadRequest(f"Request decode failed: {godecode.enterprise_hint(str(error))}") from error
    args = changed(args, Datacenter=args.Datacenter or req.agent.datacenter, Token=req.token())
    return Reply(await req.rpc("Internal.AssignManualServiceVIPs", args, AssignServiceManualVIPsResponse))
