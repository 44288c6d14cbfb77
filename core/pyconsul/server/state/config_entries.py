"""Writers of config entries, with all that follows from them in other tables."""

from pyconsul.memdb import Store
from pyconsul.server.state import gateway_services, virtual_ips
from pyconsul.server.state.catalog_tables import KIND_SERVICE_NAMES, KindServiceName
from pyconsul.server.state.config_entry_graph import check_write
from pyconsul.server.state.config_entry_reads import CONFIG_ENTRIES, INDEX, entry_key, entry_named
from pyconsul.server.state.gateway_services import BEHIND_DESTINATION, BEHIND_UNKNOWN, kind_behind
from pyconsul.server.state.indexes import raise_index, set_index
from pyconsul.structs.catalog import PeeredServiceName, ServiceName
from pyconsul.structs.config_entries.api_gateway import APIGateway
from pyconsul.structs.config_entries.entry import WILDCARD, ConfigEntry
from pyconsul.structs.config_entries.http_route import HTTPRoute
from pyconsul.structs.config_entries.ingress_gateway import IngressGateway
from pyconsul.structs.config_entries.service_defaults import ServiceDefaults
from pyconsul.structs.config_entries.service_intentions import ServiceIntentions, SourceIntention
from pyconsul.structs.config_entries.service_resolver import ServiceResolver
from pyconsul.structs.config_entries.service_router import ServiceRouter
from pyconsul.structs.config_entries.service_splitter import ServiceSplitter
from pyconsul.structs.config_entries.status import EntryStatus
from pyconsul.structs.config_entries.tcp_route import TCPRoute
from pyconsul.structs.config_entries.terminating_gateway import TerminatingGateway
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import changed

KIND_DESTINATION = "destination"
_WITH_ADDRESS = (ServiceRouter, ServiceResolver, ServiceSplitter, ServiceDefaults, ServiceIntentions)
_GATEWAYS = (IngressGateway, TerminatingGateway)


def put_entry(db: Store, index: int, entry: ConfigEntry, *, with_status: bool = False) -> None:
    """Create or replace an entry. Raises InternalError where others do not allow it.

    The findings of controllers stay as they are unless the write comes ``with_status``.
    """
    old = entry_named(db, entry.kind, entry.name)
    if isinstance(entry, ServiceIntentions) and isinstance(old, ServiceIntentions):
        entry = _keep_legacy(entry, old)
    if not with_status and isinstance(entry, APIGateway | HTTPRoute | TCPRoute):
        status = old.Status if isinstance(old, APIGateway | HTTPRoute | TCPRoute) else EntryStatus()
        entry = changed(entry, Status=status)
    entry = changed(entry, CreateIndex=old.CreateIndex if old is not None else index, ModifyIndex=index)
    check_write(db, entry.kind, entry.name, entry, old)
    _insert(db, index, entry, addresses=True)


def put_entry_cas(db: Store, index: int, entry: ConfigEntry, *, with_status: bool = False) -> bool:
    """``put_entry`` if the entry is as its ModifyIndex says (0: not there); returns whether it was."""
    old = entry_named(db, entry.kind, entry.name)
    if (old.ModifyIndex if old is not None else 0) != entry.ModifyIndex:
        return False
    put_entry(db, index, entry, with_status=with_status)
    return True


def load_entry(db: Store, entry: ConfigEntry) -> None:
    """Put an entry back as it was; virtual addresses have records of their own."""
    _insert(db, entry.ModifyIndex, entry, addresses=False)


def _insert(db: Store, index: int, entry: ConfigEntry, *, addresses: bool) -> None:
    gateway_services.map_gateway(db, index, entry, addresses=addresses)
    if isinstance(entry, ServiceDefaults) and entry.Destination:
        _destination_came(db, index, entry.Name)
    if addresses and _has_address(entry) and virtual_ips.enabled(db):
        virtual_ips.assign(db, index, _own(entry.name))
    db.put(CONFIG_ENTRIES, entry)
    raise_index(db, index, INDEX)


