"""``tcp-route``: where an API gateway sends its TCP connections."""

from typing import ClassVar

from pyconsul.structs.config_entries.entry import (
    ConfigEntry,
    Uint64,
    check_meta,
    demand,
)
from pyconsul.structs.config_entries.status import EntryStatus, ResourceReference, check_parents, parents_with_kind
from pyconsul.structs.wire import UNSET, UnsetType, WireStruct, changed


class TCPService(WireStruct, frozen=True, kw_only=True):
    """The service that a route sends to."""

    go_embeds_meta: ClassVar[bool] = True

    Name: str = ""


class TCPRoute(ConfigEntry, frozen=True, kw_only=True):
    """Where a gateway sends its TCP connections."""

    kind: ClassVar[str] = "tcp-route"
    go_type: ClassVar[str] = "structs.TCPRouteConfigEntry"
    go_embeds_meta: ClassVar[bool] = True

    Kind: str = kind
    Name: str = ""
    Parents: list[ResourceReference] | None = None
    Services: list[TCPService] | None = None
    Meta: dict[str, str] | UnsetType = UNSET
    Status: EntryStatus = EntryStatus()
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def normalized(self) -> "TCPRoute":
        """The entry with the kind of its parents."""
        return changed(self, Parents=parents_with_kind(self.Parents))

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        demand(len(self.Services or ()) < 2, "tcp-route currently only supports one service")
        check_parents(self.Parents)
        check_meta(self.Meta)
