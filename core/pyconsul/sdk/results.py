"""What the catalog, health and agent routes answer, shaped and ordered as in Consul's own client library.

All fields of the answers are here but those that repeat their headers; an unknown one is ignored. The order matters
where these are printed (``consul watch``, watch handlers): :func:`plain` gives what Go's ``encoding/json`` makes of
Consul's client types. A list or map is None where the agent says null.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from pyconsul.primitives.untyped import is_dict, is_list_or_tuple
from pyconsul.structs.wire import OmitBool, OmitInt, OmitStr

Texts: TypeAlias = dict[str, str]
Json: TypeAlias = dict[str, Any]


class Result(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of the answers.

    Fields that Consul's own client library does not know stand last; ``first_unknown`` is the first of them.
    """

    first_unknown: ClassVar[str] = ""


class Locality(Result, frozen=True, kw_only=True):
    """Where a node or an instance runs."""

    Region: str = ""
    Zone: str = ""


class Node(Result, frozen=True, kw_only=True):
    """One node of the catalog."""

    ID: str = ""
    Node: str = ""
    Address: str = ""
    Datacenter: str = ""
    TaggedAddresses: Texts | None = None
    Meta: Texts | None = None
    CreateIndex: int = 0
    ModifyIndex: int = 0
    Partition: OmitStr = UNSET
    PeerName: OmitStr = UNSET
    Locality: Locality | UnsetType | None = UNSET


class Weights(Result, frozen=True, kw_only=True):
    """DNS weights of an instance by its status."""

    Passing: int = 0
    Warning: int = 0


class ServiceAddress(Result, frozen=True, kw_only=True):
    """One tagged address of an instance."""

    Address: str = ""
    Port: int = 0


class MeshGateway(Result, frozen=True, kw_only=True):
    """How traffic to another datacenter leaves."""

    Mode: OmitStr = UNSET


class ExposePath(Result, frozen=True, kw_only=True):
    """One path that a proxy lets through without mTLS."""

    ListenerPort: OmitInt = UNSET
    Path: OmitStr = UNSET
    LocalPathPort: OmitInt = UNSET
    Protocol: OmitStr = UNSET
    ParsedFromCheck: bool = False


class Expose(Result, frozen=True, kw_only=True):
    """What a proxy lets through without mTLS."""

    Checks: OmitBool = UNSET
    Paths: list[ExposePath] | UnsetType | None = UNSET


class TransparentProxy(Result, frozen=True, kw_only=True):
    """Settings of a transparent proxy."""

    OutboundListenerPort: OmitInt = UNSET
    DialedDirectly: OmitBool = UNSET


class AccessLogs(Result, frozen=True, kw_only=True):
    """Access logging of a proxy."""

    Enabled: OmitBool = UNSET
    DisableListenerLogs: OmitBool = UNSET
    Type: OmitStr = UNSET
    Path: OmitStr = UNSET
    JSONFormat: OmitStr = UNSET
    TextFormat: OmitStr = UNSET


class EnvoyExtension(Result, frozen=True, kw_only=True):
    """One extension of a proxy."""

    Name: str = ""
    Required: bool = False
    Arguments: Json | None = None
    ConsulVersion: str = ""
    EnvoyVersion: str = ""


class Upstream(Result, frozen=True, kw_only=True):
    """One service that a proxy makes reachable."""

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
    Config: Json | UnsetType | None = UNSET
    MeshGateway: MeshGateway = MeshGateway()
    CentrallyConfigured: OmitBool = UNSET


class Proxy(Result, frozen=True, kw_only=True):
    """The proxy part of an instance."""

    EnvoyExtensions: list[EnvoyExtension] | UnsetType | None = UNSET
    DestinationServiceName: OmitStr = UNSET
    DestinationServiceID: OmitStr = UNSET
    LocalServiceAddress: OmitStr = UNSET
    LocalServicePort: OmitInt = UNSET
    LocalServiceSocketPath: OmitStr = UNSET
    Mode: OmitStr = UNSET
    TransparentProxy: TransparentProxy | UnsetType | None = UNSET
    Config: Json | UnsetType | None = UNSET
    Upstreams: list[Upstream] | UnsetType | None = UNSET
    MeshGateway: MeshGateway = MeshGateway()
    Expose: Expose = Expose()
    AccessLogs: AccessLogs | UnsetType | None = UNSET


class Connect(Result, frozen=True, kw_only=True):
    """Whether an instance speaks mTLS itself; ``SidecarService`` is the sidecar's registration."""

    Native: OmitBool = UNSET
    SidecarService: Json | UnsetType | None = UNSET


