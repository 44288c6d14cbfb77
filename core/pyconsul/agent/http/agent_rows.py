"""Services and checks in the shape of the agent's API, which leaves out more than the catalog's does."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pyconsul.structs.catalog import GATEWAY_KINDS, KIND_CONNECT_PROXY, NodeService, ServiceAddress
from pyconsul.structs.connect_proxy import (
    AccessLogsConfig,
    ConnectProxyConfig,
    EnvoyExtension,
    ExposeConfig,
    MeshGatewayConfig,
    TransparentProxyConfig,
    Upstream,
)
from pyconsul.structs.health import HealthCheck
from pyconsul.structs.wire import UNSET, OmitBool, OmitInt, OmitStr, UnsetType, WireStruct, changed, omit

__all__ = ["AgentCheck", "AgentService", "ServiceChecks", "agent_check", "agent_service"]


class AgentWeights(WireStruct, frozen=True, kw_only=True):
    """DNS weights; always shown."""

    Passing: int = 1
    Warning: int = 1


class AgentUpstream(WireStruct, frozen=True, kw_only=True):
    """An upstream of a proxy."""

    DestinationType: OmitStr = UNSET
    DestinationPartition: OmitStr = UNSET
    DestinationNamespace: OmitStr = UNSET
    DestinationPeer: OmitStr = UNSET
    DestinationName: str = ""
    Datacenter: OmitStr = UNSET
    LocalBindAddress: OmitStr = UNSET
    LocalBindPort: OmitInt = UNSET
    LocalBindSocketPath: OmitStr = UNSET
    LocalBindSocketMode: OmitStr = UNSET
    Config: dict[str, Any] | UnsetType = UNSET
    MeshGateway: MeshGatewayConfig = MeshGatewayConfig()

    bexpr_hidden: ClassVar[frozenset[str]] = frozenset(("Config",))


class AgentProxy(WireStruct, frozen=True, kw_only=True):
    """The proxy part of a sidecar or gateway."""

    EnvoyExtensions: list[EnvoyExtension] | UnsetType = UNSET
    DestinationServiceName: OmitStr = UNSET
    DestinationServiceID: OmitStr = UNSET
    LocalServiceAddress: OmitStr = UNSET
    LocalServicePort: OmitInt = UNSET
    LocalServiceSocketPath: OmitStr = UNSET
    Mode: OmitStr = UNSET
    TransparentProxy: TransparentProxyConfig | UnsetType = UNSET
    Config: dict[str, Any] | UnsetType = UNSET
    Upstreams: list[AgentUpstream] | UnsetType = UNSET
    MeshGateway: MeshGatewayConfig = MeshGatewayConfig()
    Expose: ExposeConfig = ExposeConfig()
    AccessLogs: AccessLogsConfig | UnsetType = UNSET

    bexpr_hidden: ClassVar[frozenset[str]] = frozenset(("Config",))


class AgentConnect(WireStruct, frozen=True, kw_only=True):
    """Mesh settings of a service that speaks mesh TLS itself."""

    Native: OmitBool = UNSET


class AgentLocality(WireStruct, frozen=True, kw_only=True):
    """Where a service runs."""

    Region: str = ""
    Zone: str = ""


class AgentService(WireStruct, frozen=True, kw_only=True):
    """One service of this agent."""

    Kind: OmitStr = UNSET
    ID: str = ""
    Service: str = ""
    Tags: list[str] = msgspec.field(default_factory=list[str])
    Meta: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    Port: int = 0
    Address: str = ""
    SocketPath: OmitStr = UNSET
    TaggedAddresses: dict[str, ServiceAddress] | UnsetType = UNSET
    Weights: AgentWeights = AgentWeights()
    EnableTagOverride: bool = False
    CreateIndex: OmitInt = UNSET
    ModifyIndex: OmitInt = UNSET
    ContentHash: OmitStr = UNSET
    Proxy: AgentProxy | UnsetType = UNSET
    Connect: AgentConnect | UnsetType = UNSET
    PeerName: OmitStr = UNSET
    Datacenter: OmitStr = UNSET
    Locality: AgentLocality | UnsetType = UNSET

    bexpr_hidden: ClassVar[frozenset[str]] = frozenset(
        ("CreateIndex", "ModifyIndex", "ContentHash", "Datacenter", "Locality")
    )


class AgentCheckDefinition(WireStruct, frozen=True, kw_only=True):
    """Consul's API client type, never filled here, yet shown in full."""

    Interval: str = "0s"
    Timeout: str = "0s"
    DeregisterCriticalServiceAfter: str = "0s"
    HTTP: str = ""
    Header: None = None
    Method: str = ""
    Body: str = ""
    TLSServerName: str = ""
    TLSSkipVerify: bool = False
    TCP: str = ""
    TCPUseTLS: bool = False
    UDP: str = ""
    GRPC: str = ""
    OSService: str = ""
    GRPCUseTLS: bool = False


