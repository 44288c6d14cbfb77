"""What the ``exported-services`` entry comes down to: each exported service with the peers that may use it."""

from __future__ import annotations

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.state.catalog_reads import service_names_of_kind
from pyconsul.server.state.config_entry_reads import entries_index, entry_of
from pyconsul.structs.catalog import CONSUL_SERVICE_NAME, KIND_TYPICAL
from pyconsul.structs.config_entries.entry import WILDCARD
from pyconsul.structs.config_entries.exported_services import ExportedServices


def exported_services(db: Store, ws: WatchSet | None = None) -> tuple[int, dict[str, set[str]]]:
    """The index, and service → peers; a wildcard stands for all ordinary services, ``consul`` is never exported."""
    index = entries_index(db, ws)
    entry = entry_of(db, ExportedServices, "default", ws=ws)
    found: dict[str, set[str]] = {}
    for exported in (entry.Services or ()) if entry is not None else ():
        names = [exported.Name]
        if exported.Name == WILDCARD:
            at, names = service_names_of_kind(db, KIND_TYPICAL, ws)
            index = max(index, at)
        peers = {consumer.Peer for consumer in exported.Consumers or () if consumer.Peer}
        for name in names:
            if name != CONSUL_SERVICE_NAME:
                found.setdefault(name, set()).update(peers)
    return index, found
