"""Reverse look-ups: which node or service an address belongs to."""

from pyconsul.agent.dns.addresses import node_name
from pyconsul.agent.dns.lookup import Ask, Asked, RecordSet, Step
from pyconsul.agent.dns.names import address_of_reverse, reverse_name
from pyconsul.agent.dns.records import Record, Type, pointing
from pyconsul.structs.catalog import DCSpecificRequest, IndexedNodes, IndexedServiceNodes, ServiceSpecificRequest
from pyconsul.structs.errors import ConsulError


def find_reverse(asked: Asked) -> Step[RecordSet | None]:
    """The record set of a name under ``arpa.``; None where we know nothing of it, and a recursor may.

    A node wins over a service. The question's type does not matter.
    """
    record = yield from _of_node(asked)
    if record is None:
        record = yield from _of_service(asked)
    return None if record is None else RecordSet(answer=[record])


def _of_node(asked: Asked) -> Step[Record | None]:
    settings = asked.settings
    request = DCSpecificRequest(Datacenter=settings.datacenter, Token=settings.token, AllowStale=settings.allow_stale)
    try:
        reply: IndexedNodes = yield Ask("Catalog.ListNodes", request)
    except ConsulError:
        return None
    wanted = asked.name.lower()
    for node in reply.Nodes or []:
        if reverse_name(node.Address) == wanted:
            return pointing(Type.PTR, asked.name, 0, node_name(node, settings.domain))
    return None


def _of_service(asked: Asked) -> Step[Record | None]:
    settings = asked.settings
    where = address_of_reverse(asked.name.lower())
    if not where:
        return None
    request = ServiceSpecificRequest(
        Datacenter=settings.datacenter,
        Token=settings.token,
        AllowStale=settings.allow_stale,
        ServiceAddress=where,
    )
    try:
        reply: IndexedServiceNodes = yield Ask("Catalog.ServiceNodes", request)
    except ConsulError:
        return None
    for row in reply.ServiceNodes or []:
        if row.ServiceAddress == where:
            target = f"{row.ServiceName}.service.{row.Datacenter}.{settings.domain}"
            return pointing(Type.PTR, asked.name, 0, target)
    return None
