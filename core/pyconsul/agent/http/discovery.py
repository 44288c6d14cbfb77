"""What the catalog, health and UI routes share: who asks, staleness, the cache, headers of a failed read."""

from __future__ import annotations

from typing import Any, TypeVar

from pyconsul.agent.cache import CacheKind, CacheMeta
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.structs.catalog import HealthCheck, NodeService, QuerySource, ServiceNode
from pyconsul.structs.errors import BadRequest, ConsulError
from pyconsul.structs.wire import Indexed, ReadRequest, changed

R = TypeVar("R", bound=Indexed)
Tagged = TypeVar("Tagged", HealthCheck, ServiceNode)

FAILED = Indexed(Index=1, KnownLeader=False)  # the headers of a failed read: Consul writes those of an empty answer


def query_source(req: Request) -> QuerySource:
    """From where ``?near=`` measures."""
    node, address = req.source()
    return QuerySource(Datacenter=req.datacenter(), Node=node, Ip=address)


def node_meta(req: Request) -> dict[str, str] | None:
    """The pairs of ``?node-meta=key:value``; None where none is asked for."""
    if not req.query.has("node-meta"):
        return None
    pairs = (text.partition(":") for text in req.query.all("node-meta"))
    return {key: value for key, _, value in pairs}


def read_options(req: Request) -> dict[str, Any]:
    """The options of a catalog or health read, which looks for namespaces and partitions first of all."""
    req.refuse_enterprise()
    return req.read_options()


def refuse_partition(req: Request) -> None:
    """Raise BadRequest for a partition; routes about nodes take no notice of namespaces."""
    if req.headers.get("x-consul-partition"):
        raise BadRequest('Invalid header: "X-Consul-Partition" - Partitions are a Consul Enterprise feature')
    if req.query.get("partition"):
        raise BadRequest('Invalid query parameter: "partition" - Partitions are a Consul Enterprise feature')


def path_name(req: Request, name: str, missing: str) -> str:
    """A name from the path. Raises BadRequest with ``missing`` when it is empty."""
    value = req.path[name]
    if not value:
        raise BadRequest(missing)
    return value


def consistency_of(ask: ReadRequest) -> str:
    """What X-Consul-Effective-Consistency says of this read."""
    if ask.RequireConsistent:
        return "consistent"
    return "stale" if ask.AllowStale else "leader"


async def fetch(req: Request, method: str, ask: ReadRequest, kind: type[R], *, shows_consistency: bool = True) -> R:
    """One read; again from the leader when the answer is staler than allowed.

    An error carries the headers of a read, as Consul's does. Raises ConsulError.
    """
    try:
        found = await req.rpc(method, ask, kind)
        if ask.AllowStale and 0 < ask.MaxStaleDuration < found.LastContact:
            found = await req.rpc(method, changed(ask, AllowStale=False, MaxStaleDuration=0), kind)
    except ConsulError as error:
        error.meta = FAILED
        raise
    return changed(found, ConsistencyLevel=consistency_of(ask)) if shows_consistency else found


async def fetch_cached(req: Request, kind: CacheKind[R], ask: ReadRequest) -> tuple[R, dict[str, str]]:
    """One read through the agent's cache, and the headers that tell so. Raises ConsulError."""
    try:
        found, meta = await req.agent.cache.get(kind, ask)
    except ConsulError as error:
        error.meta = FAILED
        raise
    return changed(found, ConsistencyLevel=consistency_of(ask)), cache_headers(meta)


def cache_headers(meta: CacheMeta) -> dict[str, str]:
    """``X-Cache`` always; ``Age`` (the nearest second) on a hit."""
    return {"X-Cache": "HIT", "Age": f"{meta.age:.0f}"} if meta.hit else {"X-Cache": "MISS"}


def listed(value: list[Any] | None, meta: Indexed, headers: dict[str, str] | None = None) -> Reply:
    """A reply whose missing list is an empty one."""
    return Reply(value if value is not None else [], meta=meta, headers=headers)


def with_tags(row: Tagged) -> Tagged:
    """A check or an instance with an empty list where it has no tags at all."""
    return row if row.ServiceTags is not None else changed(row, ServiceTags=[])


def tagged_service(service: NodeService) -> NodeService:
    """The instance with an empty list where it has no tags at all."""
    return service if service.Tags is not None else changed(service, Tags=[])
