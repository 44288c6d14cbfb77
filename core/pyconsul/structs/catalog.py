"""Nodes, service instances and checks: rows, registrations, questions and replies of the catalog.

A field that Go omits when empty is UNSET here, never ``""`` (``wire.omit``). ``None`` is Go's nil: JSON null.
"""

from enum import IntEnum
from typing import Any, ClassVar, TypeAlias

from pyconsul.structs.connect_proxy import ConnectProxyConfig
from pyconsul.structs.health import (
    HealthCheck,
    HealthCheckDefinition,
    IndexedHealthChecks,
)
from pyconsul.structs.wire import (
    UNSET,
    Indexed,
    OmitBool,
    OmitInt,
    OmitStr,
    ReadRequest,
    UnsetType,
    WireStruct,
    WriteRequest,
)

__all__ = [
    "KIND_API_GATEWAY",
    "KIND_CONNECT_PROXY",
    "KIND_INGRESS_GATEWAY",
    "KIND_MESH_GATEWAY",
    "KIND_TERMINATING_GATEWAY",
    "KIND_TYPICAL",
    "CheckServiceNode",
    "ChecksInStateRequest",
    "DCSpecificRequest",
    "DatacentersRequest",
    "DeregisterRequest",
    "HealthCheck",
    "HealthCheckDefinition",
    "HealthFilter",
    "IndexedCheckServiceNodes",
    "IndexedHealthChecks",
    "IndexedNodeServiceList",
    "IndexedNodeServices",
    "IndexedNodes",
    "IndexedServiceList",
    "IndexedServiceNodes",
    "IndexedServices",
    "Locality",
    "Node",
    "NodeService",
    "NodeServiceList",
    "NodeServices",
    "NodeSpecificRequest",
    "PeeredServiceName",
    "PeeringServiceMeta",
    "QuerySource",
    "RegisterRequest",
    "ServiceAddress",
    "ServiceConnect",
    "ServiceName",
    "ServiceNode",
    "ServiceSpecificRequest",
    "Weights",
]

KIND_TYPICAL = ""
KIND_CONNECT_PROXY = "connect-proxy"
KIND_MESH_GATEWAY = "mesh-gateway"
KIND_TERMINATING_GATEWAY = "terminating-gateway"
KIND_INGRESS_GATEWAY = "ingress-gateway"
KIND_API_GATEWAY = "api-gateway"
KIND_DESTINATION = "destination"
KIND_CONNECT_ENABLED = "connect-enabled"  # of the kind-name index only, never of an instance
GATEWAY_KINDS = frozenset((KIND_MESH_GATEWAY, KIND_TERMINATING_GATEWAY, KIND_INGRESS_GATEWAY, KIND_API_GATEWAY))

CONSUL_SERVICE_ID = "consul"
CONSUL_SERVICE_NAME = "consul"
SERVER_TAGGED_WAN = "wan"
TAGGED_VIRTUAL_IP = "consul-virtual"

StringMap: TypeAlias = dict[str, str]


class Locality(WireStruct, frozen=True, kw_only=True):
    """Where something runs; a zone needs a region."""

    Region: OmitStr = UNSET
    Zone: OmitStr = UNSET


Place: TypeAlias = Locality


class ServiceAddress(WireStruct, frozen=True, kw_only=True):
    """An address and port under a tag such as ``wan``."""

    Address: str = ""
    Port: int = 0


class Weights(WireStruct, frozen=True, kw_only=True):
    """DNS weights by status."""

    Passing: int = 0
    Warning: int = 0


class PeeringServiceMeta(WireStruct, frozen=True, kw_only=True):
    """What an exporting peer says about how to reach an instance."""

    SNI: list[str] | UnsetType = UNSET
    SpiffeID: list[str] | UnsetType = UNSET
    Protocol: OmitStr = UNSET


class ServiceConnect(WireStruct, frozen=True, kw_only=True):
    """Mesh settings of an instance. ``SidecarService`` only lives until the agent has expanded it."""

    bexpr_hidden: ClassVar[frozenset[str]] = frozenset(("SidecarService", "PeerMeta"))

    Native: OmitBool = UNSET
    SidecarService: dict[str, Any] | UnsetType | None = UNSET
    PeerMeta: PeeringServiceMeta | UnsetType | None = UNSET


