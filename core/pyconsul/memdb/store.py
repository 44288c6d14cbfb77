"""The store: all tables, their transactions, and who waits for what.

One event loop owns a store. Readers and writers are synchronous, so a reader never sees half a write; only a walk that
awaits between rows (saving a snapshot) needs ``snapshot()``.

Writers change rows in place and note of each what was there before. By these notes an exception puts everything back,
or else the commit finds whom to wake, when all of the transaction is in place.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from pyconsul.memdb.frozen import FrozenStore
from pyconsul.memdb.shelf import Shelf
from pyconsul.memdb.table import Key, Table
from pyconsul.memdb.watch import WatchSet

Row = TypeVar("Row")


class Store:
    """Tables with transactions and watches.

    ``on_note`` receives, after a commit, what writers left with ``note``: effects that are not rows.
    """

    def __init__(self, tables: Iterable[Table[Any]], on_note: Callable[[object], None] | None = None) -> None:
        self._shelves: dict[str, Shelf[Any]] = {}
        for table in tables:
            if table.name in self._shelves:
                raise ValueError(f"two tables named {table.name!r}")
            self._shelves[table.name] = Shelf(table)
        self.on_note = on_note
        self.abandoned = False
        self._depth = 0
        self._undo: list[tuple[Shelf[Any], Key, Any]] = []  # writes since the last commit, each with the row before
        self._notes: list[object] = []
        self._whole: dict[object, set[WatchSet]] = {}  # under None all that watch anything: a restore is news to all

    # Readers

    def get(self, table: Table[Row], key: Key, ws: WatchSet | None = None) -> Row | None:
        """The row with this primary key, or None; ``ws`` fires when that row changes, comes or goes."""
        shelf = self._shelves[table.name]
        if ws is not None:
            self._join(ws)
            ws.watch(shelf.key_watches, key)
        return shelf.rows.get(key)

    def where(self, table: Table[Row], index: str, value: Key, ws: WatchSet | None = None) -> list[Row]:
        """Rows found under ``value``, in primary-key order; ``ws`` fires on any change among them."""
        shelf = self._shelves[table.name]
        if ws is not None:
            self._join(ws)
            ws.watch(shelf.index_watches, (index, value))
        return shelf.where(index, value)

    def in_order_of(self, table: Table[Row], index: str, ws: WatchSet | None = None) -> Iterator[Row]:
        """Rows in the order of an ordered index, to be read before the next write; ``ws`` fires as for ``all``."""
        shelf = self._shelves[table.name]
        if ws is not None:
            self._join(ws)
            ws.watch(shelf.table_watches, None)
        return shelf.in_order_of(index)

    def unsorted(self, table: Table[Row]) -> list[Row]:
        """All rows in no order, for who counts them: to order 50,000 rows takes 15 ms, to list them half a one."""
        return list(self._shelves[table.name].rows.values())

    def all(self, table: Table[Row], ws: WatchSet | None = None) -> list[Row]:
        """All rows in primary-key order; ``ws`` fires on any change of the table."""
        shelf = self._shelves[table.name]
        if ws is not None:
            self._join(ws)
            ws.watch(shelf.table_watches, None)
        return shelf.all()

    def prefix(self, table: Table[Row], prefix: str, ws: WatchSet | None = None) -> list[Row]:
        """Rows of an ordered table whose key starts so, in key order; ``ws`` fires on any change among them."""
        shelf = self._shelves[table.name]
        if ws is not None:
            self._join(ws)
            ws.watch(shelf.prefix_watches, prefix)
        return shelf.prefix(prefix)

    def index_values(self, table: Table[Any], index: str) -> list[Key]:
        """The distinct values of an index, sorted; nobody is told of further ones."""
        return sorted(self._shelves[table.name].buckets[index])

    def count(self, table: Table[Any]) -> int:
        """How many rows the table has."""
        return len(self._shelves[table.name].rows)

    def count_where(self, table: Table[Any], index: str, value: Key) -> int:
        """How many rows are found under ``value``."""
        return len(self._shelves[table.name].buckets[index].get(value, ()))

    def snapshot(self) -> FrozenStore:
        """The present state, frozen; writes keep what they replace until it is let go of."""
        return FrozenStore({name: shelf.freeze() for name, shelf in self._shelves.items()})

    def dismantle(self) -> Iterator[None]:
        """Free the rows bit by bit as the iterator is driven: letting go of 100,000 at once takes 15 ms.

        For a store that nobody reads any more.
        """
        for shelf in self._shelves.values():
            yield from shelf.dismantle()

    # Writers

    @contextmanager
    def transaction(self) -> Generator[None, None, None]:
        """All writes inside happen together: watches fire at the end, an exception undoes everything.

        Transactions nest; only the outermost one commits or undoes.
        """
        self._depth += 1
        try:
            yield
        except BaseException:
            if self._depth == 1:
                self._roll_back()
            raise
        else:
            if self._depth == 1:
                self._commit()
        finally:
            self._depth -= 1

    @contextmanager
    def savepoint(self) -> Generator[None, None, None]:
        """Inside a transaction: an exception undoes what was written since, and no more."""
        changes, notes = len(self._undo), len(self._notes)
        self._depth += 1
        try:
            yield
        except BaseException:
            self._roll_back(changes, notes)
            raise
        finally:
            self._depth -= 1

    def put(self, table: Table[Row], row: Row) -> None:
        """Insert a row, or replace the one with the same primary key."""
        shelf = self._shelves[table.name]
        key = table.primary(row)
        old = shelf.put(key, row)
        self._done(shelf, key, old)

    def delete(self, table: Table[Row], key: Key) -> Row | None:
        """Remove a row and return it, or None when there was none."""
        shelf = self._shelves[table.name]
        old = shelf.delete(key)
        if old is not None:
            self._done(shelf, key, old)
        return old

    def note(self, event: object) -> None:
        """Leave an event for ``on_note``; it is delivered after the commit, never after an undo."""
        self._notes.append(event)
        if self._depth == 0:
            self._commit()

    def abandon(self) -> None:
        """Fire every watch that was ever joined: this store's content was replaced as a whole."""
        self.abandoned = True
        for ws in list(self._whole.get(None, ())):
            ws.fire()

    def _join(self, ws: WatchSet) -> None:
        ws.watch(self._whole, None)

    def _done(self, shelf: Shelf[Any], key: Key, old: Any) -> None:
        self._undo.append((shelf, key, old))
        if self._depth == 0:
            self._commit()

    def _commit(self) -> None:
        changes, self._undo = self._undo, []
        notes, self._notes = self._notes, []
        woken: set[WatchSet] = set()
        for shelf, key, old in changes:
            shelf.collect_watchers(key, old, woken)
        for ws in woken:
            ws.fire()
        if self.on_note is not None:
            for event in notes:
                self.on_note(event)

    def _roll_back(self, changes: int = 0, notes: int = 0) -> None:
        """Undo all but the first ``changes`` writes of the transaction and forget all but the first ``notes``."""
        for shelf, key, old in reversed(self._undo[changes:]):
            if old is None:
                shelf.delete(key)
            else:
                shelf.put(key, old)
        del self._undo[changes:]
        del self._notes[notes:]
