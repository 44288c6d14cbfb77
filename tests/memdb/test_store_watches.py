"""Watch sets: who is woken by a write, and who is left alone."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.memdb import Index, Store, Table, WatchSet


class Row(msgspec.Struct, frozen=True):
    """A key and a kind."""

    key: str
    kind: str = "a"


ROWS: Table[Row] = Table(
    name="rows", primary=lambda r: r.key, indexes={"kind": Index(lambda r: (r.kind,), ordered=True)}, ordered=True
)
Read = Callable[[Store, WatchSet], object]

READS: list[tuple[str, Read, list[Row], list[Row]]] = [
    ("one key", lambda db, ws: db.get(ROWS, "x", ws), [Row("x")], [Row("y")]),
    ("a prefix", lambda db, ws: db.prefix(ROWS, "x/", ws), [Row("x/1")], [Row("x"), Row("y/1")]),
    ("the empty prefix", lambda db, ws: db.prefix(ROWS, "", ws), [Row("x"), Row("y")], []),
    ("an index value", lambda db, ws: db.where(ROWS, "kind", "b", ws), [Row("x", "b")], [Row("x", "a")]),
    ("a table", lambda db, ws: db.all(ROWS, ws), [Row("x")], []),
    ("the order of an index", lambda db, ws: db.in_order_of(ROWS, "kind", ws), [Row("x")], []),
]


@pytest.mark.parametrize(("what", "read", "waking", "quiet"), READS, ids=[r[0] for r in READS])
def test_a_watch_fires_for_what_was_read_and_nothing_else(
    what: str, read: Read, waking: list[Row], quiet: list[Row]
) -> None:
    """A write wakes the readers whose answer it may change."""
    del what
    for row, expected in [(r, True) for r in waking] + [(r, False) for r in quiet]:
        db = Store([ROWS])
        ws = WatchSet()
        read(db, ws)
        db.put(ROWS, row)
        assert ws.fired is expected, row


def test_a_row_that_leaves_an_index_value_wakes_its_watchers() -> None:
    """Who looked for a kind hears when a row changes to another."""
    db = Store([ROWS])
    db.put(ROWS, Row("x", "b"))
    ws = WatchSet()
    db.where(ROWS, "kind", "b", ws)
    db.put(ROWS, Row("x", "a"))
    assert ws.fired


def test_a_watch_fires_once_at_the_end_of_the_transaction() -> None:
    """Several writes of one transaction are one event, seen when all of them are in place."""
    db = Store([ROWS])
    seen: list[int] = []
    ws = WatchSet(on_fire=lambda: seen.append(db.count(ROWS)))
    db.all(ROWS, ws)
    with db.transaction():
        db.put(ROWS, Row("x"))
        db.put(ROWS, Row("y"))
        assert not ws.fired
    assert seen == [2]


def test_a_closed_watch_leaves_nothing_behind() -> None:
    """Buckets of watchers vanish with their last watcher, so that waiting costs no memory later."""
    db = Store([ROWS])
    with WatchSet() as ws:
        db.get(ROWS, "x", ws)
        db.prefix(ROWS, "x", ws)
    shelf = db._shelves["rows"]  # pyright: ignore[reportPrivateUsage]
    assert not shelf.key_watches
    assert not shelf.prefix_watches


def test_abandoning_a_store_wakes_everyone() -> None:
    """A restore replaces the store; whoever watched the old one must look again."""
    db = Store([ROWS])
    ws = WatchSet()
    db.get(ROWS, "x", ws)
    db.abandon()
    assert ws.fired


@given(st.lists(st.text("ab/", max_size=3), max_size=12), st.text("ab/", max_size=3))
def test_many_prefix_watchers_hear_exactly_their_keys(prefixes: list[str], key: str) -> None:
    """However many prefixes are watched, a write wakes those that its key starts with."""
    db = Store([ROWS])
    watches = {prefix: WatchSet() for prefix in prefixes}
    for prefix, ws in watches.items():
        db.prefix(ROWS, prefix, ws)
    db.put(ROWS, Row(key))
    assert {p for p, ws in watches.items() if ws.fired} == {p for p in watches if key.startswith(p)}


def test_a_watch_that_fired_is_silent() -> None:
    """And joins nothing any more, as by a reader that is under way: it would stand there for ever."""
    db, told = Store([ROWS]), list[str]()
    ws = WatchSet(lambda: told.append("fired"))
    for key in "xy":
        db.get(ROWS, key, ws)
        db.put(ROWS, Row(key))
    db.get(ROWS, "z", ws)
    assert told == ["fired"] and not ws.watching
