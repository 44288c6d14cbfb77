"""RPC methods that only Consul's own parts call: the web UI's reads and virtual addresses."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from pyconsul.acl import Access
from pyconsul.memdb import Store, WatchSet
from pyconsul.server.endpoints import acl_filter
from pyconsul.server.endpoints.filtering import vetted_filter
from pyconsul.server.registry import rpc
from pyconsul.server.state import catalog_reads as reads
from pyconsul.server.state.gateway_services import all_gateway_services, services_of_gateway
from pyconsul.server.state.indexes import max_index
from pyconsul.server.state.overview import catalog_summary, node_dump
from pyconsul.server.state.topology import service_topology
from pyconsul.server.state.virtual_ips import ServiceVirtualIP, virtual_ip_of
from pyconsul.structs.catalog import (
    CheckServiceNode,
    DCSpecificRequest,
    IndexedCheckServiceNodes,
    IndexedServiceList,
    NodeSpecificRequest,
    PeeredServiceName,
    ServiceName,
    ServiceSpecificRequest,
)
from pyconsul.structs.errors import InternalError
from pyconsul.structs.internal import (
    AssignServiceManualVIPsRequest,
    AssignServiceManualVIPsResponse,
    CatalogSummary,
    IndexedNodeDump,
    IndexedNodesWithGateways,
    IndexedServiceDump,
    IndexedServiceTopology,
    NodeInfo,
    ServiceDumpRequest,
    ServiceInfo,
)
from pyconsul.structs.messages import MessageType

if TYPE_CHECKING:
    from pyconsul.server.server import Server

MAX_MANUAL_VIPS = 8


@rpc("Internal.NodeInfo")
async def node_info(srv: Server, ask: NodeSpecificRequest) -> IndexedNodeDump:
    """One node with all that is on it, as a list of one or null."""

    def read(db: Store, ws: WatchSet) -> IndexedNodeDump:
        index, dump = node_dump(db, ask.Node, ask.PeerName, ws)
        dump, filtered = acl_filter.node_dump(srv.acl.authorizer(ask.Token, ws), dump)
        return IndexedNodeDump(Index=index, Dump=dump or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Internal.NodeDump")
async def all_nodes(srv: Server, ask: DCSpecificRequest) -> IndexedNodeDump:
    """Every node with all that is on it; null when there are none."""
    keep = await vetted_filter(srv, ask, NodeInfo)
    if ask.PeerName:
        raise InternalError(f'this endpoint does not support specifying a peer: "{ask.PeerName}"')

    def read(db: Store, ws: WatchSet) -> IndexedNodeDump:
        index, dump = node_dump(db, None, "", ws)
        dump, filtered = acl_filter.node_dump(srv.acl.authorizer(ask.Token, ws), dump)
        return IndexedNodeDump(Index=index, Dump=keep(dump) or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Internal.ServiceDump")
async def service_dump(srv: Server, ask: ServiceDumpRequest) -> IndexedNodesWithGateways:
    """Every instance (of one kind), and which gateway serves what; those of a peer alone when one is named."""
    keep = await vetted_filter(srv, ask, CheckServiceNode)

    def read(db: Store, ws: WatchSet) -> IndexedNodesWithGateways:
        rights = srv.acl.authorizer(ask.Token, ws)
        if ask.UseServiceKind:
            index, found = reads.check_service_nodes_of_kind(db, ask.ServiceKind, ask.PeerName, ws)
        else:
            index, found = reads.all_check_service_nodes(db, ask.PeerName, ws)
        found, filtered = acl_filter.check_service_nodes(rights, found)
        shown = keep(found) or None
        if ask.PeerName:
            return IndexedNodesWithGateways(Index=index, ImportedNodes=shown, ResultsFilteredByACLs=filtered)
        if ask.NodesOnly:
            return IndexedNodesWithGateways(Index=index, Nodes=shown, ResultsFilteredByACLs=filtered)
        at, all_gateways = all_gateway_services(db, ws)
        gateways, hidden = acl_filter.gateway_services(rights, all_gateways)
        return IndexedNodesWithGateways(
            Index=max(index, at), Nodes=shown, Gateways=gateways or None, ResultsFilteredByACLs=filtered or hidden
        )

    return await srv.read(ask, read)


@rpc("Internal.CatalogOverview")
async def catalog_overview(srv: Server, ask: DCSpecificRequest) -> CatalogSummary:
    """The health of the whole datacenter in numbers."""
    rights = srv.acl.authorizer(ask.Token)
    if not rights.allows("operator", Access.READ):
        raise rights.for_accessor("").denied("operator", Access.READ)  # Consul leaves out whose token it is, here alone
    return catalog_summary(srv.db)


@rpc("Internal.ServiceTopology")
async def topology(srv: Server, ask: ServiceSpecificRequest) -> IndexedServiceTopology:
    """The neighbours of a service in the mesh."""
    if not ask.ServiceName:
        raise InternalError("Must provide a service name")

    def read(db: Store, ws: WatchSet) -> IndexedServiceTopology:
        rights = srv.acl.authorizer(ask.Token, ws)
        rights.require("service", Access.READ, ask.ServiceName)
        default_allow = rights.intention_default_allow()
        index, found = service_topology(db, ask.ServiceName, ask.ServiceKind, ws, default_allow=default_allow)
        found, filtered = acl_filter.topology(rights, found)
        return IndexedServiceTopology(
            Index=index, ServiceTopology=found, FilteredByACLs=filtered, ResultsFilteredByACLs=filtered
        )

    return await srv.read(ask, read)


@rpc("Internal.GatewayServiceDump")
async def gateway_service_dump(srv: Server, ask: ServiceSpecificRequest) -> IndexedServiceDump:
    """The instances behind a gateway; a service without any shows its mapping alone."""
    _refuse_no_gateway(ask)

    def read(db: Store, ws: WatchSet) -> IndexedServiceDump:
        rights = srv.acl.authorizer(ask.Token, ws)
        rights.require("service", Access.READ, ask.ServiceName)
        index, mappings = services_of_gateway(db, ask.ServiceName, ws)
        dump: list[ServiceInfo] = []
        for mapping in mappings:
            at, instances = reads.check_service_nodes(db, mapping.Service.Name, peer=ask.PeerName, ws=ws)
            index = max(index, at)
            dump += [
                ServiceInfo(Node=one.Node, Service=one.Service, Checks=one.Checks, GatewayService=mapping)
                for one in instances
            ] or [ServiceInfo(GatewayService=mapping)]
        dump, filtered = acl_filter.service_dump(rights, dump)
        return IndexedServiceDump(Index=index, Dump=dump or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Internal.ServiceGateways")
async def gateways_of(srv: Server, ask: ServiceSpecificRequest) -> IndexedCheckServiceNodes:
    """The gateways in front of a service, with their health."""
    _refuse_no_gateway(ask)

    def read(db: Store, ws: WatchSet) -> IndexedCheckServiceNodes:
        rights = srv.acl.authorizer(ask.Token, ws)
        rights.require("service", Access.READ, ask.ServiceName)
        index, found = reads.service_gateways(db, ask.ServiceName, ask.ServiceKind, ws)
        found, filtered = acl_filter.check_service_nodes(rights, found)
        return IndexedCheckServiceNodes(Index=index, Nodes=found or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


def _refuse_no_gateway(ask: ServiceSpecificRequest) -> None:
    if not ask.ServiceName:
        raise InternalError("Must provide gateway name")


@rpc("Internal.ExportedServicesForPeer")
async def exported_services(srv: Server, ask: ServiceDumpRequest) -> IndexedServiceList:
    """What is exported to a peer: nothing, to a peer that is not known."""
    srv.acl.authorizer(ask.Token)
    if not ask.PeerName:
        raise InternalError("must provide PeerName")

    def read(db: Store, ws: WatchSet) -> IndexedServiceList:
        return IndexedServiceList(Index=max_index(db, "peering", ws=ws))

    return await srv.read(ask, read)


@rpc("Internal.AssignManualServiceVIPs")
async def assign_manual_vips(srv: Server, ask: AssignServiceManualVIPsRequest) -> AssignServiceManualVIPsResponse:
    """Give a mesh service these virtual addresses. Raises InternalError for too many, or for one that is none."""
    srv.acl.authorizer(ask.Token).require("mesh", Access.WRITE)
    wanted = sorted(set(ask.ManualVIPs or ()))  # Consul ignores duplicates silently, but counts them
    if len(ask.ManualVIPs or ()) > MAX_MANUAL_VIPS:
        raise InternalError(f"cannot associate more than {MAX_MANUAL_VIPS} manual virtual IPs with the same service")
    for address in wanted:
        _refuse_no_ipv4(address)
    whose = PeeredServiceName(ServiceName=ServiceName(Name=ask.Service))
    row = virtual_ip_of(srv.db, whose)
    if row is not None and sorted(row.ManualIPs or ()) == wanted:
        return AssignServiceManualVIPsResponse(Found=True)
    request = ServiceVirtualIP(Service=whose, ManualIPs=wanted)
    answer: AssignServiceManualVIPsResponse = await srv.propose(MessageType.UPDATE_VIRTUAL_IP, request)
    return answer


def _refuse_no_ipv4(text: str) -> None:
    try:
        address = ip_address(text)
    except ValueError as error:
        raise InternalError('"<nil>" is not a valid IPv4 address') from error
    if address.version == 6 and address.ipv4_mapped is None:
        raise InternalError(f'"{address}" is not a valid IPv4 address')
