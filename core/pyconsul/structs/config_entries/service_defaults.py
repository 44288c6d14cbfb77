"""``service-defaults``: what holds for all instances of one service."""

from typing import ClassVar

from pyconsul.structs.config_entries.entry import (
    HTTP_LIKE,
    WILDCARD,
    ConfigEntry,
    Uint64,
    demand,
    is_balance,
    meta_faults,
    refuse,
)
from pyconsul.structs.config_entries.envoy_extensions import extension_faults
from pyconsul.structs.config_entries.mutual_tls import check_mutual_tls_mode
from pyconsul.structs.config_entries.names import is_domain_name, is_ip
from pyconsul.structs.config_entries.upstreams import UpstreamConfiguration
from pyconsul.structs.connect_proxy import (
    EnvoyExtension,
    ExposeConfig,
    MeshGatewayConfig,
    TransparentProxyConfig,
)
from pyconsul.structs.wire import UNSET, OmitInt, OmitStr, UnsetType, WireStruct, changed


class DestinationConfig(WireStruct, frozen=True, kw_only=True):
    """Addresses outside the mesh that a service name stands for."""

    Addresses: list[str] | UnsetType = UNSET
    Port: OmitInt = UNSET

    def faults(self) -> list[str]:
        """What is wrong with it, one text each."""
        found: list[str] = []
        if not self.Addresses:
            found.append("Destination must contain at least one valid address")
        seen: set[str] = set()
        for address in self.Addresses or ():
            if address in seen:
                found.append(f"Duplicate address '{address}' is not allowed")
            elif not is_ip(address) and ("*" in address or not is_domain_name(address)):
                reason = f"Could not validate address {address} as an IP or Hostname"
                found.append(f"Destination address '{address}' is invalid {reason}")
            seen.add(address)
        if not 1 <= (self.Port or 0) <= 65535:
            found.append(f"Invalid Port number {self.Port or 0}")
        return found


class InstanceLevelRouteRateLimits(WireStruct, frozen=True, kw_only=True):
    """A rate limit for one path; Consul Enterprise only."""

    aliases: ClassVar[dict[str, str]] = {
        "path_exact": "PathExact",
        "path_prefix": "PathPrefix",
        "path_regex": "PathRegex",
        "requests_per_second": "RequestsPerSecond",
        "requests_max_burst": "RequestsMaxBurst",
    }

    PathExact: str = ""
    PathPrefix: str = ""
    PathRegex: str = ""
    RequestsPerSecond: int = 0
    RequestsMaxBurst: int = 0


class InstanceLevelRateLimits(WireStruct, frozen=True, kw_only=True):
    """Rate limits for each instance; Consul Enterprise only."""

    aliases: ClassVar[dict[str, str]] = {
        "requests_per_second": "RequestsPerSecond",
        "requests_max_burst": "RequestsMaxBurst",
    }

    RequestsPerSecond: int = 0
    RequestsMaxBurst: int = 0
    Routes: list[InstanceLevelRouteRateLimits] | None = None


class ServiceRateLimits(WireStruct, frozen=True, kw_only=True):
    """Rate limits; Consul Enterprise only."""

    go_type: ClassVar[str] = "structs.RateLimits"
    aliases: ClassVar[dict[str, str]] = {"instance_level": "InstanceLevel"}

    InstanceLevel: InstanceLevelRateLimits = InstanceLevelRateLimits()


class ServiceDefaults(ConfigEntry, frozen=True, kw_only=True):
    """What holds for all instances of one service."""

    go_field_types: ClassVar[dict[str, str]] = {"Mode": "structs.ProxyMode", "MutualTLSMode": "structs.MutualTLSMode"}

    kind: ClassVar[str] = "service-defaults"
    go_type: ClassVar[str] = "structs.ServiceConfigEntry"
    go_embeds_meta: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {
        "transparent_proxy": "TransparentProxy",
        "mutual_tls_mode": "MutualTLSMode",
        "mesh_gateway": "MeshGateway",
        "external_sni": "ExternalSNI",
        "upstream_config": "UpstreamConfig",
        "max_inbound_connections": "MaxInboundConnections",
        "local_connect_timeout_ms": "LocalConnectTimeoutMs",
        "local_request_timeout_ms": "LocalRequestTimeoutMs",
        "balance_inbound_connections": "BalanceInboundConnections",
        "rate_limits": "RateLimits",
        "envoy_extensions": "EnvoyExtensions",
    }

    Kind: str = kind
    Name: str = ""
    Protocol: str = ""
    Mode: OmitStr = UNSET
    TransparentProxy: TransparentProxyConfig = TransparentProxyConfig()
    MutualTLSMode: OmitStr = UNSET
    MeshGateway: MeshGatewayConfig = MeshGatewayConfig()
    Expose: ExposeConfig = ExposeConfig()
    ExternalSNI: OmitStr = UNSET
    UpstreamConfig: UpstreamConfiguration | UnsetType = UNSET
    Destination: DestinationConfig | UnsetType = UNSET
    MaxInboundConnections: OmitInt = UNSET
    LocalConnectTimeoutMs: OmitInt = UNSET
    LocalRequestTimeoutMs: OmitInt = UNSET
    BalanceInboundConnections: OmitStr = UNSET
    RateLimits: ServiceRateLimits | UnsetType = UNSET
    EnvoyExtensions: list[EnvoyExtension] | UnsetType = UNSET
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def normalized(self) -> "ServiceDefaults":
        """The entry with its protocols in lower case."""
        upstreams = self.UpstreamConfig.normalized() if self.UpstreamConfig else self.UpstreamConfig
        return changed(self, Kind=self.kind, Protocol=self.Protocol.lower(), UpstreamConfig=upstreams)

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        demand(self.Name, "Name is required")
        demand(self.Name != WILDCARD, "service-defaults name must be the name of a service, and not a wildcard")
        faults = meta_faults(self.Meta)
        if not is_balance(self.BalanceInboundConnections):
            faults.append(f"invalid value for balance_inbound_connections: {self.BalanceInboundConnections}")
        if self.Protocol not in ("", "tcp", *HTTP_LIKE):
            faults.append(f"invalid value for protocol: {self.Protocol}")
        if self.UpstreamConfig is not UNSET and self.Destination is not UNSET:
            # Nothing behind this is looked at: which of the two is meant decides on what else is wrong.
            refuse([*faults, "UpstreamConfig and Destination are mutually exclusive for service defaults"])
        if self.UpstreamConfig:
            faults += self.UpstreamConfig.faults()
        if self.Destination:
            faults += self.Destination.faults()
        if self.RateLimits is not UNSET:
            faults.append("invalid rate_limits config. Rate limiting is a consul enterprise feature")
        faults += extension_faults(self.EnvoyExtensions)
        check_mutual_tls_mode(self.MutualTLSMode)  # in Consul a bad mode hides whatever else is wrong
        refuse(faults)