class AgentService(Result, frozen=True, kw_only=True):
    """One instance of a service, as the agent or the catalog has it."""

    Kind: OmitStr = UNSET
    ID: str = ""
    Service: str = ""
    Tags: list[str] | None = None
    Meta: Texts | None = None
    Port: int = 0
    Address: str = ""
    SocketPath: OmitStr = UNSET
    TaggedAddresses: dict[str, ServiceAddress] | UnsetType | None = UNSET
    Weights: Weights = Weights()
    EnableTagOverride: bool = False
    CreateIndex: OmitInt = UNSET
    ModifyIndex: OmitInt = UNSET
    ContentHash: OmitStr = UNSET
    Proxy: Proxy | UnsetType | None = UNSET
    Connect: Connect | UnsetType | None = UNSET
    PeerName: OmitStr = UNSET
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET
    Datacenter: OmitStr = UNSET
    Locality: Locality | UnsetType | None = UNSET


class CheckDefinition(Result, frozen=True, kw_only=True):
    """How a check is made; durations are Go duration text, but ``TTL``, which is nanoseconds."""

    Interval: str = "0s"
    Timeout: str = "0s"
    DeregisterCriticalServiceAfter: str = "0s"
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
    SessionName: OmitStr = UNSET
    DisableRedirects: bool = False
    H2PING: str = ""
    H2PingUseTLS: bool = False
    ScriptArgs: list[str] | None = None
    DockerContainerID: str = ""
    Shell: str = ""
    AliasNode: str = ""
    AliasService: str = ""
    TTL: int = 0
    OutputMaxSize: int = 0

    first_unknown = "DisableRedirects"


class HealthCheck(Result, frozen=True, kw_only=True):
    """One check and its last outcome; ``Status`` is passing, warning or critical.

    ``Interval`` and ``Timeout`` are Go duration text, "" for checks that are not run by an agent.
    """

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
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET
    ExposedPort: int = 0
    PeerName: OmitStr = UNSET
    Definition: CheckDefinition = CheckDefinition()
    CreateIndex: int = 0
    ModifyIndex: int = 0
    Interval: str = ""
    Timeout: str = ""

    first_unknown = "Interval"


class ServiceEntry(Result, frozen=True, kw_only=True):
    """One instance with its node and all checks that count for it."""

    Node: Node
    Service: AgentService
    Checks: list[HealthCheck] | None = None


class CatalogService(Result, frozen=True, kw_only=True):
    """One instance with its node in one flat object."""

    ID: str = ""
    Node: str = ""
    Address: str = ""
    Datacenter: str = ""
    TaggedAddresses: Texts | None = None
    NodeMeta: Texts | None = None
    ServiceID: str = ""
    ServiceName: str = ""
    ServiceAddress: str = ""
    ServiceTaggedAddresses: dict[str, ServiceAddress] | None = None
    ServiceTags: list[str] | None = None
    ServiceMeta: Texts | None = None
    ServicePort: int = 0
    ServiceWeights: Weights = Weights()
    ServiceEnableTagOverride: bool = False
    ServiceProxy: Proxy | None = None
    ServiceLocality: Locality | UnsetType | None = UNSET
    CreateIndex: int = 0
    Checks: list[HealthCheck] | None = None
    ModifyIndex: int = 0
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET
    ServiceKind: str = ""
    ServiceSocketPath: str = ""
    ServiceConnect: Connect = Connect()
    PeerName: str = ""

    first_unknown = "ServiceKind"


class CatalogNode(Result, frozen=True, kw_only=True):
    """One node with its instances by service ID."""

    Node: Node
    Services: dict[str, AgentService] | None = None


class CatalogNodeServices(Result, frozen=True, kw_only=True):
    """One node with its instances as a list; ``Node`` is None when there is no such node."""

    Node: Node | None = None
    Services: list[AgentService] | None = None


class ServiceHealth(Result, frozen=True, kw_only=True):
    """One local instance with its aggregated status; maintenance counts as one."""

    AggregatedStatus: str = ""
    Service: AgentService | None = None
    Checks: list[HealthCheck] | None = None


class Member(Result, frozen=True, kw_only=True):
    """One gossip member; ``Status`` is 1 alive, 2 leaving, 3 left, 4 failed."""

    Name: str = ""
    Addr: str = ""
    Port: int = 0
    Tags: Texts | None = None
    Status: int = 0
    ProtocolMin: int = 0
    ProtocolMax: int = 0
    ProtocolCur: int = 0
    DelegateMin: int = 0
    DelegateMax: int = 0
    DelegateCur: int = 0


class UserEvent(Result, frozen=True, kw_only=True):
    """One user event; ``Payload`` is raw bytes (base64 in JSON)."""

    ID: str = ""
    Name: str = ""
    Payload: bytes | None = None
    NodeFilter: str = ""
    ServiceFilter: str = ""
    TagFilter: str = ""
    Version: int = 0
    LTime: int = 0


