"""One table's content: rows, index buckets, and the watchers of each."""

import weakref
from collections.abc import Iterator
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from sortedcontainers import SortedDict, SortedList

from pyconsul.memdb.frozen import FrozenShelf
from pyconsul.memdb.table import Key, Table
from pyconsul.memdb.watch import Bucket, WatchSet

Row = TypeVar("Row")
_Buckets: TypeAlias = dict[Key, dict[Key, None]]  # of one index: its values, and the keys of the rows under each
_FREED_AT_ONCE: Final = 256  # rows


class Shelf(Generic[Row]):
    """The rows of a table and who watches them; keeps indexes and order in step with the rows."""

    def __init__(self, table: Table[Row]) -> None:
        self.table = table
        self.rows: dict[Key, Row] = {}
        self.buckets: dict[str, _Buckets] = {}
        for name, index in table.indexes.items():
            self.buckets[name] = cast("_Buckets", SortedDict()) if index.ordered else {}  # a dict to all
        self.order: Any = SortedList() if table.ordered else None  # all keys
        self.key_watches: dict[object, Bucket] = {}
        self.index_watches: dict[object, Bucket] = {}
        self.prefix_watches: dict[object, Bucket] = {}
        self.table_watches: dict[object, Bucket] = {}
        self._frozen: list[weakref.ref[FrozenShelf[Row]]] = []  # states that somebody holds

    def put(self, key: Key, row: Row) -> Row | None:
        """Insert or replace; returns the row that was there."""
        old = self.rows.get(key)
        if self._frozen:
            self._keep(key, old)
        if old is None:
            if self.order is not None:
                self.order.add(key)
        else:
            self._unindex(key, old)
        self.rows[key] = row
        for name, index in self.table.indexes.items():
            bucket = self.buckets[name]
            for value in index.keys(row):
                bucket.setdefault(value, {})[key] = None
        return old

    def delete(self, key: Key) -> Row | None:
        """Remove and return the row, or None."""
        old = self.rows.pop(key, None)
        if old is not None:
            if self._frozen:
                self._keep(key, old)
            if self.order is not None:
                self.order.remove(key)
            self._unindex(key, old)
        return old

    def freeze(self) -> FrozenShelf[Row]:
        """The present rows, which stay as they are for as long as the answer is held."""
        state = FrozenShelf(self)
        self._frozen.append(weakref.ref(state, self._frozen.remove))
        return state

    def where(self, index: str, value: Key) -> list[Row]:
        """Rows under one index value, in primary-key order."""
        found = self.buckets[index].get(value)
        if not found:
            return []
        rows = self.rows
        return [rows[key] for key in sorted(found)] if len(found) > 1 else [rows[key] for key in found]

    def in_order_of(self, index: str) -> Iterator[Row]:
        """Rows in the order of an ordered index, and those under one value in primary-key order."""
        for value in self.buckets[index]:
            yield from self.where(index, value)

    def all(self) -> list[Row]:
        """All rows in primary-key order."""
        keys = sorted(self.rows) if self.order is None else self.order
        rows = self.rows
        return [rows[key] for key in keys]

    def prefix(self, prefix: str) -> list[Row]:
        """Rows whose key starts with ``prefix``, in key order."""
        if not prefix:
            return self.all()
        order = self.order
        rows = self.rows
        found: list[Row] = []
        for key in order.irange(minimum=prefix):
            if not key.startswith(prefix):
                break
            found.append(rows[key])
        return found

    def collect_watchers(self, key: Key, old: Row | None, woken: set[WatchSet]) -> None:
        """Add to ``woken`` everyone whose read may now come out differently."""
        if self.table_watches:
            woken.update(self.table_watches.get(None, ()))
        if self.key_watches and (bucket := self.key_watches.get(key)):
            woken.update(bucket)
        if self.prefix_watches:
            self._collect_prefix_watchers(key, woken)
        if self.index_watches:
            row = self.rows.get(key)
            for name, index in self.table.indexes.items():
                # What a row was in between is the old row of the next write to it.
                for each in (old, row):
                    if each is None:
                        continue
                    for value in index.keys(each):
                        if bucket := self.index_watches.get((name, value)):
                            woken.update(bucket)

    def dismantle(self) -> Iterator[None]:
        """Free the rows, a few with each step; the table is of no use any more."""
        while self.rows:
            for _ in range(min(_FREED_AT_ONCE, len(self.rows))):
                key, row = self.rows.popitem()
                if self._frozen:  # a snapshot of the state before a restore is still being saved
                    self._keep(key, row)
            yield
        while self.order:
            for _ in range(min(_FREED_AT_ONCE, len(self.order))):
                self.order.pop()
            yield

    def _keep(self, key: Key, old: Row | None) -> None:
        for reference in tuple(self._frozen):  # one may go away meanwhile
            if (state := reference()) is not None:
                state.keep(key, old)

    def _collect_prefix_watchers(self, key: str, woken: set[WatchSet]) -> None:
        watches = self.prefix_watches
        if len(watches) <= len(key):  # few prefixes: compare each; many: look each start of the key up
            for prefix, bucket in watches.items():
                if key.startswith(str(prefix)):
                    woken.update(bucket)
            return
        for end in range(len(key) + 1):
            if bucket := watches.get(key[:end]):
                woken.update(bucket)

    def _unindex(self, key: Key, row: Row) -> None:
        for name, index in self.table.indexes.items():
            bucket = self.buckets[name]
            for value in index.keys(row):
                found = bucket[value]
                found.pop(key, None)
                if not found:
                    del bucket[value]
