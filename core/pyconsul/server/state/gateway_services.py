"""Which service stands behind which gateway, as ingress and terminating gateways' config entries say.

A wildcard in an entry keeps a row of its own, beside one for every service that it covers at the moment. Rows are
rebuilt on restore; they are in no snapshot.
"""

from collections.abc import Iterable
from typing import TypeGuard

from pyconsul.memdb import Index, Store, Table, WatchSet
from pyconsul.server.state import virtual_ips
from pyconsul.server.state.catalog_tables import (
    SERVICES,
    ServiceRow,
    nodes_changed,
    row_key,
    service_changed,
    service_row,
    services_changed,
)
from pyconsul.server.state.config_entry_reads import entries_index, entries_of, entry_named, is_destination, protocol_of
from pyconsul.server.state.indexes import max_index, raise_index
from pyconsul.server.state.mesh_topology import INDEX as MESH_INDEX
from pyconsul.server.state.mesh_topology import MESH_TOPOLOGY, MeshLink
from pyconsul.structs.catalog import (
    CONSUL_SERVICE_NAME,
    KIND_CONNECT_PROXY,
    KIND_INGRESS_GATEWAY,
    KIND_TERMINATING_GATEWAY,
    KIND_TYPICAL,
    TAGGED_VIRTUAL_IP,
    NodeService,
    PeeredServiceName,
    ServiceAddress,
    ServiceName,
)
from pyconsul.structs.config_entries.entry import WILDCARD, ConfigEntry
from pyconsul.structs.config_entries.ingress_gateway import IngressGateway
from pyconsul.structs.config_entries.service_defaults import ServiceDefaults
from pyconsul.structs.config_entries.terminating_gateway import TerminatingGateway
from pyconsul.structs.internal import GatewayService
from pyconsul.structs.wire import changed, omit

INDEX = "gateway-services"
BEHIND_SERVICE = "service"
BEHIND_DESTINATION = "destination"
BEHIND_UNKNOWN = ""


def _key(gateway: str, service: str, port: int) -> str:
    return f"{gateway}\0{service}\0{port}".lower()


GATEWAY_SERVICES: Table[GatewayService] = Table(
    name=INDEX,
    primary=lambda g: _key(g.Gateway.Name, g.Service.Name, g.Port or 0),
    indexes={
        "gateway": Index(lambda g: (g.Gateway.Name.lower(),)),
        "service": Index(lambda g: (g.Service.Name.lower(),)),
    },
)


# Readers


def services_of_gateway(db: Store, gateway: str, ws: WatchSet | None = None) -> tuple[int, list[GatewayService]]:
    """The table's index, and the services behind a gateway; wildcard rows stand for none themselves."""
    return _shown(db, db.where(GATEWAY_SERVICES, "gateway", gateway.lower(), ws), ws)


def all_gateway_services(db: Store, ws: WatchSet | None = None) -> tuple[int, list[GatewayService]]:
    """The table's index, and every service behind any gateway."""
    return _shown(db, db.all(GATEWAY_SERVICES, ws), ws)


def _shown(db: Store, rows: list[GatewayService], ws: WatchSet | None) -> tuple[int, list[GatewayService]]:
    """Rows of services; those that an ingress gateway's wildcard covers must speak the listener's protocol."""
    index = max([max_index(db, INDEX, ws=ws and ws.quiet), *(row.ModifyIndex for row in rows)])
    found: list[GatewayService] = []
    for row in rows:
        if row.Service.Name == WILDCARD:
            continue
        if row.GatewayKind == KIND_INGRESS_GATEWAY and row.FromWildcard:
            index = max(index, entries_index(db, ws))
            if protocol_of(db, row.Service.Name, ws=ws) != row.Protocol:
                continue
        found.append(row)
    return index, found


def gateways_of_service(db: Store, service: str, kind: str, ws: WatchSet | None = None) -> list[GatewayService]:
    """The rows of gateways of one kind in front of a service."""
    found = db.where(GATEWAY_SERVICES, "service", service.lower(), ws)
    return [row for row in found if row.GatewayKind == kind]


