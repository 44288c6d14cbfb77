"""Service instances and their checks as templates see them, with Go's field names and types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pyconsul.lang.gotemplate import signature
from pyconsul.lang.gotemplate.values import Field, Map, Slice, Struct, TypedInt, Uint64, strings
from pyconsul.primitives.durations import format_duration, parse_duration
from pyconsul_template.dependencies.models import ServiceTags, sorted_tags, text_map, texts
from pyconsul_template.gotime import Duration

_TEXT_MAP = "map[string]string"


class HealthChecks(Slice):
    """api.HealthChecks: a named list of checks."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__("api.HealthChecks", items)

    @property
    def underlying(self) -> str:
        """The unnamed type with the same shape."""
        return "[]*api.HealthCheck"

    def aggregated_status(self) -> str:
        """The state of what is checked."""
        return worst_status({"CheckID": check.CheckID, "Status": check.Status} for check in self)

    methods: ClassVar[Mapping[str, Any]] = {"AggregatedStatus": signature("", aggregated_status)}


_SPANS = ("Interval", "Timeout", "DeregisterCriticalServiceAfter")


class ReadableDuration(TypedInt):
    """Nanoseconds that print, also in JSON, as ``1m30s``."""

    go_type = "api.ReadableDuration"

    def go_string(self) -> str:
        """The text Go prints."""
        return format_duration(int(self))

    json = go_string


class HealthCheckDefinition(Struct):
    """How a check is executed."""

    go_type = "api.HealthCheckDefinition"
    pointer = False
    json_first = _SPANS
    fields = (
        Field("HTTP", "string"),
        Field("Header", "map[string][]string"),
        Field("Method", "string"),
        Field("Body", "string"),
        Field("TLSServerName", "string"),
        Field("TLSSkipVerify", "bool"),
        Field("TCP", "string"),
        Field("TCPUseTLS", "bool"),
        Field("UDP", "string"),
        Field("GRPC", "string"),
        Field("OSService", "string"),
        Field("GRPCUseTLS", "bool"),
        *(Field(f"{name}Duration", "time.Duration", json="-") for name in _SPANS),
        Field("SessionName", "string", omit_empty=True),
        *(Field(name, "api.ReadableDuration") for name in _SPANS),
    )

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> HealthCheckDefinition:
        """From the health endpoints' JSON."""
        header: Mapping[str, Any] | None = item.get("Header")
        known = {f.name: item[f.name] for f in cls.fields if f.name in item and f.name != "Header"}
        for name in _SPANS:
            span = parse_duration(str(item.get(name) or "0s"))
            known |= {name: ReadableDuration(span), f"{name}Duration": Duration(span)}
        lists = {k: strings(v) for k, v in (header or {}).items()}
        return cls(Header=Map("map[string][]string", lists, is_nil=header is None), **known)


class HealthCheck(Struct):
    """A check of a node or a service instance."""

    go_type = "api.HealthCheck"
    fields = (
        Field("Node", "string"),
        Field("CheckID", "string"),
        Field("Name", "string"),
        Field("Status", "string"),
        Field("Notes", "string"),
        Field("Output", "string"),
        Field("ServiceID", "string"),
        Field("ServiceName", "string"),
        Field("ServiceTags", "[]string"),
        Field("Type", "string"),
        Field("Namespace", "string", omit_empty=True),
        Field("Partition", "string", omit_empty=True),
        Field("ExposedPort", "int"),
        Field("PeerName", "string", omit_empty=True),
        Field("Definition", "api.HealthCheckDefinition"),
        Field("CreateIndex", "uint64"),
        Field("ModifyIndex", "uint64"),
    )
    CheckID: str
    Status: str

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> HealthCheck:
        """From the health endpoints' JSON."""
        known: dict[str, Any] = {f.name: item[f.name] for f in cls.fields if f.name in item}
        known["ServiceTags"] = texts(item.get("ServiceTags"))
        known["Definition"] = HealthCheckDefinition.of(item.get("Definition") or {})
        known["CreateIndex"] = Uint64(item.get("CreateIndex", 0))
        known["ModifyIndex"] = Uint64(item.get("ModifyIndex", 0))
        return cls(**known)


class ServiceAddress(Struct):
    """An address and a port."""

    go_type = "api.ServiceAddress"
    pointer = False
    fields = (Field("Address", "string"), Field("Port", "int"))


class AgentWeights(Struct):
    """DNS weights of an instance."""

    go_type = "api.AgentWeights"
    pointer = False
    fields = (Field("Passing", "int"), Field("Warning", "int"))


class HealthService(Struct):
    """A service instance with its node and its health."""

    go_type = "dependency.HealthService"
    fields = (
        Field("Node", "string"),
        Field("NodeID", "string"),
        Field("NodeAddress", "string"),
        Field("NodeTaggedAddresses", _TEXT_MAP),
        Field("NodeMeta", _TEXT_MAP),
        Field("ServiceMeta", _TEXT_MAP),
        Field("Address", "string"),
        Field("ServiceTaggedAddresses", "map[string]api.ServiceAddress"),
        Field("ID", "string"),
        Field("Name", "string"),
        Field("Tags", "dependency.ServiceTags"),
        Field("Checks", "api.HealthChecks"),
        Field("Status", "string"),
        Field("Port", "int"),
        Field("Weights", "api.AgentWeights"),
    )
    Node: str
    ID: str
    Port: int
    Tags: ServiceTags
    ServiceMeta: Map

    @classmethod
    def of(cls, entry: Mapping[str, Any], status: str) -> HealthService:
        """From one entry of ``/v1/health/service``, whose worst state is ``status``."""
        node, service = entry["Node"], entry["Service"]
        tagged: Mapping[str, Any] = service.get("TaggedAddresses") or {}
        addresses = {k: ServiceAddress(Address=v["Address"], Port=v["Port"]) for k, v in tagged.items()}
        weights: Mapping[str, Any] = service.get("Weights") or {}
        return cls(
            Node=node["Node"],
            NodeID=node.get("ID", ""),
            NodeAddress=node.get("Address", ""),
            NodeTaggedAddresses=text_map(node.get("TaggedAddresses")),
            NodeMeta=text_map(node.get("Meta")),
            ServiceMeta=text_map(service.get("Meta")),
            Address=service.get("Address") or node.get("Address", ""),
            ServiceTaggedAddresses=Map(
                "map[string]api.ServiceAddress", addresses, is_nil=service.get("TaggedAddresses") is None
            ),
            ID=service["ID"],
            Name=service["Service"],
            Tags=sorted_tags(service.get("Tags")),
            Checks=HealthChecks(HealthCheck.of(c) for c in entry.get("Checks") or ()),
            Status=status,
            Port=service.get("Port", 0),
            Weights=AgentWeights(Passing=weights.get("Passing", 0), Warning=weights.get("Warning", 0)),
        )


def worst_status(checks: Iterable[Mapping[str, Any]]) -> str:
    """The state of an instance over all its checks; maintenance beats critical."""
    found: set[str] = set()
    for check in checks:
        check_id: str = check["CheckID"]
        if check_id == "_node_maintenance" or check_id.startswith("_service_maintenance:"):
            return "maintenance"
        found.add(check["Status"])
    for status in ("critical", "warning"):
        if status in found:
            return status
    return "passing" if found <= {"passing"} else ""