class KVPair(Result, frozen=True, kw_only=True):
    """A KV entry in the order of Consul's client library; ``kv.get`` gives a ``DirEntry``."""

    Key: str = ""
    CreateIndex: int = 0
    ModifyIndex: int = 0
    LockIndex: int = 0
    Flags: int = 0
    Value: bytes | None = None
    Session: str = ""
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET


class CARoot(Result, frozen=True, kw_only=True):
    """One root certificate of the mesh: PEM, times in RFC 3339, key IDs as hexadecimal pairs with colons."""

    ID: str = ""
    Name: str = ""
    RootCert: str = ""
    Active: bool = False
    CreateIndex: int = 0
    ModifyIndex: int = 0
    SerialNumber: int = 0
    SigningKeyID: str = ""
    ExternalTrustDomain: str = ""
    NotBefore: str = ""
    NotAfter: str = ""
    IntermediateCerts: list[str] | None = None
    PrivateKeyType: str = ""
    PrivateKeyBits: int = 0

    first_unknown = "SerialNumber"


class CARoots(Result, frozen=True, kw_only=True):
    """The root certificates of the mesh."""

    ActiveRootID: str = ""
    TrustDomain: str = ""
    Roots: list[CARoot] | None = None


class LeafCert(Result, frozen=True, kw_only=True):
    """A leaf certificate with its key, both PEM; the two times are RFC 3339."""

    SerialNumber: str = ""
    CertPEM: OmitStr = UNSET
    PrivateKeyPEM: OmitStr = UNSET
    Service: str = ""
    ServiceURI: str = ""
    ValidAfter: str = ""
    ValidBefore: str = ""
    CreateIndex: int = 0
    ModifyIndex: int = 0


class CoordinatePoint(Result, frozen=True, kw_only=True):
    """A Vivaldi coordinate; seconds throughout."""

    Vec: list[float] | None = None
    Error: float = 0
    Adjustment: float = 0
    Height: float = 0


class CoordinateEntry(Result, frozen=True, kw_only=True):
    """The coordinate of one node."""

    Node: str = ""
    Segment: str = ""
    Partition: OmitStr = UNSET
    Coord: CoordinatePoint | None = None


class CoordinateDatacenter(Result, frozen=True, kw_only=True):
    """The coordinates of one datacenter's servers."""

    Datacenter: str = ""
    AreaID: str = ""
    Coordinates: list[CoordinateEntry] | None = None


class QueryResult(Result, frozen=True, kw_only=True):
    """What a prepared query found, best first; ``PeerName`` is the peer that it comes from, "" for none."""

    Service: str = ""
    Namespace: OmitStr = UNSET
    Nodes: list[ServiceEntry] | None = None
    DNS: Json = {}
    Datacenter: str = ""
    Failovers: int = 0
    PeerName: str = ""

    first_unknown = "PeerName"


class TxnError(Result, frozen=True, kw_only=True):
    """Why one operation of a transaction failed."""

    OpIndex: int = 0
    What: str = ""


class TxnResult(Result, frozen=True, kw_only=True):
    """What became of a transaction; it was rolled back when there are errors."""

    Results: list[Json] | None = None
    Errors: list[TxnError] | None = None

    @property
    def is_applied(self) -> bool:
        """True when everything was done."""
        return not self.Errors


class RaftServer(Result, frozen=True, kw_only=True):
    """One server in the Raft configuration."""

    ID: str = ""
    Node: str = ""
    Address: str = ""
    Leader: bool = False
    ProtocolVersion: str = ""
    Voter: bool = False
    LastIndex: int = 0


class RaftConfiguration(Result, frozen=True, kw_only=True):
    """The servers of the cluster; ``Index`` is the log index of this configuration."""

    Servers: list[RaftServer] | None = None
    Index: int = 0


def plain(value: Any) -> Any:
    """``value`` as dicts and lists, without the fields that Go would leave out or Consul's library does not know."""
    if isinstance(value, msgspec.Struct):
        omitted = _omitted_when_empty(type(value))
        fields = ((name, getattr(value, name)) for name in _printed(type(value)))
        return {
            name: plain(item)
            for name, item in fields
            if item is not UNSET and not (name in omitted and _is_empty(item))
        }
    if is_list_or_tuple(value):
        return [plain(item) for item in value]
    if is_dict(value):
        return {key: plain(item) for key, item in value.items()}
    return value


@lru_cache(maxsize=128)
def _printed(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    names = kind.__struct_fields__
    unknown = kind.first_unknown if issubclass(kind, Result) else ""
    return names[: names.index(unknown)] if unknown else names


@lru_cache(maxsize=128)
def _omitted_when_empty(kind: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(field.name for field in msgspec.structs.fields(kind) if field.default is UNSET)


def _is_empty(value: Any) -> bool:
    return not isinstance(value, msgspec.Struct) and not value
