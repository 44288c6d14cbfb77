"""What bodies hold that Consul reads by its ``api`` package: transactions, autopilot's settings.

Nothing of it goes further than the door. Unknown fields are forbidden, so that ``msgspec`` alone never takes what Go
refuses.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeAlias

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from pyconsul.primitives.durations import from_number, parse_duration
from pyconsul.structs.godecode import ReadableDuration

Uint: TypeAlias = Annotated[int, Meta(ge=0)]


class ApiShape(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Base of them all."""


class ApiLocality(ApiShape, frozen=True, kw_only=True):
    """Where a node or instance runs; the community edition reads it and lets it go."""

    go_type: ClassVar[str] = "api.Locality"

    Region: str = ""
    Zone: str = ""


class ApiWeights(ApiShape, frozen=True, kw_only=True):
    """Weights of an instance."""

    go_type: ClassVar[str] = "api.AgentWeights"

    Passing: int = 0
    Warning: int = 0


class ApiServiceAddress(ApiShape, frozen=True, kw_only=True):
    """One of the tagged addresses of an instance."""

    go_type: ClassVar[str] = "api.ServiceAddress"

    Address: str = ""
    Port: int = 0


class ApiMeshGateway(ApiShape, frozen=True, kw_only=True):
    """Which gateways a proxy's traffic passes."""

    go_type: ClassVar[str] = "api.MeshGatewayConfig"
    go_field_types: ClassVar[dict[str, str]] = {"Mode": "api.MeshGatewayMode"}

    Mode: str = ""


class ApiTransparentProxy(ApiShape, frozen=True, kw_only=True):
    """How a transparent proxy is reached."""

    go_type: ClassVar[str] = "api.TransparentProxyConfig"

    OutboundListenerPort: int = 0
    DialedDirectly: bool = False


class ApiEnvoyExtension(ApiShape, frozen=True, kw_only=True):
    """One extension of Envoy's configuration."""

    go_type: ClassVar[str] = "api.EnvoyExtension"

    Name: str = ""
    Required: bool = False
    Arguments: dict[str, Any] | None = None
    ConsulVersion: str = ""
    EnvoyVersion: str = ""


class ApiUpstream(ApiShape, frozen=True, kw_only=True):
    """One destination of a proxy."""

    go_type: ClassVar[str] = "api.Upstream"
    go_field_types: ClassVar[dict[str, str]] = {"DestinationType": "api.UpstreamDestType"}

    DestinationType: str = ""
    DestinationPartition: str = ""
    DestinationNamespace: str = ""
    DestinationPeer: str = ""
    DestinationName: str = ""
    Datacenter: str = ""
    LocalBindAddress: str = ""
    LocalBindPort: int = 0
    LocalBindSocketPath: str = ""
    LocalBindSocketMode: str = ""
    Config: dict[str, Any] | None = None
    MeshGateway: ApiMeshGateway = ApiMeshGateway()
    CentrallyConfigured: bool = False


class ApiExposePath(ApiShape, frozen=True, kw_only=True):
    """One path that is served beside the mesh."""

    go_type: ClassVar[str] = "api.ExposePath"

    ListenerPort: int = 0
    Path: str = ""
    LocalPathPort: int = 0
    Protocol: str = ""
    ParsedFromCheck: bool = False


class ApiExpose(ApiShape, frozen=True, kw_only=True):
    """What is served beside the mesh."""

    go_type: ClassVar[str] = "api.ExposeConfig"

    Checks: bool = False
    Paths: list[ApiExposePath] | None = None


class ApiAccessLogs(ApiShape, frozen=True, kw_only=True):
    """Where a proxy logs."""

    go_type: ClassVar[str] = "api.AccessLogsConfig"
    go_field_types: ClassVar[dict[str, str]] = {"Type": "api.LogSinkType"}

    Enabled: bool = False
    DisableListenerLogs: bool = False
    Type: str = ""
    Path: str = ""
    JSONFormat: str = ""
    TextFormat: str = ""


class ApiProxy(ApiShape, frozen=True, kw_only=True):
    """The proxy part of a registration."""

    go_type: ClassVar[str] = "api.AgentServiceConnectProxyConfig"
    go_field_types: ClassVar[dict[str, str]] = {"Mode": "api.ProxyMode"}

    EnvoyExtensions: list[ApiEnvoyExtension] | None = None
    DestinationServiceName: str = ""
    DestinationServiceID: str = ""
    LocalServiceAddress: str = ""
    LocalServicePort: int = 0
    LocalServiceSocketPath: str = ""
    Mode: str = ""
    TransparentProxy: ApiTransparentProxy | None = None
    Config: dict[str, Any] | None = None
    Upstreams: list[ApiUpstream] | None = None
    MeshGateway: ApiMeshGateway = ApiMeshGateway()
    Expose: ApiExpose = ApiExpose()
    AccessLogs: ApiAccessLogs | None = None


