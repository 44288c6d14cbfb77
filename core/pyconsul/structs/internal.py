"""What the web UI and other servers ask for, and gateways' services."""

from typing import ClassVar, TypeAlias

from pyconsul.structs.catalog import (
    CheckServiceNode,
    DCSpecificRequest,
    HealthCheck,
    Node,
    NodeService,
    PeeredServiceName,
    QuerySource,
    ServiceName,
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
)

NodeRow: TypeAlias = Node
NodeServiceRow: TypeAlias = NodeService
ServiceNameRow: TypeAlias = ServiceName


class NodeInfo(WireStruct, frozen=True, kw_only=True):
    """One node with all that is on it."""

    ID: str = ""
    Node: str = ""
    Partition: OmitStr = UNSET
    PeerName: OmitStr = UNSET
    Address: str = ""
    TaggedAddresses: dict[str, str] | None = None
    Meta: dict[str, str] | None = None
    Services: list[NodeService] | None = None
    Checks: list[HealthCheck] | None = None


class IndexedNodeDump(Indexed, frozen=True, kw_only=True):
    """Nodes of ours, and those that peers exported to us."""

    ImportedDump: list[NodeInfo] | None = None
    Dump: list[NodeInfo] | None = None


class ServiceDumpRequest(ReadRequest, frozen=True, kw_only=True):
    """A read of all instances, or of those of one kind."""

    ServiceKind: str = ""
    UseServiceKind: bool = False
    NodesOnly: bool = False
    Source: QuerySource = QuerySource()
    PeerName: str = ""


class GatewayService(WireStruct, frozen=True, kw_only=True):
    """A service that a gateway stands in front of, as a config entry says."""

    Gateway: ServiceName = ServiceName()
    Service: ServiceNameRow = ServiceName()
    GatewayKind: str = ""
    Port: OmitInt = UNSET
    Protocol: OmitStr = UNSET
    Hosts: list[str] | UnsetType = UNSET
    CAFile: OmitStr = UNSET
    CertFile: OmitStr = UNSET
    KeyFile: OmitStr = UNSET
    SNI: OmitStr = UNSET
    FromWildcard: OmitBool = UNSET
    ServiceKind: OmitStr = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0
    AutoHostRewrite: OmitBool = UNSET


GatewayServiceRow: TypeAlias = GatewayService


class IndexedGatewayServices(Indexed, frozen=True, kw_only=True):
    """The services of one gateway."""

    Services: list[GatewayService] | None = None


class IndexedNodesWithGateways(Indexed, frozen=True, kw_only=True):
    """All instances, those from peers, and which gateway serves what."""

    ImportedNodes: list[CheckServiceNode] | None = None
    Nodes: list[CheckServiceNode] | None = None
    Gateways: list[GatewayService] | None = None


class ServiceInfo(WireStruct, frozen=True, kw_only=True):
    """An instance behind a gateway; only the mapping while the service has none."""

    Node: NodeRow | None = None
    Service: NodeServiceRow | None = None
    Checks: list[HealthCheck] | None = None
    GatewayService: GatewayServiceRow | None = None


class IndexedServiceDump(Indexed, frozen=True, kw_only=True):
    """The instances behind a gateway."""

    Dump: list[ServiceInfo] | None = None


class IntentionDecisionSummary(WireStruct, frozen=True, kw_only=True):
    """Whether one service may call another, and why."""

    Allowed: bool = False
    HasPermissions: bool = False
    ExternalSource: str = ""
    HasExact: bool = False
    DefaultAllow: bool = False


class ServiceTopology(WireStruct, frozen=True, kw_only=True):
    """The neighbours of a service in the mesh; decisions and sources go by service name."""

    Upstreams: list[CheckServiceNode] | None = None
    Downstreams: list[CheckServiceNode] | None = None
    UpstreamDecisions: dict[str, IntentionDecisionSummary] | None = None
    DownstreamDecisions: dict[str, IntentionDecisionSummary] | None = None
    MetricsProtocol: str = ""
    TransparentProxy: bool = False
    UpstreamSources: dict[str, str] | None = None
    DownstreamSources: dict[str, str] | None = None


ServiceTopologyRow: TypeAlias = ServiceTopology


class IndexedServiceTopology(Indexed, frozen=True, kw_only=True):
    """One service's neighbourhood."""

    ServiceTopology: ServiceTopologyRow | None = None
    FilteredByACLs: bool = False


class HealthSummary(WireStruct, frozen=True, kw_only=True):
    """How many there are, and how many with each status."""

    Name: OmitStr = UNSET
    Total: int = 0
    Passing: int = 0
    Warning: int = 0
    Critical: int = 0


class CatalogSummary(WireStruct, frozen=True, kw_only=True):
    """The health of the whole datacenter in numbers."""

    Nodes: list[HealthSummary] | None = None
    Services: list[HealthSummary] | None = None
    Checks: list[HealthSummary] | None = None


class AssignServiceManualVIPsRequest(DCSpecificRequest, frozen=True, kw_only=True):
    """Give a service these virtual addresses."""

    go_parents: ClassVar[dict[str, str]] = {
        **dict.fromkeys(ReadRequest.__struct_fields__, "DCSpecificRequest.QueryOptions"),
        **dict.fromkeys(("Datacenter", "NodeMetaFilters", "Source", "PeerName"), "DCSpecificRequest"),
    }
    go_field_types: ClassVar[dict[str, str]] = {
        "MinQueryIndex": "uint64",
        **dict.fromkeys(("MaxQueryTime", "MaxStaleDuration", "MaxAge", "StaleIfError"), "time.Duration"),
    }

    Service: str = ""
    ManualVIPs: list[str] | None = None


class AssignServiceManualVIPsResponse(WireStruct, frozen=True, kw_only=True):
    """Whether the service is known, and which others lost an address to it."""

    Found: bool = False
    UnassignedFrom: list[PeeredServiceName] | None = None
