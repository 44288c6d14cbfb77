"""Queries of the Consul HTTP API, as templates name them: parsing of their texts, requests, results.

Every query has a ``name`` that tells it from all others; one blocking query runs per distinct name.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qsl

import msgspec

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import Slice, strings
from pyconsul.lang.strconv import quote
from pyconsul.sdk.request import escape_path
from pyconsul.toolkit.asking import Asked
from pyconsul_template.dependencies import health, models
from pyconsul_template.dependencies.models import pointers

logger = logging.getLogger("pyconsul_template.main")

_DC = r"(?:@(?P<dc>[A-Za-z0-9_.\-]+))?"
_QUERY = r"(?:\?(?P<query>[A-Za-z0-9_\-=&]+))?"
_NEAR = r"(?:~(?P<near>[A-Za-z0-9_.\-]+))?"
_FILTER = r"(?:\|(?P<filter>[A-Za-z0-9_,]+))?"
_TAG = r"(?:(?P<tag>[A-Za-z0-9_=:.\-]+)\.)?"
_KEY = re.compile(r"/?(?P<key>[^@?]+)" + _QUERY + _DC)
_SERVICE = re.compile(_TAG + r"(?P<name>[A-Za-z0-9_\-]+)" + _QUERY + _DC + _NEAR + _FILTER)
_NODE = re.compile(r"(?P<name>[A-Za-z0-9_.\-]+)" + _QUERY + _DC)
_NODES = re.compile(_QUERY + _DC + _NEAR)
_SERVICES = re.compile(_QUERY + _DC)
_PEERINGS = re.compile(_QUERY)
_PARAMETERS = ("ns", "peer", "partition", "sameness-group")
_STATES = ("any", "passing", "warning", "critical", "maintenance")
POLL_SECONDS = 15.0
"""How often lists without an index are asked for again."""


class UnnamedError(FunctionError):
    """What went wrong with a query, to be told without its name."""


class Fetched(msgspec.Struct, frozen=True):
    """What a query found. ``block_on_nil``: nothing found is no answer, wait for one."""

    value: Any
    index: int
    last_contact_ms: int = 0
    block_on_nil: bool = False


class Access(Protocol):
    """What queries use to get at data; the fetcher of the watcher implements it."""

    @property
    def index(self) -> int:
        """The index of the last answer; 0 the first time."""
        ...

    async def get(self, path: str, params: Mapping[str, str], *, blocking: bool = True) -> Asked:
        """One GET; ``blocking`` adds index, wait and staleness. Raises the SDK's errors but for 404."""
        ...

    async def pause(self, seconds: float) -> None:
        """Wait between two looks at something that cannot be watched."""
        ...

    def polled(self) -> int:
        """An index for data that have none: it grows with every answer."""
        ...


class Dependency(Protocol):
    """Anything a template can ask for."""

    name: str
    kind: ClassVar[str]
    shared: ClassVar[bool]

    async def fetch(self, access: Any) -> Fetched:
        """Get the newest value through an ``Access``, waiting for a change when there was one before."""
        ...


def _parsed(pattern: re.Pattern[str], text: str, label: str) -> dict[str, str]:
    """The parts of a query text. Raises FunctionError."""
    found = pattern.fullmatch(text)
    if found is None:
        raise FunctionError(f"{label}: invalid format: {quote(text)}")
    parts = {name: value or "" for name, value in found.groupdict().items()}
    query = parts.get("query", "")
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _PARAMETERS:
            known = ",".join(_PARAMETERS)
            raise FunctionError(
                f"{label}: invalid query parameter key {quote(name)} in query {quote(query)}: supported keys: {known}"
            )
        parts.setdefault(f"?{name}", value)
    return parts


def _params(parts: Mapping[str, str], *names: str) -> dict[str, str]:
    """The request's parameters out of the parts of a query text."""
    out = {"dc": parts.get("dc", ""), "near": parts.get("near", "")}
    out |= {name: parts.get(f"?{name}", "") for name in names}
    return {name: value for name, value in out.items() if value}


def _suffix(parts: Mapping[str, str], *names: str) -> str:
    """How the parameters show in a dependency's name."""
    dc = f"@{parts['dc']}" if parts.get("dc") else ""
    return dc + "".join(f"@{name}={parts[f'?{name}']}" for name in names if parts.get(f"?{name}"))


def _labelled(label: str, inner: str) -> str:
    return f"{label}({inner})" if inner else label


