"""What a service says about the services it calls."""

from typing import ClassVar

from pyconsul.primitives.multierror import multi_error
from pyconsul.structs.config_entries.entry import WILDCARD, Nanoseconds, Uint32, is_balance
from pyconsul.structs.connect_proxy import (
    MeshGatewayConfig,
)
from pyconsul.structs.wire import UNSET, OmitInt, OmitStr, UnsetType, WireStruct, changed, omit


class OutlierDetection(WireStruct, frozen=True, kw_only=True):
    """When a proxy stops sending to an instance that fails."""

    go_type: ClassVar[str] = "structs.PassiveHealthCheck"
    aliases: ClassVar[dict[str, str]] = {
        "max_failures": "MaxFailures",
        "enforcing_consecutive_5xx": "EnforcingConsecutive5xx",
        "max_ejection_percent": "MaxEjectionPercent",
        "base_ejection_time": "BaseEjectionTime",
    }

    Interval: Nanoseconds | UnsetType = UNSET
    MaxFailures: Uint32 | UnsetType = UNSET
    EnforcingConsecutive5xx: Uint32 | UnsetType | None = UNSET
    MaxEjectionPercent: Uint32 | UnsetType | None = UNSET
    BaseEjectionTime: Nanoseconds | UnsetType | None = UNSET

    def fault(self) -> str:
        """What is wrong with it, "" if nothing is."""
        what = "passive health check"
        if (self.Interval or 0) < 0:
            return f"{what} interval cannot be negative"
        if (self.EnforcingConsecutive5xx or 0) > 100:
            return f"{what} enforcing_consecutive_5xx must be a percentage between 0 and 100"
        if (self.MaxEjectionPercent or 0) > 100:
            return f"{what} max_ejection_percent must be a percentage between 0 and 100"
        return f"{what} base_ejection_time cannot be negative" if (self.BaseEjectionTime or 0) < 0 else ""


class UpstreamLimits(WireStruct, frozen=True, kw_only=True):
    """Limits for one upstream; a limit of 0 is not the same as none."""

    aliases: ClassVar[dict[str, str]] = {
        "max_connections": "MaxConnections",
        "max_pending_requests": "MaxPendingRequests",
        "max_concurrent_requests": "MaxConcurrentRequests",
    }

    MaxConnections: int | UnsetType | None = UNSET
    MaxPendingRequests: int | UnsetType | None = UNSET
    MaxConcurrentRequests: int | UnsetType | None = UNSET

    def fault(self) -> str:
        """What is wrong with it, "" if nothing is."""
        named = {
            "connections": self.MaxConnections,
            "pending requests": self.MaxPendingRequests,
            "concurrent requests": self.MaxConcurrentRequests,
        }
        return next((f"max {what} cannot be negative" for what, limit in named.items() if (limit or 0) < 0), "")


class UpstreamConfig(WireStruct, frozen=True, kw_only=True):
    """How a service's proxies treat one upstream, or all of them."""

    go_embeds_meta: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {
        "envoy_listener_json": "EnvoyListenerJSON",
        "envoy_cluster_json": "EnvoyClusterJSON",
        "connect_timeout_ms": "ConnectTimeoutMs",
        "passive_health_check": "PassiveHealthCheck",
        "mesh_gateway": "MeshGateway",
        "balance_outbound_connections": "BalanceOutboundConnections",
    }

    Name: OmitStr = UNSET
    Peer: str = ""
    EnvoyListenerJSON: OmitStr = UNSET
    EnvoyClusterJSON: OmitStr = UNSET
    Protocol: OmitStr = UNSET
    ConnectTimeoutMs: OmitInt = UNSET
    Limits: UpstreamLimits | UnsetType = UNSET
    PassiveHealthCheck: OutlierDetection | UnsetType = UNSET
    MeshGateway: MeshGatewayConfig = MeshGatewayConfig()
    BalanceOutboundConnections: OmitStr = UNSET

    def normalized(self) -> "UpstreamConfig":
        """The settings with the protocol in lower case and without a negative timeout."""
        timeout = self.ConnectTimeoutMs or 0
        return changed(self, Protocol=omit((self.Protocol or "").lower()), ConnectTimeoutMs=omit(max(timeout, 0)))

    def fault(self, *, named: bool) -> str:
        """What is wrong with it, "" if nothing is; only overrides have a name."""
        if named and not self.Name:
            return "Name is required"
        if named and self.Name == WILDCARD:
            return "Wildcard name is not supported"
        if not named and self.Name:
            return "Name must be empty"
        faults: list[str] = []
        if self.PassiveHealthCheck and (fault := self.PassiveHealthCheck.fault()):
            faults.append(fault)
        if self.Limits and (fault := self.Limits.fault()):
            faults.append(fault)
        if not is_balance(self.BalanceOutboundConnections):
            faults.append(f"invalid value for balance_outbound_connections: {self.BalanceOutboundConnections}")
        return multi_error(faults) if faults else ""

    @property
    def shown(self) -> str:
        """Service and peer, as errors show them."""
        return f"{self.Name or ''}:{self.Peer if self.Name else ''}"


class UpstreamConfiguration(WireStruct, frozen=True, kw_only=True):
    """Settings for named upstreams, and for all others."""

    Overrides: list[UpstreamConfig] | UnsetType = UNSET
    Defaults: UpstreamConfig | UnsetType = UNSET

    def normalized(self) -> "UpstreamConfiguration":
        """All settings normalized."""
        overrides = [one.normalized() for one in self.Overrides] if self.Overrides else self.Overrides
        return changed(self, Overrides=overrides, Defaults=self.Defaults.normalized() if self.Defaults else UNSET)

    def faults(self) -> list[str]:
        """What is wrong, one text each."""
        found = [
            f"error in upstream override for {one.shown}: {fault}"
            for one in self.Overrides or ()
            if (fault := one.fault(named=True))
        ]
        if self.Defaults and (fault := self.Defaults.fault(named=False)):
            found.append(f"error in upstream defaults: {fault}")
        return found
