"""``bound-api-gateway``: what is bound to an API gateway; only its controller writes it."""

from typing import Annotated, ClassVar, TypeAlias

from msgspec import Meta as _Marker

from pyconsul.structs.config_entries.entry import (
    ConfigEntry,
    Uint64,
)
from pyconsul.structs.config_entries.status import ResourceReference
from pyconsul.structs.wire import UNSET, UnsetType, WireStruct

# The routes that send to each service. Its keys are maps in msgpack, names in JSON.
RouteReferences: TypeAlias = Annotated[dict[str, list[ResourceReference]], _Marker(extra={"go": "by-service"})]


class BoundAPIGatewayListener(WireStruct, frozen=True, kw_only=True):
    """What is bound to a listener."""

    Name: str = ""
    Routes: list[ResourceReference] | None = None
    Certificates: list[ResourceReference] | None = None


class BoundAPIGateway(ConfigEntry, frozen=True, kw_only=True):
    """What a controller bound to an API gateway."""

    kind: ClassVar[str] = "bound-api-gateway"
    go_type: ClassVar[str] = "structs.BoundAPIGatewayConfigEntry"
    go_embeds_meta: ClassVar[bool] = True

    Kind: str = kind
    Name: str = ""
    Listeners: list[BoundAPIGatewayListener] | None = None
    Services: RouteReferences | None = None
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0
