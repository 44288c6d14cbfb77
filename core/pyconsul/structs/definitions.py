"""Service and check definitions as people write them, in configuration files and API bodies.

``service_definition_from`` and ``check_definition_from`` take either spelling and give one canonical struct, from which
``node_service``, ``check_types`` and ``health_check`` make what local state keeps. They raise DefinitionError, whose
text is what Consul says (after ``Request decode failed: `` at the HTTP door).
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from pyconsul.lang.strconv import NumberSyntaxError, parse_uint, quote
from pyconsul.primitives.durations import format_duration
from pyconsul.primitives.multierror import multi_error
from pyconsul.primitives.untyped import is_dict, is_list, is_mapping
from pyconsul.structs.catalog import Locality, NodeService, ServiceAddress, ServiceConnect, Weights
from pyconsul.structs.checks import CheckType
from pyconsul.structs.connect_proxy import ConnectProxyConfig
from pyconsul.structs.definition_shapes import CHECK, SERVICE
from pyconsul.structs.health import CRITICAL, HealthCheck
from pyconsul.structs.lenient import DecodeError, Shape, from_config, from_json
from pyconsul.structs.service_rules import service_metadata_error, weights_error
from pyconsul.structs.wire import UNSET, omit

__all__ = [
    "CheckDefinition",
    "DefinitionError",
    "ServiceDefinition",
    "check_definition_from",
    "service_definition_from",
    "with_upstream_types",
]

Source = Literal["http", "config"]
DEFAULT_OUTPUT_MAX_SIZE: Final = 4096


class DefinitionError(ValueError):
    """A definition cannot be understood, or breaks a rule of its form."""


class CheckDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A check that stands by itself: how it runs (``type``), and what it belongs to."""

    type: CheckType
    ServiceID: str = ""
    Token: str = ""

    @property
    def ID(self) -> str:
        """The check ID as given; empty means: the name."""
        return self.type.CheckID

    @property
    def Name(self) -> str:
        """What people call the check."""
        return self.type.Name

    def health_check(self, node: str) -> HealthCheck:
        """The check as a catalog row of ``node``: critical until it first runs, unless ``Status`` says else.

        ``Type`` stays empty, as Consul leaves it for checks of the configuration; the API fills it in.
        """
        kind = self.type
        return HealthCheck(
            Node=node,
            CheckID=kind.CheckID or kind.Name,
            Name=kind.Name,
            Status=kind.Status or CRITICAL,
            Notes=kind.Notes,
            ServiceID=self.ServiceID,
            Interval=format_duration(kind.Interval),
            Timeout=format_duration(kind.Timeout),
        )

    def go_text(self) -> str:
        """The definition as Go's ``%v`` prints a pointer to it, at the end of some of Consul's errors.

        A token is hidden; Consul shows it.
        """
        kind = self.type
        header = " ".join(f"{name}:[{' '.join(values)}]" for name, values in sorted((kind.Header or {}).items()))
        words = (
            *(kind.CheckID, kind.Name, kind.Notes, self.ServiceID, "hidden" if self.Token else "", kind.Status),
            *(f"[{' '.join(kind.ScriptArgs or [])}]", kind.HTTP, kind.H2PING, _go(kind.H2PingUseTLS), f"map[{header}]"),
            *(kind.Method, kind.Body, _go(kind.DisableRedirects), kind.TCP, _go(kind.TCPUseTLS), kind.UDP),
            *(format_duration(kind.Interval), kind.DockerContainerID, kind.Shell, kind.GRPC, _go(kind.GRPCUseTLS)),
            *(kind.OSService, kind.TLSServerName, _go(kind.TLSSkipVerify), kind.AliasNode, kind.AliasService),
            *(format_duration(kind.Timeout), format_duration(kind.TTL), str(kind.SuccessBeforePassing)),
            *(str(kind.FailuresBeforeWarning), str(kind.FailuresBeforeCritical)),
            *(format_duration(kind.DeregisterCriticalServiceAfter), str(kind.OutputMaxSize), "{}"),
        )
        return f"&{{{' '.join(words)}}}"


def _go(truth: bool) -> str:
    return "true" if truth else "false"


class ServiceDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A service instance with its checks, and perhaps the sidecar that comes with it."""

    Kind: str = ""
    ID: str = ""
    Name: str = ""
    Tags: list[str] | None = None
    Address: str = ""
    TaggedAddresses: dict[str, ServiceAddress] | None = None
    Meta: dict[str, str] | None = None
    Port: int = 0
    SocketPath: str = ""
    Check: CheckType | None = None
    Checks: list[CheckType] = msgspec.field(default_factory=list[CheckType])
    WeightsSet: Weights | None = None
    Token: str = ""
    EnableTagOverride: bool = False
    Place: Locality | None = None
    Proxy: ConnectProxyConfig | None = None
    Native: bool = False
    Connected: bool = False  # a Connect block was given
    Sidecar: ServiceDefinition | None = None

    def node_service(self) -> NodeService:
        """The instance as a catalog row; ``ID`` defaults to the name, upstreams to type ``service``.

        The nested sidecar rides along in ``Connect.SidecarService`` in the short form that the rules look at.
        """
        return NodeService(
            Kind=omit(self.Kind),
            ID=self.ID or self.Name,
            Service=self.Name,
            Tags=self.Tags,
            Address=self.Address,
            TaggedAddresses=omit(self.TaggedAddresses or {}),
            Meta=self.Meta,
            Port=omit(self.Port),
            SocketPath=omit(self.SocketPath),
            Weights=self.WeightsSet,
            EnableTagOverride=self.EnableTagOverride,
            Locality=self.Place if self.Place is not None else UNSET,
            Proxy=with_upstream_types(self.Proxy) if self.Proxy is not None else ConnectProxyConfig(),
            Connect=ServiceConnect(Native=omit(self.Native), SidecarService=self._sidecar_outline() or UNSET),
        )

    def _sidecar_outline(self) -> dict[str, Any]:
        """What the rules ask of a nested sidecar; never empty when there is one."""
        if self.Sidecar is None:
            return {}
        nested: dict[str, Any] = {"SidecarService": {}} if self.Sidecar.Sidecar is not None else {}
        return {"ID": self.Sidecar.ID, "Connect": nested}

    def check_types(self) -> list[CheckType]:
        """All checks of the instance: the single one first. Raises InvalidCheck for the first that is wrong."""
        found = [] if self.Check is None or self.Check.is_empty else [self.Check]
        found.extend(self.Checks)
        for check in found:
            check.validate()
        return found


def with_upstream_types(proxy: ConnectProxyConfig) -> ConnectProxyConfig:
    """The proxy with ``service`` as the type of upstreams that have none."""
    if not proxy.Upstreams:
        return proxy
    typed = [u if u.DestinationType else msgspec.structs.replace(u, DestinationType="service") for u in proxy.Upstreams]
    return msgspec.structs.replace(proxy, Upstreams=typed)


def service_definition_from(obj: Any, source: Source = "http", path: str = "service") -> ServiceDefinition:
    """The definition in ``obj``: a parsed body, or a block of configuration that stands at ``path``.

    Raises DefinitionError.
    """
    fields = _read(SERVICE, obj, source, path)
    definition = _service(fields, source)
    if source == "config":
        errors = _config_errors(fields)
        if errors:
            raise DefinitionError(multi_error(errors))
    return definition


def check_definition_from(obj: Any, source: Source = "http", path: str = "check") -> CheckDefinition:
    """The check in ``obj``, as ``service_definition_from`` takes services. Raises DefinitionError."""
    fields = _read(CHECK, obj, source, path)
    service_id, token = str(fields.pop("ServiceID", "")), str(fields.pop("Token", ""))
    return CheckDefinition(type=_check(fields, source), ServiceID=service_id, Token=token)


def _read(shape: Shape, obj: Any, source: Source, path: str) -> dict[str, Any]:
    try:
        if source == "http":
            return from_json(shape, obj)
        if not is_mapping(obj):
            raise DecodeError(f"{path}: expected a map")
        return from_config(shape, obj, path)
    except DecodeError as bad:
        raise DefinitionError(str(bad)) from None


def _check(fields: dict[str, Any], source: Source) -> CheckType:
    given = dict(fields)
    if not given.get("ScriptArgs"):  # an empty list is no script: the check may still be an empty one
        given.pop("ScriptArgs", None)
    if "ID" in given:
        given["CheckID"] = given.pop("ID")
    if given.get("H2PING"):
        given.setdefault("H2PingUseTLS", True)
    if source == "config":
        given.pop("Token", None)
        given.pop("ServiceID", None)
        given.setdefault("FailuresBeforeWarning", given.get("FailuresBeforeCritical", 0))
        given.setdefault("OutputMaxSize", DEFAULT_OUTPUT_MAX_SIZE)
    return CheckType(**given)


def _service(fields: dict[str, Any], source: Source) -> ServiceDefinition:
    given = dict(fields)
    check = given.pop("Check", None)
    checks = [_check(each, source) for each in given.pop("Checks", ())]
    if source == "config" and check is not None:
        checks.append(_check(check, source))
        check = None
    connect: dict[str, Any] | None = given.pop("Connect", None)
    sidecar: dict[str, Any] | None = (connect or {}).get("SidecarService")
    weights: dict[str, int] | None = given.pop("Weights", None)
    if source == "config":
        given["Kind"] = given.get("Kind", "") if given.get("Kind", "") in _CONFIG_KINDS else ""
        weights = {"Passing": 1, "Warning": 1, **(weights or {})}
    return ServiceDefinition(
        TaggedAddresses=_addresses(given.pop("TaggedAddresses", None)),
        Check=None if check is None else _check(check, source),
        Checks=checks,
        WeightsSet=None if weights is None else Weights(**weights),
        Place=_locality(given.pop("Locality", None)),
        Proxy=_proxy(given.pop("Proxy", None)),
        Native=bool((connect or {}).get("Native", False)),
        Connected=connect is not None,
        Sidecar=None if sidecar is None else _service(sidecar, source),
        **given,
    )


# Of the kinds that a configuration may name; Consul takes a service of any other for an ordinary one.
_CONFIG_KINDS: Final = ("connect-proxy", "mesh-gateway", "terminating-gateway", "ingress-gateway", "api-gateway")


def _addresses(given: dict[str, dict[str, Any]] | None) -> dict[str, ServiceAddress] | None:
    return None if given is None else {name: ServiceAddress(**each) for name, each in given.items()}


def _locality(given: dict[str, Any] | None) -> Locality | None:
    if given is None:
        return None
    return Locality(Region=omit(given.get("Region", "")), Zone=omit(given.get("Zone", "")))


def _proxy(given: dict[str, Any] | None) -> ConnectProxyConfig | None:
    if given is None:
        return None
    return msgspec.convert(_without_zeros(given), ConnectProxyConfig)


def _without_zeros(value: dict[str, Any]) -> dict[str, Any]:
    """``value`` without Go's zero values, at all depths but inside opaque ``Config`` and ``Arguments``."""
    kept: dict[str, Any] = {}
    for key, item in value.items():
        if key in ("Config", "Arguments"):
            cleaned = item
        elif is_dict(item):
            cleaned = _without_zeros(item)
        elif is_list(item):
            cleaned = [_without_zeros(part) if is_dict(part) else part for part in item]
        else:
            cleaned = item
        if cleaned:
            kept[key] = cleaned
    return kept