class AgentCheck(WireStruct, frozen=True, kw_only=True):
    """A check as ``/v1/agent/health`` shows it; ``Type`` and ``ExposedPort`` stay empty there."""

    Node: str = ""
    CheckID: str = ""
    Name: str = ""
    Status: str = ""
    Notes: str = ""
    Output: str = ""
    ServiceID: str = ""
    ServiceName: str = ""
    ServiceTags: list[str] | None = None
    Type: str = ""
    ExposedPort: int = 0
    Definition: AgentCheckDefinition = AgentCheckDefinition()
    CreateIndex: int = 0
    ModifyIndex: int = 0


class ServiceChecks(WireStruct, frozen=True, kw_only=True):
    """One instance with its checks and what they come to."""

    AggregatedStatus: str
    Service: AgentService | None = None
    Checks: list[AgentCheck] | None = None


def agent_check(check: HealthCheck) -> AgentCheck:
    """The check as ``/v1/agent/health`` shows it."""
    return AgentCheck(
        Node=check.Node,
        CheckID=check.CheckID,
        Name=check.Name,
        Status=check.Status,
        Notes=check.Notes,
        Output=check.Output,
        ServiceID=check.ServiceID,
        ServiceName=check.ServiceName,
        ServiceTags=check.ServiceTags,
    )


def agent_service(service: NodeService, datacenter: str) -> AgentService:
    """The service as ``/v1/agent/service…`` shows it."""
    weights = service.Weights
    # A weight of 0 means something only for warnings: such an instance is not to be chosen.
    passing = weights.Passing if weights is not None and weights.Passing > 0 else 1
    place = service.Locality
    shows_proxy = service.Kind == KIND_CONNECT_PROXY or service.Kind in GATEWAY_KINDS
    return AgentService(
        Kind=service.Kind,
        ID=service.ID,
        Service=service.Service,
        Tags=service.Tags or [],
        Meta=service.Meta or {},
        Port=service.Port or 0,
        Address=service.Address,
        SocketPath=service.SocketPath,
        TaggedAddresses=service.TaggedAddresses,
        Weights=AgentWeights(Passing=passing, Warning=1 if weights is None else weights.Warning),
        EnableTagOverride=service.EnableTagOverride,
        CreateIndex=omit(service.CreateIndex),
        ModifyIndex=omit(service.ModifyIndex),
        Proxy=_agent_proxy(service.Proxy) if shows_proxy else UNSET,
        Connect=AgentConnect(Native=True) if service.Connect.Native else UNSET,
        Datacenter=omit(datacenter),
        Locality=AgentLocality(Region=place.Region or "", Zone=place.Zone or "") if place else UNSET,
    )


def _agent_proxy(proxy: ConnectProxyConfig) -> AgentProxy:
    return AgentProxy(
        DestinationServiceName=proxy.DestinationServiceName,
        DestinationServiceID=proxy.DestinationServiceID,
        LocalServiceAddress=proxy.LocalServiceAddress,
        LocalServicePort=proxy.LocalServicePort,
        LocalServiceSocketPath=proxy.LocalServiceSocketPath,
        Mode=omit(proxy.Mode),
        TransparentProxy=proxy.TransparentProxy,
        Config=proxy.Config,
        Upstreams=omit([_agent_upstream(each) for each in proxy.Upstreams or []]),
        MeshGateway=proxy.MeshGateway,
        Expose=_agent_expose(proxy.Expose),
        AccessLogs=proxy.AccessLogs,
    )


def _agent_expose(expose: ExposeConfig) -> ExposeConfig:
    """Paths always say whether a check brought them."""
    if not expose.Paths:
        return expose
    paths = [changed(each, ParsedFromCheck=bool(each.ParsedFromCheck)) for each in expose.Paths]
    return changed(expose, Paths=paths)


def _agent_upstream(upstream: Upstream) -> AgentUpstream:
    return AgentUpstream(
        DestinationType=omit(upstream.DestinationType),
        DestinationPartition=upstream.DestinationPartition,
        DestinationNamespace=upstream.DestinationNamespace,
        DestinationPeer=upstream.DestinationPeer,
        DestinationName=upstream.DestinationName,
        Datacenter=omit(upstream.Datacenter),
        LocalBindAddress=upstream.LocalBindAddress,
        LocalBindPort=upstream.LocalBindPort,
        LocalBindSocketPath=upstream.LocalBindSocketPath,
        LocalBindSocketMode=upstream.LocalBindSocketMode,
        Config=upstream.Config,
        MeshGateway=upstream.MeshGateway,
    )
