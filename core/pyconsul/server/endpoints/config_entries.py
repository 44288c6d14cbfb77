"""RPC methods of config entries: write, read, list, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pyconsul.acl import Access
from pyconsul.memdb import Store, WatchSet
from pyconsul.server.aside import aside
from pyconsul.server.endpoints import acl_filter
from pyconsul.server.endpoints.config_entry_rights import may_read, require_read, require_write
from pyconsul.server.endpoints.filtering import rows_filter
from pyconsul.server.registry import rpc
from pyconsul.server.state.config_entry_reads import entries_index, entries_of_kind, entry_named
from pyconsul.server.state.exported_services import exported_services
from pyconsul.structs.catalog import DCSpecificRequest
from pyconsul.structs.config_entries.entry import ConfigEntry
from pyconsul.structs.config_entries.exported_services import (
    IndexedExportedServices,
    ResolvedConsumers,
    ResolvedExportedService,
)
from pyconsul.structs.config_entries.hashing import prepared
from pyconsul.structs.config_entries.kinds import UnknownKindError, kind_of
from pyconsul.structs.config_entries.requests import (
    DELETE,
    DELETE_CAS,
    UPSERT,
    UPSERT_CAS,
    ConfigEntryDeleteResponse,
    ConfigEntryListAllRequest,
    ConfigEntryQuery,
    ConfigEntryRequest,
    ConfigEntryResponse,
    IndexedConfigEntries,
    IndexedGenericConfigEntries,
)
from pyconsul.structs.config_entries.service_defaults import ServiceDefaults
from pyconsul.structs.config_entries.service_intentions import ServiceIntentions
from pyconsul.structs.errors import InternalError
from pyconsul.structs.messages import MessageType
from pyconsul.structs.wire import UNSET, changed
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server.config_entry")

# What ListAll means without kinds: what there was when it came.
_FIRST_KINDS = (
    "service-defaults",
    "proxy-defaults",
    "service-router",
    "service-splitter",
    "service-resolver",
    "ingress-gateway",
    "terminating-gateway",
)


@rpc("ConfigEntry.Apply")
async def apply(srv: Server, req: ConfigEntryRequest) -> bool:
    """Write an entry; answers whether a check-and-set went through. Raises InternalError.

    One that is there as it is asked for is not written again.
    """
    # Nobody unknown shall keep us reading a large entry. What the token may do is asked again when that is done.
    srv.acl.authorizer(req.Token)
    _require_connect_for(srv, req.Entry)
    size = len(msgspec.msgpack.encode(req.Entry))
    entry = await aside(size, lambda: _checked(req.Entry))
    for warning in entry.warnings():
        log.warn(warning)
    require_write(srv.acl.authorizer(req.Token), entry)
    old = entry_named(srv.db, entry.kind, entry.name)
    if old is not None and _same(old, entry):
        return True
    op = req.Op if req.Op == UPSERT_CAS else UPSERT
    answer: bool | None = await srv.propose(MessageType.CONFIG_ENTRY, changed(req, Entry=entry, Op=op))
    return bool(answer)


def _checked(entry: ConfigEntry) -> ConfigEntry:
    """An entry as it will be written. Raises InternalError for one that may not be."""
    ready = prepared(entry)
    ready.check()
    return ready


def _require_connect_for(srv: Server, entry: ConfigEntry) -> None:
    """Raise ConnectDisabled for intentions where the mesh is switched off; other entries are written all the same."""
    if entry.kind == ServiceIntentions.kind:
        srv.require_connect()


def _same(old: ConfigEntry, new: ConfigEntry) -> bool:
    return old == changed(new, CreateIndex=old.CreateIndex, ModifyIndex=old.ModifyIndex)


@rpc("ConfigEntry.ResolvedExportedServices")
async def resolved_exported_services(srv: Server, ask: DCSpecificRequest) -> IndexedExportedServices:
    """Every exported service with the peers that may use it, by name."""
    srv.acl.authorizer(ask.Token).require("mesh", Access.READ)

    def read(db: Store, ws: WatchSet) -> IndexedExportedServices:
        srv.acl.authorizer(ask.Token, ws).require("mesh", Access.READ)
        index, found = exported_services(db, ws)
        rows = [
            ResolvedExportedService(Service=name, Consumers=ResolvedConsumers(Peers=sorted(found[name]) or UNSET))
            for name in sorted(found)
        ]
        return IndexedExportedServices(Index=index, Services=rows)

    return await srv.read(ask, read)


@rpc("ConfigEntry.Delete")
async def delete(srv: Server, req: ConfigEntryRequest) -> ConfigEntryDeleteResponse:
    """Drop an entry; answers whether a check-and-set found it. Raises InternalError."""
    rights = srv.acl.authorizer(req.Token)
    _require_connect_for(srv, req.Entry)
    entry = prepared(req.Entry)
    require_write(rights, entry)
    op = req.Op if req.Op == DELETE_CAS else DELETE
    if entry_named(srv.db, entry.kind, entry.name) is None:
        return ConfigEntryDeleteResponse(Deleted=True)
    answer: bool | None = await srv.propose(MessageType.CONFIG_ENTRY, changed(req, Entry=entry, Op=op))
    return ConfigEntryDeleteResponse(Deleted=bool(answer))


@rpc("ConfigEntry.Get")
async def get(srv: Server, ask: ConfigEntryQuery) -> ConfigEntryResponse:
    """One entry; None where there is none. Raises InternalError for an unknown kind."""
    srv.acl.authorizer(ask.Token)
    _refuse_unknown(ask.Kind)

    def read(db: Store, ws: WatchSet) -> ConfigEntryResponse:
        require_read(srv.acl.authorizer(ask.Token, ws), ask.Kind, ask.Name)
        entry = entry_named(db, ask.Kind, ask.Name, ws)
        return ConfigEntryResponse(Index=entries_index(db, ws), Entry=entry)

    return await srv.read(ask, read, found=lambda reply: reply.Entry is not None)


def _refuse_unknown(kind: str) -> None:
    try:
        kind_of(kind)
    except UnknownKindError as error:
        raise InternalError(str(error)) from error


@rpc("ConfigEntry.List")
async def list_entries(srv: Server, ask: ConfigEntryQuery) -> IndexedConfigEntries:
    """All entries of a kind, by name; all there are for no kind. A filter fits service-defaults alone."""
    srv.acl.authorizer(ask.Token)
    if ask.Kind:
        _refuse_unknown(ask.Kind)
    if ask.Filter and ask.Kind != ServiceDefaults.kind:
        raise InternalError(f"filtering not supported for config entry kind={ask.Kind}")
    keep = await rows_filter(ask.Filter, ServiceDefaults)

    def read(db: Store, ws: WatchSet) -> IndexedConfigEntries:
        rights = srv.acl.authorizer(ask.Token, ws)
        entries, filtered = acl_filter.kept(
            rights, entries_of_kind(db, ask.Kind, ws), lambda one: may_read(rights, one)
        )
        if ask.Filter:
            kept = keep([one for one in entries if isinstance(one, ServiceDefaults)])
            entries = list[ConfigEntry](kept)
        return IndexedConfigEntries(
            Index=entries_index(db, ws, is_watched=True), Kind=ask.Kind, Entries=entries, ResultsFilteredByACLs=filtered
        )

    return await srv.read(ask, read, found=lambda reply: bool(reply.Entries), content=lambda reply: reply.Entries)


@rpc("ConfigEntry.ListAll")
async def list_all(srv: Server, ask: ConfigEntryListAllRequest) -> IndexedGenericConfigEntries:
    """All entries of these kinds, by kind and name."""
    kinds = set(ask.Kinds or _FIRST_KINDS)

    def read(db: Store, ws: WatchSet) -> IndexedGenericConfigEntries:
        rights = srv.acl.authorizer(ask.Token, ws)
        seen, filtered = acl_filter.kept(rights, entries_of_kind(db, "", ws), lambda one: may_read(rights, one))
        entries = [one for one in seen if one.kind in kinds]
        index = entries_index(db, ws, is_watched=True)
        return IndexedGenericConfigEntries(Index=index, Entries=entries, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)
