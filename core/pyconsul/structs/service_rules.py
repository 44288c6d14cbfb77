"""What an instance must be to be registered, as the agent and the catalog both demand it.

Sentences are Consul's.

``…_error`` and ``…_errors`` say what is wrong; ``refuse_…`` raises InternalError with it: the catalog answers 500.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pyconsul.lang.strconv import quote
from pyconsul.primitives.multierror import multi_error
from pyconsul.primitives.untyped import is_mapping
from pyconsul.structs.catalog import (
    GATEWAY_KINDS,
    KIND_API_GATEWAY,
    KIND_CONNECT_PROXY,
    KIND_INGRESS_GATEWAY,
    KIND_MESH_GATEWAY,
    NodeService,
    Weights,
)
from pyconsul.structs.connect_proxy import ExposePath, Upstream
from pyconsul.structs.errors import InternalError

__all__ = [
    "is_any_address",
    "metadata_error",
    "refuse_service",
    "refuse_service_metadata",
    "service_errors",
    "service_metadata_error",
    "socket_dir_error",
    "weights_error",
]

META_MAX_PAIRS: Final = 64
META_KEY_MAX: Final = 128
META_VALUE_MAX: Final = 512
META_RESERVED_PREFIX: Final = "consul-"
MESH_GATEWAY_META_KEYS: Final = frozenset({"consul-wan-federation"})
_META_KEY: Final = re.compile(r"[a-zA-Z0-9_-]+\Z")
_SOCKET_DIR_MAX: Final = 70  # bytes; keeps the socket's path below what every system takes
_NOT_FOR_GATEWAYS: Final = (
    "DestinationServiceName",
    "DestinationServiceID",
    "LocalServiceAddress",
    "LocalServicePort",
    "LocalServiceSocketPath",
    "Upstreams",
)


def is_any_address(address: str) -> bool:
    """Whether ``address`` means "every address of the host", which no service may advertise."""
    return address in ("0.0.0.0", "::", "[::]")


def service_metadata_error(kind: str, meta: Mapping[str, str] | None) -> str:
    """The first rule that a service's metadata breaks, or ""."""
    return metadata_error(meta, MESH_GATEWAY_META_KEYS if kind == KIND_MESH_GATEWAY else frozenset())


def metadata_error(
    meta: Mapping[str, str] | None,
    allowed: frozenset[str] = frozenset(),
    *,
    allow_reserved: bool = False,
) -> str:
    """The first rule that metadata breaks, or ""; keys starting with ``consul-`` must be in ``allowed``."""
    if not meta:
        return ""
    if len(meta) > META_MAX_PAIRS:
        return f"Node metadata cannot contain more than {META_MAX_PAIRS} key/value pairs"
    for key, value in meta.items():
        reason = _pair_error(key, value, allowed, allow_reserved)
        if reason:
            return f"Couldn't load metadata pair ('{key}', '{value}'): {reason}"
    return ""


def _pair_error(key: str, value: str, allowed: frozenset[str], allow_reserved: bool) -> str:
    if not key:
        return "Key cannot be blank"
    if not _META_KEY.match(key):
        return "Key contains invalid characters"
    if len(key) > META_KEY_MAX:
        return f"Key is too long (limit: {META_KEY_MAX} characters)"
    if key.startswith(META_RESERVED_PREFIX) and not allow_reserved and key not in allowed:
        return f"Key prefix '{META_RESERVED_PREFIX}' is reserved for internal use"
    if len(value.encode("utf-8", "surrogateescape")) > META_VALUE_MAX:
        return f"Value is too long (limit: {META_VALUE_MAX} characters)"
    return ""


def refuse_service_metadata(service: NodeService) -> None:
    """Raise InternalError with the rule that the instance's metadata breaks, if it breaks one."""
    if error := service_metadata_error(service.Kind or "", service.Meta):
        raise InternalError(error)


def weights_error(weights: Weights | None) -> str:
    """The rule that DNS weights break, or ""."""
    if weights is None:
        return ""
    if weights.Passing < 1:
        return "Passing must be greater than 0"
    if weights.Warning < 0:
        return "Warning must be greater or equal than 0"
    if weights.Passing > 65535 or weights.Warning > 65535:
        return "DNS Weight must be between 0 and 65535"
    return ""


def refuse_service(service: NodeService) -> None:
    """Raise InternalError listing every rule that the instance breaks."""
    if errors := service_errors(service):
        raise InternalError(multi_error(errors))


def service_errors(service: NodeService, *, for_agent: bool = False) -> list[str]:
    """All rules of kind, proxy, gateway and mesh settings that the instance breaks, in Consul's order.

    ``for_agent`` leaves out what an agent will fill in itself: the port of a sidecar.
    """
    errors: list[str] = []
    if not for_agent:
        if service.Locality and not service.Locality.Region and service.Locality.Zone:
            errors.append("zone cannot be set without region")
        if service.Kind == KIND_CONNECT_PROXY and not service.Port and not service.SocketPath:
            errors.append(f"Port or SocketPath must be set for a {service.Kind}")
    if service.Kind == KIND_CONNECT_PROXY:
        errors.extend(_proxy_errors(service))
    if service.Kind in GATEWAY_KINDS:
        errors.extend(_gateway_errors(service))
    if service.Connect.SidecarService:
        errors.extend(_sidecar_errors(service.Connect.SidecarService))
    if service.Connect.Native and not service.Port and not service.SocketPath:
        errors.append("Port or SocketPath must be set for a Connect native service.")
    return errors


