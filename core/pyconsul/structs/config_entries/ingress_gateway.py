"""``ingress-gateway``: what is reachable from outside the mesh."""

from typing import ClassVar

from pyconsul.lang.strconv import quote
from pyconsul.structs.config_entries.entry import (
    HTTP_LIKE,
    WILDCARD,
    ConfigEntry,
    Uint32,
    Uint64,
    check_meta,
    demand,
)
from pyconsul.structs.config_entries.gateway_tls import GatewayServiceTLSConfig, GatewayTLSConfig, GatewayTLSSDSConfig
from pyconsul.structs.config_entries.header_modifiers import HTTPHeaderModifiers
from pyconsul.structs.config_entries.names import is_domain_name
from pyconsul.structs.config_entries.upstreams import OutlierDetection
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, UnsetType, WireStruct, changed


class IngressServiceConfig(WireStruct, frozen=True, kw_only=True):
    """Limits for all services behind a gateway."""

    aliases: ClassVar[dict[str, str]] = {"passive_health_check": "PassiveHealthCheck"}

    MaxConnections: Uint32 = 0
    MaxPendingRequests: Uint32 = 0
    MaxConcurrentRequests: Uint32 = 0
    PassiveHealthCheck: OutlierDetection | UnsetType = UNSET


class IngressService(WireStruct, frozen=True, kw_only=True):
    """A service behind a listener."""

    go_embeds_meta: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {
        "request_headers": "RequestHeaders",
        "response_headers": "ResponseHeaders",
        "max_connections": "MaxConnections",
        "max_pending_requests": "MaxPendingRequests",
        "max_concurrent_requests": "MaxConcurrentRequests",
        "passive_health_check": "PassiveHealthCheck",
    }

    Name: str = ""
    Hosts: list[str] | None = None
    TLS: GatewayServiceTLSConfig | UnsetType = UNSET
    RequestHeaders: HTTPHeaderModifiers | UnsetType = UNSET
    ResponseHeaders: HTTPHeaderModifiers | UnsetType = UNSET
    MaxConnections: Uint32 | UnsetType = UNSET
    MaxPendingRequests: Uint32 | UnsetType = UNSET
    MaxConcurrentRequests: Uint32 | UnsetType = UNSET
    PassiveHealthCheck: OutlierDetection | UnsetType = UNSET
    Meta: dict[str, str] | UnsetType = UNSET

    @property
    def has_own_certificate(self) -> bool:
        """Whether Envoy fetches a certificate for it alone."""
        return bool(self.TLS and self.TLS.SDS and self.TLS.SDS.CertResource)

    def fault(self, protocol: str) -> str:
        """What is wrong with it on a listener of this protocol, without the place, "" if nothing is."""
        if protocol == "tcp":
            if self.Name == WILDCARD:
                return "Wildcard service name is only valid for protocol = 'http'"
            if self.Hosts:
                return f"Associating hosts to a service is not supported for the {protocol} protocol"
        if not self.Name:
            return "Service name cannot be blank"
        if self.Name == WILDCARD and self.Hosts:
            return "Associating hosts to a wildcard service is not supported"
        return ""


