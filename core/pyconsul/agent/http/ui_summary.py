"""One line a service for the web UI: counts of instances and checks, gathered from a dump of instances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from pyconsul.structs.catalog import KIND_API_GATEWAY, KIND_CONNECT_PROXY, KIND_INGRESS_GATEWAY, KIND_TYPICAL
from pyconsul.structs.health import CRITICAL, PASSING, WARNING
from pyconsul.structs.internal import GatewayService, ServiceInfo

EXTERNAL_SOURCE = "external-source"
TRANSPARENT = "transparent"


class GatewayRow(NamedTuple):
    """A service and a gateway in front of it."""

    service: str
    gateway: str


class ServiceSummary(msgspec.Struct):
    """What the UI shows of one service. ``statuses`` holds each check once, by node and check ID."""

    name: str
    peer: str = ""
    kind: str = ""
    datacenter: str = ""
    tags: dict[str, None] = msgspec.field(default_factory=dict[str, None])
    nodes: dict[str, None] = msgspec.field(default_factory=dict[str, None])
    external_sources: dict[str, None] = msgspec.field(default_factory=dict[str, None])
    statuses: dict[tuple[str, str], str] = msgspec.field(default_factory=dict[tuple[str, str], str])
    instances: int = 0
    proxy_modes: set[str] = msgspec.field(default_factory=set[str])
    connect_native: bool = False
    has_proxy: bool = False
    gateway_count: int = 0
    has_gateway: bool = False
    addresses: dict[str, None] = msgspec.field(default_factory=dict[str, None])

    def plain(self) -> dict[str, Any]:
        """The fields that every listing has, in Consul's order."""
        statuses = list(self.statuses.values())
        gateway: dict[str, Any] = {}
        if self.gateway_count:
            gateway["AssociatedServiceCount"] = self.gateway_count
        if self.addresses:
            gateway["Addresses"] = list(self.addresses)
        shown: dict[str, Any] = {"Kind": self.kind} if self.kind else {}
        shown |= {
            "Name": self.name,
            "Datacenter": self.datacenter,
            "Tags": sorted(self.tags) or None,
            "Nodes": sorted(self.nodes) or None,
            "ExternalSources": list(self.external_sources) or None,
            "InstanceCount": self.instances,
            "ChecksPassing": statuses.count(PASSING),
            "ChecksWarning": statuses.count(WARNING),
            "ChecksCritical": statuses.count(CRITICAL),
            "GatewayConfig": gateway,
            "TransparentProxy": self.proxy_modes == {TRANSPARENT},  # one proxy of another kind, and it is not
            "ConnectNative": self.connect_native,
        }
        return shown | ({"PeerName": self.peer} if self.peer else {})

    def listing(self) -> dict[str, Any]:
        """The fields of the list of services."""
        return self.plain() | {"ConnectedWithProxy": self.has_proxy, "ConnectedWithGateway": self.has_gateway}


class _Summaries:
    """Summaries by peer and service name, made when first needed."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], ServiceSummary] = {}

    def of(self, peer: str, name: str) -> ServiceSummary:
        summary = self.found.get((peer, name))
        if summary is None:
            summary = self.found[peer, name] = ServiceSummary(name=name, peer=peer)
        return summary


def summarize(
    dump: Iterable[ServiceInfo],
    gateways: Sequence[GatewayRow],
    *,
    dns_domains: Sequence[str] = (),
    datacenter: str = "",
) -> list[ServiceSummary]:
    """One summary a service, by name. ``dns_domains`` name the hosts of services behind ingress gateways."""
    summaries = _Summaries()
    for info in dump:
        peer = (info.Node.PeerName or "") if info.Node else ""
        if info.GatewayService is not None and dns_domains:
            _add_gateway_addresses(summaries, peer, info.GatewayService, dns_domains, datacenter)
        if info.Service is not None:
            _add_instance(summaries, peer, info)
    _link_gateways(summaries, gateways)
    return sorted(summaries.found.values(), key=lambda one: one.name)


def _add_instance(summaries: _Summaries, peer: str, info: ServiceInfo) -> None:
    service, node = info.Service, info.Node
    if service is None or node is None:
        return
    summary = summaries.of(peer, service.Service)
    summary.nodes[node.Node] = None
    summary.kind = service.Kind or ""
    summary.datacenter = node.Datacenter
    summary.instances += 1
    summary.connect_native = summary.connect_native or bool(service.Connect.Native)
    statuses = {(node.Node, check.CheckID): check.Status for check in info.Checks or ()}
    summary.statuses |= statuses
    if service.Kind == KIND_CONNECT_PROXY:
        destination = summaries.of(peer, service.Proxy.DestinationServiceName or "")
        destination.has_proxy = True
        destination.statuses |= statuses
        destination.proxy_modes.add(service.Proxy.Mode)
    summary.tags |= dict.fromkeys(service.Tags or ())
    if source := (service.Meta or {}).get(EXTERNAL_SOURCE):
        summary.external_sources[source] = None


def _link_gateways(summaries: _Summaries, gateways: Sequence[GatewayRow]) -> None:
    for row in gateways:
        if (gateway := summaries.found.get(("", row.gateway))) is not None:
            gateway.gateway_count += 1
            # One without instances is there because a proxy or a gateway names it.
            if (service := summaries.found.get(("", row.service))) is not None and service.instances:
                service.has_gateway = True


def _add_gateway_addresses(
    summaries: _Summaries, peer: str, mapping: GatewayService, domains: Sequence[str], datacenter: str
) -> None:
    summary = summaries.of(peer, mapping.Service.Name)
    if not mapping.Port:
        return
    hosts = mapping.Hosts or [f"{mapping.Service.Name}.ingress.{datacenter}.{d}".lower() for d in domains]
    summary.addresses |= {f"{host.rstrip('.')}:{mapping.Port}": None for host in hosts}


def without_sidecars(summaries: Iterable[ServiceSummary]) -> list[ServiceSummary]:
    """The summaries without those of proxies and of gateways that no service calls."""
    shown = (KIND_TYPICAL, KIND_INGRESS_GATEWAY, KIND_API_GATEWAY)
    return [summary for summary in summaries if summary.kind in shown]
