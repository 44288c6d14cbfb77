"""The data types templates see, with Go's field names and types, made from the HTTP API's JSON: a table of types."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pyconsul.lang.gotemplate import signature
from pyconsul.lang.gotemplate.values import Field, Map, NilPointer, Slice, Struct, TypedInt, Uint64, strings
from pyconsul.lang.strconv import from_bytes
from pyconsul_template.gotime import Time

_TEXT_MAP = "map[string]string"


def texts(value: Any) -> Slice:
    """A []string; absent is nil."""
    return Slice("[]string", value or (), is_nil=value is None)


def text_map(value: Any) -> Map:
    """A map[string]string; absent is nil."""
    return Map(_TEXT_MAP, value or {}, is_nil=value is None)


def sorted_tags(value: Iterable[str] | None) -> ServiceTags:
    """The tags of a service in order."""
    return ServiceTags(sorted(value or ()))


def pointers(struct: str, items: Iterable[Any]) -> Slice:
    """A slice of pointers to a struct."""
    return Slice(f"[]*{struct}", items)


class ServiceTags(Slice):
    """dependency.ServiceTags: a named []string."""

    def __init__(self, items: Iterable[str] = (), *, is_nil: bool = False) -> None:
        super().__init__("dependency.ServiceTags", items, is_nil=is_nil)

    @property
    def underlying(self) -> str:
        """The unnamed type with the same shape."""
        return "[]string"


class KeyPair(Struct):
    """One key below a prefix; ``Key`` is relative to it."""

    go_type = "dependency.KeyPair"
    fields = (
        Field("Path", "string"),
        Field("Key", "string"),
        Field("Value", "string"),
        Field("CreateIndex", "uint64"),
        Field("ModifyIndex", "uint64"),
        Field("LockIndex", "uint64"),
        Field("Flags", "uint64"),
        Field("Session", "string"),
    )

    def __init__(self, path: str, key: str, entry: Mapping[str, Any]) -> None:
        # Written out: a tree has thousands of them.
        self.Path = path
        self.Key = key
        self.Value = value_of(entry)
        self.CreateIndex = Uint64(entry["CreateIndex"])
        self.ModifyIndex = Uint64(entry["ModifyIndex"])
        self.LockIndex = Uint64(entry["LockIndex"])
        self.Flags = Uint64(entry["Flags"])
        self.Session = entry.get("Session", "")

    def renamed(self, key: str) -> KeyPair:
        """The same pair under another relative key."""
        copy = KeyPair.__new__(KeyPair)
        copy.__dict__.update(self.__dict__)
        copy.Key = key
        return copy


def value_of(entry: Mapping[str, Any]) -> str:
    """The value of a KV entry as a Go string."""
    data = entry.get("Value")
    return from_bytes(base64.b64decode(data)) if data else ""


class Node(Struct):
    """A node of the catalogue."""

    go_type = "dependency.Node"
    fields = (
        Field("ID", "string"),
        Field("Node", "string"),
        Field("Address", "string"),
        Field("Datacenter", "string"),
        Field("TaggedAddresses", _TEXT_MAP),
        Field("Meta", _TEXT_MAP),
    )
    Node: str
    Address: str

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Node:
        """From the catalogue's JSON."""
        return cls(
            ID=item.get("ID", ""),
            Node=item["Node"],
            Address=item.get("Address", ""),
            Datacenter=item.get("Datacenter", ""),
            TaggedAddresses=text_map(item.get("TaggedAddresses")),
            Meta=text_map(item.get("Meta")),
        )


class CatalogNodeService(Struct):
    """A service instance of one node."""

    go_type = "dependency.CatalogNodeService"
    fields = (
        Field("ID", "string"),
        Field("Service", "string"),
        Field("Tags", "dependency.ServiceTags"),
        Field("Meta", _TEXT_MAP),
        Field("Port", "int"),
        Field("Address", "string"),
        Field("EnableTagOverride", "bool"),
    )
    ID: str
    Service: str