class Node(WireStruct, frozen=True, kw_only=True):
    """One node of the catalog."""

    bexpr_hidden: ClassVar[frozenset[str]] = frozenset(("Locality", "CreateIndex", "ModifyIndex"))

    ID: str = ""
    Node: str = ""
    Address: str = ""
    Datacenter: str = ""
    Partition: OmitStr = UNSET
    PeerName: OmitStr = UNSET
    TaggedAddresses: StringMap | None = None
    Meta: StringMap | None = None
    Locality: Place | UnsetType | None = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0


# Aliases, since a field of the same name hides a type inside its class.
NodeRow: TypeAlias = Node
WeightsRow: TypeAlias = Weights
ServiceAddressRow: TypeAlias = ServiceAddress
ServiceConnectRow: TypeAlias = ServiceConnect


class NodeService(WireStruct, frozen=True, kw_only=True):
    """One service instance, without its node. ``Service`` is the name, ``ID`` is unique on the node."""

    bexpr_hidden: ClassVar[frozenset[str]] = frozenset(
        ("Locality", "LocallyRegisteredAsSidecar", "CreateIndex", "ModifyIndex")
    )

    Kind: OmitStr = UNSET
    ID: str = ""
    Service: str = ""
    Tags: list[str] | None = None
    Address: str = ""
    TaggedAddresses: dict[str, ServiceAddress] | UnsetType = UNSET
    Meta: StringMap | None = None
    Port: OmitInt = UNSET
    SocketPath: OmitStr = UNSET
    Weights: WeightsRow | None = None
    EnableTagOverride: bool = False
    Locality: Place | UnsetType | None = UNSET
    Proxy: ConnectProxyConfig = ConnectProxyConfig()
    Connect: ServiceConnect = ServiceConnect()
    PeerName: str = ""
    CreateIndex: int = 0
    ModifyIndex: int = 0
    LocallyRegisteredAsSidecar: OmitBool = UNSET  # never in JSON; the agent's own mark

    def connect_name(self) -> str:
        """The service that this instance serves in the mesh; empty when it serves none."""
        if self.Kind == KIND_CONNECT_PROXY:
            return self.Proxy.DestinationServiceName or ""
        return self.Service if self.Connect.Native else ""

    def best_address(self, wan: bool) -> tuple[str, int]:
        """Address and port to show: the tagged WAN ones when asked for and set. The address may be empty."""
        port = self.Port or 0
        tagged = self.TaggedAddresses.get(SERVER_TAGGED_WAN) if wan and self.TaggedAddresses else None
        return (tagged.Address, tagged.Port or port) if tagged else (self.Address, port)


class ServiceNode(WireStruct, frozen=True, kw_only=True):
    """One service instance with its node, flat, as ``/v1/catalog/service`` shows it."""

    bexpr_hidden: ClassVar[frozenset[str]] = frozenset(("ServiceLocality", "CreateIndex", "ModifyIndex"))

    ID: str = ""
    Node: str = ""
    Address: str = ""
    Datacenter: str = ""
    TaggedAddresses: StringMap | None = None
    NodeMeta: StringMap | None = None
    ServiceKind: str = ""
    ServiceID: str = ""
    ServiceName: str = ""
    ServiceTags: list[str] | None = None
    ServiceAddress: str = ""
    ServiceTaggedAddresses: dict[str, ServiceAddressRow] | UnsetType = UNSET
    ServiceWeights: Weights = Weights()
    ServiceMeta: StringMap | None = None
    ServicePort: int = 0
    ServiceSocketPath: str = ""
    ServiceEnableTagOverride: bool = False
    ServiceProxy: ConnectProxyConfig = ConnectProxyConfig()
    ServiceConnect: ServiceConnectRow = ServiceConnect()
    ServiceLocality: Place | None = None
    PeerName: OmitStr = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0


class CheckServiceNode(WireStruct, frozen=True, kw_only=True):
    """One instance with its node and all checks that bear on it."""

    Node: NodeRow | None = None
    Service: NodeService | None = None
    Checks: list[HealthCheck] | None = None


class RegisterRequest(WriteRequest, frozen=True, kw_only=True):
    """Put a node, and a service and checks on it. Log entry and snapshot record 0.

    ``CreateIndex`` and ``ModifyIndex`` are the node's and only speak in snapshots.
    """

    ID: str = ""
    Node: str = ""
    Address: str = ""
    TaggedAddresses: StringMap | None = None
    NodeMeta: StringMap | None = None
    Service: NodeService | None = None
    Check: HealthCheck | None = None
    Checks: list[HealthCheck] | None = None
    Locality: Place | None = None
    SkipNodeUpdate: bool = False
    PeerName: str = ""
    CreateIndex: int = 0
    ModifyIndex: int = 0


