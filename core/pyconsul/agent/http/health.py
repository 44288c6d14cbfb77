"""``/v1/health``: checks by node, service and status, and instances with their checks."""

from __future__ import annotations

from pyconsul.agent.cache import kinds
from pyconsul.agent.http.discovery import (
    cache_headers,
    consistency_of,
    fetch,
    node_meta,
    path_name,
    query_source,
    read_options,
    tagged_service,
    with_tags,
)
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.agent.http.translation import translated
from pyconsul.lang.bexpr import FilterError, compile_evaluator
from pyconsul.lang.strconv import NumberSyntaxError, parse_bool
from pyconsul.server.aside import aside
from pyconsul.structs.catalog import (
    CheckServiceNode,
    ChecksInStateRequest,
    HealthFilter,
    IndexedCheckServiceNodes,
    NodeSpecificRequest,
    ServiceSpecificRequest,
)
from pyconsul.structs.errors import BadRequest, InternalError
from pyconsul.structs.health import IndexedHealthChecks
from pyconsul.structs.wire import BACKEND_STREAMING, changed


@route("GET", "/v1/health/state/{state...}")
async def health_state(req: Request) -> Reply:
    """All checks with a status, or ``any``; an unknown status has none."""
    ask = ChecksInStateRequest(
        **read_options(req),
        Source=query_source(req),
        NodeMetaFilters=node_meta(req),
        State=path_name(req, "state", "Missing check state"),
    )
    return _checks(await fetch(req, "Health.ChecksInState", ask, IndexedHealthChecks))


@route("GET", "/v1/health/node/{node...}")
async def health_node(req: Request) -> Reply:
    """The checks of a node and of what is on it; an unknown node has none."""
    options = read_options(req)
    ask = NodeSpecificRequest(**options, Node=path_name(req, "node", "Missing node name"))
    return _checks(await fetch(req, "Health.NodeChecks", ask, IndexedHealthChecks))


@route("GET", "/v1/health/checks/{service...}")
async def health_checks(req: Request) -> Reply:
    """The checks of a service's instances; an unknown service has none."""
    ask = ServiceSpecificRequest(
        **read_options(req),
        Source=query_source(req),
        NodeMetaFilters=node_meta(req),
        ServiceName=path_name(req, "service", "Missing service name"),
    )
    return _checks(await fetch(req, "Health.ServiceChecks", ask, IndexedHealthChecks))


def _checks(found: IndexedHealthChecks) -> Reply:
    return Reply([with_tags(check) for check in found.HealthChecks or ()], meta=found)


@route("GET", "/v1/health/service/{service...}")
async def health_service(req: Request) -> Reply:
    """The instances of a service with node and checks, ``?passing`` only the healthy ones."""
    return await _service_nodes(req)


@route("GET", "/v1/health/connect/{service...}")
async def health_connect(req: Request) -> Reply:
    """The proxies and native instances that speak for a service in the mesh."""
    return await _service_nodes(req, connect=True)


@route("GET", "/v1/health/ingress/{service...}")
async def health_ingress(req: Request) -> Reply:
    """The ingress gateways that lead to a service."""
    return await _service_nodes(req, ingress=True)


async def _service_nodes(req: Request, *, connect: bool = False, ingress: bool = False) -> Reply:
    options = read_options(req)
    peer = req.query.get("peer")
    group = req.query.get("sameness-group") or req.query.get("sg")
    if peer and group:
        raise BadRequest("peer-name and sameness-group are mutually exclusive")
    ask = ServiceSpecificRequest(
        **options,
        Connect=connect,
        Ingress=ingress,
        Source=query_source(req),
        NodeMetaFilters=node_meta(req),
        PeerName=peer,
        SamenessGroup=group,
        ServiceTags=req.query.all("tag") or None,
        TagFilter=req.query.has("tag"),
        MergeCentralConfig=req.query.has("merge-central-config"),
        ServiceName=path_name(req, "service", "Missing service name"),
        HealthFilterType=HealthFilter.ONLY_PASSING if _only_passing(req) else HealthFilter.INCLUDE_ALL,
    )
    found, headers = await _fetch(req, ask)
    shown = [_tagged(one) for one in found.Nodes or ()]
    return Reply(translated(req, shown, ask.Datacenter), meta=found, headers=headers)


def _only_passing(req: Request) -> bool:
    """``?passing`` with or without a value. Raises BadRequest for one that is no boolean."""
    value = req.query.get("passing")
    try:
        return parse_bool(value) if value else req.query.has("passing")
    except NumberSyntaxError as error:
        raise BadRequest("Invalid value for ?passing") from error


async def _fetch(req: Request, ask: ServiceSpecificRequest) -> tuple[IndexedCheckServiceNodes, dict[str, str]]:
    """The instances, through the cache where asked for. Unlike other reads, an error carries no headers."""
    headers: dict[str, str] = {}
    streamed = _is_streamed(req, ask)
    if streamed:
        await _refuse_streamed_filter(ask.Filter)
    kind = kinds.STREAMED_HEALTH_SERVICES if streamed else kinds.HEALTH_SERVICES
    if ask.UseCache:
        found, meta = await req.agent.cache.get(kind, ask)
        headers = cache_headers(meta)
    else:
        found = await req.rpc(kind.method, ask, IndexedCheckServiceNodes)
        if ask.AllowStale and 0 < ask.MaxStaleDuration < found.LastContact:
            found = await req.rpc(kind.method, changed(ask, AllowStale=False), IndexedCheckServiceNodes)
    if streamed:
        found = changed(found, Backend=BACKEND_STREAMING, KnownLeader=False, LastContact=0)  # a stream knows neither
    return changed(found, ConsistencyLevel=consistency_of(ask)), headers


async def _refuse_streamed_filter(expression: str) -> None:
    """Raise InternalError for an expression that is none: a stream says what is wrong without the usual beginning."""
    if not expression:
        return
    try:
        await aside(len(expression), lambda: compile_evaluator(expression, CheckServiceNode))
    except FilterError as error:
        raise InternalError(str(error)) from error


def _is_streamed(req: Request, ask: ServiceSpecificRequest) -> bool:
    """Whether Consul would serve this from its stream of changes; ours says so, and shows what that would show."""
    return (
        req.agent.config.use_streaming_backend
        and (ask.UseCache or ask.MinQueryIndex > 0)
        and not (ask.Ingress or ask.Source.Node or ask.SamenessGroup or ask.MergeCentralConfig)
    )


def _tagged(one: CheckServiceNode) -> CheckServiceNode:
    return changed(
        one,
        Service=one.Service and tagged_service(one.Service),
        Checks=[with_tags(check) for check in one.Checks or ()],
    )
