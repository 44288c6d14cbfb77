"""KV pairs, their indexes and tombstones."""

from typing import Any

import pytest

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.state import kv
from pyconsul.server.state.indexes import max_index
from pyconsul.structs.errors import InternalError
from pyconsul.structs.kv import DirEntry


def pair(key: str, value: bytes = b"v", **fields: Any) -> DirEntry:
    """A pair to write."""
    return DirEntry(Key=key, Value=value, **fields)


def test_a_set_that_changes_nothing_keeps_the_modify_index(db: Store) -> None:
    """Writing the same value again raises neither the pair's nor the table's index."""
    kv.set_entry(db, 5, pair("a"))
    kv.set_entry(db, 6, pair("a"))
    index, entry = kv.entry_of_key(db, "a")
    assert entry is not None
    assert (index, entry.CreateIndex, entry.ModifyIndex, max_index(db, "kvs")) == (5, 5, 5, 5)


def test_cas_wants_the_very_index_and_zero_means_absent(db: Store) -> None:
    """Check-and-set succeeds for the current ModifyIndex, and with 0 only where there is no pair."""
    assert kv.cas(db, 5, pair("a", ModifyIndex=0)) is not None
    assert kv.cas(db, 6, pair("a", b"w", ModifyIndex=0)) is None
    assert kv.cas(db, 7, pair("a", b"w", ModifyIndex=4)) is None
    assert kv.cas(db, 8, pair("a", b"w", ModifyIndex=5)) is not None


def test_a_deleted_key_raises_the_index_of_its_subtree(db: Store) -> None:
    """The tombstone lets readers of the prefix see that something changed."""
    kv.set_entry(db, 5, pair("a/1"))
    kv.set_entry(db, 6, pair("a/2"))
    kv.delete(db, 7, "a/2")
    assert [e.Key for e in kv.entries_below(db, "a/")[1]] == ["a/1"]
    assert kv.entries_below(db, "a/")[0] == 7
    assert kv.entries_below(db, "b/")[0] == 7  # nothing there: the index of the whole store


def test_an_empty_subtree_waits_for_itself_only(db: Store) -> None:
    """Keys elsewhere age its index, which is that of the whole store, and wake nobody; the first key below it does."""
    quiet = WatchSet()
    with WatchSet(quiet=quiet) as ws:
        kv.entries_below(db, "a/", ws)
        kv.set_entry(db, 5, DirEntry(Key="b"))
        assert (ws.fired, quiet.fired) == (False, True)
        kv.set_entry(db, 6, DirEntry(Key="a/x"))
        assert ws.fired


def test_deleting_a_missing_key_changes_nothing(db: Store) -> None:
    """No tombstone and no index for a key that never was."""
    kv.delete(db, 5, "a")
    assert kv.kv_index(db) == 0


def test_one_tombstone_stands_for_a_deleted_tree(db: Store) -> None:
    """Below a prefix everything goes, and one mark remains; for the empty prefix none."""
    for key in ("a/1", "a/2", "b"):
        kv.set_entry(db, 5, pair(key))
    kv.delete_tree(db, 6, "a/")
    assert [t.Key for t in db.all(kv.TOMBSTONES)] == ["a/"]
    kv.delete_tree(db, 7, "")
    assert db.count(kv.KVS) == 0
    assert db.count(kv.TOMBSTONES) == 1


def test_reaping_drops_tombstones_up_to_an_index(db: Store) -> None:
    """Younger tombstones stay."""
    for index, key in enumerate(("a", "b"), start=5):
        kv.set_entry(db, index, pair(key))
        kv.delete(db, index + 10, key)
    kv.reap_tombstones(db, 15)
    assert [t.Key for t in db.all(kv.TOMBSTONES)] == ["b"]


def test_a_lock_counts_acquisitions_and_holds_others_off(db: Store) -> None:
    """The holder may lock again without counting; another session may not until it is released."""
    alive = {"s1", "s2"}.__contains__
    first = kv.lock(db, 5, pair("a", Session="s1"), alive)
    again = kv.lock(db, 6, pair("a", b"w", Session="s1"), alive)
    assert first is not None and again is not None
    assert (first.LockIndex, again.LockIndex) == (1, 1)
    assert kv.lock(db, 7, pair("a", Session="s2"), alive) is None
    assert kv.unlock(db, 8, pair("a", Session="s1")) is not None
    taken = kv.lock(db, 9, pair("a", Session="s2"), alive)
    assert taken is not None and taken.LockIndex == 2


def test_a_lock_needs_a_living_session(db: Store) -> None:
    """No session and an unknown session are errors, not a refused lock."""
    with pytest.raises(InternalError, match="missing session"):
        kv.lock(db, 5, pair("a"), lambda _: True)
    with pytest.raises(InternalError, match='invalid session "gone"'):
        kv.lock(db, 5, pair("a", Session="gone"), lambda _: False)


def test_a_plain_set_leaves_the_lock_where_it_is(db: Store) -> None:
    """Locks are advisory: anybody may write, and the session stays."""
    kv.lock(db, 5, pair("a", Session="s1"), lambda _: True)
    kv.set_entry(db, 6, pair("a", b"other"))
    entry = kv.entry_of_key(db, "a")[1]
    assert entry is not None
    assert (entry.Value, entry.Session) == (b"other", "s1")
