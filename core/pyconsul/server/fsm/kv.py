"""Log entries of KV writes and tombstone reaping, and their snapshot records."""

from collections.abc import Iterable

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.registry import applies, snapshot_records
from pyconsul.server.state import kv
from pyconsul.server.state.indexes import raise_index
from pyconsul.server.state.sessions import session_with_id
from pyconsul.structs.errors import InternalError
from pyconsul.structs.kv import DirEntry, KVSRequest, TombstoneRequest
from pyconsul.structs.messages import MessageType


@applies(MessageType.KVS, KVSRequest)
def apply_kvs(db: Store, index: int, req: KVSRequest) -> bool | None:
    """One KV write. Conditional operations answer whether they happened, the others None."""
    entry = req.DirEnt
    match req.Op:
        case "set":
            kv.set_entry(db, index, entry)
        case "delete":
            kv.delete(db, index, entry.Key)
        case "delete-tree":
            kv.delete_tree(db, index, entry.Key)
        case "delete-cas":
            return kv.delete_cas(db, index, entry.Key, entry.ModifyIndex)
        case "cas":
            return kv.cas(db, index, entry) is not None
        case "lock":
            return kv.lock(db, index, entry, lambda sid: session_with_id(db, sid) is not None) is not None
        case "unlock":
            return kv.unlock(db, index, entry) is not None
        case _:
            raise InternalError(f"Invalid KVS operation '{req.Op}'")
    return None


@applies(MessageType.TOMBSTONE, TombstoneRequest)
def apply_tombstone(db: Store, index: int, req: TombstoneRequest) -> None:
    """Reap tombstones up to an index. Raises no index of its own."""
    del index
    if req.Op != "reap":
        raise InternalError(f"Invalid Tombstone operation '{req.Op}'")
    kv.reap_tombstones(db, req.ReapIndex)


def load_entry(db: Store, row: DirEntry) -> None:
    """Put one pair back as it was."""
    db.put(kv.KVS, row)
    raise_index(db, row.ModifyIndex, "kvs")


@snapshot_records(MessageType.KVS, DirEntry, load=load_entry)
def entry_rows(frozen: FrozenStore) -> Iterable[DirEntry]:
    """All pairs in key order."""
    return frozen.each(kv.KVS)


def load_tombstone(db: Store, row: DirEntry) -> None:
    """Put one tombstone back; only key and index of its record mean anything."""
    db.put(kv.TOMBSTONES, kv.Tombstone(Key=row.Key, Index=row.ModifyIndex))
    raise_index(db, row.ModifyIndex, "tombstones")


@snapshot_records(MessageType.TOMBSTONE, DirEntry, load=load_tombstone)
def tombstone_rows(frozen: FrozenStore) -> Iterable[DirEntry]:
    """All tombstones, in the shape of pairs."""
    return (DirEntry(Key=t.Key, ModifyIndex=t.Index) for t in frozen.each(kv.TOMBSTONES))