def kind_behind(db: Store, service: str) -> str:
    """What stands behind a gateway under this name: a service, a destination, or nothing that is known."""
    if db.count_where(SERVICES, "name", row_key("", service)):
        return BEHIND_SERVICE
    return BEHIND_DESTINATION if is_destination(db, service) else BEHIND_UNKNOWN


# Writers: an entry comes or goes


def map_gateway(db: Store, index: int, entry: ConfigEntry, *, addresses: bool) -> None:
    """Replace a gateway's rows by what its entry says now; an entry that says the same changes nothing.

    ``addresses``: services behind terminating gateways get virtual addresses (a restore brings its own).
    """
    old = entry_named(db, entry.kind, entry.name)
    if isinstance(entry, IngressGateway):
        if isinstance(old, IngressGateway) and old.Listeners == entry.Listeners:
            return
        rows = list(_ingress_rows(entry))
    elif isinstance(entry, TerminatingGateway):
        if isinstance(old, TerminatingGateway) and old.Services == entry.Services:
            return
        rows = [_terminating_row(db, entry, number) for number in range(len(entry.Services or ()))]
    else:
        return
    given = _give_addresses(db, index, entry) if addresses and _gets_addresses(entry, db) else None
    _drop_rows(db, index, entry.name, entry.kind)
    for row in rows:
        if row.Service.Name == WILDCARD:
            _cover(db, index, row)
        _put(db, index, row)
    raise_index(db, index, INDEX)
    if given is not None and isinstance(old, TerminatingGateway):
        _take_addresses(db, index, old, given)


def unmap_gateway(db: Store, index: int, entry: ConfigEntry) -> None:
    """Drop the rows of a gateway whose entry goes."""
    for row in db.where(GATEWAY_SERVICES, "gateway", entry.name.lower()):
        db.delete(GATEWAY_SERVICES, GATEWAY_SERVICES.primary(row))
    raise_index(db, index, INDEX)
    if entry.kind == IngressGateway.kind:
        _drop_links(db, index, entry.name)


def _ingress_rows(entry: IngressGateway) -> Iterable[GatewayService]:
    for listener in entry.Listeners or ():
        for service in listener.Services or ():
            yield GatewayService(
                Gateway=ServiceName(Name=entry.Name),
                Service=ServiceName(Name=service.Name),
                GatewayKind=KIND_INGRESS_GATEWAY,
                Hosts=omit(service.Hosts or []),
                Port=omit(listener.Port),
                Protocol=omit(listener.Protocol),
            )


def _terminating_row(db: Store, entry: TerminatingGateway, number: int) -> GatewayService:
    service = (entry.Services or [])[number]
    return GatewayService(
        Gateway=ServiceName(Name=entry.Name),
        Service=ServiceName(Name=service.Name or ""),
        GatewayKind=KIND_TERMINATING_GATEWAY,
        KeyFile=service.KeyFile,
        CertFile=service.CertFile,
        CAFile=service.CAFile,
        SNI=service.SNI,
        ServiceKind=omit(kind_behind(db, service.Name or "")),
        AutoHostRewrite=omit(not service.DisableAutoHostRewrite),
    )


def _drop_rows(db: Store, index: int, gateway: str, kind: str) -> None:
    for row in db.where(GATEWAY_SERVICES, "gateway", gateway.lower()):
        db.delete(GATEWAY_SERVICES, GATEWAY_SERVICES.primary(row))
    if kind == IngressGateway.kind:
        _drop_links(db, index, gateway)


def _drop_links(db: Store, index: int, gateway: str) -> None:
    for link in db.where(MESH_TOPOLOGY, "downstream", gateway.lower()):
        db.delete(MESH_TOPOLOGY, MESH_TOPOLOGY.primary(link))
    raise_index(db, index, MESH_INDEX)


