"""``sameness-group``: refused, for it is a feature of Consul Enterprise."""

from typing import ClassVar

from pyconsul.structs.config_entries.entry import (
    ConfigEntry,
    Uint64,
)
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, OmitBool, OmitStr, UnsetType, WireStruct


class SamenessGroupMember(WireStruct, frozen=True, kw_only=True):
    """One member of a group."""

    Partition: OmitStr = UNSET
    Peer: OmitStr = UNSET


class SamenessGroup(ConfigEntry, frozen=True, kw_only=True):
    """Clusters whose services count as the same; Consul Enterprise only."""

    kind: ClassVar[str] = "sameness-group"
    go_type: ClassVar[str] = "structs.SamenessGroupConfigEntry"
    go_names: ClassVar[dict[str, str]] = {"Kind": ""}  # only JSON names the kind
    go_embeds_meta: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {"default_for_failover": "DefaultForFailover", "include_local": "IncludeLocal"}

    Kind: str = kind
    Name: str = ""
    DefaultForFailover: OmitBool = UNSET
    IncludeLocal: OmitBool = UNSET
    Members: list[SamenessGroupMember] | None = None
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def check(self) -> None:
        """Raise InternalError: the community edition has no such groups."""
        raise InternalError("sameness-groups are an enterprise-only feature")
