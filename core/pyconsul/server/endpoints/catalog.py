"""RPC methods of the catalog: register, deregister, and reads of nodes and services."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from pyconsul.acl import Access, Authorizer
from pyconsul.memdb import Store, WatchSet
from pyconsul.primitives.ids import uuid_fault
from pyconsul.server.endpoints import acl_filter
from pyconsul.server.endpoints.catalog_rights import vet_deregistration, vet_registration, vet_service
from pyconsul.server.endpoints.filtering import rows_filter, vetted_filter
from pyconsul.server.registry import rpc
from pyconsul.server.state import catalog_reads as reads
from pyconsul.server.state.catalog import service_of_node
from pyconsul.server.state.config_entry_merge import central_index, is_proxy, with_central_config
from pyconsul.server.state.config_entry_reads import entry_of
from pyconsul.server.state.coordinate import sorted_by_distance
from pyconsul.server.state.gateway_services import services_of_gateway
from pyconsul.server.state.virtual_ips import address_of, virtual_ip_of
from pyconsul.structs.catalog import (
    DatacentersRequest,
    DCSpecificRequest,
    DeregisterRequest,
    HealthCheck,
    IndexedNodes,
    IndexedNodeServiceList,
    IndexedNodeServices,
    IndexedServiceList,
    IndexedServiceNodes,
    IndexedServices,
    Node,
    NodeService,
    NodeServiceList,
    NodeServices,
    NodeSpecificRequest,
    PeeredServiceName,
    RegisterRequest,
    ServiceName,
    ServiceNode,
    ServiceSpecificRequest,
)
from pyconsul.structs.config_entries.ingress_gateway import IngressGateway
from pyconsul.structs.config_entries.terminating_gateway import TerminatingGateway
from pyconsul.structs.errors import InternalError
from pyconsul.structs.internal import IndexedGatewayServices
from pyconsul.structs.messages import MessageType
from pyconsul.structs.service_rules import refuse_service
from pyconsul.structs.wire import changed
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server.catalog")

# Writes


@rpc("Catalog.Register")
async def register(srv: Server, req: RegisterRequest) -> None:
    """Put a node, a service and checks. Raises InternalError with the rule that the registration breaks."""
    # What a peer exports comes in by its stream, past this door.
    if _peer_named(req):
        raise InternalError("cannot register requests with PeerName in them")
    settled = settle(srv.db, srv.acl.authorizer(req.Token), req)
    await srv.propose(MessageType.REGISTER, settled)


def settle(db: Store, rights: Authorizer, req: RegisterRequest) -> RegisterRequest:
    """The registration as it goes to the log: checked, IDs filled in, the single check among the others."""
    refuse_node(req.Node, req.ID)
    if not req.Address and not req.SkipNodeUpdate:
        raise InternalError("Must provide address if SkipNodeUpdate is not set")
    service = None if req.Service is None else settle_service(rights, req.Service)
    checks = [*(req.Checks or ()), *((req.Check,) if req.Check else ())]
    settled = changed(req, Service=service, Check=None, Checks=[settle_check(c, req.Node) for c in checks] or None)
    vet_registration(db, rights, settled)
    return settled


def _peer_named(req: RegisterRequest) -> bool:
    checks = (*(req.Checks or ()), *((req.Check,) if req.Check else ()))
    return bool(req.PeerName or (req.Service and req.Service.PeerName) or any(c.PeerName for c in checks))


def refuse_node(name: str, node_id: str) -> None:
    """Raise InternalError unless the node has a name, and a UUID or no ID."""
    if not name:
        raise InternalError("Must provide node")
    if node_id and (fault := uuid_fault(node_id)):
        raise InternalError(f"Bad node ID: {fault}")


def settle_service(rights: Authorizer, service: NodeService) -> NodeService:
    """The instance with its ID filled in. Raises InternalError with what is wrong with it, PermissionDenied."""
    refuse_service(service)
    if not service.ID and not service.Service:
        raise InternalError("Must provide service name (Service.Service)")
    if not service.Service:
        raise InternalError("Must provide service name (Service.Service) when service ID is provided")
    if is_any_address(service.Address):
        raise InternalError("Invalid service address")
    vet_service(rights, service)
    return service if service.ID else changed(service, ID=service.Service)


def is_any_address(address: str) -> bool:
    """Whether this is ``0.0.0.0``, ``::`` or another spelling of them."""
    try:
        return ip_address(address.strip("[]")).is_unspecified
    except ValueError:
        return False


def settle_check(check: HealthCheck, node: str) -> HealthCheck:
    """The check with node, ID and type filled in."""
    return changed(
        check,
        Node=check.Node or node,
        CheckID=check.CheckID or check.Name,
        Type=check.Type or check.Definition.check_type(),
    )


@rpc("Catalog.Deregister")
async def deregister(srv: Server, req: DeregisterRequest) -> None:
    """Drop a service, a check or a whole node; what is not there is no error."""
    if not req.Node:
        raise InternalError("Must provide node")
    vet_deregistration(srv.db, srv.acl.authorizer(req.Token), req)
    await srv.propose(MessageType.DEREGISTER, req)


# Reads


@rpc("Catalog.ListDatacenters")
async def list_datacenters(srv: Server, ask: DatacentersRequest) -> list[str]:
    """The known datacenters, nearest first."""
    del ask
    return [srv.config.datacenter]


@rpc("Catalog.ListNodes")
async def list_nodes(srv: Server, ask: DCSpecificRequest) -> IndexedNodes:
    """Nodes by name, or by distance; null when there are none."""
    keep = await rows_filter(ask.Filter, Node)

    def read(db: Store, ws: WatchSet) -> IndexedNodes:
        index, found = reads.nodes(db, ask.NodeMetaFilters, ask.PeerName, ws)
        found, filtered = acl_filter.nodes(srv.acl.authorizer(ask.Token, ws), found)
        found = sorted_by_distance(db, ask.Source, srv.config.datacenter, keep(found), lambda n: n.Node, ws)
        return IndexedNodes(Index=index, Nodes=found or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Catalog.ListServices")
async def list_services(srv: Server, ask: DCSpecificRequest) -> IndexedServices:
    """Service names with the union of their tags. A filter sees each instance in its flat form."""
    if ask.PeerName:
        raise InternalError("listing service names imported from a peer is not supported")
    keep = await vetted_filter(srv, ask, ServiceNode)

    def read(db: Store, ws: WatchSet) -> IndexedServices:
        index, rows = reads.all_service_rows(db, ask.NodeMetaFilters, "", ws)
        rows, filtered = acl_filter.service_rows(srv.acl.authorizer(ask.Token, ws), rows)
        if ask.Filter:
            flat = keep(reads.with_nodes(db, rows, ws))
            names = reads.tags_by_name((s.ServiceName, s.ServiceTags) for s in flat)
        else:
            names = reads.tags_by_name((row.Service.Service, row.Service.Tags) for row in rows)
        return IndexedServices(Index=index, Services=names, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Catalog.ServiceList")
async def service_list(srv: Server, ask: DCSpecificRequest) -> IndexedServiceList:
    """The names of all services."""

    def read(db: Store, ws: WatchSet) -> IndexedServiceList:
        index, names = reads.service_names(db, ask.PeerName, ws)
        names, filtered = acl_filter.service_names(srv.acl.authorizer(ask.Token, ws), names)
        services = [ServiceName(Name=name) for name in names]
        return IndexedServiceList(Index=index, Services=services, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Catalog.ServiceNodes")
async def service_nodes(srv: Server, ask: ServiceSpecificRequest) -> IndexedServiceNodes:
    """The instances of a service, flat; null when there are none."""
    if not ask.ServiceName and not ask.ServiceAddress:
        raise InternalError("Must provide service name")
    if ask.Connect and not srv.acl.authorizer(ask.Token).reads_service(ask.ServiceName, ask.PeerName):
        return IndexedServiceNodes(KnownLeader=False)  # as Consul, which begins no read for it
    keep = await vetted_filter(srv, ask, ServiceNode)

    def read(db: Store, ws: WatchSet) -> IndexedServiceNodes:
        index, found = _find_service_nodes(db, ask, ws)
        if ask.NodeMetaFilters:
            found = [s for s in found if reads.satisfies(s.NodeMeta, ask.NodeMetaFilters)]
        if ask.MergeCentralConfig:
            index = max(index, central_index(db, (one.ServiceKind for one in found), ws))
            found = [_merged(db, one, ws) for one in found]
        found, filtered = acl_filter.service_nodes(srv.acl.authorizer(ask.Token, ws), found)
        found = sorted_by_distance(db, ask.Source, srv.config.datacenter, keep(found), lambda s: s.Node, ws)
        return IndexedServiceNodes(Index=index, ServiceNodes=found or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read, content=(lambda reply: reply.ServiceNodes) if ask.MergeCentralConfig else None)


def _merged(db: Store, row: ServiceNode, ws: WatchSet) -> ServiceNode:
    """A proxy or gateway as it would be configured. Consul forgets the node's details over it, and so do we."""
    service = service_of_node(db, row.Node, row.ServiceID, row.PeerName or "") if is_proxy(row.ServiceKind) else None
    if service is None:
        return row
    proxy = with_central_config(db, service, ws).Proxy
    return changed(row, ID="", Address="", Datacenter="", TaggedAddresses=None, NodeMeta=None, ServiceProxy=proxy)


