"""Blocking queries: when they answer, and that identical ones are computed once."""

import asyncio

import pytest

from pyconsul.memdb import Store, WatchSet
from pyconsul.server import families
from pyconsul.server.blocking import MAX_WAIT_NS, SharedReads, wait_seconds
from pyconsul.server.state import kv
from pyconsul.structs.kv import DirEntry, IndexedDirEntries, KeyRequest


class Reads:
    """A store, its shared reads, and a count of the computations."""

    def __init__(self) -> None:
        self.db = Store(families.TABLES)
        self.shared = SharedReads(lambda: self.db)
        self.computed = 0

    def write(self, index: int, key: str, value: bytes = b"v") -> None:
        """Set one key."""
        kv.set_entry(self.db, index, DirEntry(Key=key, Value=value))

    async def get(self, key: str, index: int, wait_ns: int = 60_000_000_000) -> IndexedDirEntries:
        """A blocking query on one key."""

        def read(ws: WatchSet) -> IndexedDirEntries:
            self.computed += 1
            found, entry = kv.entry_of_key(self.db, key, ws)
            return IndexedDirEntries(Index=found, Entries=None if entry is None else [entry])

        ask = KeyRequest(Key=key, MinQueryIndex=index, MaxQueryTime=wait_ns)
        return await self.shared.wait_for(key, ask, read, lambda reply: reply.Entries is not None)


@pytest.fixture
def reads() -> Reads:
    """A store with one key at index 5."""
    found = Reads()
    found.write(5, "a")
    return found


async def started(query: asyncio.Task[IndexedDirEntries]) -> None:
    """Let a query run until it waits."""
    for _ in range(3):
        await asyncio.sleep(0)
    assert not query.done()


async def test_an_older_index_is_answered_at_once(reads: Reads) -> None:
    """Who has seen less than there is need not wait."""
    assert (await reads.get("a", index=4)).Index == 5


async def test_a_write_to_the_key_ends_the_wait(reads: Reads) -> None:
    """The answer carries the new index and row."""
    query = asyncio.create_task(reads.get("a", index=5))
    await started(query)
    reads.write(6, "a", b"new")
    reply = await query
    assert (reply.Index, reply.Entries and reply.Entries[0].Value) == (6, b"new")


async def test_a_write_elsewhere_does_not(reads: Reads) -> None:
    """The query of a key sleeps through writes to others."""
    query = asyncio.create_task(reads.get("a", index=5))
    await started(query)
    reads.write(6, "b")
    await started(query)
    assert reads.computed == 1
    query.cancel()


async def test_a_missing_key_waits_for_itself_only(reads: Reads) -> None:
    """While the key is absent unrelated writes raise the index and wake nobody; its creation does."""
    query = asyncio.create_task(reads.get("missing", index=5))
    await started(query)
    reads.write(6, "b")
    await started(query)
    reads.write(7, "missing")
    assert (await query).Index == 7


async def test_a_key_that_came_and_went_in_between_is_still_missing(reads: Reads) -> None:
    """Who waits for it was woken for nothing."""
    query = asyncio.create_task(reads.get("missing", index=5))
    await started(query)
    with reads.db.transaction():
        reads.write(6, "missing")
        kv.delete(reads.db, 6, "missing")
    await started(query)
    reads.write(7, "missing")
    assert (await query).Index == 7


async def test_the_index_of_a_missing_key_is_never_an_old_one(reads: Reads) -> None:
    """Who joins a wait, and who has waited long enough, gets the index that other writes have raised meanwhile."""
    query = asyncio.create_task(reads.get("missing", index=5, wait_ns=50_000_000))
    await started(query)
    reads.write(9, "b")
    assert reads.computed == 2
    assert (await reads.get("missing", index=7)).Index == 9
    assert (await query).Index == 9


async def test_when_time_is_up_the_last_answer_is_given(reads: Reads) -> None:
    """Not an error: the same row and index again."""
    reply = await reads.get("a", index=5, wait_ns=1_000_000)
    assert (reply.Index, reply.Entries is not None) == (5, True)


async def test_identical_queries_are_computed_once(reads: Reads) -> None:
    """A thousand waiters cost two computations: one before the write and one after it."""
    queries = [asyncio.create_task(reads.get("a", index=5)) for _ in range(1000)]
    await started(queries[-1])
    reads.write(6, "a", b"new")
    replies = await asyncio.gather(*queries)
    assert reads.computed == 2
    assert all(reply is replies[0] for reply in replies)
    assert len(reads.shared) == 0


async def test_a_restored_state_answers_everyone(reads: Reads) -> None:
    """Whatever index the client has: the state it waited in is gone."""
    query = asyncio.create_task(reads.get("a", index=50))
    await started(query)
    old, reads.db = reads.db, Store(families.TABLES)
    old.abandon()
    assert (await query).Entries is None


def test_waits_are_jittered() -> None:
    """By a sixteenth at most; who does not say how long waits for five minutes."""
    assert 300 <= wait_seconds(0) <= 300 * 17 / 16
    assert 6000 <= wait_seconds(10 * MAX_WAIT_NS) <= 6000 * 17 / 16
    assert 2 <= wait_seconds(2_000_000_000) <= 2.125
