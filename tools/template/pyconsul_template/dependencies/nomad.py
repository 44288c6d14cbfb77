"""Nomad as data: its services and variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from pyconsul.lang.gotemplate import Function, FunctionError, signature
from pyconsul.lang.gotemplate.values import Field, Map, NilPointer, Slice, Struct, Uint64, strings
from pyconsul.lang.strconv import quote
from pyconsul.sdk.errors import UnexpectedStatus
from pyconsul.sdk.request import escape_path
from pyconsul_template.dependencies.models import (
    NanoTime,
    NomadService,
    NomadServicesSnippet,
    NomadVarMeta,
    pointers,
    sorted_tags,
)
from pyconsul_template.dependencies.queries import Fetched

if TYPE_CHECKING:
    from pyconsul_template.watcher import View

_REGION = r"(?:@(?P<region>[A-Za-z0-9_.\-]+))?"
_SERVICES = re.compile(_REGION)
_SERVICE = re.compile(r"(?:(?P<tag>[A-Za-z0-9_=:.\-]+)\.)?(?P<name>[A-Za-z0-9_\-]+)" + _REGION)
_VARIABLE = re.compile(r"/?(?P<path>[^@]+)(?:@(?P<namespace>[A-Za-z0-9_\-]+))?(?:\.(?P<region>[A-Za-z0-9_\-]+))?")
_VARIABLES = re.compile(r"/?(?P<path>[^@]*)(?:@(?P<namespace>[A-Za-z0-9_\-]+|\*))?(?:\.(?P<region>[A-Za-z0-9_\-]+))?")


class NomadVariable(Struct):
    """A variable with its items."""

    go_type = "dependency.NomadVariable"
    fields = (*NomadVarMeta.fields, Field("Items", "dependency.NomadVarItems"))

    def metadata(self) -> NomadVarMeta:
        """What is known of it without its items."""
        return NomadVarMeta(**{field.name: getattr(self, field.name) for field in NomadVarMeta.fields})

    methods: ClassVar[Mapping[str, Any]] = {"Metadata": signature("", metadata)}


def _metadata(item: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a variable that are there with and without its items."""
    return {
        "Namespace": item.get("Namespace", ""),
        "Path": item.get("Path", ""),
        "CreateIndex": Uint64(item.get("CreateIndex", 0)),
        "ModifyIndex": Uint64(item.get("ModifyIndex", 0)),
        "CreateTime": NanoTime(item.get("CreateTime", 0)),
        "ModifyTime": NanoTime(item.get("ModifyTime", 0)),
    }


class NomadVarItem(Struct):
    """One item of a variable; prints as its value."""

    go_type = "dependency.NomadVarItem"
    pointer = False
    fields = (Field("Key", "string"), Field("Value", "string"))
    Key: str
    Value: str
    parent: NomadVariable | NilPointer = NilPointer("*dependency.NomadVariable")

    def variable(self) -> NomadVariable | NilPointer:
        """The variable that it is of."""
        return self.parent

    def metadata(self) -> NomadVarMeta | NilPointer:
        """What is known of that variable."""
        return _metadata_of(self.parent)

    methods: ClassVar[Mapping[str, Any]] = {"Parent": signature("", variable), "Metadata": signature("", metadata)}

    def go_string(self) -> str:
        """The value."""
        return self.Value

    def json(self) -> str:
        """The value, as JSON shows it."""
        return self.Value


class _Tuple(Struct):
    """Name and value of an item."""

    go_type = "struct { K string; V string }"
    pointer = False
    fields = (Field("K", "string"), Field("V", "string"))


def _parent(items: NomadVarItems) -> NomadVariable | NilPointer:
    return next((item.parent for item in items.values()), NilPointer("*dependency.NomadVariable"))


def _metadata_of(parent: NomadVariable | NilPointer) -> NomadVarMeta | NilPointer:
    return parent.metadata() if isinstance(parent, NomadVariable) else NilPointer("*dependency.NomadVarMeta")


def _of_items(call: Callable[[NomadVarItems], Any]) -> Function:
    return signature("", call)


class NomadVarItems(Map):
    """The items of a variable by name."""

    methods: ClassVar[dict[str, Any]] = {
        "Keys": _of_items(lambda items: strings(sorted(items))),
        "Values": _of_items(lambda items: strings(items[k].Value for k in sorted(items))),
        "ItemsMap": _of_items(lambda items: {k: v.Value for k, v in items.items()}),
        "Tuples": _of_items(
            lambda items: Slice(f"[]{_Tuple.go_type}", [_Tuple(K=k, V=items[k].Value) for k in sorted(items)])
        ),
        "Parent": _of_items(_parent),
        "Metadata": _of_items(lambda items: _metadata_of(_parent(items))),
    }

    def __init__(self, variable: Mapping[str, Any] | None) -> None:
        found: Mapping[str, str] = (variable or {}).get("Items") or {}
        made = {k: NomadVarItem(Key=k, Value=v) for k, v in found.items()}
        super().__init__("dependency.NomadVarItems", made, is_nil=variable is None)
        if variable is not None:
            parent = NomadVariable(**_metadata(variable), Items=self)
            for item in made.values():
                item.parent = parent

    @property
    def underlying(self) -> str:
        """The unnamed type with the same shape."""
        return "map[string]dependency.NomadVarItem"