def _find_service_nodes(db: Store, ask: ServiceSpecificRequest, ws: WatchSet) -> tuple[int, list[ServiceNode]]:
    if ask.Connect:
        return reads.connect_service_nodes(db, ask.ServiceName, ask.PeerName, ws)
    if ask.ServiceAddress:
        return 0, reads.service_nodes_at_address(db, ask.ServiceAddress, ask.PeerName, ws)
    return reads.service_nodes(db, ask.ServiceName, wanted_tags(ask), ask.PeerName, ws)


def wanted_tags(ask: ServiceSpecificRequest) -> list[str]:
    """The tags that an instance must have; old agents name a single one."""
    if not ask.TagFilter:
        return []
    return [ask.ServiceTag] if ask.ServiceTag else ask.ServiceTags or []


@rpc("Catalog.NodeServices")
async def node_services(srv: Server, ask: NodeSpecificRequest) -> IndexedNodeServices:
    """A node with its services by ID; null when the node is unknown."""
    _refuse_no_node(ask)
    keep = await rows_filter(ask.Filter, NodeService)

    def read(db: Store, ws: WatchSet) -> IndexedNodeServices:
        rights = srv.acl.authorizer(ask.Token, ws)
        index, node, services = reads.services_of_node(db, ask.Node, ask.PeerName, ws)
        if node is None or not rights.reads_node(node.Node, ask.PeerName):
            return IndexedNodeServices(Index=index, ResultsFilteredByACLs=node is not None)
        services, filtered = acl_filter.services_of_node_by_id(rights, services)
        by_id = {service.ID: service for service in keep(services)}
        shown = NodeServices(Node=node, Services=by_id)
        return IndexedNodeServices(Index=index, NodeServices=shown, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Catalog.NodeServiceList")
async def node_service_list(srv: Server, ask: NodeSpecificRequest) -> IndexedNodeServiceList:
    """A node with its services as a list; neither when the node is unknown."""
    _refuse_no_node(ask)
    keep = await rows_filter(ask.Filter, NodeService)

    def read(db: Store, ws: WatchSet) -> IndexedNodeServiceList:
        rights = srv.acl.authorizer(ask.Token, ws)
        index, node, services = reads.services_of_node(db, ask.Node, ask.PeerName, ws)
        if ask.MergeCentralConfig:
            index = max(index, central_index(db, (one.Kind for one in services), ws))
            services = [with_central_config(db, one, ws) if is_proxy(one.Kind) else one for one in services]
        hidden = node is not None and not rights.reads_node(node.Node, ask.PeerName)
        if hidden:
            node, services = None, []
        seen, filtered = acl_filter.services_of_node(rights, services)
        listed = keep(seen) if services or ask.Filter else None
        shown = NodeServiceList(Node=node, Services=listed)
        return IndexedNodeServiceList(Index=index, NodeServices=shown, ResultsFilteredByACLs=filtered or hidden)

    return await srv.read(ask, read, content=(lambda reply: reply.NodeServices) if ask.MergeCentralConfig else None)


def _refuse_no_node(ask: NodeSpecificRequest) -> None:
    if not ask.Node:
        raise InternalError("Must provide node")


@rpc("Catalog.GatewayServices")
async def gateway_services(srv: Server, ask: ServiceSpecificRequest) -> IndexedGatewayServices:
    """The services behind a gateway; null when there are none."""

    def read(db: Store, ws: WatchSet) -> IndexedGatewayServices:
        rights = srv.acl.authorizer(ask.Token, ws)
        rights.require("service", Access.READ, ask.ServiceName)
        if not any(entry_of(db, kind, ask.ServiceName) for kind in (IngressGateway, TerminatingGateway)):
            log.warn("no terminating-gateway or ingress-gateway associated with this gateway", gateway=ask.ServiceName)
        index, found = services_of_gateway(db, ask.ServiceName, ws)
        found, filtered = acl_filter.gateway_services(rights, found)
        return IndexedGatewayServices(Index=index, Services=found or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Catalog.VirtualIPForService")
async def virtual_ip_for_service(srv: Server, ask: ServiceSpecificRequest) -> str:
    """The virtual address of a mesh service; "" when it has none."""
    rights = srv.acl.authorizer(ask.Token)
    if not rights.reads_service(ask.ServiceName, ask.PeerName):
        raise rights.denied("service", Access.READ, ask.ServiceName)
    whose = PeeredServiceName(ServiceName=ServiceName(Name=ask.ServiceName), Peer=ask.PeerName)
    row = virtual_ip_of(srv.db, whose)
    return "" if row is None else address_of(row)
