"""Intentions one by one, as ``/v1/connect/intentions`` shows what is kept in config entries."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, TypeAlias

from pyconsul.structs.catalog import ServiceName
from pyconsul.structs.config_entries.entry import META_VALUE_BYTES, WILDCARD, meta_faults, refuse
from pyconsul.structs.config_entries.service_intentions import (
    ACTIONS,
    IntentionJWTRequirement,
    IntentionPermission,
    ServiceIntentions,
    SourceIntention,
)
from pyconsul.structs.wire import (
    UNSET,
    ZERO_TIME,
    GoTime,
    Indexed,
    OmitInt,
    OmitStr,
    ReadRequest,
    UnsetType,
    WireStruct,
    WriteRequest,
    omit,
)

DEFAULT_NAMESPACE = "default"
NOT_FOUND = "Intention not found"

CREATE = "create"
UPDATE = "update"
DELETE = "delete"
DELETE_ALL = "delete-all"
UPSERT = "upsert"

BY_SOURCE = "source"
BY_DESTINATION = "destination"


class Intention(WireStruct, frozen=True, kw_only=True):
    """Whether one service may call another."""

    # Go reads an intention through a struct without a name, around the intention under another one.
    go_type: ClassVar[str] = "struct { Hash string; CreatedAt string; UpdatedAt string; *structs.Alias }"
    go_embedded: ClassVar[str] = "Alias"
    go_beside: ClassVar[dict[str, Any]] = {"Hash": str, "CreatedAt": str, "UpdatedAt": str}
    go_field_types: ClassVar[dict[str, str]] = {
        "SourceType": "structs.IntentionSourceType",
        "Action": "structs.IntentionAction",
        "Permissions": "[]*structs.IntentionPermission",
    }
    bexpr_hidden: ClassVar[frozenset[str]] = frozenset(
        ("CreatedAt", "UpdatedAt", "Permissions", "JWT", "DefaultAddr", "DefaultPort", "Hash")
    )

    CreatedAt: GoTime | UnsetType = UNSET
    UpdatedAt: GoTime | UnsetType = UNSET
    ID: OmitStr = UNSET
    Description: OmitStr = UNSET
    SourceNS: str = ""
    SourceName: str = ""
    DestinationNS: str = ""
    DestinationName: str = ""
    SourcePartition: OmitStr = UNSET
    DestinationPartition: OmitStr = UNSET
    SourcePeer: OmitStr = UNSET
    SourceSamenessGroup: OmitStr = UNSET
    SourceType: str = ""
    Action: OmitStr = UNSET
    Permissions: list[IntentionPermission] | UnsetType = UNSET
    JWT: IntentionJWTRequirement | UnsetType = UNSET
    DefaultAddr: OmitStr = UNSET
    DefaultPort: OmitInt = UNSET
    Meta: dict[str, str] | UnsetType = UNSET
    Precedence: int = 0
    Hash: bytes | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def check(self) -> None:
        """Raise InternalError with Consul's text for what the API by ID may not store."""
        faults: list[str] = []
        for field, name in (("Source", self.SourceName), ("Destination", self.DestinationName)):
            if not name:
                faults.append(f"{field}Name must be set")
        for field, name in (("Source", self.SourceName), ("Destination", self.DestinationName)):
            if name != WILDCARD and WILDCARD in name:
                faults.append(f"{field}Name: wildcard character '*' cannot be used with partial values")
        if len((self.Description or "").encode()) > META_VALUE_BYTES:
            faults.append(f"Description exceeds maximum length {META_VALUE_BYTES}")
        faults += meta_faults(self.Meta)
        if (self.Action or "") not in ACTIONS:
            faults.append("Action must be set to 'allow' or 'deny'")
        if self.Permissions:
            faults.append("Permissions must not be set when using the legacy APIs")
        if self.SourceType != "consul":
            faults.append("SourceType must be set to 'consul'")
        refuse(faults)

    def as_source(self, *, legacy: bool, now: str = "") -> SourceIntention:
        """The part of a config entry that it becomes; ``now`` is when, for legacy writes."""
        return SourceIntention(
            Name=self.SourceName,
            Peer=self.SourcePeer,
            SamenessGroup=self.SourceSamenessGroup,
            Action=self.Action,
            Permissions=UNSET if legacy else self.Permissions,
            LegacyID=self.ID,
            Type=self.SourceType,
            Description=self.Description,
            LegacyMeta=self.Meta,
            LegacyCreateTime=now or ZERO_TIME,
            LegacyUpdateTime=now or ZERO_TIME,
        )