def _proxy_errors(service: NodeService) -> list[str]:
    proxy = service.Proxy
    errors: list[str] = []
    if not (proxy.DestinationServiceName or "").strip():
        errors.append("Proxy.DestinationServiceName must be non-empty for Connect proxy services")
    if proxy.DestinationServiceName == "*":
        errors.append("Proxy.DestinationServiceName must not be a wildcard for Connect proxy services")
    if service.Connect.Native:
        errors.append("A Proxy cannot also be Connect Native, only typical services")
    if fault := socket_dir_error(proxy.Config or {}):
        errors.append(f"Proxy.Config: {fault}")
    errors.extend(_upstream_errors(proxy.Upstreams or []))
    errors.extend(_expose_errors(proxy.Expose.Paths or []))
    return errors


def socket_dir_error(config: Mapping[str, object]) -> str:
    """The rule that the place for a socket in a proxy's opaque settings breaks, or ""."""
    path = config.get("envoy_hcp_metrics_bind_socket_dir")
    size = len(path.encode("utf-8", "surrogateescape")) if isinstance(path, str) else 0
    if size > _SOCKET_DIR_MAX:
        return f"envoy_hcp_metrics_bind_socket_dir length {size} exceeds max {_SOCKET_DIR_MAX}"
    return ""


def _upstream_errors(upstreams: list[Upstream]) -> list[str]:
    errors: list[str] = []
    keys: set[str] = set()
    addresses: set[str] = set()
    for upstream in upstreams:
        if upstream.DestinationPeer:
            if (upstream.DestinationPartition or "default") != "default":
                errors.append("upstreams must target peers in the same partition as the service")
                continue
        elif upstream.Datacenter and upstream.DestinationPartition:  # even if it is "default": here that has no name
            errors.append("upstreams cannot target another datacenter in non default partition")
            continue
        reason = _upstream_error(upstream)
        if reason:
            errors.append(reason)
            continue
        key = _upstream_key(upstream)
        if key in keys:
            errors.append(f"upstreams cannot contain duplicates of {key}")
            continue
        keys.add(key)
        address = upstream.bind_address()
        if address in addresses and not upstream.CentrallyConfigured:
            errors.append(
                "upstreams cannot contain duplicates by local bind address and port or unix path; "
                f"{quote(address)} is specified twice"
            )
            continue
        addresses.add(address)
    return errors


def _upstream_error(upstream: Upstream) -> str:
    if upstream.DestinationType not in ("", "service", "prepared_query"):
        return f"unknown upstream destination type: {quote(upstream.DestinationType)}"
    if not upstream.DestinationName:
        return "upstream destination name cannot be empty"
    central = bool(upstream.CentrallyConfigured)
    if upstream.DestinationName == "*" and not central:
        return "upstream destination name cannot be a wildcard"
    if upstream.DestinationPeer and upstream.Datacenter:
        return "upstream cannot specify both destination peer and datacenter"
    if not upstream.LocalBindPort and not upstream.LocalBindSocketPath and not central:
        return "upstream local bind port or local socket path must be defined and nonzero"
    if upstream.LocalBindPort and upstream.LocalBindSocketPath and not central:
        return "only one of upstream local bind port or local socket path can be defined and nonzero"
    return ""


def _upstream_key(upstream: Upstream) -> str:
    parts = {
        "type": upstream.DestinationType,
        "name": upstream.DestinationName,
        "partition": upstream.DestinationPartition or "",
        "namespace": upstream.DestinationNamespace or "",
        "peer": upstream.DestinationPeer or "",
        "datacenter": upstream.Datacenter,
    }
    return f"[{', '.join(f'{name}={quote(value)}' for name, value in parts.items())}]"


def _expose_errors(paths: list[ExposePath]) -> list[str]:
    errors: list[str] = []
    seen: set[int] = set()
    for path in paths:
        port = path.ListenerPort or 0
        if not path.Path:
            errors.append("expose.paths: empty path exposed")
        if port in seen:
            errors.append("expose.paths: duplicate listener ports exposed")
        seen.add(port)
        if port <= 0 or port > 65535:
            errors.append(f"expose.paths: invalid listener port: {port}")
        protocol = (path.Protocol or "").lower()
        if protocol not in ("", "http", "http2"):
            errors.append(f"protocol '{protocol}' not supported for path: {path.Path or ''}, must be in: [http http2]")
    return errors


def _gateway_errors(service: NodeService) -> list[str]:
    kind, proxy = service.Kind, service.Proxy
    errors: list[str] = []
    if not service.Port and kind not in (KIND_INGRESS_GATEWAY, KIND_API_GATEWAY):
        errors.append(f"Port must be non-zero for a {kind}")
    if isinstance(service.Connect.SidecarService, dict):
        errors.append(f"A {kind} cannot have a sidecar service defined")
    errors.extend(
        f"The Proxy.{name} configuration is invalid for a {kind}" for name in _NOT_FOR_GATEWAYS if getattr(proxy, name)
    )
    return errors


def _sidecar_errors(sidecar: Mapping[str, object]) -> list[str]:
    errors: list[str] = []
    if sidecar.get("ID"):
        errors.append("A SidecarService cannot specify an ID as this is managed by the agent")
    connect = sidecar.get("Connect")
    if is_mapping(connect) and connect.get("SidecarService") is not None:
        errors.append("A SidecarService cannot have a nested SidecarService")
    return errors