def _parsed(pattern: re.Pattern[str], text: str, label: str) -> dict[str, str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise FunctionError(f"{label}: invalid format: {quote(text)}")
    return {name: value or "" for name, value in found.groupdict().items()}


class ServicesQuery(msgspec.Struct):
    """All services that Nomad knows."""

    kind: ClassVar[str] = "nomad"
    shared: ClassVar[bool] = True
    region: str
    name: str

    @classmethod
    def parse(cls, text: str) -> ServicesQuery:
        """From ``[@region]``. Raises FunctionError."""
        region = _parsed(_SERVICES, text, "nomad.services")["region"]
        return cls(region, f"nomad.services(@{region})" if region else "nomad.services")

    async def fetch(self, access: View) -> Fetched:
        """The services by name."""
        answer = await access.nomad("/v1/services", {"region": self.region} if self.region else {})
        spaces = answer.listed("[]*api.ServiceRegistrationListStub")
        listed: list[dict[str, Any]] = spaces[0]["Services"] if spaces else []
        found = [NomadServicesSnippet(Name=s["ServiceName"], Tags=sorted_tags(s.get("Tags"))) for s in listed]
        found.sort(key=lambda s: s.Name)
        return Fetched(pointers("dependency.NomadServicesSnippet", found), answer.index, answer.last_contact_ms)


class ServiceQuery(msgspec.Struct):
    """The registrations of one service; ``choose`` asks for some of them only."""

    kind: ClassVar[str] = "nomad"
    shared: ClassVar[bool] = True
    service: str
    tag: str
    region: str
    choose: str
    name: str

    @classmethod
    def parse(cls, text: str, choose: str = "") -> ServiceQuery:
        """From ``[tag.]name[@region]``. Raises FunctionError."""
        parts = _parsed(_SERVICE, text, "nomad.service")
        inner = (parts["tag"] + "." if parts["tag"] else "") + parts["name"]
        inner += (f"@{parts['region']}" if parts["region"] else "") + (f":{choose}" if choose else "")
        return cls(parts["name"], parts["tag"], parts["region"], choose, f"nomad.service({inner})")

    async def fetch(self, access: View) -> Fetched:
        """The registrations by name."""
        params = {"region": self.region, "choose": self.choose}
        answer = await access.nomad("/v1/service/" + escape_path(self.service), {k: v for k, v in params.items() if v})
        found = [
            NomadService(
                ID=s["ID"],
                Name=s["ServiceName"],
                Node=s.get("NodeID", ""),
                Address=s.get("Address", ""),
                Port=s.get("Port", 0),
                Datacenter=s.get("Datacenter", ""),
                Tags=sorted_tags(s.get("Tags")),
                JobID=s.get("JobID", ""),
                AllocID=s.get("AllocID", ""),
            )
            for s in answer.listed("[]*api.ServiceRegistration")
            if not self.tag or self.tag in (s.get("Tags") or ())
        ]
        found.sort(key=lambda s: s.Name)
        return Fetched(pointers("dependency.NomadService", found), answer.index)


def _place(path: str, namespace: str, region: str) -> str:
    return f"{path}@{namespace or 'default'}.{region or 'global'}"


class VariableQuery(msgspec.Struct):
    """The items of one variable; ``wait``: one that does not exist is no answer.

    The original wants to share them and cannot; each instance asks for itself.
    """

    kind: ClassVar[str] = "nomad"
    shared: ClassVar[bool] = False
    path: str
    params: Mapping[str, str]
    wait: bool
    name: str

    @classmethod
    def parse(cls, text: str, namespace: str, *, wait: bool = False) -> VariableQuery:
        """From ``path[@namespace[.region]]``. Raises FunctionError."""
        path = text.strip().strip("/")
        parts = _parsed(_VARIABLE, path, "nomad.var.get") if path else dict.fromkeys(_VARIABLE.groupindex, "")
        space = parts["namespace"] or namespace
        params = {k: v for k, v in (("namespace", space), ("region", parts["region"])) if v}
        label = "nomad.var.block" if wait else "nomad.var.get"
        return cls(parts["path"], params, wait, f"{label}({_place(parts['path'], space, parts['region'])})")

    async def fetch(self, access: View) -> Fetched:
        """The items, or None."""
        answer = await access.nomad("/v1/var/" + escape_path(self.path), self.params)
        variable = answer.mapped("api.Variable")
        value = NomadVarItems(variable) if variable else None
        return Fetched(value, answer.index, answer.last_contact_ms, block_on_nil=self.wait)


class VariablesQuery(msgspec.Struct):
    """The variables below a prefix."""

    kind: ClassVar[str] = "nomad"
    shared: ClassVar[bool] = True
    params: Mapping[str, str]
    name: str

    @classmethod
    def parse(cls, text: str, namespace: str) -> VariablesQuery:
        """From ``prefix[@namespace[.region]]``. Raises FunctionError."""
        parts = _parsed(_VARIABLES, text, "nomad.var.list")
        prefix = parts["path"] if parts["path"].strip("/") else ""
        space = parts["namespace"] or namespace
        params = {k: v for k, v in (("prefix", prefix), ("namespace", space), ("region", parts["region"])) if v}
        return cls(params, f"nomad.var.list({_place(prefix, space, parts['region'])})")

    async def fetch(self, access: View) -> Fetched:
        """Paths and times; none when Nomad does not allow to look."""
        try:
            answer = await access.nomad("/v1/vars", self.params)
        except UnexpectedStatus as error:
            if "Permission denied" not in str(error):
                raise
            return Fetched(pointers("dependency.NomadVarMeta", ()), 1)
        found = [NomadVarMeta(**_metadata(v)) for v in answer.listed("[]*api.VariableMetadata")]
        return Fetched(Slice("[]*dependency.NomadVarMeta", found), answer.index, answer.last_contact_ms)