class KeyQuery(msgspec.Struct):
    """The value of one key; ``wait``: a key that does not exist is no answer."""

    kind: ClassVar[str] = "consul"
    shared: ClassVar[bool] = True
    key: str
    params: Mapping[str, str]
    wait: bool
    name: str

    @classmethod
    def parse(cls, text: str, *, wait: bool = False) -> KeyQuery:
        """From ``path[?query][@dc]``. Raises FunctionError."""
        return _key_query(text, wait)

    async def fetch(self, access: Access) -> Fetched:
        """The value as a Go string, or None."""
        answer = await access.get("/v1/kv/" + escape_path(self.key), self.params)
        pairs = answer.listed("[]*api.KVPair")
        value = models.value_of(pairs[0]) if pairs else None
        return Fetched(value, answer.index, answer.last_contact_ms, block_on_nil=self.wait)


@lru_cache(maxsize=4096)  # each pass over a template asks for all its keys again: a third of the time of a pass
def _key_query(text: str, wait: bool) -> KeyQuery:
    parts = _parsed(_KEY, text, "kv.get")
    inner = parts["key"] + _suffix(parts, "partition", "ns")
    label = "kv.block" if wait else "kv.get"
    return KeyQuery(parts["key"], _params(parts, "ns", "partition"), wait, f"{label}({inner})")


class KeyListQuery(msgspec.Struct):
    """All pairs below a prefix."""

    kind: ClassVar[str] = "consul"
    shared: ClassVar[bool] = True
    prefix: str
    params: Mapping[str, str]
    name: str

    @classmethod
    def parse(cls, text: str) -> KeyListQuery:
        """From ``prefix[?query][@dc]``. Raises FunctionError."""
        parts = _parsed(_KEY, text, "kv.list")
        inner = parts["key"] + _suffix(parts, "partition", "ns")
        return cls(parts["key"], {"recurse": "", **_params(parts, "ns", "partition")}, f"kv.list({inner})")

    async def fetch(self, access: Access) -> Fetched:
        """The pairs, in the order of their keys."""
        answer = await access.get("/v1/kv/" + escape_path(self.prefix), self.params)
        prefix = self.prefix
        pairs = [
            models.KeyPair(item["Key"], item["Key"].removeprefix(prefix).lstrip("/"), item)
            for item in answer.listed("[]*api.KVPair")
        ]
        return Fetched(pointers("dependency.KeyPair", pairs), answer.index, answer.last_contact_ms)


class HealthQuery(msgspec.Struct):
    """Instances of a service (or of its mesh proxies) in certain states of health."""

    kind: ClassVar[str] = "consul"
    shared: ClassVar[bool] = True
    service: str
    tag: str
    states: tuple[str, ...]
    connect: bool
    params: Mapping[str, str]
    name: str

    @classmethod
    def parse(cls, text: str, *, connect: bool = False) -> HealthQuery:
        """From ``[tag.]name[?query][@dc][~near][|filter]``. Raises FunctionError."""
        label = "health.service"
        parts = _parsed(_SERVICE, text, label)
        states = _states(parts["filter"], text)
        if parts.get("?sameness-group") and parts.get("?peer"):
            raise FunctionError(f"{label}: cannot specify both peer and sameness-group")
        inner = (parts["tag"] + "." if parts["tag"] else "") + parts["name"]
        inner += _suffix(parts, "partition", "ns", "peer", "sameness-group")
        inner += f"~{parts['near']}" if parts["near"] else ""
        inner += "|" + ",".join(states) if states else ""
        name = f"health.{'connect' if connect else 'service'}({inner})"
        return cls(parts["name"], parts["tag"], states, connect, _params(parts, *_PARAMETERS), name)

    async def fetch(self, access: Access) -> Fetched:
        """The instances by node and ID, or in the server's order when it was asked for nearness."""
        params = dict(self.params)
        if self.tag:
            params["tag"] = self.tag
        if self.states == ("passing",):
            params["passing"] = "1"
        kind = "connect" if self.connect else "service"
        answer = await access.get(f"/v1/health/{kind}/{escape_path(self.service)}", params)
        found: list[health.HealthService] = []
        for entry in answer.listed("[]*api.ServiceEntry"):
            status = health.worst_status(entry.get("Checks") or ())
            if "any" in self.states or status in self.states:
                found.append(health.HealthService.of(entry, status))
        if "near" not in self.params:
            found.sort(key=lambda s: (s.Node, s.ID))
        return Fetched(pointers("dependency.HealthService", found), answer.index, answer.last_contact_ms)


def _states(text: str, whole: str) -> tuple[str, ...]:
    if not text:
        return ("passing",)
    states = [state for state in text.split(",") if state]
    for state in states:
        if state not in _STATES:
            raise FunctionError(f"health.service: invalid filter: {quote(state)} in {quote(whole)}")
    return tuple(sorted(states))


