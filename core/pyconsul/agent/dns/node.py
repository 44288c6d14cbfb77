"""Nodes: ``n1.node.consul``, with their metadata as TXT."""

from pyconsul.agent.dns.addresses import meta_records, node_records
from pyconsul.agent.dns.lookup import Asked, InvalidName, NoSuchName, RecordSet, Step, ask, kind, parse_locality
from pyconsul.agent.dns.records import Type
from pyconsul.structs.catalog import NodeSpecificRequest

_ANSWERED = (Type.ANY, Type.A, Type.AAAA, Type.TXT)


@kind("node")
def find_node(asked: Asked, parts: list[str], behind: list[str]) -> Step[RecordSet]:
    """``name.node[.dc]``; the name may hold dots. Other types than addresses and TXT are not even looked up."""
    if not parts:
        raise InvalidName
    where = parse_locality(behind)
    if asked.type not in _ANSWERED:
        return RecordSet()
    settings = asked.settings
    request = NodeSpecificRequest(
        Datacenter=where.in_datacenter(settings.datacenter),
        PeerName=where.peer,
        Node=".".join(parts),
        Token=settings.token,
        AllowStale=settings.allow_stale,
        UseCache=settings.use_cache,
        MaxAge=settings.cache_max_age if settings.use_cache else 0,
    )
    reply = yield from ask(asked, "Catalog.NodeServices", request)
    if reply.NodeServices is None or reply.NodeServices.Node is None:
        raise NoSuchName
    node = reply.NodeServices.Node
    found = RecordSet()
    if asked.type != Type.TXT:
        found.answer, found.cacheable = yield from node_records(asked, node, asked.type, asked.name)
    wants_text = asked.type in (Type.TXT, Type.ANY)
    if settings.node_meta_txt or wants_text:
        target = found.answer if wants_text else found.additional
        target += meta_records(asked.name, node, settings.node_ttl)
    return found