def _put(db: Store, index: int, row: GatewayService) -> None:
    """Put one row; one that says the same stays."""
    old = db.get(GATEWAY_SERVICES, GATEWAY_SERVICES.primary(row))
    created = old.CreateIndex if old is not None else index
    if old is not None and old == changed(
        row, CreateIndex=created, ModifyIndex=old.ModifyIndex, AutoHostRewrite=old.AutoHostRewrite
    ):
        return
    row = changed(row, CreateIndex=created, ModifyIndex=index)
    db.put(GATEWAY_SERVICES, row)
    raise_index(db, index, INDEX)
    if row.GatewayKind == KIND_INGRESS_GATEWAY and row.Service.Name != WILDCARD:
        link = MeshLink(Upstream=row.Service.Name, Downstream=row.Gateway.Name, CreateIndex=created, ModifyIndex=index)
        db.put(MESH_TOPOLOGY, link)
        raise_index(db, index, MESH_INDEX)


def _cover(db: Store, index: int, wildcard: GatewayService) -> None:
    """Rows for what a wildcard covers now, where the entry does not name it itself."""
    for name in _typical_names(db):
        has_mesh, has_plain = _instances(db, name)
        if not (has_mesh if wildcard.GatewayKind == KIND_INGRESS_GATEWAY else has_plain):
            continue
        _put_covered(db, index, wildcard, name, wildcard.ServiceKind or "")
    for defaults in entries_of(db, ServiceDefaults):
        if defaults.Destination:
            _put_covered(db, index, wildcard, defaults.Name, BEHIND_DESTINATION)


def _put_covered(db: Store, index: int, wildcard: GatewayService, name: str, kind: str) -> None:
    if db.get(GATEWAY_SERVICES, _key(wildcard.Gateway.Name, name, wildcard.Port or 0)) is None:
        _put(
            db,
            index,
            changed(wildcard, Service=ServiceName(Name=name), FromWildcard=True, ServiceKind=omit(kind)),
        )


def _typical_names(db: Store) -> list[str]:
    rows = db.where(SERVICES, "kind", row_key("", KIND_TYPICAL))
    return [name for name in dict.fromkeys(row.Service.Service for row in rows) if name != CONSUL_SERVICE_NAME]


def _instances(db: Store, service: str) -> tuple[bool, bool]:
    """Whether a service has instances in the mesh, and whether it has some that are not."""
    has_mesh = db.count_where(SERVICES, "connect", row_key("", service)) > 0
    rows = db.where(SERVICES, "name", row_key("", service))
    return has_mesh, any(not row.Service.Connect.Native for row in rows)


# Writers: a service or a destination comes or goes


def service_came(db: Store, index: int, service: str, instance: NodeService | None, kind: str) -> None:
    """Rows of wildcards for a service that has an instance (or is a destination) now."""
    wildcards = db.where(GATEWAY_SERVICES, "service", WILDCARD)
    if not wildcards:
        return
    has_mesh, has_plain = _instances(db, service)
    if instance is not None:
        in_mesh = instance.Connect.Native or instance.Kind == KIND_CONNECT_PROXY
        has_mesh, has_plain = has_mesh or in_mesh, has_plain or not in_mesh
    for wildcard in wildcards:
        if wildcard.GatewayKind == KIND_INGRESS_GATEWAY and not has_mesh:
            continue
        is_terminating = wildcard.GatewayKind == KIND_TERMINATING_GATEWAY
        if is_terminating and not has_plain and kind != BEHIND_DESTINATION:
            continue
        row = changed(wildcard, Service=ServiceName(Name=service), FromWildcard=True, ServiceKind=omit(kind))
        _put(db, index, row)


def kind_changed(db: Store, index: int, service: str, kind: str) -> None:
    """Note what stands behind the first gateway of a service now, as Consul does; others keep what they say."""
    rows = db.where(GATEWAY_SERVICES, "service", service.lower())
    if rows:
        _put(db, index, changed(rows[0], Service=ServiceName(Name=service), ServiceKind=omit(kind)))


def service_went(db: Store, index: int, service: str, *, destination_goes: bool = False) -> None:
    """Drop rows of wildcards that nothing of the service justifies any more."""
    rows = db.where(GATEWAY_SERVICES, "service", service.lower())
    if not rows:
        return
    has_mesh, has_plain = _instances(db, service)
    has_plain = has_plain or (not destination_goes and is_destination(db, service))
    for row in rows:
        if not row.FromWildcard:
            kind_changed(db, index, row.Service.Name, kind_behind(db, row.Service.Name))
            continue
        if has_mesh if row.GatewayKind == KIND_INGRESS_GATEWAY else has_plain:
            continue
        db.delete(GATEWAY_SERVICES, GATEWAY_SERVICES.primary(row))
        raise_index(db, index, INDEX)
        if row.GatewayKind == KIND_INGRESS_GATEWAY:
            db.delete(MESH_TOPOLOGY, f"{row.Service.Name}\0{row.Gateway.Name}".lower())
            raise_index(db, index, MESH_INDEX)


