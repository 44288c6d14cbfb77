"""The index table: the largest Raft index that touched each table, service, node … (``wire/fsm.md`` section 2)."""

from pyconsul.memdb import Store, Table, WatchSet
from pyconsul.structs.wire import WireStruct


class IndexEntry(WireStruct, frozen=True, kw_only=True):
    """One row; ``Key`` is spelled exactly as in ``wire/fsm.md``."""

    Key: str = ""
    Value: int = 0


# Consul finds its keys in any letter case: services "Web" and "web" share one row.
INDEXES: Table[IndexEntry] = Table(name="index", primary=lambda e: e.Key.lower())


def max_index(db: Store, *names: str, ws: WatchSet | None = None) -> int:
    """The largest of these indexes; absent ones count as 0. ``ws`` fires when any of them moves."""
    found = 0
    for name in names:
        entry = db.get(INDEXES, name.lower(), ws)
        if entry is not None and entry.Value > found:
            found = entry.Value
    return found


def has_index(db: Store, name: str, ws: WatchSet | None = None) -> bool:
    """Whether the key is in the table at all."""
    return db.get(INDEXES, name.lower(), ws) is not None


def raise_index(db: Store, index: int, *names: str) -> None:
    """Raise each of these to ``index``, never lower."""
    for name in names:
        entry = db.get(INDEXES, name.lower())
        if entry is None or entry.Value < index:
            db.put(INDEXES, IndexEntry(Key=name, Value=index))


def set_index(db: Store, index: int, *names: str) -> None:
    """Assign ``index`` to each of these."""
    for name in names:
        db.put(INDEXES, IndexEntry(Key=name, Value=index))


def drop_index(db: Store, name: str) -> None:
    """Forget the key, as the last instance of a service does."""
    db.delete(INDEXES, name.lower())
