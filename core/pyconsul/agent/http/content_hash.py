"""The hash that ``/v1/agent/service/:id`` blocks on: Consul's own number over the API form of a service.

It runs over names and values of the Go structs' fields (`gohash`). Namespace, partition, datacenter and locality do
not count.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pyconsul.agent.http.agent_rows import AgentService
from pyconsul.primitives.untyped import is_list_or_tuple, is_mapping
from pyconsul.structs import gohash

__all__ = ["content_hash"]


class _Type(msgspec.Struct, frozen=True):
    """A Go type: its kind, and for structs, lists, maps and pointers what they are of."""

    kind: str
    name: str = ""
    fields: tuple[tuple[str, _Type], ...] = ()
    of: _Type | None = None


_STRING, _INT, _BOOL, _ANY = (_Type(kind) for kind in ("string", "int", "bool", "any"))
_STRINGS: Final = _Type("list", of=_STRING)
_STRING_MAP: Final = _Type("map", of=_STRING)
_OPAQUE: Final = _Type("map", of=_ANY)


def _struct(name: str, **fields: _Type) -> _Type:
    return _Type("struct", name, tuple(fields.items()))


def _pointer(of: _Type) -> _Type:
    return _Type("pointer", of=of)


# The fields of Consul's API types that are hashed, in any order.
_ADDRESS: Final = _struct("ServiceAddress", Address=_STRING, Port=_INT)
_GATEWAY: Final = _struct("MeshGatewayConfig", Mode=_STRING)
_UPSTREAM: Final = _struct(
    "Upstream",
    DestinationType=_STRING,
    DestinationPartition=_STRING,
    DestinationNamespace=_STRING,
    DestinationPeer=_STRING,
    DestinationName=_STRING,
    Datacenter=_STRING,
    LocalBindAddress=_STRING,
    LocalBindPort=_INT,
    LocalBindSocketPath=_STRING,
    LocalBindSocketMode=_STRING,
    Config=_OPAQUE,
    MeshGateway=_GATEWAY,
    CentrallyConfigured=_BOOL,
)
_PATH: Final = _struct(
    "ExposePath",
    ListenerPort=_INT,
    Path=_STRING,
    LocalPathPort=_INT,
    Protocol=_STRING,
    ParsedFromCheck=_BOOL,
)
_PROXY: Final = _struct(
    "AgentServiceConnectProxyConfig",
    EnvoyExtensions=_Type("list", of=_ANY),
    DestinationServiceName=_STRING,
    DestinationServiceID=_STRING,
    LocalServiceAddress=_STRING,
    LocalServicePort=_INT,
    LocalServiceSocketPath=_STRING,
    Mode=_STRING,
    TransparentProxy=_pointer(_struct("TransparentProxyConfig", OutboundListenerPort=_INT, DialedDirectly=_BOOL)),
    Config=_OPAQUE,
    Upstreams=_Type("list", of=_UPSTREAM),
    MeshGateway=_GATEWAY,
    Expose=_struct("ExposeConfig", Checks=_BOOL, Paths=_Type("list", of=_PATH)),
    AccessLogs=_pointer(
        _struct(
            "AccessLogsConfig",
            Enabled=_BOOL,
            DisableListenerLogs=_BOOL,
            Type=_STRING,
            Path=_STRING,
            JSONFormat=_STRING,
            TextFormat=_STRING,
        )
    ),
)
_SERVICE: Final = _struct(
    "AgentService",
    Kind=_STRING,
    ID=_STRING,
    Service=_STRING,
    Tags=_STRINGS,
    Meta=_STRING_MAP,
    Port=_INT,
    Address=_STRING,
    SocketPath=_STRING,
    TaggedAddresses=_Type("map", of=_ADDRESS),
    Weights=_struct("AgentWeights", Passing=_INT, Warning=_INT),
    EnableTagOverride=_BOOL,
    CreateIndex=_INT,
    ModifyIndex=_INT,
    ContentHash=_STRING,
    Proxy=_pointer(_PROXY),
    Connect=_pointer(_struct("AgentServiceConnect", Native=_BOOL, SidecarService=_pointer(_ANY))),
    PeerName=_STRING,
)


def content_hash(service: AgentService) -> str:
    """The hash in hexadecimal, without leading zeros; the service's own ``ContentHash`` must be unset."""
    return f"{_visit(_SERVICE, service):x}"


def _visit(of: _Type, value: Any) -> int:
    match of.kind:
        case "string":
            return gohash.text(value or "")
        case "int":
            return gohash.fnv(struct.pack("<q", value or 0))
        case "bool":
            return gohash.fnv(b"\1" if value else b"\0")
        case "struct":
            return _visit_struct(of, value)
        case "list":
            return _visit_list(of.of or _ANY, value or ())
        case "map":
            return _visit_map(of.of or _ANY, value or {})
        case "pointer":
            return _visit(of.of or _ANY, value) if value else gohash.NIL
        case _:
            return _visit_any(value)


def _visit_struct(of: _Type, value: Any) -> int:
    found = gohash.text(of.name)
    fields = value if is_mapping(value) else None
    for name, kind in of.fields:
        field = getattr(value, name, None) if fields is None else fields.get(name)
        found ^= gohash.ordered(gohash.text(name), _visit(kind, field))
    return found


def _visit_list(of: _Type, values: Any) -> int:
    return gohash.listed(_visit(of, each) for each in values)


def _visit_map(of: _Type, values: Mapping[str, Any]) -> int:
    found = 0
    for key, value in values.items():
        # The servers put a struct here when they hand the proxy's mode down; all else in there is plain JSON.
        kind = _GATEWAY if of is _ANY and key == "mesh_gateway" and _is_gateway(value) else of
        found ^= gohash.ordered(gohash.text(key), _visit(kind, value))
    return found


def _is_gateway(value: Any) -> bool:
    return is_mapping(value) and list(value) == ["Mode"]


def _visit_any(value: Any) -> int:
    """A value of an opaque configuration: floats from JSON, also whole ones from HCL."""
    if is_mapping(value):
        return _visit_map(_ANY, value)
    if is_list_or_tuple(value):
        return _visit_list(_ANY, value)
    return gohash.loose(value)