def delete_entry(db: Store, index: int, kind: str, name: str) -> None:
    """Drop an entry; one that is not there is no error. Raises InternalError where others need it."""
    old = entry_named(db, kind, name)
    if old is None:
        return
    if isinstance(old, _GATEWAYS):
        gateway_services.unmap_gateway(db, index, old)
    if isinstance(old, ServiceDefaults) and old.Destination:
        _destination_went(db, index, old.Name)
    check_write(db, kind, old.name, None, old)
    db.delete(CONFIG_ENTRIES, entry_key(kind, name))
    set_index(db, index, INDEX)
    if _has_address(old):
        virtual_ips.free(db, index, _own(old.name))


def delete_entry_cas(db: Store, index: int, kind: str, name: str, expected: int) -> bool:
    """``delete_entry`` if the entry is there with this ModifyIndex; returns whether it was."""
    old = entry_named(db, kind, name)
    if old is None or old.ModifyIndex != expected:
        return False
    delete_entry(db, index, kind, name)
    return True


def _keep_legacy(entry: ServiceIntentions, old: ServiceIntentions) -> ServiceIntentions:
    """What old-style intentions keep over a write: their IDs may not change, their time of birth stays."""
    by_name = {(source.Peer or "", source.Name): source for source in old.Sources or ()}
    by_id = {source.LegacyID: source for source in old.Sources or () if source.LegacyID}
    sources: list[SourceIntention] = []
    for number, source in enumerate(entry.Sources or ()):
        kept = source
        if source.LegacyID:
            before = by_name.get((source.Peer or "", source.Name))
            place = f"Sources[{number}].LegacyID: cannot set this field"
            if before is not None and not before.LegacyID:
                raise InternalError(place)
            if before is not None and before.LegacyID != source.LegacyID:
                raise InternalError(f"{place} to a different value")
            same = by_id.get(source.LegacyID)
            if same is not None and same.LegacyCreateTime:
                kept = changed(source, LegacyCreateTime=same.LegacyCreateTime)
        sources.append(kept)
    return changed(entry, Sources=sources) if entry.Sources is not None else entry


# What follows


def _own(name: str) -> PeeredServiceName:
    return PeeredServiceName(ServiceName=ServiceName(Name=name))


def _has_address(entry: ConfigEntry) -> bool:
    if isinstance(entry, ServiceIntentions):
        return bool(entry.Name) and WILDCARD not in entry.Name
    return isinstance(entry, _WITH_ADDRESS) and bool(entry.name)


def _destination_came(db: Store, index: int, name: str) -> None:
    kind = kind_behind(db, name)
    if kind == BEHIND_UNKNOWN:
        kind = BEHIND_DESTINATION
    gateway_services.service_came(db, index, name, None, kind)
    gateway_services.kind_changed(db, index, name, kind)
    key = f"{KIND_DESTINATION}\0{name}".lower()
    if db.get(KIND_SERVICE_NAMES, key) is None:
        row = KindServiceName(Kind=KIND_DESTINATION, Service=name, CreateIndex=index, ModifyIndex=index)
        db.put(KIND_SERVICE_NAMES, row)
        raise_index(db, index, f"kind_service_names.{KIND_DESTINATION}")


def _destination_went(db: Store, index: int, name: str) -> None:
    kind = kind_behind(db, name)
    if kind == BEHIND_DESTINATION:
        kind = BEHIND_UNKNOWN
    gateway_services.service_came(db, index, name, None, kind)
    gateway_services.service_went(db, index, name, destination_goes=True)
    gateway_services.kind_changed(db, index, name, kind)
    db.delete(KIND_SERVICE_NAMES, f"{KIND_DESTINATION}\0{name}".lower())
    raise_index(db, index, f"kind_service_names.{KIND_DESTINATION}")


def _names_service(db: Store, whose: PeeredServiceName, _: str) -> bool:
    name = whose.ServiceName.Name
    return not whose.Peer and any(entry_named(db, kind.kind, name) is not None for kind in _WITH_ADDRESS)


virtual_ips.HOLDERS.append(_names_service)
