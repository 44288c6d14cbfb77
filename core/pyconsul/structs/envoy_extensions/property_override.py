"""``builtin/property-override``: single fields of Envoy's resources are set or removed.

Of a path the first field is looked up; what lies below belongs to whoever makes resources for Envoy.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta

from pyconsul.lang.strconv import quote
from pyconsul.structs.envoy_extensions.envoy_fields import RESOURCES, Resource
from pyconsul.structs.envoy_extensions.faults import CONNECT_PROXY, LISTENERS, listed
from pyconsul.structs.envoy_extensions.reading import ServiceKind
from pyconsul.structs.envoy_extensions.services import ServiceName

_Type: TypeAlias = Annotated[str, Meta(extra={"go": "propertyoverride.ResourceType"})]
_Direction: TypeAlias = Annotated[str, Meta(extra={"go": "extensioncommon.TrafficDirection"})]
_Operation: TypeAlias = Annotated[str, Meta(extra={"go": "propertyoverride.Op"})]
_ADD: Final = "add"
_OUTBOUND: Final = "outbound"


class PatchedResources(msgspec.Struct, frozen=True):
    """Which resources a patch is for."""

    ResourceType: _Type = ""
    TrafficDirection: _Direction = ""
    Services: list[ServiceName] = []

    def fault(self) -> str:
        """What is wrong with it, "" if nothing is."""
        if not (self.ResourceType or self.TrafficDirection or self.Services):
            return "field ResourceFilter is required"
        if fault := _not_among(self.ResourceType, RESOURCES, "ResourceType"):
            return fault
        if fault := _not_among(self.TrafficDirection, LISTENERS, "TrafficDirection"):
            return fault
        if self.Services and self.TrafficDirection != _OUTBOUND:
            return (
                "patch contains non-empty ResourceFilter.Services"
                f" but ResourceFilter.TrafficDirection is not {quote(_OUTBOUND)}"
            )
        return "" if all(service.Name for service in self.Services) else "service name is required"


class Patch(msgspec.Struct, frozen=True):
    """One field, and what becomes of it."""

    ResourceFilter: PatchedResources = PatchedResources()
    Op: _Operation = ""
    Path: str = ""
    Value: Any = None

    def fault(self, *, debug: bool) -> str:
        """What is wrong with it, "" if nothing is."""
        if fault := self.ResourceFilter.fault() or _not_among(self.Op, (_ADD, "remove"), "Op"):
            return fault
        if self.Value is not None and self.Op != _ADD:
            return f"field Value is not supported for {self.Op} operation"
        if fault := self._path_fault(RESOURCES[self.ResourceFilter.ResourceType], debug=debug):
            return fault
        if self.Value is None and self.Op == _ADD:
            return (
                "non-nil Value is required; use an empty map to reset all fields on a message"
                " or the 'remove' op to unset fields"
            )
        return ""

    def _path_fault(self, resource: Resource, *, debug: bool) -> str:
        if self.Path in ("", "/"):
            return f"non-empty, non-root Path is required;\n{resource.listed(whole=debug)}"
        field = self.Path.lstrip("/").partition("/")[0]
        if not field:
            return "empty field name in path"
        if field not in resource.fields:
            return f"no match for field '{field}'!\n{resource.listed(whole=debug)}"
        return ""


class PropertyOverride(msgspec.Struct, frozen=True):
    """The arguments of the extension."""

    Patches: list[Patch] = []
    Debug: bool = False
    ProxyType: ServiceKind = ""

    def refusal(self) -> str:
        """What is wrong with it, "" if nothing is."""
        if not self.Patches:
            return "at least one patch is required"
        found = [
            f"invalid Patches[{at}]: {fault}"
            for at, patch in enumerate(self.Patches)
            if (fault := patch.fault(debug=self.Debug))
        ]
        if fault := _not_among(self.ProxyType or CONNECT_PROXY, (CONNECT_PROXY,), "ProxyType"):
            found.append(fault)
        return listed(found)


def _not_among(value: str, known: Collection[str], name: str) -> str:
    if value in known:
        return ""
    if not value:
        return f"field {name} is required"
    return f"invalid {name} '{quote(value)}'; supported values: {', '.join(known)}"
