"""In-memory tables with secondary indexes, transactions, snapshots and watches. Knows nothing of Consul."""

from pyconsul.memdb.store import FrozenStore, Store
from pyconsul.memdb.table import Index, Key, Table
from pyconsul.memdb.watch import WatchSet

__all__ = ["FrozenStore", "Index", "Key", "Store", "Table", "WatchSet"]
