"""What a ``sidecar_service`` block means: a proxy of its own beside the service, with everything left out filled in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from pyconsul.structs.catalog import KIND_CONNECT_PROXY, NodeService
from pyconsul.structs.checks import CheckType
from pyconsul.structs.definitions import ServiceDefinition
from pyconsul.structs.wire import omit

__all__ = ["default_sidecar_checks", "sidecar_id", "sidecar_of", "sidecar_port"]

SUFFIX: Final = "-sidecar-proxy"
_TEN_SECONDS_NS: Final = 10_000_000_000


def sidecar_id(service_id: str) -> str:
    """The ID of the sidecar that comes with a service."""
    return service_id + SUFFIX


def sidecar_of(service: NodeService, definition: ServiceDefinition) -> NodeService:
    """The sidecar's registration: the nested ``definition`` with what it inherits from ``service``.

    The port stays empty when none is given: it is drawn when the sidecar is added.
    """
    sidecar = definition.node_service()
    proxy = sidecar.Proxy
    parts: dict[str, object] = {}
    if not proxy.LocalServiceSocketPath and (not proxy.LocalServiceAddress or (proxy.LocalServicePort or 0) < 1):
        if service.SocketPath:
            parts["LocalServiceSocketPath"] = service.SocketPath
        else:
            parts["LocalServiceAddress"] = proxy.LocalServiceAddress or "127.0.0.1"
            port = proxy.LocalServicePort or 0
            parts["LocalServicePort"] = omit(port if port >= 1 else service.Port or 0)
    proxy = msgspec.structs.replace(
        proxy,
        DestinationServiceName=proxy.DestinationServiceName or service.Service,
        DestinationServiceID=proxy.DestinationServiceID or service.ID,
        **parts,
    )
    return msgspec.structs.replace(
        sidecar,
        ID=sidecar_id(service.ID),
        Kind=sidecar.Kind or KIND_CONNECT_PROXY,
        Service=sidecar.Service or service.Service + SUFFIX,
        Address=sidecar.Address or service.Address,
        Meta=sidecar.Meta or service.Meta,
        Tags=sidecar.Tags or service.Tags,
        Locality=sidecar.Locality or service.Locality,
        Proxy=proxy,
    )


def sidecar_port(services: Iterable[NodeService], wanted_for: str, low: int, high: int) -> int:
    """A port for the sidecar ``wanted_for``: the one that it has, else the lowest free one of ``low``..``high``.

    Raises ValueError with Consul's sentence when there is none.
    """
    used: set[int] = set()
    for service in services:
        port = service.Port or 0
        if low <= port <= high:
            if wanted_for == service.ID:
                return port
            used.add(port)
    if low < 1 or high < 1:
        raise ValueError("no port provided for sidecar_service and auto-assignment disabled in config")
    for port in range(low, high + 1):
        if port not in used:
            return port
    raise ValueError(f"no port provided for sidecar_service and none left in the configured range [{low}, {high}]")


def default_sidecar_checks(sidecar: NodeService) -> list[CheckType]:
    """The checks of a sidecar that brings none: its port is open, and its service is well."""
    address = sidecar.Address or sidecar.Proxy.LocalServiceAddress or ""
    shown = f"[{address}]" if ":" in address else address
    service_id = sidecar.ID.removesuffix(SUFFIX)
    return [
        CheckType(Name="Connect Sidecar Listening", TCP=f"{shown}:{sidecar.Port or 0}", Interval=_TEN_SECONDS_NS),
        CheckType(Name=f"Connect Sidecar Aliasing {service_id}", AliasService=service_id),
    ]
