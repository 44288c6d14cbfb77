"""What only the leader remembers: lock delays and when tombstones are due."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.server.leader.lock_delays import LockDelays
from pyconsul.server.leader.tombstones import ReapSchedule
from pyconsul.server.state.kv import TOMBSTONES
from pyconsul.server.state.sessions import session_with_id
from tests.door import DoorClient, leading_agent
from tests.waiting import comes_true


def test_a_delayed_key_is_free_once_its_time_is_over() -> None:
    """Before the time it is held back, after it not, and others never."""
    delays = LockDelays()
    delays.hold(["a"], now=0.0, seconds=10.0)
    assert delays.seconds_left("a", now=9.5) == 0.5
    assert not delays.seconds_left("b", now=9.5)
    assert not delays.seconds_left("a", now=10.0)


def test_delays_that_are_over_take_no_memory() -> None:
    """Though nobody asks for their keys again; those that still run are not lost among them."""
    delays = LockDelays()
    delays.hold(["long"], now=0.0, seconds=60.0)
    for second in range(30):
        delays.hold([f"{second}/{number}" for number in range(1000)], now=float(second), seconds=1.0)
    assert len(delays) < 3000
    assert delays.seconds_left("long", now=30.0) == 30.0


@pytest.mark.parametrize("delay", ["15s", "0s"])
async def test_a_key_that_lost_its_holder_is_held_back(delay: str, skip_time: Callable[[float], None]) -> None:
    """For the lock delay of the session that ended; that may be none."""
    async with leading_agent() as agent:
        door = DoorClient(agent)

        async def acquire() -> bool:
            session = (await door.put("session/create", {"LockDelay": delay})).body["ID"]
            taken = (await door.put(f"kv/a?acquire={session}")).body
            await door.put(f"session/destroy/{session}")
            return bool(taken)

        first, second = await acquire(), await acquire()
        skip_time(15.0)
        assert (first, second, await acquire()) == (True, delay == "0s", True)


async def test_a_session_ends_when_nobody_renews_it(skip_time: Callable[[float], None]) -> None:
    """At twice its TTL after the last renewal, and so do the sessions that a new leader finds."""
    async with leading_agent() as agent:
        door, db = DoorClient(agent), agent.server.db
        kept, left = [(await door.put("session/create", {"TTL": "10s"})).body["ID"] for _ in range(2)]
        skip_time(19.0)
        await door.put(f"session/renew/{kept}")
        skip_time(2.0)
        await comes_true(lambda: session_with_id(db, left) is None)
        assert session_with_id(db, kept) is not None
        await agent.server.leader.stop()
        await agent.server.leader.start()
        assert len(agent.server.leader.session_timers) == 1
        skip_time(21.0)
        await comes_true(lambda: session_with_id(db, kept) is None)
        assert len(agent.server.leader.session_timers) == 0


async def test_a_session_that_is_destroyed_leaves_no_timer() -> None:
    """Nor has one without a TTL any."""
    async with leading_agent() as agent:
        door = DoorClient(agent)
        await door.put("session/create")
        session = (await door.put("session/create", {"TTL": "10s"})).body["ID"]
        assert len(agent.server.leader.session_timers) == 1
        await door.put(f"session/destroy/{session}")
        assert len(agent.server.leader.session_timers) == 0


async def test_tombstones_go_when_nobody_can_wait_for_them_any_more(skip_time: Callable[[float], None]) -> None:
    """A quarter of an hour after the delete; until then the index below a prefix does not go back."""
    async with leading_agent() as agent:
        door, db = DoorClient(agent), agent.server.db
        await door.put("kv/a/b", b"1")
        await door.ask("DELETE", "kv/a/b")
        skip_time(14 * 60.0)
        await asyncio.sleep(0)
        assert [one.Key for one in db.all(TOMBSTONES)] == ["a/b"]
        skip_time(90.0)
        await comes_true(lambda: not db.all(TOMBSTONES))


def test_deletes_of_one_bin_are_reaped_together() -> None:
    """A bin is due a TTL later, rounded up to the granularity, and carries its highest index."""
    schedule = ReapSchedule(ttl=900, granularity=30)
    assert schedule.add(5, now=1.0) == schedule.add(9, now=20.0) == 930
    assert schedule.take(930) == 9
    assert schedule.take(930) is None


@given(st.floats(0, 1e6), st.integers(1, 10**9))
def test_no_tombstone_is_reaped_early_or_much_too_late(now: float, index: int) -> None:
    """A tombstone lives for its TTL and at most one granularity more."""
    due = ReapSchedule(ttl=900, granularity=30).add(index, now)
    assert now + 900 <= due + 1e-6 and due <= now + 930 + 1e-6