def intention_of(entry: ServiceIntentions, source: SourceIntention) -> Intention:
    """One source of an entry as an intention."""
    return Intention(
        CreatedAt=_shown(source.LegacyCreateTime),
        UpdatedAt=_shown(source.LegacyUpdateTime),
        ID=omit(source.LegacyID or ""),
        Description=source.Description,
        SourceNS=DEFAULT_NAMESPACE,
        SourceName=source.Name,
        SourcePeer=source.Peer,
        SourceSamenessGroup=source.SamenessGroup,
        SourceType=source.Type,
        Action=source.Action,
        Permissions=source.Permissions,
        JWT=entry.JWT,
        Meta=source.LegacyMeta if source.LegacyID else entry.Meta,
        Precedence=source.Precedence,
        DestinationNS=DEFAULT_NAMESPACE,
        DestinationName=entry.Name,
        Hash=_legacy_hash(entry, source) if source.LegacyID else UNSET,
        CreateIndex=entry.CreateIndex,
        ModifyIndex=entry.ModifyIndex,
    )


def _shown(time: str | UnsetType | None) -> str | UnsetType:
    return UNSET if not time or time == ZERO_TIME else time


def _legacy_hash(entry: ServiceIntentions, source: SourceIntention) -> bytes:
    """What replication of old intentions compares: BLAKE2b over what a user set."""
    found = hashlib.blake2b(digest_size=32)
    texts = (
        source.LegacyID or "",
        source.Description or "",
        DEFAULT_NAMESPACE,
        source.Name,
        DEFAULT_NAMESPACE,
        entry.Name,
        source.Type,
        source.Action or "",
    )
    for text in texts:
        found.update(text.encode())
    found.update(source.Precedence.to_bytes(8, "little"))
    meta = source.LegacyMeta or {}
    for key in sorted(meta):
        found.update(key.encode() + meta[key].encode())
    return found.digest()


def by_precedence(intention: Intention) -> tuple[int, str, str, str]:
    """The order in which intentions count: exact ones first, then by names."""
    peer = intention.SourcePeer or ""
    return -intention.Precedence, peer, intention.SourceName, intention.DestinationName


class IntentionMutation(WireStruct, frozen=True, kw_only=True):
    """One change of the config entry behind intentions; ``ID`` is that of an old-style one."""

    ID: str = ""
    Destination: ServiceName = ServiceName()
    Source: ServiceName = ServiceName()
    Value: SourceIntention | None = None


IntentionRow: TypeAlias = Intention
MutationRow: TypeAlias = IntentionMutation


class IntentionRequest(WriteRequest, frozen=True, kw_only=True):
    """A write. Over RPC it carries the intention, in the log the mutation that the leader made of it."""

    Op: str = ""
    Intention: IntentionRow | None = None
    Mutation: MutationRow | None = None


class IntentionMatchEntry(WireStruct, frozen=True, kw_only=True):
    """The service that intentions are asked for."""

    Partition: OmitStr = UNSET
    Namespace: str = ""
    Name: str = ""


class IntentionQueryMatch(WireStruct, frozen=True, kw_only=True):
    """Which intentions have these as source, or as destination."""

    Type: str = ""
    Entries: list[IntentionMatchEntry] | None = None
    WithSamenessGroups: bool = False


class IntentionQueryCheck(WireStruct, frozen=True, kw_only=True):
    """Whether the source may call the destination."""

    SourceNS: str = ""
    SourceName: str = ""
    DestinationNS: str = ""
    DestinationName: str = ""
    SourcePartition: OmitStr = UNSET
    DestinationPartition: OmitStr = UNSET
    SourceType: str = ""


class IntentionQueryExact(WireStruct, frozen=True, kw_only=True):
    """The one intention with these names."""

    SourceNS: str = ""
    SourceName: str = ""
    DestinationNS: str = ""
    DestinationName: str = ""
    SourcePartition: OmitStr = UNSET
    DestinationPartition: OmitStr = UNSET
    SourcePeer: OmitStr = UNSET
    SourceSamenessGroup: OmitStr = UNSET


class IntentionQueryRequest(ReadRequest, frozen=True, kw_only=True):
    """A read: by ID, by names, of matches, or a check."""

    IntentionID: str = ""
    Match: IntentionQueryMatch | None = None
    Check: IntentionQueryCheck | None = None
    Exact: IntentionQueryExact | None = None


class IntentionListRequest(ReadRequest, frozen=True, kw_only=True):
    """A read of all intentions."""

    Legacy: bool = False


class IndexedIntentions(Indexed, frozen=True, kw_only=True):
    """Intentions in the order in which they count."""

    Intentions: list[Intention] | None = None
    DataOrigin: str = ""


class IndexedIntentionMatches(Indexed, frozen=True, kw_only=True):
    """One list for each service that was asked for."""

    Matches: list[list[Intention] | None] | None = None


class IntentionQueryCheckResponse(WireStruct, frozen=True, kw_only=True):
    """Whether the call is allowed."""

    Allowed: bool = False