class NodeQuery(msgspec.Struct):
    """One node with its services; without a name the agent's own."""

    kind: ClassVar[str] = "consul"
    shared: ClassVar[bool] = False
    node: str
    params: Mapping[str, str]
    name: str

    @classmethod
    def parse(cls, text: str) -> NodeQuery:
        """From ``name[?query][@dc]`` or nothing. Raises FunctionError."""
        parts = _parsed(_NODE, text, "catalog.node") if text else {"name": ""}
        inner = parts["name"] + _suffix(parts, "partition", "ns")
        return cls(parts["name"], _params(parts, "ns", "partition"), _labelled("catalog.node", inner))

    async def fetch(self, access: Access) -> Fetched:
        """The node, or one without content when it does not exist."""
        name = self.node
        if not name:
            own = await access.get("/v1/agent/self", {}, blocking=False)
            name = own.mapped("map[string]map[string]interface {}")["Config"]["NodeName"]
        answer = await access.get("/v1/catalog/node/" + escape_path(name), self.params)
        if answer.value is None:
            logger.warning("%s: no node exists with the name %s", self.name, quote(name))
        return Fetched(models.CatalogNode.of(answer.mapped("api.CatalogNode")), answer.index, answer.last_contact_ms)


class NodesQuery(msgspec.Struct):
    """All nodes of a datacenter."""

    kind: ClassVar[str] = "consul"
    shared: ClassVar[bool] = True
    params: Mapping[str, str]
    name: str

    @classmethod
    def parse(cls, text: str) -> NodesQuery:
        """From ``[?query][@dc][~near]``. Raises FunctionError."""
        parts = _parsed(_NODES, text, "catalog.nodes")
        inner = _suffix(parts, "partition", "ns") + (f"~{parts['near']}" if parts["near"] else "")
        return cls(_params(parts, "ns", "partition"), _labelled("catalog.nodes", inner))

    async def fetch(self, access: Access) -> Fetched:
        """The nodes by name, or in the server's order when it was asked for nearness."""
        answer = await access.get("/v1/catalog/nodes", self.params)
        found: list[models.Node] = models.made(models.Node.of, answer.listed("[]*api.Node"))
        if "near" not in self.params:
            found.sort(key=lambda n: (n.Node, n.Address))
        return Fetched(pointers("dependency.Node", found), answer.index, answer.last_contact_ms)


class ServicesQuery(msgspec.Struct):
    """The names and tags of all services."""

    kind: ClassVar[str] = "consul"
    shared: ClassVar[bool] = True
    params: Mapping[str, str]
    name: str

    @classmethod
    def parse(cls, text: str) -> ServicesQuery:
        """From ``[?query][@dc]``. Raises FunctionError."""
        parts = _parsed(_SERVICES, text, "catalog.services")
        inner = _suffix(parts, "partition", "ns")
        return cls(_params(parts, "ns", "partition"), _labelled("catalog.services", inner))

    async def fetch(self, access: Access) -> Fetched:
        """The services by name."""
        answer = await access.get("/v1/catalog/services", self.params)
        tags_of: Mapping[str, list[str]] = answer.mapped("map[string][]string")
        found = [
            models.CatalogSnippet(Name=name, Tags=models.sorted_tags(tags)) for name, tags in sorted(tags_of.items())
        ]
        return Fetched(pointers("dependency.CatalogSnippet", found), answer.index, answer.last_contact_ms)


class DatacentersQuery(msgspec.Struct):
    """The known datacenters; optionally without those that do not answer."""

    kind: ClassVar[str] = "consul"
    shared: ClassVar[bool] = True
    ignore_failing: bool
    name: str = "catalog.datacenters"

    async def fetch(self, access: Access) -> Fetched:
        """Their names in order; looked at every 15 seconds."""
        if access.index:
            await access.pause(POLL_SECONDS)
        answer = await access.get("/v1/catalog/datacenters", {}, blocking=False)
        found: list[str] = list(answer.listed("[]string"))
        if self.ignore_failing:
            found = [dc for dc in found if await self._answers(access, dc)]
        return Fetched(strings(sorted(found)), access.polled())

    @staticmethod
    async def _answers(access: Access, datacenter: str) -> bool:
        from pyconsul.sdk.errors import ConsulError

        try:
            await access.get("/v1/catalog/services", {"dc": datacenter, "consistent": ""}, blocking=False)
        except ConsulError:
            return False
        return True