class CatalogNode(Struct):
    """A node with its services; ``Node`` is nil when it does not exist."""

    go_type = "dependency.CatalogNode"
    fields = (Field("Node", "*dependency.Node"), Field("Services", "[]*dependency.CatalogNodeService"))

    @classmethod
    def of(cls, item: Mapping[str, Any] | None) -> CatalogNode:
        """From ``/v1/catalog/node``."""
        if not item:
            return cls(Node=NilPointer("*dependency.Node"))
        found: Mapping[str, Any] = item.get("Services") or {}
        services = [
            CatalogNodeService(
                ID=s["ID"],
                Service=s["Service"],
                Tags=sorted_tags(s.get("Tags")),
                Meta=text_map(s.get("Meta")),
                Port=s.get("Port", 0),
                Address=s.get("Address", ""),
                EnableTagOverride=s.get("EnableTagOverride", False),
            )
            for s in found.values()
        ]
        services.sort(key=lambda s: (s.Service, s.ID))
        return cls(Node=Node.of(item["Node"]), Services=pointers("dependency.CatalogNodeService", services))


class CatalogSnippet(Struct):
    """A service's name and all tags of its instances."""

    go_type = "dependency.CatalogSnippet"
    fields = (Field("Name", "string"), Field("Tags", "dependency.ServiceTags"))
    Name: str
    Tags: ServiceTags


class CARoot(Struct):
    """A root certificate of the mesh."""

    go_type = "api.CARoot"
    fields = (
        Field("ID", "string"),
        Field("Name", "string"),
        Field("RootCertPEM", "string", json="RootCert"),
        Field("Active", "bool"),
        Field("NotBefore", "*time.Time", omit_empty=True),
        Field("NotAfter", "*time.Time", omit_empty=True),
        Field("DaysRemaining", "*int", omit_empty=True),
        Field("CreateIndex", "uint64"),
        Field("ModifyIndex", "uint64"),
    )

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> CARoot:
        """From the agent's roots."""
        return cls(
            ID=item.get("ID", ""),
            Name=item.get("Name", ""),
            RootCertPEM=item.get("RootCert", ""),
            Active=item.get("Active", False),
            NotBefore=_moment(item.get("NotBefore")),
            NotAfter=_moment(item.get("NotAfter")),
            CreateIndex=Uint64(item.get("CreateIndex", 0)),
            ModifyIndex=Uint64(item.get("ModifyIndex", 0)),
        )


class LeafCert(Struct):
    """A certificate for a service of the mesh."""

    go_type = "api.LeafCert"
    fields = (
        Field("SerialNumber", "string"),
        Field("CertPEM", "string", omit_empty=True),
        Field("PrivateKeyPEM", "string", omit_empty=True),
        Field("Service", "string"),
        Field("ServiceURI", "string"),
        Field("ValidAfter", "time.Time"),
        Field("ValidBefore", "time.Time"),
        Field("CreateIndex", "uint64"),
        Field("ModifyIndex", "uint64"),
    )

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> LeafCert:
        """From the agent's leaf endpoint."""
        known: dict[str, Any] = {f.name: item[f.name] for f in cls.fields if f.type == "string" and f.name in item}
        for name in ("ValidAfter", "ValidBefore"):
            known[name] = Time.parse_rfc3339(item.get(name, "0001-01-01T00:00:00Z"))
        for name in ("CreateIndex", "ModifyIndex"):
            known[name] = Uint64(item.get(name, 0))
        return cls(**known)


def _moment(text: Any) -> Any:
    return Time.parse_rfc3339(text) if text else NilPointer("*time.Time")


class PeeringStreamStatus(Struct):
    """How the stream to a peer does."""

    go_type = "dependency.PeeringStreamStatus"
    pointer = False
    fields = (
        Field("ImportedServices", "[]string"),
        Field("ExportedServices", "[]string"),
        Field("LastHeartbeat", "*time.Time"),
        Field("LastReceive", "*time.Time"),
        Field("LastSend", "*time.Time"),
    )


class PeeringRemoteInfo(Struct):
    """Where a peer is."""

    go_type = "dependency.PeeringRemoteInfo"
    pointer = False
    fields = (Field("Partition", "string"), Field("Datacenter", "string"))


