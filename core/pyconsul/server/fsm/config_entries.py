"""Log entries of config entries, and their snapshot records."""

from collections.abc import Iterable

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.registry import applies, snapshot_records
from pyconsul.server.state.config_entries import delete_entry, delete_entry_cas, load_entry, put_entry, put_entry_cas
from pyconsul.server.state.config_entry_reads import CONFIG_ENTRIES
from pyconsul.structs.config_entries.requests import (
    DELETE,
    DELETE_CAS,
    UPSERT,
    UPSERT_CAS,
    UPSERT_WITH_STATUS_CAS,
    ConfigEntryRequest,
)
from pyconsul.structs.errors import InternalError
from pyconsul.structs.messages import MessageType


@applies(MessageType.CONFIG_ENTRY, ConfigEntryRequest)
def apply_config_entry(db: Store, index: int, req: ConfigEntryRequest) -> bool:
    """Write or delete an entry; answers whether a check-and-set went through. Raises InternalError."""
    entry = req.Entry
    match req.Op:
        case value if value == UPSERT:
            put_entry(db, index, entry)
        case value if value == UPSERT_CAS:
            return put_entry_cas(db, index, entry)
        case value if value == UPSERT_WITH_STATUS_CAS:
            return put_entry_cas(db, index, entry, with_status=True)
        case value if value == DELETE:
            delete_entry(db, index, entry.kind, entry.name)
        case value if value == DELETE_CAS:
            return delete_entry_cas(db, index, entry.kind, entry.name, entry.ModifyIndex)
        case _:
            raise InternalError(f"invalid config entry operation type: {req.Op}")
    return True


def load_record(db: Store, record: ConfigEntryRequest) -> None:
    """Put one entry back as it was."""
    load_entry(db, record.Entry)


@snapshot_records(MessageType.CONFIG_ENTRY, ConfigEntryRequest, load=load_record)
def entry_records(frozen: FrozenStore) -> Iterable[ConfigEntryRequest]:
    """All entries, as requests that ask for nothing."""
    return [ConfigEntryRequest(Entry=entry) for entry in frozen.all(CONFIG_ENTRIES)]