# Virtual addresses of services behind terminating gateways


def _gets_addresses(entry: ConfigEntry | None, db: Store) -> TypeGuard[TerminatingGateway]:
    return isinstance(entry, TerminatingGateway) and virtual_ips.enabled_behind_gateways(db)


def addresses_behind(db: Store, index: int, gateway: TerminatingGateway) -> dict[str, ServiceAddress]:
    """The tagged addresses of a terminating gateway's instances, one for each of its services."""
    found: dict[str, ServiceAddress] = {}
    for service in gateway.Services or ():
        address = virtual_ips.assign(db, index, _own(service.Name or ""))
        found[f"{TAGGED_VIRTUAL_IP}:{service.Name or ''}"] = ServiceAddress(Address=address)
    return found


def with_addresses(db: Store, index: int, instance: NodeService) -> NodeService:
    """An instance of a terminating gateway with the virtual addresses of what stands behind it."""
    entry = entry_named(db, TerminatingGateway.kind, instance.Service)
    if instance.PeerName or instance.Kind != KIND_TERMINATING_GATEWAY or not _gets_addresses(entry, db):
        return instance
    tagged = {**(instance.TaggedAddresses or {}), **addresses_behind(db, index, entry)}
    return changed(instance, TaggedAddresses=omit(tagged))


def _own(service: str) -> PeeredServiceName:
    return PeeredServiceName(ServiceName=ServiceName(Name=service))


def _give_addresses(db: Store, index: int, entry: TerminatingGateway) -> dict[str, ServiceAddress]:
    given = addresses_behind(db, index, entry)
    for row in db.where(SERVICES, "name", row_key("", entry.Name)):
        tagged = row.Service.TaggedAddresses or {}
        kept = {tag: address for tag, address in tagged.items() if not tag.startswith(f"{TAGGED_VIRTUAL_IP}:")}
        if {**kept, **given} != tagged or not tagged:  # Consul writes an instance without any anew
            _put_instance(db, index, row, {**kept, **given})
    return given


def _put_instance(db: Store, index: int, row: ServiceRow, tagged: dict[str, ServiceAddress]) -> None:
    old = row.Service  # Consul copies the row, and a copy knows no difference between no tags and none given
    service = changed(old, TaggedAddresses=omit(tagged), Tags=old.Tags or [], Meta=old.Meta or {}, ModifyIndex=index)
    db.put(SERVICES, service_row(row.Node, service))
    services_changed(db, index, service.PeerName)
    service_changed(db, index, service)
    nodes_changed(db, index, service.PeerName, row.Node)


def _take_addresses(db: Store, index: int, old: TerminatingGateway, given: dict[str, ServiceAddress]) -> None:
    """Give back the addresses of services that the gateway no longer names.

    Not while the gateway has instances: they still count among those that speak for the service, as in Consul.
    """
    if db.count_where(SERVICES, "name", row_key("", old.Name)):
        return
    for service in old.Services or ():
        name = service.Name or ""
        if f"{TAGGED_VIRTUAL_IP}:{name}" in given or db.count_where(SERVICES, "connect", row_key("", name)):
            continue
        virtual_ips.free(db, index, _own(name), by_gateway=old.Name)


def _stands_behind_gateway(db: Store, whose: PeeredServiceName, gateway: str) -> bool:
    """Behind a terminating gateway other than this one."""
    rows = gateways_of_service(db, whose.ServiceName.Name, KIND_TERMINATING_GATEWAY)
    return not whose.Peer and any(row.Gateway.Name.lower() != gateway.lower() for row in rows)


virtual_ips.HOLDERS.append(_stands_behind_gateway)
