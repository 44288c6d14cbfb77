"""What may be registered: Consul's own rules and sentences for metadata, weights, proxies and gateways.

Each ``refuse_…`` raises InternalError, since Consul answers 500 to a registration that breaks a rule.
"""

import re
from collections.abc import Iterable

from pyconsul.structs.catalog import (
    GATEWAY_KINDS,
    KIND_API_GATEWAY,
    KIND_CONNECT_PROXY,
    KIND_INGRESS_GATEWAY,
    KIND_MESH_GATEWAY,
    Locality,
    NodeService,
    StringMap,
    Weights,
)
from pyconsul.structs.connect_proxy import ExposePath, Upstream
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UnsetType

MAX_META_PAIRS = 64
MAX_META_KEY = 128
MAX_META_VALUE = 512
RESERVED_META_PREFIX = "consul-"
MESH_GATEWAY_META = frozenset(("consul-wan-federation",))

_META_KEY = re.compile(r"\A[a-zA-Z0-9_-]+\Z")


def meta_fault(meta: StringMap | None, allow_reserved: bool = False, allowed: Iterable[str] = ()) -> str:
    """What is wrong with this metadata, in Consul's words; empty when nothing is."""
    if not meta:
        return ""
    if len(meta) > MAX_META_PAIRS:
        return f"Node metadata cannot contain more than {MAX_META_PAIRS} key/value pairs"
    for key, value in meta.items():
        if fault := _pair_fault(key, value, allow_reserved or key in allowed):
            return f"Couldn't load metadata pair ('{key}', '{value}'): {fault}"
    return ""


def _pair_fault(key: str, value: str, allow_reserved: bool) -> str:
    if key == "":
        return "Key cannot be blank"
    if not _META_KEY.match(key):
        return "Key contains invalid characters"
    if len(key) > MAX_META_KEY:
        return f"Key is too long (limit: {MAX_META_KEY} characters)"
    if key.startswith(RESERVED_META_PREFIX) and not allow_reserved:
        return f"Key prefix '{RESERVED_META_PREFIX}' is reserved for internal use"
    if len(value.encode("utf-8", "surrogateescape")) > MAX_META_VALUE:
        return f"Value is too long (limit: {MAX_META_VALUE} characters)"
    return ""


def refuse_service_meta(service: NodeService) -> None:
    """Raise InternalError with the fault of the instance's metadata, if it has one."""
    allowed = MESH_GATEWAY_META if service.Kind == KIND_MESH_GATEWAY else ()
    if service.Meta and (fault := meta_fault(service.Meta, allowed=allowed)):
        raise InternalError(fault)


def weights_fault(weights: Weights | None) -> str:
    """What is wrong with DNS weights, in Consul's words; empty when nothing is."""
    if weights is None:
        return ""
    if weights.Passing < 1:
        return "Passing must be greater than 0"
    if weights.Warning < 0:
        return "Warning must be greater or equal than 0"
    if weights.Passing > 65535 or weights.Warning > 65535:
        return "DNS Weight must be between 0 and 65535"
    return ""


def valid_weights(weights: Weights) -> bool:
    """Whether DNS can use these weights."""
    return not weights_fault(weights)


def multi_error(faults: list[str]) -> str:
    """Several faults as Go's multierror prints them."""
    count = "1 error" if len(faults) == 1 else f"{len(faults)} errors"
    return f"{count} occurred:\n" + "".join(f"\t* {fault}\n" for fault in faults) + "\n"


def refuse_service(service: NodeService) -> None:
    """Raise InternalError listing every rule that the instance breaks."""
    faults: list[str] = []
    if fault := locality_fault(service.Locality):
        faults.append(fault)
    if service.Kind == KIND_CONNECT_PROXY and not service.Port and not service.SocketPath:
        faults.append(f"Port or SocketPath must be set for a {service.Kind}")
    # Errors of the part that agents share come as a multierror of their own; appending one flattens it.
    faults += agent_service_faults(service)
    if faults:
        raise InternalError(multi_error(faults))


def locality_fault(locality: Locality | UnsetType | None) -> str:
    """A zone needs a region."""
    return "zone cannot be set without region" if locality and locality.Zone and not locality.Region else ""


def agent_service_faults(service: NodeService) -> list[str]:
    """Broken rules apart from those that an agent could still mend (ports that it assigns)."""
    faults: list[str] = []
    if service.Kind == KIND_CONNECT_PROXY:
        faults += _proxy_faults(service)
    if service.Kind in GATEWAY_KINDS:
        faults += _gateway_faults(service)
    faults += _sidecar_faults(service)
    if service.Connect.Native and not service.Port and not service.SocketPath:
        faults.append("Port or SocketPath must be set for a Connect native service.")
    return faults


