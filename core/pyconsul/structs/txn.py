"""Transactions: operations as they travel, results, and the shape in which the HTTP API takes them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeAlias

from msgspec import Meta

from pyconsul.structs.catalog import Node, NodeService
from pyconsul.structs.connect_proxy import ConnectProxyConfig
from pyconsul.structs.health import HealthCheck
from pyconsul.structs.kv import DirEntry
from pyconsul.structs.session import Session
from pyconsul.structs.wire import UNSET, Indexed, ReadRequest, UnsetType, WireStruct, WriteRequest

# Aliases, since a field of the same name hides a type inside its class.
NodeRow: TypeAlias = Node
ServiceRow: TypeAlias = NodeService
CheckRow: TypeAlias = HealthCheck
SessionRow: TypeAlias = Session
Uint: TypeAlias = Annotated[int, Meta(ge=0)]


class TxnKVOp(WireStruct, frozen=True, kw_only=True):
    """One KV operation; ``DirEnt.ModifyIndex`` is the index of conditional verbs."""

    Verb: str = ""
    DirEnt: DirEntry = DirEntry()


class TxnNodeOp(WireStruct, frozen=True, kw_only=True):
    """One operation on a node."""

    Verb: str = ""
    Node: NodeRow = Node()


class TxnServiceOp(WireStruct, frozen=True, kw_only=True):
    """One operation on an instance of ``Node``."""

    Verb: str = ""
    Node: str = ""
    Service: ServiceRow = NodeService()


class TxnCheckOp(WireStruct, frozen=True, kw_only=True):
    """One operation on a check."""

    Verb: str = ""
    Check: CheckRow = HealthCheck()


class TxnSessionOp(WireStruct, frozen=True, kw_only=True):
    """The end of a session; only servers send it."""

    Verb: str = ""
    Session: SessionRow = Session()


class TxnOp(WireStruct, frozen=True, kw_only=True):
    """Exactly one of its members is set."""

    KV: TxnKVOp | None = None
    Node: TxnNodeOp | None = None
    Service: TxnServiceOp | None = None
    Check: TxnCheckOp | None = None
    Session: TxnSessionOp | None = None
    Intention: dict[str, Any] | None = None


class TxnRequest(WriteRequest, frozen=True, kw_only=True):
    """Operations that happen all or not at all."""

    Ops: list[TxnOp] | None = None


class TxnReadRequest(ReadRequest, frozen=True, kw_only=True):
    """Operations of which none writes."""

    Ops: list[TxnOp] | None = None


class TxnError(WireStruct, frozen=True, kw_only=True):
    """What is wrong with the operation at ``OpIndex``."""

    OpIndex: int = 0
    What: str = ""


class TxnResult(WireStruct, frozen=True, kw_only=True):
    """What one operation left or found; one of its members is set."""

    KV: DirEntry | UnsetType = UNSET
    Node: NodeRow | UnsetType = UNSET
    Service: ServiceRow | UnsetType = UNSET
    Check: CheckRow | UnsetType = UNSET


class TxnResponse(WireStruct, frozen=True, kw_only=True):
    """Results, or errors; both null where there are none."""

    Results: list[TxnResult] | None = None
    Errors: list[TxnError] | None = None


class TxnReadResponse(Indexed, frozen=True, kw_only=True):
    """Results of a transaction that only reads."""

    Results: list[TxnResult] | None = None
    Errors: list[TxnError] | None = None


# As the HTTP API takes them (Consul's ``api`` package): decoded at once where they are written as Consul's own clients
# write them, else by ``godecode``. Unknown fields are forbidden so that the first way never takes what Go refuses.


class ApiKVTxnOp(WireStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``KV`` of an operation in a request body."""

    go_type: ClassVar[str] = "api.KVTxnOp"
    go_field_types: ClassVar[dict[str, str]] = {"Verb": "api.KVOp", "Flags": "uint64", "Index": "uint64"}

    Verb: str = ""
    Key: str = ""
    Value: bytes | None = None
    Flags: Uint = 0
    Index: Uint = 0
    Session: str = ""
    Namespace: str = ""
    Partition: str = ""


