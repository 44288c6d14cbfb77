"""What the servers remember for themselves: values by name, seen by no client."""

from __future__ import annotations

from typing import Final

from pyconsul.memdb import Store, Table, WatchSet
from pyconsul.server.state.indexes import set_index
from pyconsul.structs.errors import InternalError
from pyconsul.structs.system_metadata import SystemMetadataEntry
from pyconsul.structs.wire import changed

INDEX: Final = "system-metadata"

SYSTEM_METADATA: Table[SystemMetadataEntry] = Table(name=INDEX, primary=lambda e: e.Key.lower())


def metadata_value(db: Store, key: str, ws: WatchSet | None = None) -> str:
    """The value, "" where there is none."""
    row = db.get(SYSTEM_METADATA, key.lower(), ws)
    return "" if row is None else row.Value


def set_metadata(db: Store, index: int, entry: SystemMetadataEntry) -> None:
    """Store a value. Raises InternalError for one without a name."""
    if not entry.Key:
        raise InternalError("missing key on system metadata")
    old = db.get(SYSTEM_METADATA, entry.Key.lower())
    db.put(SYSTEM_METADATA, changed(entry, CreateIndex=old.CreateIndex if old else index, ModifyIndex=index))
    set_index(db, index, INDEX)


def delete_metadata(db: Store, index: int, key: str) -> None:
    """Forget a value, if there is one."""
    if db.delete(SYSTEM_METADATA, key.lower()) is not None:
        set_index(db, index, INDEX)
