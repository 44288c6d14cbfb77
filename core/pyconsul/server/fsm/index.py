"""Snapshot records of the index table."""

from collections.abc import Iterable

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.registry import snapshot_records
from pyconsul.server.state.indexes import INDEXES, IndexEntry, set_index
from pyconsul.structs.messages import MessageType


def load_index(db: Store, row: IndexEntry) -> None:
    """Set one index as the snapshot has it."""
    set_index(db, row.Value, row.Key)


@snapshot_records(MessageType.INDEX, IndexEntry, load=load_index)
def index_rows(frozen: FrozenStore) -> Iterable[IndexEntry]:
    """The whole index table."""
    return frozen.all(INDEXES)
