"""Services: ``web.service.consul``, tags, RFC 2782 names, and the mesh's ``connect`` and ``ingress`` variants."""

import msgspec

from pyconsul.agent.dns.addresses import (
    address_for,
    meta_records,
    node_address,
    node_name,
    resolve,
    service_address,
    service_port,
)
from pyconsul.agent.dns.lookup import Asked, Group, InvalidName, NoSuchName, RecordSet, Step, ask, kind, parse_locality
from pyconsul.agent.dns.names import IPAddress, fqdn, parse_ip
from pyconsul.agent.dns.records import Record, Type, pointing, srv
from pyconsul.structs.catalog import CheckServiceNode, HealthFilter, Node, NodeService, ServiceSpecificRequest
from pyconsul.structs.health import (
    CRITICAL,
    NODE_MAINTENANCE,
    PASSING,
    SERVICE_MAINTENANCE_PREFIX,
    WARNING,
)

_MAX_RECURSED = 5  # records behind a name, for clients without EDNS
_FOLLOWED = (Type.CNAME, Type.A, Type.AAAA)


class Instance(msgspec.Struct, frozen=True):
    """One instance with its node and checks, as the catalog found it."""

    node: Node
    service: NodeService
    row: CheckServiceNode


class Shown(msgspec.Struct, frozen=True):
    """What a record set needs besides its instances: where they were looked up and how long they last."""

    asked: Asked
    datacenter: str
    ttl: int


@kind("service")
def find_service(asked: Asked, parts: list[str], behind: list[str]) -> Step[RecordSet]:
    """``[tag.]name.service[.dc]`` and ``_name._tag.service[.dc]``, where the tag ``_tcp`` stands for any."""
    if not parts:
        raise InvalidName
    where = parse_locality(behind)
    if len(parts) == 2 and parts[0].startswith("_") and parts[1].startswith("_"):
        name, tag = parts[0][1:], parts[1][1:]
        tag = "" if tag == "tcp" else tag
    else:
        name, tag = parts[-1], ".".join(parts[:-1])
    datacenter = where.in_datacenter(asked.settings.datacenter)
    request = service_request(asked, name, datacenter, tag=tag, peer=where.peer)
    return (yield from _find(asked, request))


@kind("connect")
def find_connect(asked: Asked, parts: list[str], behind: list[str]) -> Step[RecordSet]:
    """``name.connect[.dc]``: instances that speak the mesh's TLS, natively or by a proxy."""
    name, datacenter = _mesh_name(asked, parts, behind)
    return (yield from _find(asked, service_request(asked, name, datacenter, connect=True)))


@kind("ingress")
def find_ingress(asked: Asked, parts: list[str], behind: list[str]) -> Step[RecordSet]:
    """``name.ingress[.dc]``: the ingress gateways that lead to a service."""
    name, datacenter = _mesh_name(asked, parts, behind)
    return (yield from _find(asked, service_request(asked, name, datacenter, ingress=True)))


def _mesh_name(asked: Asked, parts: list[str], behind: list[str]) -> tuple[str, str]:
    """Service and datacenter of a mesh name. Peers are not asked: a peer in the name changes nothing."""
    if not parts:
        raise InvalidName
    where = parse_locality(behind)
    return parts[-1], where.datacenter or where.peer_or_datacenter or asked.settings.datacenter


def service_request(
    asked: Asked,
    name: str,
    datacenter: str,
    *,
    tag: str = "",
    peer: str = "",
    connect: bool = False,
    ingress: bool = False,
) -> ServiceSpecificRequest:
    """The RPC argument for the healthy instances of a service."""
    settings = asked.settings
    wanted = HealthFilter.ONLY_PASSING if settings.only_passing else HealthFilter.EXCLUDE_CRITICAL
    return ServiceSpecificRequest(
        Datacenter=datacenter,
        PeerName=peer,
        ServiceName=name,
        ServiceTags=[tag] if tag else [],
        TagFilter=bool(tag),
        HealthFilterType=int(wanted),
        Connect=connect,
        Ingress=ingress,
        Token=settings.token,
        AllowStale=settings.allow_stale,
        MaxAge=settings.cache_max_age,
        UseCache=settings.use_cache,
        MaxStaleDuration=settings.max_stale,
    )


def _find(asked: Asked, request: ServiceSpecificRequest) -> Step[RecordSet]:
    reply = yield from ask(asked, "Health.ServiceNodes", request)
    if not reply.Nodes:
        raise NoSuchName
    ttl = asked.settings.service_ttl.find(request.ServiceName)
    return (yield from record_set(Shown(asked, request.Datacenter, ttl), reply.Nodes))


