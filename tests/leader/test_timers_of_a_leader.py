"""Timers of a leader: sessions that end when nobody renews them, and tombstones that are reaped in their time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pyconsul.memdb import Store
from pyconsul.server import families
from pyconsul.server.leader.lock_delays import LockDelays
from pyconsul.server.leader.session_timers import MAX_ATTEMPTS, RETRY_BASE, SessionTimers
from pyconsul.server.leader.tombstones import TombstoneReaper
from pyconsul.server.state.sessions import put_session
from pyconsul.structs.session import Session
from tests.leader.conftest import Log
from tests.waiting import comes_true

ALWAYS = range(1, 100)


def timers(log: Any) -> SessionTimers:
    """Those of a leader with this log."""
    return SessionTimers(log)


def reaper(log: Any) -> TombstoneReaper:
    """That of a leader with this log."""
    return TombstoneReaper(log)


async def some_turns() -> None:
    """Let the loop do what it has to do now."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("ttl", ["", "0s", "-5s"])
async def test_a_session_without_a_ttl_has_no_timer(ttl: str) -> None:
    """It ends with its node or checks."""
    armed = timers(Log())
    armed.arm(Session(ID="s", TTL=ttl))
    assert len(armed) == 0


async def test_a_session_ends_at_twice_its_ttl_after_it_was_armed_last(skip_time: Callable[[float], None]) -> None:
    """By an entry of the log, as a client would end it, and once."""
    log = Log()
    armed = timers(log)
    armed.arm(Session(ID="s", TTL="10s"))
    skip_time(19.0)
    armed.arm(Session(ID="s", TTL="10s"))
    skip_time(19.0)
    await some_turns()
    assert log.tried == [] and len(armed) == 1
    skip_time(1.0)
    await comes_true(lambda: log.tried)
    assert [(entry.Op, entry.Session.ID, entry.Datacenter) for entry in log.tried] == [("destroy", "s", "dc1")]
    assert len(armed) == 0


async def test_an_end_that_fails_is_tried_again_later_and_later(skip_time: Callable[[float], None]) -> None:
    """Each pause is twice the one before it; after six attempts the leader lets it be."""
    log = Log(ALWAYS)
    timers(log).arm(Session(ID="s", TTL="10s"))
    skip_time(20.0)
    for attempt in range(MAX_ATTEMPTS):
        await comes_true(lambda wanted=attempt + 1: len(log.tried) == wanted)
        await some_turns()
        skip_time(RETRY_BASE * 2**attempt - 1)
        await some_turns()
        assert len(log.tried) == attempt + 1
        skip_time(1.0)
    await some_turns()
    assert len(log.tried) == MAX_ATTEMPTS


async def test_an_end_that_succeeds_is_not_tried_again(skip_time: Callable[[float], None]) -> None:
    """After however many failures."""
    log = Log(range(1, 2))
    timers(log).arm(Session(ID="s", TTL="10s"))
    skip_time(20.0)
    await comes_true(lambda: len(log.tried) == 1)
    await some_turns()
    skip_time(RETRY_BASE)
    await comes_true(lambda: len(log.tried) == 2)
    skip_time(1000.0)
    await some_turns()
    assert len(log.tried) == 2


async def test_a_new_leader_gives_every_session_its_full_time(skip_time: Callable[[float], None]) -> None:
    """And forgets the timers that it had."""
    log, db = Log(), Store(families.TABLES)
    put_session(db, 5, Session(ID="there", TTL="10s"))
    armed = timers(log)
    armed.arm(Session(ID="gone", TTL="10s"))
    skip_time(15.0)
    armed.arm_all(db)
    assert len(armed) == 1
    skip_time(19.0)
    await some_turns()
    assert log.tried == []
    skip_time(1.0)
    await comes_true(lambda: log.tried)
    assert [entry.Session.ID for entry in log.tried] == ["there"]


async def test_who_leads_no_more_ends_no_session(skip_time: Callable[[float], None]) -> None:
    """Neither at its time nor by another attempt."""
    log = Log(ALWAYS)
    armed = timers(log)
    armed.arm(Session(ID="a", TTL="10s"))
    skip_time(20.0)
    await comes_true(lambda: len(log.tried) == 1)
    armed.arm(Session(ID="b", TTL="10s"))
    armed.clear_all()
    skip_time(1000.0)
    await some_turns()
    assert (len(log.tried), len(armed)) == (1, 0)


async def test_tombstones_of_one_bin_are_reaped_by_one_entry(skip_time: Callable[[float], None]) -> None:
    """Up to the highest index of them."""
    log = Log()
    reaping = reaper(log)
    for index in (5, 9, 7):
        reaping.schedule(index)
    skip_time(15 * 60 + 30.0)
    await comes_true(lambda: log.tried)
    assert [(entry.Op, entry.ReapIndex) for entry in log.tried] == [("reap", 9)]


@pytest.mark.parametrize(("last", "reaped"), [(42, [42]), (0, [])])
async def test_a_new_leader_reaps_what_the_one_before_left(
    last: int, reaped: list[int], skip_time: Callable[[float], None]
) -> None:
    """After one more full time; in an empty log there is nothing."""
    log = Log(last_index=last)
    reaper(log).start()
    skip_time(15 * 60 + 30.0)
    await some_turns()
    assert [entry.ReapIndex for entry in log.tried] == reaped


async def test_who_leads_no_more_reaps_nothing(skip_time: Callable[[float], None]) -> None:
    """The next leader will; one that failed is not tried again."""
    log = Log(range(1, 2))
    reaping = reaper(log)
    reaping.schedule(5)
    skip_time(15 * 60 + 30.0)
    await comes_true(lambda: len(log.tried) == 1)
    reaping.schedule(6)
    reaping.stop()
    skip_time(60 * 60.0)
    await some_turns()
    assert len(log.tried) == 1


def test_a_key_that_is_held_back_again_is_held_from_then_on() -> None:
    """Also where that is shorter than before."""
    delays = LockDelays()
    delays.hold(["a"], now=0.0, seconds=60.0)
    delays.hold(["a"], now=10.0, seconds=5.0)
    assert delays.seconds_left("a", now=12.0) == 3.0
    assert delays.seconds_left("a", now=15.0) == 0.0
    assert len(delays) == 0
