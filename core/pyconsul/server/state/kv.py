"""KV pairs and their tombstones."""

from collections.abc import Callable

from pyconsul.lang.strconv import quote
from pyconsul.memdb import Index, Store, Table, WatchSet
from pyconsul.server.state.indexes import max_index, raise_index, set_index
from pyconsul.structs.errors import InternalError
from pyconsul.structs.kv import DirEntry
from pyconsul.structs.wire import UNSET, WireStruct, changed

KVS: Table[DirEntry] = Table(
    name="kvs",
    primary=lambda e: e.Key,
    indexes={"session": Index(lambda e: (e.Session.lower(),) if e.Session else ())},
    ordered=True,
)


class Tombstone(WireStruct, frozen=True, kw_only=True):
    """Mark of a deleted key or prefix, so that reads of a subtree see their index grow."""

    Key: str = ""
    Index: int = 0


TOMBSTONES: Table[Tombstone] = Table(name="tombstones", primary=lambda t: t.Key, ordered=True)


def kv_index(db: Store, ws: WatchSet | None = None) -> int:
    """The index of the KV store as a whole."""
    return max_index(db, "kvs", "tombstones", ws=ws)


def entry_of_key(db: Store, key: str, ws: WatchSet | None = None) -> tuple[int, DirEntry | None]:
    """One pair and its index; where there is none, the index of the whole store.

    ``ws`` fires when the pair changes or comes, not when other writes raise that index: a thousand who wait for keys
    that are not there yet would all wake up with every write.
    """
    entry = db.get(KVS, key, ws)
    return (entry.ModifyIndex if entry is not None else kv_index(db)), entry


def entries_below(db: Store, prefix: str, ws: WatchSet | None = None) -> tuple[int, list[DirEntry]]:
    """All pairs below a prefix in key order, and the index of that subtree, deletions included.

    Where nothing is or was, the index is that of the whole store, whose other writes wake nobody.
    """
    entries = db.prefix(KVS, prefix, ws)
    if not prefix:
        return kv_index(db, ws), entries
    index = max((e.ModifyIndex for e in entries), default=0)
    for tombstone in db.prefix(TOMBSTONES, prefix, ws):
        index = max(index, tombstone.Index)
    return index or kv_index(db, ws and ws.quiet), entries


def set_entry(db: Store, index: int, entry: DirEntry, *, keep_session: bool = True) -> DirEntry:
    """Insert or update one pair; a plain set keeps the session that holds the key. Returns the stored row.

    The lock index is the one that ``entry`` brings. A set that changes nothing keeps the ModifyIndex.
    """
    old = db.get(KVS, entry.Key)
    # Only lock and unlock carry the lock index over: a plain set of a held key takes it back to 0, in Consul, too.
    session = (old.Session if old is not None else UNSET) if keep_session else entry.Session
    fresh = changed(
        entry,
        Session=session or UNSET,
        CreateIndex=index if old is None else old.CreateIndex,
        ModifyIndex=index,
    )
    if old is not None and _same_content(old, fresh):
        return old
    db.put(KVS, fresh)
    set_index(db, index, "kvs")
    return fresh


def _same_content(a: DirEntry, b: DirEntry) -> bool:
    """Whether a write would change nothing; no value and an empty one are the same."""
    same_value = (a.Value or b"") == (b.Value or b"")
    return same_value and a.Flags == b.Flags and a.Session == b.Session and a.LockIndex == b.LockIndex


def cas(db: Store, index: int, entry: DirEntry) -> DirEntry | None:
    """Set if the key's ModifyIndex is ``entry.ModifyIndex`` (0: absent). None when it is not."""
    old = db.get(KVS, entry.Key)
    if (old.ModifyIndex if old is not None else 0) != entry.ModifyIndex:
        return None
    return set_entry(db, index, entry)


def lock(db: Store, index: int, entry: DirEntry, session_exists: Callable[[str], bool]) -> DirEntry | None:
    """Set and acquire for ``entry.Session``; None when another session holds the key.

    Raises InternalError without a session or for one that does not exist.
    """
    if not entry.Session:
        raise InternalError("missing session")
    if not session_exists(entry.Session):
        raise InternalError(f"invalid session {quote(entry.Session)}")
    old = db.get(KVS, entry.Key)
    if old is not None and old.Session:
        if old.Session != entry.Session:
            return None
        lock_index = old.LockIndex
    else:
        lock_index = (old.LockIndex if old is not None else 0) + 1
    return set_entry(db, index, changed(entry, LockIndex=lock_index), keep_session=False)


def unlock(db: Store, index: int, entry: DirEntry) -> DirEntry | None:
    """Set and release; None when ``entry.Session`` does not hold the key. Raises InternalError without a session."""
    if not entry.Session:
        raise InternalError("missing session")
    old = db.get(KVS, entry.Key)
    if old is None or old.Session != entry.Session:
        return None
    return set_entry(db, index, changed(entry, Session=UNSET, LockIndex=old.LockIndex), keep_session=False)


def release(db: Store, index: int, entry: DirEntry) -> None:
    """Take the session off a pair whose session ended."""
    set_entry(db, index, changed(entry, Session=UNSET), keep_session=False)


def delete(db: Store, index: int, key: str) -> None:
    """Remove one pair and leave a tombstone; nothing happens where there is none."""
    if db.delete(KVS, key) is None:
        return
    db.put(TOMBSTONES, Tombstone(Key=key, Index=index))
    raise_index(db, index, "tombstones")
    set_index(db, index, "kvs")
    db.note(TombstoneLeft(index))


def delete_cas(db: Store, index: int, key: str, expected: int) -> bool:
    """Remove the pair if its ModifyIndex is ``expected``; an absent key counts as success with any index."""
    old = db.get(KVS, key)
    if old is None:
        return True
    if old.ModifyIndex != expected:
        return False
    delete(db, index, key)
    return True


def delete_tree(db: Store, index: int, prefix: str) -> None:
    """Remove everything below a prefix; one tombstone stands for all of it."""
    entries = db.prefix(KVS, prefix)
    if not entries:
        return
    for entry in entries:
        db.delete(KVS, entry.Key)
    # Who waits for the whole store goes by the index of its table, and needs no tombstone.
    if prefix:
        db.put(TOMBSTONES, Tombstone(Key=prefix, Index=index))
        raise_index(db, index, "tombstones")
    set_index(db, index, "kvs")
    db.note(TombstoneLeft(index))


def reap_tombstones(db: Store, up_to: int) -> None:
    """Drop every tombstone of ``up_to`` or before. Raises no index."""
    for tombstone in db.all(TOMBSTONES):
        if tombstone.Index <= up_to:
            db.delete(TOMBSTONES, tombstone.Key)


class TombstoneLeft:
    """Note for the leader: a delete at ``index`` left tombstones to reap later."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index
