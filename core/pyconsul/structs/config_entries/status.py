"""References between entries, and the findings that controllers leave in them."""

from typing import ClassVar

from pyconsul.lang.strconv import quote
from pyconsul.structs.config_entries.entry import (
    demand,
)
from pyconsul.structs.wire import (
    GoTime,
    WireStruct,
    changed,
)


class ResourceReference(WireStruct, frozen=True, kw_only=True):
    """Another config entry, or a section of it."""

    go_embeds_meta: ClassVar[bool] = True

    Kind: str = ""
    Name: str = ""
    SectionName: str = ""


class Condition(WireStruct, frozen=True, kw_only=True):
    """One finding of a controller."""

    Type: str = ""
    Status: str = ""
    Reason: str = ""
    Message: str = ""
    Resource: ResourceReference | None = None
    LastTransitionTime: GoTime | None = None


class EntryStatus(WireStruct, frozen=True, kw_only=True):
    """What controllers found."""

    go_type: ClassVar[str] = "structs.Status"

    Conditions: list[Condition] | None = None


def parents_with_kind(parents: list[ResourceReference] | None) -> list[ResourceReference] | None:
    """References to gateways, of the kind api-gateway unless they say otherwise."""
    if parents is None:
        return None
    return [changed(parent, Kind=parent.Kind or "api-gateway") for parent in parents]


def check_parents(parents: list[ResourceReference] | None) -> None:
    """Raise InternalError with Consul's text for parents that are no gateways, or twice there."""
    seen: set[ResourceReference] = set()
    for parent in parents or ():
        demand(parent.Kind == "api-gateway", f"unsupported parent kind: {quote(parent.Kind)}, must be 'api-gateway'")
        demand(parent not in seen, "route parents must be unique")
        seen.add(parent)