class Peering(Struct):
    """A cluster peering."""

    go_type = "dependency.Peering"
    fields = (
        Field("ID", "string"),
        Field("Name", "string"),
        Field("Partition", "string"),
        Field("Meta", _TEXT_MAP),
        Field("PeeringState", "string"),
        Field("PeerID", "string"),
        Field("PeerServerName", "string"),
        Field("PeerServerAddresses", "[]string"),
        Field("StreamStatus", "dependency.PeeringStreamStatus"),
        Field("Remote", "dependency.PeeringRemoteInfo"),
    )
    PeeringState: str
    Partition: str
    Name: str

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Peering:
        """From ``/v1/peerings``."""
        stream: Mapping[str, Any] = item.get("StreamStatus") or {}
        remote: Mapping[str, Any] = item.get("Remote") or {}
        return cls(
            ID=item.get("ID", ""),
            Name=item.get("Name", ""),
            Partition=item.get("Partition", ""),
            Meta=text_map(item.get("Meta") or None),
            PeeringState=item.get("State", ""),
            PeerID=item.get("PeerID", ""),
            PeerServerName=item.get("PeerServerName", ""),
            PeerServerAddresses=texts(item.get("PeerServerAddresses")),
            StreamStatus=PeeringStreamStatus(
                ImportedServices=texts(stream.get("ImportedServices")),
                ExportedServices=texts(stream.get("ExportedServices")),
                LastHeartbeat=_moment(stream.get("LastHeartbeat")),
                LastReceive=_moment(stream.get("LastReceive")),
                LastSend=_moment(stream.get("LastSend")),
            ),
            Remote=PeeringRemoteInfo(Partition=remote.get("Partition", ""), Datacenter=remote.get("Datacenter", "")),
        )


class ResolvedConsumers(Struct):
    """Who may use an exported service."""

    go_type = "dependency.ResolvedConsumers"
    pointer = False
    fields = (Field("Peers", "[]string"), Field("Partitions", "[]string"))


class ExportedService(Struct):
    """A service offered to peers."""

    go_type = "dependency.ExportedService"
    pointer = False
    fields = (
        Field("Service", "string"),
        Field("Partition", "string"),
        Field("Namespace", "string"),
        Field("Consumers", "dependency.ResolvedConsumers"),
    )
    Service: str

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> ExportedService:
        """From ``/v1/exported-services``."""
        users: Mapping[str, Any] = item.get("Consumers") or {}
        return cls(
            Service=item.get("Service", ""),
            Consumers=ResolvedConsumers(
                Peers=strings(users.get("Peers") or ()), Partitions=strings(users.get("Partitions") or ())
            ),
        )


class ImportedService(Struct):
    """A service offered by another partition."""

    go_type = "dependency.ImportedService"
    pointer = False
    fields = (Field("Service", "string"), Field("Namespace", "string"), Field("SourcePartition", "string"))
    Service: str


class Partition(Struct):
    """An admin partition."""

    go_type = "dependency.Partition"
    fields = (Field("Name", "string"), Field("Description", "string"))
    Name: str


class NomadService(Struct):
    """A service registration of Nomad."""

    go_type = "dependency.NomadService"
    fields = (
        Field("ID", "string"),
        Field("Name", "string"),
        Field("Node", "string"),
        Field("Address", "string"),
        Field("Port", "int"),
        Field("Datacenter", "string"),
        Field("Tags", "dependency.ServiceTags"),
        Field("JobID", "string"),
        Field("AllocID", "string"),
    )
    Name: str
    Port: int
    Tags: ServiceTags


class NomadServicesSnippet(Struct):
    """A service of Nomad and its tags."""

    go_type = "dependency.NomadServicesSnippet"
    fields = (Field("Name", "string"), Field("Tags", "dependency.ServiceTags"))
    Name: str
    Tags: ServiceTags


class NanoTime(TypedInt):
    """Nomad's moments: nanoseconds since 1970 that print as a time."""

    __slots__ = ()
    go_type = "dependency.nanoTime"

    def time(self) -> Time:
        """The moment in the machine's zone."""
        return Time.local(int(self))

    def go_string(self) -> str:
        """The text Go prints."""
        return self.time().go_string()


NanoTime.methods = {"String": signature("", NanoTime.go_string), "Time": signature("", NanoTime.time)}


class NomadVarMeta(Struct):
    """What is known of a Nomad variable without its items; prints as its path."""

    go_type = "dependency.NomadVarMeta"
    fields = (
        Field("Namespace", "string"),
        Field("Path", "string"),
        Field("CreateIndex", "uint64"),
        Field("ModifyIndex", "uint64"),
        Field("CreateTime", "dependency.nanoTime"),
        Field("ModifyTime", "dependency.nanoTime"),
    )
    Path: str

    def go_string(self) -> str:
        """The path."""
        return self.Path


def made(build: Callable[[Mapping[str, Any]], Any], items: Any) -> list[Any]:
    """One object an item of a JSON list; null counts as empty."""
    return [build(item) for item in items or ()]
