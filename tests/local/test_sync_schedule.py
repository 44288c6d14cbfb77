"""When anti-entropy compares everything and when it sends changes, on a clock of the test's own."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.agent.local.schedule import Action, SyncSchedule, scale_factor


def a_schedule(dice: float = 0.5, nodes: int = 1) -> SyncSchedule:
    """A schedule with full syncs every minute and loaded dice."""
    return SyncSchedule(60.0, lambda: dice, lambda: nodes)


def a_settled_schedule() -> SyncSchedule:
    """One that has compared twice: at its start, and when the servers were new."""
    schedule = a_schedule()
    for now in (0.0, 3.0):
        assert schedule.due(now) is Action.FULL
        schedule.full_done(now, ok=True)
    return schedule


def test_it_begins_with_a_full_sync_and_soon_another() -> None:
    """At the start, three seconds later (servers came up), then every 60 to 120 seconds."""
    schedule = a_settled_schedule()
    assert schedule.wake_at == 3.0 + 60 + 30
    assert schedule.due(92.9) is None
    assert schedule.due(93.0) is Action.FULL


def test_changes_are_sent_at_once_and_once() -> None:
    """Any number of changes is one partial sync."""
    schedule = a_settled_schedule()
    schedule.changes()
    schedule.changes()
    assert schedule.wake_at == -math.inf
    assert [schedule.due(2.0), schedule.due(2.0)] == [Action.PARTIAL, None]


def test_a_failed_full_sync_is_tried_again_and_holds_changes_back() -> None:
    """After a failure nothing is sent until everything was compared, 15 to 30 seconds later."""
    schedule = a_settled_schedule()
    schedule.full_wanted(10.0)
    assert schedule.due(11.5) is Action.FULL
    schedule.full_done(12.0, ok=False)
    schedule.changes()
    assert (schedule.due(13.0), schedule.wake_at) == (None, 12.0 + 15 + 7.5)
    assert schedule.due(34.5) is Action.FULL
    schedule.full_done(34.6, ok=True)
    assert schedule.wake_at > 34.6


def test_a_server_that_comes_up_shortens_the_wait() -> None:
    """A retry does not wait out its time when a server appears."""
    schedule = a_schedule()
    assert schedule.due(0.0) is Action.FULL
    schedule.full_done(0.0, ok=False)
    schedule.full_wanted(1.0)
    assert schedule.wake_at == 2.5


@pytest.mark.parametrize("ok", [True, False])
def test_a_full_sync_that_runs_already_is_not_the_one_that_was_asked_for(ok: bool) -> None:
    """What it compares it may have read before a token was changed."""
    schedule = a_settled_schedule()
    assert schedule.due(100.0) is Action.FULL
    schedule.full_wanted(100.1)
    schedule.full_done(100.2, ok=ok)
    assert schedule.wake_at == 100.1 + 1.5
    assert schedule.due(101.6) is Action.FULL
    schedule.full_done(101.7, ok=True)
    assert schedule.wake_at > 160


def test_a_pause_holds_changes_back() -> None:
    """Pauses nest; the last resume looks for changes."""
    schedule = a_settled_schedule()
    schedule.pause()
    schedule.pause()
    schedule.changes()
    assert schedule.due(2.0) is None
    assert (schedule.resume(), schedule.resume()) == (False, True)
    assert schedule.due(2.0) is Action.PARTIAL


def test_a_full_sync_that_falls_into_a_pause_comes_later() -> None:
    """It is put off like a failed one."""
    schedule = a_settled_schedule()
    schedule.pause()
    assert schedule.due(100.0) is None
    assert schedule.wake_at == 100.0 + 22.5


def test_resuming_what_is_not_paused_is_a_bug() -> None:
    """The counter never goes below zero."""
    with pytest.raises(RuntimeError, match="unbalanced"):
        a_schedule().resume()


@pytest.mark.parametrize(("nodes", "factor"), [(1, 1), (128, 1), (129, 2), (256, 2), (257, 3), (1024, 4)])
def test_large_clusters_stretch_the_times(nodes: int, factor: int) -> None:
    """Each doubling beyond 128 members adds one."""
    assert scale_factor(nodes) == factor
    assert a_schedule(nodes=nodes).stagger(10.0) == 5.0 * factor


@given(st.lists(st.sampled_from(["change", "ok", "fail", "pause", "resume", "server", "tick"]), max_size=60))
def test_changes_are_never_forgotten(events: list[str]) -> None:
    """Whatever happens, once nothing is paused a change leads to a sync within two failed ones' time."""
    schedule, now, pauses = a_schedule(), 0.0, 0
    for event in events:
        now += 1.0
        if event == "change":
            schedule.changes()
        elif event in ("ok", "fail") and schedule.due(now) is Action.FULL:
            schedule.full_done(now, ok=event == "ok")
        elif event == "pause":
            schedule.pause()
            pauses += 1
        elif event == "resume" and pauses:
            schedule.resume()
            pauses -= 1
        elif event == "server":
            schedule.full_wanted(now)
    for _ in range(pauses):
        schedule.resume()
    schedule.changes()
    assert schedule.due(max(now, schedule.wake_at)) is not None