def record_set(shown: Shown, rows: list[CheckServiceNode]) -> Step[RecordSet]:
    """The record set of instances, one group each."""
    found = RecordSet(soa_if_empty=True)
    is_srv = shown.asked.type == Type.SRV
    if not is_srv:
        found.limit = max(shown.asked.settings.a_record_limit, 0)
    for row in rows:
        if row.Node is None or row.Service is None:
            continue
        instance = Instance(row.Node, row.Service, row)
        answer, additional, watched = yield from _instance_records(shown, instance)
        found.cacheable = found.cacheable and watched
        if is_srv:
            additional += _node_meta(shown, instance)
            found.groups.append(Group(_srv_key(shown, instance), tuple(answer), tuple(additional)))
        elif answer:
            found.groups.append(Group(answer[0], tuple(answer)))
    return found


def _srv_key(shown: Shown, instance: Instance) -> object:
    settings, service = shown.asked.settings, instance.service
    where = service_address(settings, shown.datacenter, service, Type.ANY)
    return instance.node.Node, where, service_port(settings, shown.datacenter, service)


def _node_meta(shown: Shown, instance: Instance) -> list[Record]:
    if not shown.asked.settings.node_meta_txt:
        return []
    return meta_records(node_name(instance.node, shown.asked.domain), instance.node, shown.ttl)


def _instance_records(shown: Shown, instance: Instance) -> Step[tuple[list[Record], list[Record], bool]]:
    """Answer and additional records of one instance; False if they hang on more than the catalog."""
    asked, node = shown.asked, instance.node
    own = service_address(asked.settings, shown.datacenter, instance.service, asked.type)
    of_node = node_address(asked.settings, node, asked.type)
    own_ip, node_ip = parse_ip(own), parse_ip(of_node)
    if own_ip is not None:
        return *_by_ip(shown, instance, own_ip, _encoded_name(asked, instance, own_ip)), True
    if not own and node_ip is not None:
        # A translated address must not carry the node's name, which stands for another one.
        translated = node.Address != of_node
        target = _encoded_name(asked, instance, node_ip) if translated else node_name(node, asked.domain)
        return *_by_ip(shown, instance, node_ip, target), True
    if own and fqdn(own) == asked.name and node_ip is not None:  # a service whose address is its own name
        return *_by_ip(shown, instance, node_ip, node_name(node, asked.domain)), True
    name = own or of_node
    if not name:
        return [], [], True
    answer, additional = yield from _by_name(shown, instance, fqdn(name))
    return answer, additional, False


def _by_ip(shown: Shown, instance: Instance, ip: IPAddress, target: str) -> tuple[list[Record], list[Record]]:
    asked = shown.asked
    if asked.type != Type.SRV:
        record = address_for(asked.type, asked.name, shown.ttl, ip)
        return ([record] if record else []), []
    record = address_for(asked.type, target, shown.ttl, ip)
    return [_srv_record(shown, instance, target)], [record] if record else []


def _by_name(shown: Shown, instance: Instance, name: str) -> Step[tuple[list[Record], list[Record]]]:
    """An instance whose address is a name: a CNAME or SRV to it, with what the name leads to."""
    asked = shown.asked
    found = yield from resolve(asked, name)
    further = [Record(r.name, r.type, shown.ttl, r.data, r.rclass) for r in found if r.type in _FOLLOWED]
    if asked.edns is None:
        further = further[:_MAX_RECURSED]
    if asked.type == Type.SRV:
        return [_srv_record(shown, instance, name)], further
    return [pointing(Type.CNAME, asked.name, shown.ttl, name), *further], []


def _srv_record(shown: Shown, instance: Instance, target: str) -> Record:
    port = service_port(shown.asked.settings, shown.datacenter, instance.service)
    return srv(shown.asked.name, shown.ttl, weight_of(instance.row, instance.service), port, target)


def _encoded_name(asked: Asked, instance: Instance, ip: IPAddress) -> str:
    """A name that spells an address: ``7f000001.addr.dc1.consul.``."""
    where = "" if instance.service.PeerName else f"{instance.node.Datacenter}."
    return f"{ip.packed.hex()}.addr.{where}{asked.domain}"


def weight_of(row: CheckServiceNode, service: NodeService) -> int:
    """The SRV weight of an instance, by the worst status of the checks that bear on it."""
    weights = service.Weights
    passing, warning = (weights.Passing, weights.Warning) if weights else (1, 1)
    bearing = [check for check in row.Checks or [] if check.ServiceName in ("", service.Service)]
    statuses = {check.Status for check in bearing if not _is_maintenance(check.CheckID)}
    if statuses - {PASSING, WARNING, CRITICAL}:
        return 1
    if CRITICAL in statuses or any(_is_maintenance(check.CheckID) for check in bearing):
        return 0
    return warning if WARNING in statuses else passing


def _is_maintenance(check_id: str) -> bool:
    return check_id == NODE_MAINTENANCE or check_id.startswith(SERVICE_MAINTENANCE_PREFIX)