class ApiServiceCheck(ApiShape, frozen=True, kw_only=True):
    """A check of a sidecar's registration."""

    go_type: ClassVar[str] = "api.AgentServiceCheck"

    CheckID: str = ""
    Name: str = ""
    ScriptArgs: list[str] | None = None
    DockerContainerID: str = ""
    Shell: str = ""
    Interval: str = ""
    Timeout: str = ""
    TTL: str = ""
    HTTP: str = ""
    Header: dict[str, list[str]] | None = None
    Method: str = ""
    Body: str = ""
    TCP: str = ""
    TCPUseTLS: bool = False
    UDP: str = ""
    Status: str = ""
    Notes: str = ""
    TLSServerName: str = ""
    TLSSkipVerify: bool = False
    GRPC: str = ""
    GRPCUseTLS: bool = False
    H2PING: str = ""
    H2PingUseTLS: bool = False
    AliasNode: str = ""
    AliasService: str = ""
    SuccessBeforePassing: int = 0
    FailuresBeforeWarning: int = 0
    FailuresBeforeCritical: int = 0
    DeregisterCriticalServiceAfter: str = ""


class ApiConnect(ApiShape, frozen=True, kw_only=True):
    """The mesh part of a registration."""

    go_type: ClassVar[str] = "api.AgentServiceConnect"

    Native: bool = False
    SidecarService: ApiRegistration | None = None


class ApiRegistration(ApiShape, frozen=True, kw_only=True):
    """A sidecar's registration."""

    go_type: ClassVar[str] = "api.AgentServiceRegistration"
    go_field_types: ClassVar[dict[str, str]] = {"Kind": "api.ServiceKind", "Checks": "api.AgentServiceChecks"}

    Kind: str = ""
    ID: str = ""
    Name: str = ""
    Tags: list[str] | None = None
    Port: int = 0
    Address: str = ""
    SocketPath: str = ""
    TaggedAddresses: dict[str, ApiServiceAddress] | None = None
    EnableTagOverride: bool = False
    Meta: dict[str, str] | None = None
    Weights: ApiWeights | None = None
    Check: ApiServiceCheck | None = None
    Checks: list[ApiServiceCheck] | None = None
    Proxy: ApiProxy | None = None
    Connect: ApiConnect | None = None
    Namespace: str = ""
    Partition: str = ""
    Locality: ApiLocality | None = None


class ApiDefinition(ApiShape, frozen=True, kw_only=True):
    """How a check is run.

    Each duration has two names, of which the longer one wins and is settled in the shorter.
    """

    go_type: ClassVar[str] = (
        "struct { IntervalDuration interface {}; TimeoutDuration interface {}; "
        "DeregisterCriticalServiceAfterDuration interface {}; *api.Alias }"
    )
    go_embedded: ClassVar[str] = "Alias"
    go_holder: ClassVar[str] = "HealthCheck"
    go_lax: ClassVar[bool] = True
    go_parents: ClassVar[dict[str, str]] = dict.fromkeys(
        ("IntervalDuration", "TimeoutDuration", "DeregisterCriticalServiceAfterDuration"), ""
    )

    HTTP: str = ""
    Header: dict[str, list[str]] | None = None
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
    SessionName: str = ""
    Interval: ReadableDuration = ReadableDuration(0)
    Timeout: ReadableDuration = ReadableDuration(0)
    DeregisterCriticalServiceAfter: ReadableDuration = ReadableDuration(0)
    IntervalDuration: Any = None
    TimeoutDuration: Any = None
    DeregisterCriticalServiceAfterDuration: Any = None

    def __post_init__(self) -> None:
        """Settle the durations. Raises ValueError for text that is none."""
        for long in self.go_parents:
            value = getattr(self, long)
            if value is not None:
                # Frozen for everybody else; a copy would be settled once more.
                force_setattr(self, long.removesuffix("Duration"), _nanoseconds(value))


class ApiAutopilotInput(ApiShape, frozen=True, kw_only=True):
    """Autopilot's settings as they are given, and what those are that a body leaves out."""

    go_type: ClassVar[str] = "api.AutopilotConfiguration"
    go_field_types: ClassVar[dict[str, str]] = {"MaxTrailingLogs": "uint64", "MinQuorum": "uint"}

    CleanupDeadServers: bool = True
    LastContactThreshold: ReadableDuration | None = ReadableDuration(200_000_000)
    MaxTrailingLogs: int = 250
    MinQuorum: int = 0
    ServerStabilizationTime: ReadableDuration | None = ReadableDuration(10_000_000_000)
    RedundancyZoneTag: str = ""
    DisableUpgradeMigration: bool = False
    UpgradeVersionTag: str = ""
    CreateIndex: int = 0
    ModifyIndex: int = 0


def _nanoseconds(value: Any) -> ReadableDuration:
    """Duration text or nanoseconds; values of other types count as zero, as Consul has it.

    Raises ValueError.
    """
    if isinstance(value, str):
        return ReadableDuration(parse_duration(value))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return ReadableDuration(from_number(value) if is_number else 0)
