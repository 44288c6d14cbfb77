"""Catalog registrations as clients write them: any letter case, old snake_case names, durations as text or number.

One door for ``/v1/catalog/register`` and for the node, service and check operations of transactions. Field names are
made canonical, Go's zero values of fields that JSON omits become UNSET, and what does not fit raises ValueError with
the text that Go's decoder gives.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import msgspec
from msgspec import UNSET

from pyconsul.primitives.durations import format_duration, parse_duration
from pyconsul.structs import godecode
from pyconsul.structs.catalog import DeregisterRequest, HealthCheck, NodeService, RegisterRequest

S = TypeVar("S", bound=msgspec.Struct)

_PROXY_ALIASES = {
    "destination_service_name": "DestinationServiceName",
    "destination_service_id": "DestinationServiceID",
    "local_service_address": "LocalServiceAddress",
    "local_service_port": "LocalServicePort",
    "local_service_socket_path": "LocalServiceSocketPath",
    "mesh_gateway": "MeshGateway",
    "transparent_proxy": "TransparentProxy",
    "access_logs": "AccessLogs",
}
_UPSTREAM_ALIASES = {
    "destination_type": "DestinationType",
    "destination_partition": "DestinationPartition",
    "destination_namespace": "DestinationNamespace",
    "destination_peer": "DestinationPeer",
    "destination_name": "DestinationName",
    "local_bind_address": "LocalBindAddress",
    "local_bind_port": "LocalBindPort",
    "local_bind_socket_path": "LocalBindSocketPath",
    "local_bind_socket_mode": "LocalBindSocketMode",
    "mesh_gateway": "MeshGateway",
}
_EXPOSE_ALIASES = {
    "listener_port": "ListenerPort",
    "local_path_port": "LocalPathPort",
    "parsed_from_check": "ParsedFromCheck",
}
_DURATIONS = ("Interval", "Timeout", "DeregisterCriticalServiceAfter")
_DEFINITION_FIELDS = frozenset(field.encode_name.lower() for field in msgspec.structs.fields(HealthCheck().Definition))


def register_request_from(value: Any) -> RegisterRequest:
    """A registration from parsed JSON. Raises ValueError with Go's text."""
    value = _inside(value, "Service", _service)
    value = _inside(value, "Check", _check)
    value = _inside_each(value, "Checks", _check)
    return without_zeros(godecode.into(value, RegisterRequest))


def deregister_request_from(value: Any) -> DeregisterRequest:
    """A deregistration from parsed JSON; its ``Address`` means nothing any more. Raises ValueError with Go's text."""
    value, address = godecode.take(value, "Address")
    if address is not None and not isinstance(address, str):
        kind = "array" if isinstance(address, list) else "object" if isinstance(address, dict) else "number"
        kind = "bool" if isinstance(address, bool) else kind
        raise godecode.DecodeError(f"json: cannot unmarshal {kind} into Go struct field .Address of type string")
    return godecode.into(value, DeregisterRequest)


def node_service_from(value: Any) -> NodeService:
    """A service instance from parsed JSON. Raises ValueError with Go's text."""
    return without_zeros(godecode.into(_service(value), NodeService))


def health_check_from(value: Any) -> HealthCheck:
    """A check from parsed JSON. Raises ValueError with Go's text."""
    return without_zeros(godecode.into(_check(value), HealthCheck))


def without_zeros(row: S) -> S:
    """The struct with UNSET for every omittable field that holds Go's zero value, all the way down."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(row):
        value = getattr(row, field.name)
        settled = _settled(value)
        if settled is not UNSET and _omittable(field) and _is_zero(settled):
            settled = UNSET
        if settled is not value:
            found[field.name] = settled
    return msgspec.structs.replace(row, **found) if found else row


def _omittable(field: msgspec.structs.FieldInfo) -> bool:
    return field.default is UNSET


def _is_zero(value: Any) -> bool:
    return value == type(value)() if isinstance(value, msgspec.Struct) else not value


def _settled(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return without_zeros(value)
    if isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
        return [without_zeros(cast("msgspec.Struct", item)) for item in cast("list[Any]", value)]
    return value


# One level down


def _inside(value: Any, name: str, change: Callable[[Any], Any]) -> Any:
    """``value`` with the member of that name (any letter case) run through ``change``."""
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    return {key: change(member) if key.lower() == name.lower() else member for key, member in members.items()}


def _inside_each(value: Any, name: str, change: Callable[[Any], Any]) -> Any:
    return _inside(value, name, lambda member: _each(member, change))


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    return [change(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


def _with_aliases(value: Any, aliases: Mapping[str, str]) -> Any:
    """``value`` under canonical names; an alias only counts where the canonical member is missing or zero."""
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    known = {key.lower(): key for key in members if key.lower() not in aliases}
    result = {key: member for key, member in members.items() if key.lower() not in aliases}
    for key, member in members.items():
        name = aliases.get(key.lower())
        if name is not None and not result.get(known.get(name.lower(), name)):
            result.pop(known.get(name.lower(), ""), None)
            result[name] = member
    return result


def _refuse_members(value: Any, *names: str) -> Any:
    """``value``, unless it has a member that JSON does not know though the struct has it."""
    for key in cast("dict[str, Any]", value) if isinstance(value, dict) else ():
        if key.lower() in names:
            raise godecode.DecodeError(f'json: unknown field "{key}"')
    return value


def _service(value: Any) -> Any:
    value = _refuse_members(value, "locallyregisteredassidecar")
    value = _inside(value, "Connect", _connect)
    return _inside(value, "Proxy", _proxy)


def _connect(value: Any) -> Any:
    """Members that Go's decoder does not know are ignored here; a sidecar definition is kept as it is written."""
    value = _with_aliases(value, {"sidecar_service": "SidecarService"})
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    return {key: member for key, member in members.items() if key.lower() in ("native", "sidecarservice", "peermeta")}


def _proxy(value: Any) -> Any:
    value = _with_aliases(_refuse_members(value, "mutualtlsmode"), _PROXY_ALIASES)
    value = _inside_each(value, "Upstreams", _upstream)
    return _inside(value, "Expose", _expose)


def _upstream(value: Any) -> Any:
    return _with_aliases(_refuse_members(value, "ingresshosts"), _UPSTREAM_ALIASES)


def _expose(value: Any) -> Any:
    return _inside_each(value, "Paths", lambda item: _with_aliases(item, _EXPOSE_ALIASES))


def _check(value: Any) -> Any:
    return _inside(value, "Definition", _definition)


def _definition(value: Any) -> Any:
    """A check's definition: unknown members are ignored, durations become canonical text."""
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    known = {key: member for key, member in members.items() if key.lower() in _DEFINITION_FIELDS}
    for name in _DURATIONS:
        known = _inside(known, name, _duration_text)
    return _inside(known, "TTL", _duration_ns)


def _duration_ns(value: Any) -> Any:
    """Nanoseconds from text or a number; other kinds of values count as nothing, as in Go."""
    if isinstance(value, str):
        return parse_duration(value)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _duration_text(value: Any) -> str | None:
    nanoseconds = _duration_ns(value)
    return format_duration(nanoseconds) if nanoseconds else None
