"""What operators ask of the servers: Raft's configuration, autopilot, usage, snapshots, gossip keys."""

from typing import ClassVar

import msgspec

from pyconsul.structs.wire import UNSET, Indexed, OmitStr, ReadRequest, UnsetType, WireStruct, WriteRequest


class RaftServer(WireStruct, frozen=True, kw_only=True):
    """One server of the Raft configuration; ``LastIndex`` is the newest entry of its log."""

    ID: str = ""
    Node: str = "(unknown)"
    Address: str = ""
    Leader: bool = False
    ProtocolVersion: str = "unknown"
    Voter: bool = False
    LastIndex: int = 0


class RaftConfigurationResponse(WireStruct, frozen=True, kw_only=True):
    """The servers; ``Index`` is always 0, as Raft does not tell."""

    Servers: list[RaftServer] | None = None
    Index: int = 0


class RaftRemovePeerRequest(WriteRequest, frozen=True, kw_only=True):
    """Remove a server, found by one of the two."""

    Address: str = ""
    ID: str = ""


class TransferLeaderRequest(WireStruct, frozen=True, kw_only=True):
    """Hand leadership to a server, or to any with an empty ID."""

    ID: str = ""
    Token: str = ""


class AutopilotConfig(WireStruct, frozen=True, kw_only=True):
    """Autopilot's settings as log and snapshot have them; durations are nanoseconds."""

    CleanupDeadServers: bool = True
    LastContactThreshold: int = 200_000_000
    MaxTrailingLogs: int = 250
    MinQuorum: int = 0
    ServerStabilizationTime: int = 10_000_000_000
    RedundancyZoneTag: str = ""
    DisableUpgradeMigration: bool = False
    UpgradeVersionTag: str = ""
    CreateIndex: int = 0
    ModifyIndex: int = 0


class AutopilotSetConfigRequest(WriteRequest, frozen=True, kw_only=True):
    """Set the settings; with ``CAS`` only if the ModifyIndex is still the one in ``Config``."""

    Config: AutopilotConfig = AutopilotConfig()
    CAS: bool = False


class ApiAutopilotConfig(WireStruct, frozen=True, kw_only=True):
    """Autopilot's settings as the HTTP API shows them; durations are Go duration texts."""

    CleanupDeadServers: bool = True
    LastContactThreshold: str = "200ms"
    MaxTrailingLogs: int = 250
    MinQuorum: int = 0
    ServerStabilizationTime: str = "10s"
    RedundancyZoneTag: str = ""
    DisableUpgradeMigration: bool = False
    UpgradeVersionTag: str = ""
    CreateIndex: int = 0
    ModifyIndex: int = 0


class ServerHealth(WireStruct, frozen=True, kw_only=True):
    """How the leader sees one server."""

    ID: str = ""
    Name: str = ""
    Address: str = ""
    SerfStatus: str = ""
    Version: str = ""
    Leader: bool = False
    LastContact: str = "0s"
    LastTerm: int = 0
    LastIndex: int = 0
    Healthy: bool = False
    Voter: bool = False
    StableSince: str = ""


class OperatorHealthReply(WireStruct, frozen=True, kw_only=True):
    """All servers; ``FailureTolerance`` is how many healthy voters may still be lost."""

    Healthy: bool = False
    FailureTolerance: int = 0
    Servers: list[ServerHealth] | None = None


class AutopilotServer(WireStruct, frozen=True, kw_only=True):
    """One server in autopilot's state."""

    ID: str = ""
    Name: str = ""
    Address: str = ""
    NodeStatus: str = ""
    Version: str = ""
    LastContact: str = "0s"
    LastTerm: int = 0
    LastIndex: int = 0
    Healthy: bool = False
    StableSince: str = ""
    ReadReplica: bool = False
    Status: str = ""
    Meta: dict[str, str] | None = None
    NodeType: str = ""


class AutopilotState(WireStruct, frozen=True, kw_only=True):
    """Autopilot's view of the cluster."""

    Healthy: bool = False
    FailureTolerance: int = 0
    OptimisticFailureTolerance: int = 0
    Servers: dict[str, AutopilotServer] = msgspec.field(default_factory=dict[str, AutopilotServer])
    Leader: str = ""
    Voters: list[str] | None = None


class OperatorUsageRequest(ReadRequest, frozen=True, kw_only=True):
    """Ask for counts; ``Global`` for those of all datacenters."""

    Global: bool = False


class ServiceUsage(WireStruct, frozen=True, kw_only=True):
    """What a datacenter holds. Billable are instances of no special kind, the servers' own left out."""

    Services: int = 0
    ServiceInstances: int = 0
    ConnectServiceInstances: dict[str, int] | None = None
    BillableServiceInstances: int = 0
    Nodes: int = 0


class Usage(Indexed, frozen=True, kw_only=True):
    """Counts by datacenter."""

    Usage: dict[str, ServiceUsage] = msgspec.field(default_factory=dict[str, ServiceUsage])


class SnapshotRequest(WireStruct, frozen=True, kw_only=True):
    """Save (``Op`` 0) or restore (1) the state."""

    Datacenter: str = ""
    Token: str = ""
    AllowStale: bool = False
    Op: int = 0


class KeyringArgs(WireStruct, frozen=True, kw_only=True):
    """The body of a keyring request."""

    go_type: ClassVar[str] = "agent.keyringArgs"
    go_field_types: ClassVar[dict[str, str]] = {"RelayFactor": "uint8"}

    Key: str = ""
    Token: str = ""
    RelayFactor: int = 0
    LocalOnly: bool = False


class KeyringResponse(WireStruct, frozen=True, kw_only=True):
    """One pool's answer: how many nodes hold which key, what went wrong where."""

    WAN: bool = False
    Datacenter: str = ""
    Segment: str = ""
    Partition: OmitStr = UNSET
    Messages: dict[str, str] | UnsetType = UNSET
    Keys: dict[str, int] | None = None
    PrimaryKeys: dict[str, int] | None = None
    NumNodes: int = 0
    Error: OmitStr = UNSET
