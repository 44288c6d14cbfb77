"""Prepared queries by name or ID: ``geo-web.query.consul``."""

import msgspec

from pyconsul.agent.dns.lookup import Asked, InvalidName, NoSuchName, RecordSet, Step, ask, kind
from pyconsul.agent.dns.service import Shown, record_set
from pyconsul.primitives.durations import DurationError, parse_duration
from pyconsul.structs.catalog import QuerySource
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.prepared_query import PreparedQueryExecuteRequest, is_query_not_found

_SECOND = 1_000_000_000


@kind("query")
def find_query(asked: Asked, parts: list[str], behind: list[str]) -> Step[RecordSet]:
    """``name.query[.dc]``, or ``_name._proto.query[.dc]`` whose protocol means nothing; names may hold dots."""
    if not parts or len(behind) > 1:
        raise InvalidName
    name = ".".join(parts)
    if len(parts) >= 2 and parts[0].startswith("_") and parts[-1].startswith("_"):
        name = ".".join(parts[:-1])[1:]
    settings = asked.settings
    subnet = asked.edns.subnet if asked.edns else None
    source = asked.source_ip if subnet is None else str(subnet.address or "0.0.0.0")
    request = PreparedQueryExecuteRequest(
        Datacenter=behind[0] if behind else settings.datacenter,
        QueryIDOrName=name,
        Source=QuerySource(Ip=source),
        Agent=QuerySource(Datacenter=settings.datacenter, Segment=settings.segment, Node=settings.node_name),
        Token=settings.token,
        AllowStale=settings.allow_stale,
        UseCache=settings.use_cache,
        MaxAge=settings.cache_max_age,
    )
    try:
        reply = yield from ask(asked, "PreparedQuery.Execute", request)
    except ConsulError as failure:
        if is_query_not_found(failure):
            raise NoSuchName from failure
        raise
    if not reply.Nodes:
        raise NoSuchName
    ttl = _ttl(reply.DNS.TTL, settings.service_ttl.find(reply.Service))
    found = yield from record_set(
        Shown(msgspec.structs.replace(asked, source_ip=""), reply.Datacenter, ttl), reply.Nodes
    )
    found.keep_order = True
    found.cacheable = found.ecs_global = False
    return found


def _ttl(text: str, default: int) -> int:
    if not text:
        return default
    try:
        return parse_duration(text) // _SECOND
    except DurationError:
        return 0