class DeregisterRequest(WriteRequest, frozen=True, kw_only=True):
    """Drop the service if ``ServiceID`` is set, else the check if ``CheckID`` is, else the whole node."""

    Node: str = ""
    ServiceID: str = ""
    CheckID: str = ""
    PeerName: str = ""


class QuerySource(WireStruct, frozen=True, kw_only=True):
    """Who asks, so that answers can be sorted by distance (``near``)."""

    Datacenter: str = ""
    Segment: str = ""
    Node: str = ""
    NodePartition: OmitStr = UNSET
    DisableNode: OmitBool = UNSET
    Ip: str = ""


class DatacentersRequest(ReadRequest, frozen=True, kw_only=True):
    """A read of the known datacenters."""


class DCSpecificRequest(ReadRequest, frozen=True, kw_only=True):
    """A read of a whole table."""

    NodeMetaFilters: StringMap | None = None
    Source: QuerySource = QuerySource()
    PeerName: str = ""


class HealthFilter(IntEnum):
    """Which instances a health answer leaves out."""

    INCLUDE_ALL = 0
    EXCLUDE_CRITICAL = 1
    ONLY_PASSING = 2


class ServiceSpecificRequest(ReadRequest, frozen=True, kw_only=True):
    """A read of one service. ``HealthFilterType`` is a HealthFilter number."""

    PeerName: str = ""
    SamenessGroup: str = ""
    NodeMetaFilters: StringMap | None = None
    ServiceName: str = ""
    ServiceKind: str = ""
    ServiceTag: str = ""
    ServiceTags: list[str] | None = None
    ServiceAddress: str = ""
    TagFilter: bool = False
    HealthFilterType: int = 0
    Source: QuerySource = QuerySource()
    Connect: bool = False
    Ingress: bool = False
    MergeCentralConfig: bool = False


class NodeSpecificRequest(ReadRequest, frozen=True, kw_only=True):
    """A read of one node."""

    Node: str = ""
    PeerName: str = ""
    MergeCentralConfig: bool = False


class ChecksInStateRequest(ReadRequest, frozen=True, kw_only=True):
    """A read of all checks with one status, or ``any``."""

    NodeMetaFilters: StringMap | None = None
    State: str = ""
    Source: QuerySource = QuerySource()
    PeerName: str = ""


class ServiceName(WireStruct, frozen=True, kw_only=True):
    """The name of a service (namespaces are an Enterprise matter)."""

    Name: str = ""


ServiceNameRow: TypeAlias = ServiceName


class PeeredServiceName(WireStruct, frozen=True, kw_only=True):
    """A service name and the peer that it was imported from (empty: ours)."""

    ServiceName: ServiceNameRow = ServiceName()
    Peer: str = ""


class NodeServices(WireStruct, frozen=True, kw_only=True):
    """A node with its services by ID."""

    Node: NodeRow | None = None
    Services: dict[str, NodeService] | None = None


class NodeServiceList(WireStruct, frozen=True, kw_only=True):
    """A node with its services as a list."""

    Node: NodeRow | None = None
    Services: list[NodeService] | None = None


NodeServicesRow: TypeAlias = NodeServices


class IndexedNodes(Indexed, frozen=True, kw_only=True):
    """Nodes by name."""

    Nodes: list[Node] | None = None


class IndexedServices(Indexed, frozen=True, kw_only=True):
    """Service names with the union of their tags."""

    Services: dict[str, list[str]] | None = None


class IndexedServiceList(Indexed, frozen=True, kw_only=True):
    """Service names."""

    Services: list[ServiceName] | None = None


class IndexedServiceNodes(Indexed, frozen=True, kw_only=True):
    """Instances, flat."""

    ServiceNodes: list[ServiceNode] | None = None


class IndexedNodeServices(Indexed, frozen=True, kw_only=True):
    """One node's services by ID; null when the node is unknown."""

    NodeServices: NodeServicesRow | None = None


class IndexedNodeServiceList(Indexed, frozen=True, kw_only=True):
    """One node's services as a list; an empty list without a node when it is unknown."""

    NodeServices: NodeServiceList = NodeServiceList()


class IndexedCheckServiceNodes(Indexed, frozen=True, kw_only=True):
    """Instances with node and checks."""

    Nodes: list[CheckServiceNode] | None = None