# What the configuration builder refuses about a definition that reads well

_PROXY_MODES: Final = ("", "direct", "transparent")
_MESH_GATEWAY_MODES: Final = ("", "none", "local", "remote")


def _config_errors(fields: dict[str, Any]) -> list[str]:
    """The rules of the configuration builder that a service block breaks, innermost last."""
    errors: list[str] = []
    name = str(fields.get("Name", ""))
    reason = service_metadata_error(str(fields.get("Kind", "")), fields.get("Meta"))
    if reason:
        errors.append(f"invalid meta for service {name}: {reason}")
    reason = weights_error(Weights(**{"Passing": 1, "Warning": 1, **fields.get("Weights", {})}))
    if reason:
        errors.append(f"Invalid weight definition for service {name}: {reason}")
    if ("Port" in fields or "Address" in fields) and "SocketPath" in fields:
        errors.append(f"service {name} cannot have both socket path {fields['SocketPath']} and address/port")
    errors.extend(_proxy_mode_errors(_block(fields, "Proxy")))
    sidecar: dict[str, Any] | None = _block(fields, "Connect").get("SidecarService")
    if sidecar is not None:
        errors.extend(_config_errors(sidecar))
        if sidecar.get("ID"):
            errors.append("sidecar_service can't specify an ID")
        if "SidecarService" in _block(sidecar, "Connect"):
            errors.append("sidecar_service can't have a nested sidecar_service")
    return errors


def _proxy_mode_errors(proxy: dict[str, Any]) -> list[str]:
    errors: list[str] = []
    upstreams: list[dict[str, Any]] = proxy.get("Upstreams") or []
    for upstream in upstreams:
        mode = upstream.get("LocalBindSocketMode", "0")
        if not _is_octal(mode):
            errors.append(f"local_bind_socket_mode: invalid mode: {mode}")
        errors.extend(_mesh_gateway_errors(upstream))
    errors.extend(_mesh_gateway_errors(proxy))
    if proxy.get("Mode", "") not in _PROXY_MODES:
        errors.append(f"Invalid Proxy Mode: {quote(proxy['Mode'])}")
    return errors


def _mesh_gateway_errors(block: dict[str, Any]) -> list[str]:
    mode: str = _block(block, "MeshGateway").get("Mode", "")
    return [] if mode in _MESH_GATEWAY_MODES else [f"Invalid Mesh Gateway Mode: {quote(mode)}"]


def _block(fields: dict[str, Any], name: str) -> dict[str, Any]:
    """A block inside another one, empty where there is none."""
    return fields.get(name) or {}


def _is_octal(text: str) -> bool:
    try:
        parse_uint(text, 8, 32)
    except NumberSyntaxError:
        return False
    return True
