"""Central defaults on a proxy's registration, as far as they come from the registration itself.

Config entries (proxy-defaults, service-defaults) come with the mesh; without any, servers still hand the proxy's own
mesh gateway mode down to its upstreams, and a transparent proxy gets a wildcard upstream that carries it.
"""

from __future__ import annotations

import msgspec

from pyconsul.structs.catalog import GATEWAY_KINDS, KIND_CONNECT_PROXY, NodeService
from pyconsul.structs.connect_proxy import Upstream

__all__ = ["takes_central_config", "with_central_config"]


def takes_central_config(service: NodeService) -> bool:
    """Whether central defaults apply: to sidecars and gateways."""
    if service.Kind in GATEWAY_KINDS:
        return True
    proxy = service.Proxy
    return service.Kind == KIND_CONNECT_PROXY and bool(proxy.DestinationServiceID or proxy.DestinationServiceName)


def with_central_config(service: NodeService) -> NodeService:
    """The registration as it is kept and synced."""
    proxy = service.Proxy
    gateway = proxy.MeshGateway
    if not takes_central_config(service) or not gateway.Mode:
        return service
    upstreams = [_inheriting(each, gateway.Mode) for each in proxy.Upstreams or []]
    if proxy.Mode == "transparent":
        upstreams.append(
            Upstream(
                DestinationNamespace="default",
                DestinationPartition="default",
                DestinationName="*",
                Config={"mesh_gateway": {"Mode": gateway.Mode}},
                MeshGateway=gateway,
                CentrallyConfigured=True,
            )
        )
    if not upstreams:
        return service
    return msgspec.structs.replace(service, Proxy=msgspec.structs.replace(proxy, Upstreams=upstreams))


def _inheriting(upstream: Upstream, mode: str) -> Upstream:
    if upstream.MeshGateway.Mode or upstream.DestinationType not in ("", "service"):
        return upstream
    gateway = msgspec.structs.replace(upstream.MeshGateway, Mode=mode)
    return msgspec.structs.replace(upstream, MeshGateway=gateway)
