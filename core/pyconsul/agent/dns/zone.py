"""The zone itself: its start of authority and its name servers."""

from pyconsul.agent.dns.addresses import node_records
from pyconsul.agent.dns.lookup import Asked, Group, RecordSet, Step, Unnamed, ask
from pyconsul.agent.dns.names import UNFIT, fqdn
from pyconsul.agent.dns.records import Record, Type, pointing, soa
from pyconsul.agent.dns.service import service_request
from pyconsul.agent.dns.settings import DnsSettings
from pyconsul.structs.catalog import CONSUL_SERVICE_NAME, IndexedCheckServiceNodes
from pyconsul.structs.errors import ConsulError

_MAX_SERVERS = 3  # as in Consul


def soa_record(name: str, settings: DnsSettings, now: int) -> Record:
    """The SOA record for an answer about ``name``; its serial is the time in seconds."""
    alt = settings.alt_domain
    domain = alt if name.endswith("." + alt) else settings.domain
    numbers = settings.soa
    return soa(domain, now, numbers.refresh, numbers.retry, numbers.expire, numbers.min_ttl)


def find_servers(asked: Asked) -> Step[RecordSet]:
    """Up to three healthy servers as NS records, with their addresses; nothing where the catalog fails us."""
    settings = asked.settings
    found = RecordSet(limit=_MAX_SERVERS)
    request = service_request(asked, CONSUL_SERVICE_NAME, settings.datacenter)
    try:
        reply: IndexedCheckServiceNodes = yield from ask(asked, "Health.ServiceNodes", request)
    except ConsulError:
        return RecordSet(cacheable=False)
    for row in reply.Nodes or []:
        node = row.Node
        if node is None:
            continue
        if UNFIT.search(node.Node):
            yield Unnamed(node.Node)
            continue
        name = fqdn(f"{node.Node}.node.{node.Datacenter}.{asked.domain}".lower())
        glue, watched = yield from node_records(asked, node, Type.ANY, name)
        found.cacheable = found.cacheable and watched
        record = pointing(Type.NS, asked.domain, settings.node_ttl, name)
        found.groups.append(Group((name, len(found.groups)), (record,), tuple(glue)))
    return found