class RootsQuery(msgspec.Struct):
    """The root certificates of the mesh."""

    kind: ClassVar[str] = "consul"
    shared: ClassVar[bool] = False
    name: str = "connect.caroots"

    async def fetch(self, access: Access) -> Fetched:
        """The roots."""
        answer = await access.get("/v1/agent/connect/ca/roots", {})
        roots = models.made(models.CARoot.of, answer.mapped("api.CARootList").get("Roots"))
        return Fetched(pointers("api.CARoot", roots), answer.index, answer.last_contact_ms)


class LeafQuery(msgspec.Struct):
    """A certificate for a service of the mesh."""

    kind: ClassVar[str] = "consul"
    shared: ClassVar[bool] = False
    service: str
    name: str = ""

    def __post_init__(self) -> None:
        self.name = f"connect.caleaf({self.service})"

    async def fetch(self, access: Access) -> Fetched:
        """The certificate."""
        answer = await access.get("/v1/agent/connect/ca/leaf/" + escape_path(self.service), {})
        return Fetched(models.LeafCert.of(answer.mapped("api.LeafCert")), answer.index, answer.last_contact_ms)


class PeeringsQuery(msgspec.Struct):
    """The peerings of the cluster."""

    kind: ClassVar[str] = "consul"
    shared: ClassVar[bool] = False
    params: Mapping[str, str]
    name: str

    @classmethod
    def parse(cls, text: str) -> PeeringsQuery:
        """From ``[?partition=p]``. Raises FunctionError."""
        parts = _parsed(_PEERINGS, text, "list.peering")
        partition = parts.get("?partition", "")
        return cls(_params(parts, "partition"), "list.peerings" + (f"?partition={partition}" if partition else ""))

    async def fetch(self, access: Access) -> Fetched:
        """The peerings by state, partition and name."""
        answer = await access.get("/v1/peerings", self.params)
        found: list[models.Peering] = models.made(models.Peering.of, answer.listed("[]*api.Peering"))
        found.sort(key=lambda p: (p.PeeringState, p.Partition, p.Name))
        return Fetched(pointers("dependency.Peering", found), answer.index, answer.last_contact_ms)


class ExportedServicesQuery(msgspec.Struct):
    """The services offered to peers."""

    kind: ClassVar[str] = "consul"
    shared: ClassVar[bool] = True
    partition: str
    name: str = ""

    def __post_init__(self) -> None:
        self.name = f"list.exportedServices({self.partition})"

    async def fetch(self, access: Access) -> Fetched:
        """The services by name."""
        params = {"partition": self.partition} if self.partition else {}
        answer = await access.get("/v1/exported-services", params)
        listed = answer.listed("[]api.ResolvedExportedService")
        found: list[models.ExportedService] = models.made(models.ExportedService.of, listed)
        found.sort(key=lambda s: s.Service)
        return Fetched(Slice("[]dependency.ExportedService", found), answer.index, answer.last_contact_ms)


class ImportedServicesQuery(msgspec.Struct):
    """The services that another partition offers."""

    kind: ClassVar[str] = "consul"
    shared: ClassVar[bool] = True
    partition: str
    name: str = ""

    def __post_init__(self) -> None:
        self.name = f"list.importedServices({self.partition})"

    async def fetch(self, access: Access) -> Fetched:
        """The services by name."""
        answer = await access.get("/v1/imported-services", {"partition": self.partition})
        found = [
            models.ImportedService(
                Service=item.get("Service", ""),
                Namespace=item.get("Namespace", ""),
                SourcePartition=item.get("SourcePartition", ""),
            )
            for item in answer.listed("[]api.ImportedService")
        ]
        found.sort(key=lambda s: s.Service)
        return Fetched(Slice("[]dependency.ImportedService", found), answer.index, answer.last_contact_ms)


class PartitionsQuery(msgspec.Struct):
    """Admin partitions, which only Consul Enterprise has."""

    kind: ClassVar[str] = "consul"
    shared: ClassVar[bool] = True
    name: str = "list.partitions"

    async def fetch(self, access: Access) -> Fetched:
        """The partitions by name; looked at every 15 seconds."""
        from pyconsul.sdk.errors import UnexpectedStatus

        if access.index:
            await access.pause(POLL_SECONDS)
        try:
            answer = await access.get("/v1/partitions", {})
        except UnexpectedStatus as error:
            if "Invalid URL path" in str(error):
                raise FunctionError(f"Partitions are an enterprise feature: {error}") from error
            raise
        items: Iterable[Mapping[str, str]] = answer.listed("[]*api.Partition")
        found = [models.Partition(Name=i["Name"], Description=i.get("Description", "")) for i in items]
        found.sort(key=lambda p: p.Name)
        return Fetched(pointers("dependency.Partition", found), access.polled())