class IngressListener(WireStruct, frozen=True, kw_only=True):
    """A port of a gateway, and the services behind it."""

    Port: int = 0
    Protocol: str = ""
    TLS: GatewayTLSConfig | UnsetType = UNSET
    Services: list[IngressService] | None = None

    def check(self, gateway: GatewayTLSConfig) -> None:
        """Raise InternalError with Consul's text for a listener that cannot be."""
        protocol, place = self.Protocol, f"listener on port {self.Port}"
        demand(
            protocol == "tcp" or protocol in HTTP_LIKE,
            f"protocol must be 'tcp', 'http', 'http2', or 'grpc'. '{protocol}' is an unsupported protocol",
        )
        services = self.Services or []
        demand(services, f"No service declared for listener with port {self.Port}")
        demand(
            protocol in HTTP_LIKE or len(services) < 2,
            f"Multiple services per listener are only supported for L7 protocols, 'http', 'grpc' and 'http2' ({place})",
        )
        if self.TLS:
            self.TLS.check()
        names: set[str] = set()
        hosts: set[str] = set()
        for service in services:
            self._check_headers(service)
            if fault := service.fault(protocol):
                raise InternalError(f"{fault} ({place})")
            demand(service.Name not in names, f"Service {service.Name} cannot be added multiple times ({place})")
            names.add(service.Name)
            self._check_certificates(gateway, service)
            for host in service.Hosts or ():
                demand(host not in hosts, f"Hosts must be unique within a specific listener ({place})")
                hosts.add(host)
                _check_host(host, tls=gateway.Enabled)

    def _check_headers(self, service: IngressService) -> None:
        changes = (("request", service.RequestHeaders), ("response", service.ResponseHeaders))
        for what, headers in changes:
            if headers and (fault := headers.fault(self.Protocol)):
                place = f"service {quote(service.Name)} on listener on port {self.Port}"
                raise InternalError(f"{what} headers {fault} ({place})")

    def _check_certificates(self, gateway: GatewayTLSConfig, service: IngressService) -> None:
        """Certificates that Envoy fetches need a cluster and a name, each from the nearest that has one."""
        outer = gateway.SDS or GatewayTLSSDSConfig()
        own = (self.TLS.SDS if self.TLS else None) or GatewayTLSSDSConfig()
        place = f"listener on port {self.Port}"
        whose = f"service {quote(service.Name)} on {place}"
        cluster, certificate = "TLS.SDS.ClusterName is required if CertResource is set", "TLS.SDS.CertResource"
        demand(outer.ClusterName or not outer.CertResource, cluster)
        demand(
            not outer.ClusterName or outer.CertResource or own.CertResource,
            f"{certificate} is required if ClusterName is set for gateway ({place})",
        )
        demand(
            not own.ClusterName or own.CertResource,
            f"{certificate} is required if ClusterName is set for listener ({place})",
        )
        demand(not own.CertResource or own.ClusterName or outer.ClusterName, f"{cluster} ({place})")
        if service.has_own_certificate and service.TLS and service.TLS.SDS:
            demand(
                service.Hosts,
                f"A service specifying {certificate} must have at least one item in Hosts ({whose})",
            )
            demand(
                service.TLS.SDS.ClusterName or own.ClusterName or outer.ClusterName,
                f"{cluster} ({whose})",
            )


class IngressGateway(ConfigEntry, frozen=True, kw_only=True):
    """What is reachable through an ingress gateway."""

    kind: ClassVar[str] = "ingress-gateway"
    go_type: ClassVar[str] = "structs.IngressGatewayConfigEntry"
    go_embeds_meta: ClassVar[bool] = True

    Kind: str = kind
    Name: str = ""
    TLS: GatewayTLSConfig = GatewayTLSConfig()
    Listeners: list[IngressListener] | None = None
    Defaults: IngressServiceConfig | UnsetType = UNSET
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def normalized(self) -> "IngressGateway":
        """The entry with the protocol of each listener in lower case, tcp by default."""
        listeners = None
        if self.Listeners is not None:
            listeners = [changed(one, Protocol=(one.Protocol or "tcp").lower()) for one in self.Listeners]
        return changed(self, Kind=self.kind, Listeners=listeners)

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        check_meta(self.Meta)
        self.TLS.check()
        ports: set[int] = set()
        for listener in self.Listeners or ():
            demand(listener.Port not in ports, f"port {listener.Port} declared on two listeners")
            ports.add(listener.Port)
            listener.check(self.TLS)

    def related(self) -> list[str]:
        """The services that it names, sorted."""
        named = {s.Name for listener in self.Listeners or () for s in listener.Services or ()}
        return sorted(named - {WILDCARD})


def _check_host(host: str, *, tls: bool) -> None:
    if host == "*":
        demand(
            not tls,
            "Host '*' is not allowed when TLS is enabled, all hosts must be valid DNS records to add as a DNSSAN",
        )
        return
    demand(is_domain_name(host), f"Host {quote(host)} must be a valid DNS hostname")
    demand(
        "*" not in host.removeprefix("*."),
        f"Host {quote(host)} is not valid, a wildcard specifier is only allowed as the leftmost label",
    )
