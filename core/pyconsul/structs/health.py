"""Health checks as the catalog keeps them, and what is asked of them."""

from typing import ClassVar

from pyconsul.structs.wire import (
    UNSET,
    GoDuration,
    Indexed,
    OmitBool,
    OmitInt,
    OmitStr,
    UnsetType,
    WireStruct,
    changed,
)

PASSING = "passing"
WARNING = "warning"
CRITICAL = "critical"
ANY = "any"
STATUSES = (PASSING, WARNING, CRITICAL)

SERF_CHECK_ID = "serfHealth"
SERF_CHECK_NAME = "Serf Health Status"
SERF_ALIVE_OUTPUT = "Agent alive and reachable"
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
        """The kind of check that these fields describe ("http", "ttl", …); empty when none fits.

        As ``CheckType.kind``, for durations that are text here.
        """
        timed = bool(self.Interval) and not str(self.Interval).startswith("-")
        script = bool(self.ScriptArgs)
        for kind, fits in (
            ("grpc", self.GRPC and timed),
            ("http", self.HTTP and timed),
            ("ttl", (self.TTL or 0) > 0),
            ("tcp", self.TCP and timed),
            ("udp", self.UDP and timed),
            ("alias", self.AliasNode or self.AliasService),
            ("docker", script and self.DockerContainerID and timed),
            ("script", script),
            ("h2ping", self.H2PING and timed),
            ("os_service", self.OSService and timed),
        ):
            if fits:
                return kind
        return ""


class HealthCheck(WireStruct, frozen=True, kw_only=True):
    """One check of a node (empty ``ServiceID``) or of a service instance."""

    bexpr_hidden: ClassVar[frozenset[str]] = frozenset(("Definition", "CreateIndex", "ModifyIndex"))

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


def same_check(old: HealthCheck, new: HealthCheck) -> bool:
    """Whether two states of a check differ in nothing that counts: case of the node, type and times do not."""
    return old == new or old == changed(
        new,
        Node=old.Node if old.Node.lower() == new.Node.lower() else new.Node,
        Type=old.Type,
        Interval=old.Interval,
        Timeout=old.Timeout,
        ExposedPort=old.ExposedPort,
        CreateIndex=old.CreateIndex,
        ModifyIndex=old.ModifyIndex,
    )
