"""What a proxy's or gateway's registration carries (``structs.ConnectProxyConfig``), in JSON's order."""

from typing import Any, ClassVar, TypeAlias

from msgspec.structs import force_setattr

from pyconsul.structs.wire import UNSET, OmitBool, OmitInt, OmitStr, UnsetType, WireStruct

OpaqueConfig: TypeAlias = dict[str, Any]


class TransparentProxyConfig(WireStruct, frozen=True, kw_only=True):
    """Settings of a proxy that captures all traffic."""

    OutboundListenerPort: OmitInt = UNSET
    DialedDirectly: OmitBool = UNSET


class AccessLogsConfig(WireStruct, frozen=True, kw_only=True):
    """Where and how Envoy writes access logs."""

    go_field_types: ClassVar[dict[str, str]] = {"Type": "structs.LogSinkType"}

    Enabled: OmitBool = UNSET
    DisableListenerLogs: OmitBool = UNSET
    Type: OmitStr = UNSET
    Path: OmitStr = UNSET
    JSONFormat: OmitStr = UNSET
    TextFormat: OmitStr = UNSET


_NO_PROXY_CONFIG = TransparentProxyConfig()
_NO_LOGS_CONFIG = AccessLogsConfig()


class MeshGatewayConfig(WireStruct, frozen=True, kw_only=True):
    """``Mode``: none, local, remote, or unset for the default."""

    go_field_types: ClassVar[dict[str, str]] = {"Mode": "structs.MeshGatewayMode"}

    Mode: OmitStr = UNSET


class EnvoyExtension(WireStruct, frozen=True, kw_only=True):
    """One extension that patches Envoy's resources; ``Arguments`` belongs to the extension."""

    aliases: ClassVar[dict[str, str]] = {}  # alone among its neighbours: entries take its versions in one spelling
    bexpr_hidden: ClassVar[frozenset[str]] = frozenset(("Arguments",))

    Name: str = ""
    Required: bool = False
    Arguments: OpaqueConfig | None = None
    ConsulVersion: str = ""
    EnvoyVersion: str = ""


class ExposePath(WireStruct, frozen=True, kw_only=True):
    """One HTTP path that the proxy lets through without mutual TLS."""

    client_aliases: ClassVar[dict[str, str]] = {"listener_port": "ListenerPort", "local_path_port": "LocalPathPort"}

    ListenerPort: OmitInt = UNSET
    Path: OmitStr = UNSET
    LocalPathPort: OmitInt = UNSET
    Protocol: OmitStr = UNSET
    ParsedFromCheck: OmitBool = UNSET


class ExposeConfig(WireStruct, frozen=True, kw_only=True):
    """Paths that are reachable from outside the mesh."""

    Checks: OmitBool = UNSET
    Paths: list[ExposePath] | UnsetType = UNSET


class Upstream(WireStruct, frozen=True, kw_only=True):
    """One destination that a proxy opens a listener for."""

    bexpr_hidden: ClassVar[frozenset[str]] = frozenset(("Config", "CentrallyConfigured", "IngressHosts"))

    DestinationType: str = ""
    DestinationNamespace: OmitStr = UNSET
    DestinationPartition: OmitStr = UNSET
    DestinationPeer: OmitStr = UNSET
    DestinationName: str = ""
    Datacenter: str = ""
    LocalBindAddress: OmitStr = UNSET
    LocalBindPort: OmitInt = UNSET
    LocalBindSocketPath: OmitStr = UNSET
    LocalBindSocketMode: OmitStr = UNSET
    Config: OpaqueConfig | UnsetType = UNSET
    MeshGateway: MeshGatewayConfig = MeshGatewayConfig()
    CentrallyConfigured: OmitBool = UNSET
    IngressHosts: list[str] | UnsetType = UNSET  # never in JSON: no door sets it

    def bind_address(self) -> str:
        """Where the proxy listens for this upstream: ``host:port`` or a socket path."""
        if not self.LocalBindPort and not self.LocalBindAddress and self.LocalBindSocketPath:
            return self.LocalBindSocketPath
        host = self.LocalBindAddress or "127.0.0.1"
        shown = f"[{host}]" if ":" in host else host
        return f"{shown}:{self.LocalBindPort or 0}"


class ConnectProxyConfig(WireStruct, frozen=True, kw_only=True):
    """The proxy part of a registration.

    An untouched one prints ``Mode``, ``MeshGateway`` and ``Expose`` only.
    """

    bexpr_hidden: ClassVar[frozenset[str]] = frozenset(("Config", "MutualTLSMode"))
    go_values: ClassVar[frozenset[str]] = frozenset(("TransparentProxy", "AccessLogs"))

    TransparentProxy: TransparentProxyConfig | UnsetType = UNSET
    AccessLogs: AccessLogsConfig | UnsetType = UNSET
    EnvoyExtensions: list[EnvoyExtension] | UnsetType = UNSET
    DestinationServiceName: OmitStr = UNSET
    DestinationServiceID: OmitStr = UNSET
    LocalServiceAddress: OmitStr = UNSET
    LocalServicePort: OmitInt = UNSET
    LocalServiceSocketPath: OmitStr = UNSET
    Mode: str = ""
    Config: OpaqueConfig | UnsetType = UNSET
    Upstreams: list[Upstream] | UnsetType = UNSET
    MeshGateway: MeshGatewayConfig = MeshGatewayConfig()
    Expose: ExposeConfig = ExposeConfig()
    MutualTLSMode: OmitStr = UNSET  # never in JSON: only msgpack and the merge of central config set it

    def __post_init__(self) -> None:
        """Leave out what says nothing: Go's servers write such structs and show none."""
        if self.TransparentProxy == _NO_PROXY_CONFIG:
            force_setattr(self, "TransparentProxy", UNSET)
        if self.AccessLogs == _NO_LOGS_CONFIG:
            force_setattr(self, "AccessLogs", UNSET)