class ApiLocality(WireStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a node or instance runs; the community edition reads it and lets it go."""

    go_type: ClassVar[str] = "api.Locality"

    Region: str = ""
    Zone: str = ""


class ApiNode(WireStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``Node.Node`` of an operation in a request body."""

    go_type: ClassVar[str] = "api.Node"

    ID: str = ""
    Node: str = ""
    Address: str = ""
    Datacenter: str = ""
    TaggedAddresses: dict[str, str] | None = None
    Meta: dict[str, str] | None = None
    CreateIndex: int = 0
    ModifyIndex: int = 0
    Partition: str = ""
    PeerName: str = ""
    Locality: ApiLocality | None = None


class ApiNodeTxnOp(WireStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``Node`` of an operation in a request body."""

    go_type: ClassVar[str] = "api.NodeTxnOp"
    go_field_types: ClassVar[dict[str, str]] = {"Verb": "api.NodeOp"}

    Verb: str = ""
    Node: ApiNode = ApiNode()


class ApiWeights(WireStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Weights of an instance in a request body."""

    go_type: ClassVar[str] = "api.AgentWeights"

    Passing: int = 0
    Warning: int = 0


class ApiServiceAddress(WireStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the ``TaggedAddresses`` of an instance in a request body."""

    go_type: ClassVar[str] = "api.ServiceAddress"

    Address: str = ""
    Port: int = 0


class ApiProxy(ConnectProxyConfig, frozen=True, kw_only=True):
    """``Service.Service.Proxy`` of an operation in a request body."""

    go_type: ClassVar[str] = "api.AgentServiceConnectProxyConfig"
    go_field_types: ClassVar[dict[str, str]] = {
        "AccessLogs": "api.AccessLogsConfig",
        "EnvoyExtensions": "[]api.EnvoyExtension",
        "Expose": "api.ExposeConfig",
        "MeshGateway": "api.MeshGatewayConfig",
        "Mode": "api.ProxyMode",
        "TransparentProxy": "api.TransparentProxyConfig",
        "Upstreams": "[]api.Upstream",
    }


class ApiConnect(WireStruct, frozen=True, kw_only=True):
    """``Service.Service.Connect`` of an operation in a request body; a transaction takes nothing over from it."""

    go_type: ClassVar[str] = "api.AgentServiceConnect"

    Native: bool = False
    SidecarService: Any = None


class ApiDefinition(WireStruct, frozen=True, kw_only=True):
    """``Check.Check.Definition`` of an operation in a request body, durations as they are written."""

    go_type: ClassVar[str] = (
        "struct { IntervalDuration interface {}; TimeoutDuration interface {}; "
        "DeregisterCriticalServiceAfterDuration interface {}; *api.Alias }"
    )
    go_embedded: ClassVar[str] = "Alias"
    go_holder: ClassVar[str] = "HealthCheck"

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
    Interval: Any = UNSET
    IntervalDuration: Any = None
    Timeout: Any = UNSET
    TimeoutDuration: Any = None
    DeregisterCriticalServiceAfter: Any = UNSET
    DeregisterCriticalServiceAfterDuration: Any = None


class ApiService(WireStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``Service.Service`` of an operation in a request body."""

    go_type: ClassVar[str] = "api.AgentService"
    go_field_types: ClassVar[dict[str, str]] = {"Kind": "api.ServiceKind"}

    Kind: str = ""
    ID: str = ""
    Service: str = ""
    Tags: list[str] | None = None
    Meta: dict[str, str] | None = None
    Port: int = 0
    Address: str = ""
    SocketPath: str = ""
    TaggedAddresses: dict[str, ApiServiceAddress] | None = None
    Weights: ApiWeights = ApiWeights()
    EnableTagOverride: bool = False
    CreateIndex: int = 0
    ModifyIndex: int = 0
    ContentHash: str = ""
    Proxy: Any = None
    Connect: Any = None
    PeerName: str = ""
    Namespace: str = ""
    Partition: str = ""
    Datacenter: str = ""
    Locality: ApiLocality | None = None


class ApiServiceTxnOp(WireStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``Service`` of an operation in a request body."""

    go_type: ClassVar[str] = "api.ServiceTxnOp"
    go_field_types: ClassVar[dict[str, str]] = {"Verb": "api.ServiceOp"}

    Verb: str = ""
    Node: str = ""
    Service: ApiService = ApiService()


class ApiCheck(WireStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``Check.Check`` of an operation in a request body; ``Definition`` has a decoder of its own."""

    go_type: ClassVar[str] = "api.HealthCheck"

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
    Namespace: str = ""
    Partition: str = ""
    ExposedPort: int = 0
    PeerName: str = ""
    Definition: Any = None
    CreateIndex: int = 0
    ModifyIndex: int = 0


class ApiCheckTxnOp(WireStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``Check`` of an operation in a request body."""

    go_type: ClassVar[str] = "api.CheckTxnOp"
    go_field_types: ClassVar[dict[str, str]] = {"Verb": "api.CheckOp"}

    Verb: str = ""
    Check: ApiCheck = ApiCheck()


class ApiTxnOp(WireStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One operation in a request body."""

    go_type: ClassVar[str] = "api.TxnOp"

    KV: ApiKVTxnOp | None = None
    Node: ApiNodeTxnOp | None = None
    Service: ApiServiceTxnOp | None = None
    Check: ApiCheckTxnOp | None = None
