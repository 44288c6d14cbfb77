"""What only the leader remembers: lock delays and when tombstones are due."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.server.leader.lock_delays import LockDelays
from pyconsul.server.leader.tombstones import ReapSchedule
from tests.door import DoorClient, leading_agent


def test_a_delayed_key_is_free_once_its_time_is_over() -> None:
    """Before the time it is held back, after it not, and others never."""
    delays = LockDelays()
    delays.hold(["a"], until=10.0)
    assert delays.is_held("a", now=9.9)
    assert not delays.is_held("b", now=9.9)
    assert not delays.is_held("a", now=10.0)


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
