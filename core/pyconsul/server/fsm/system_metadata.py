"""Log entries and snapshot records of what servers remember for themselves."""

from collections.abc import Iterable

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.registry import applies, snapshot_records
from pyconsul.server.state.indexes import raise_index
from pyconsul.server.state.system_metadata import INDEX, SYSTEM_METADATA, delete_metadata, set_metadata
from pyconsul.structs.errors import InternalError
from pyconsul.structs.messages import MessageType
from pyconsul.structs.system_metadata import SystemMetadataEntry, SystemMetadataRequest


@applies(MessageType.SYSTEM_METADATA, SystemMetadataRequest)
def apply_system_metadata(db: Store, index: int, req: SystemMetadataRequest) -> bool | None:
    """Store a value (answers true) or forget one (answers nothing)."""
    entry = req.Entry or SystemMetadataEntry()
    match req.Op:
        case "upsert":
            set_metadata(db, index, entry)
            return True
        case "delete":
            delete_metadata(db, index, entry.Key)
            return None
        case _:
            raise InternalError(f"invalid system metadata operation type: {req.Op}")


def load_metadata(db: Store, row: SystemMetadataEntry) -> None:
    """Put one value back as it was."""
    db.put(SYSTEM_METADATA, row)
    raise_index(db, row.ModifyIndex, INDEX)


@snapshot_records(MessageType.SYSTEM_METADATA, SystemMetadataEntry, load=load_metadata)
def metadata_rows(frozen: FrozenStore) -> Iterable[SystemMetadataEntry]:
    """All values by name."""
    return frozen.each(SYSTEM_METADATA)
