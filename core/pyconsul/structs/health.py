"""Health checks as the catalog keeps them, and what is asked of them."""

from pyconsul.structs.wire import (
    UNSET,
    GoDuration,
    Indexed,
    OmitBool,
    OmitInt,
    OmitStr,
    UnsetType,
    WireStruct,
)

PASSING = "passing"
WARNING = "warning"
CRITICAL = "critical"
ANY = "any"
STATUSES = (PASSING, WARNING, CRITICAL)

SERF_CHECK_ID = "serfHealth"
SERF_CHECK_NAME = "Serf Health Status"
SERF_ALIVE_OUTPUT = "Agent alive and reachable"
SERF_FAILED_OUTPUT = "Agent not live or unreachable"
NODE_MAINTENANCE = "_node_maintenance"
SERVICE_MAINTENANCE_PREFIX = "_service_maintenance:"


class HealthCheckDefinition(WireStruct, frozen=True, kw_only=True):
    """How a check is run. ``Interval``, ``Timeout`` and ``DeregisterCriticalServiceAfter`` are Go duration
    text (JSON) that msgpack carries as nanoseconds; ``TTL`` is nanoseconds in both."""

    Interval: GoDuration | UnsetType = UNSET
    OutputMaxSize: OmitInt = UNSET
    Timeout: GoDuration | UnsetType = UNSET
    DeregisterCriticalServiceAfter: GoDuration | UnsetType = UNSET
    HTTP: OmitStr = UNSET
    TLSServerName: OmitStr = UNSET
    TLSSkipVerify: OmitBool = UNSET
    Header: dict[str, list[str]] | UnsetType = UNSET
    Method: OmitStr = UNSET
    Body: OmitStr = UNSET
    DisableRedirects: OmitBool = UNSET
    TCP: OmitStr = UNSET
    TCPUseTLS: OmitBool = UNSET
    UDP: OmitStr = UNSET
    H2PING: OmitStr = UNSET
    OSService: OmitStr = UNSET
    H2PingUseTLS: OmitBool = UNSET
    ScriptArgs: list[str] | UnsetType = UNSET
    DockerContainerID: OmitStr = UNSET
    Shell: OmitStr = UNSET
    GRPC: OmitStr = UNSET
    GRPCUseTLS: OmitBool = UNSET
    AliasNode: OmitStr = UNSET
    AliasService: OmitStr = UNSET
    SessionName: OmitStr = UNSET
    TTL: OmitInt = UNSET

    def check_type(self) -> str:
        """The kind of check that these fields describe ("http", "ttl", …); empty when none fits."""
        if self.TTL:
            return "ttl"
        timed = bool(self.Interval)
        for kind, wanted in (
            ("http", self.HTTP and timed),
            ("tcp", self.TCP and timed),
            ("udp", self.UDP and timed),
            ("docker", self.DockerContainerID and self.ScriptArgs and timed),
            ("script", self.ScriptArgs and timed),
            ("grpc", self.GRPC and timed),
            ("alias", self.AliasNode or self.AliasService),
            ("h2ping", self.H2PING and timed),
            ("os_service", self.OSService and timed),
        ):
            if wanted:
                return kind
        return ""


class HealthCheck(WireStruct, frozen=True, kw_only=True):
    """One check of a node (empty ``ServiceID``) or of a service instance."""

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
    Interval: str = ""
    Timeout: str = ""
    ExposedPort: int = 0
    PeerName: OmitStr = UNSET
    Definition: HealthCheckDefinition = HealthCheckDefinition()
    CreateIndex: int = 0
    ModifyIndex: int = 0


class IndexedHealthChecks(Indexed, frozen=True, kw_only=True):
    """Checks in the order of their nodes and IDs."""

    HealthChecks: list[HealthCheck] | None = None