def _proxy_faults(service: NodeService) -> list[str]:
    proxy = service.Proxy
    faults: list[str] = []
    destination = proxy.DestinationServiceName or ""
    if not destination.strip():
        faults.append("Proxy.DestinationServiceName must be non-empty for Connect proxy services")
    if destination == "*":
        faults.append("Proxy.DestinationServiceName must not be a wildcard for Connect proxy services")
    if service.Connect.Native:
        faults.append("A Proxy cannot also be Connect Native, only typical services")
    return faults + _upstream_faults(proxy.Upstreams or []) + _expose_faults(proxy.Expose.Paths or [])


def upstream_fault(upstream: Upstream) -> str:
    """What is wrong with one upstream, in Consul's words; empty when nothing is."""
    if upstream.DestinationType not in ("", "service", "prepared_query"):
        return f'unknown upstream destination type: "{upstream.DestinationType}"'
    if not upstream.DestinationName:
        return "upstream destination name cannot be empty"
    if upstream.DestinationName == "*" and not upstream.CentrallyConfigured:
        return "upstream destination name cannot be a wildcard"
    if upstream.DestinationPeer and upstream.Datacenter:
        return "upstream cannot specify both destination peer and datacenter"
    if upstream.CentrallyConfigured:
        return ""
    if not upstream.LocalBindPort and not upstream.LocalBindSocketPath:
        return "upstream local bind port or local socket path must be defined and nonzero"
    if upstream.LocalBindPort and upstream.LocalBindSocketPath:
        return "only one of upstream local bind port or local socket path can be defined and nonzero"
    return ""


def _upstream_faults(upstreams: list[Upstream]) -> list[str]:
    faults: list[str] = []
    keys: set[str] = set()
    addresses: set[str] = set()
    for upstream in upstreams:
        if fault := upstream_fault(upstream):
            faults.append(fault)
            continue
        key = _upstream_key(upstream)
        if key in keys:
            faults.append(f"upstreams cannot contain duplicates of {key}")
            continue
        keys.add(key)
        address = upstream.bind_address()
        if address in addresses and not upstream.CentrallyConfigured:
            faults.append(
                "upstreams cannot contain duplicates by local bind address and port or unix path; "
                f'"{address}" is specified twice'
            )
            continue
        addresses.add(address)
    return faults


def _upstream_key(upstream: Upstream) -> str:
    return (
        f'[type="{upstream.DestinationType}", name="{upstream.DestinationName}", '
        f'partition="{upstream.DestinationPartition or ""}", namespace="{upstream.DestinationNamespace or ""}", '
        f'peer="{upstream.DestinationPeer or ""}", datacenter="{upstream.Datacenter}"]'
    )


def _expose_faults(paths: list[ExposePath]) -> list[str]:
    faults: list[str] = []
    ports: set[int] = set()
    for path in paths:
        port = path.ListenerPort or 0
        if not path.Path:
            faults.append("expose.paths: empty path exposed")
        if port in ports:
            faults.append("expose.paths: duplicate listener ports exposed")
        ports.add(port)
        if port <= 0 or port > 65535:
            faults.append(f"expose.paths: invalid listener port: {port}")
        protocol = (path.Protocol or "").lower()
        if protocol not in ("", "http", "http2"):
            faults.append(f"protocol '{protocol}' not supported for path: {path.Path or ''}, must be in: [http http2]")
    return faults


def _gateway_faults(service: NodeService) -> list[str]:
    proxy = service.Proxy
    kind = service.Kind
    faults: list[str] = []
    if not service.Port and kind not in (KIND_INGRESS_GATEWAY, KIND_API_GATEWAY):
        faults.append(f"Port must be non-zero for a {kind}")
    if service.Connect.SidecarService:
        faults.append(f"A {kind} cannot have a sidecar service defined")
    for name, value in (
        ("DestinationServiceName", proxy.DestinationServiceName),
        ("DestinationServiceID", proxy.DestinationServiceID),
        ("LocalServiceAddress", proxy.LocalServiceAddress),
        ("LocalServicePort", proxy.LocalServicePort),
        ("LocalServiceSocketPath", proxy.LocalServiceSocketPath),
        ("Upstreams", proxy.Upstreams),
    ):
        if value:
            faults.append(f"The Proxy.{name} configuration is invalid for a {kind}")
    return faults


def _sidecar_faults(service: NodeService) -> list[str]:
    sidecar = service.Connect.SidecarService
    if not sidecar:
        return []
    faults: list[str] = []
    if sidecar.get("ID"):
        faults.append("A SidecarService cannot specify an ID as this is managed by the agent")
    connect = sidecar.get("Connect")
    if isinstance(connect, dict) and connect.get("SidecarService") is not None:
        faults.append("A SidecarService cannot have a nested SidecarService")
    return faults
