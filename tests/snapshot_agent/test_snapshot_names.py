"""Names of archives, and which of them go."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul_snapshot_agent.names import id_of, name_of, surplus, taken_at

IDS = st.integers(0, 2**63)


@settings(deadline=None)
@given(IDS)
def test_a_name_gives_its_id_back(snapshot_id: int) -> None:
    """Whatever the ID."""
    assert id_of(name_of(snapshot_id)) == snapshot_id


@pytest.mark.parametrize(
    "name",
    ["consul-.snap", "consul-1.snap.part", "Consul-1.snap", "consul-1x.snap", "consul--1.snap", "a/consul-1.snap"],
)
def test_other_names_are_none_of_our_business(name: str) -> None:
    """Rotation must never touch a file that somebody else put there."""
    assert id_of(name) is None


def test_an_id_is_the_time_in_nanoseconds() -> None:
    """As Consul's own snapshot agent names its archives; nonsense has no time."""
    assert taken_at(1479360073448728784) == "2016-11-17T05:21:13Z"
    assert taken_at(10**30) == ""


@settings(deadline=None)
@given(st.sets(IDS), st.integers(0, 10), IDS)
def test_the_newest_stay_and_so_does_the_one_just_saved(ids: set[int], retain: int, saved: int) -> None:
    """Exactly ``retain`` are left if there were more, and none of those that went is newer than one that stayed."""
    before = {*ids, saved}
    gone = {id_of(name) for name in surplus([*map(name_of, before), "notes.txt"], retain, saved)}
    left = before - gone
    assert saved in left
    assert len(left) == (min(len(before), retain) if retain else len(before))
    assert all(min(left - {saved}, default=2**64) >= each for each in gone if each is not None)


def test_a_leader_with_a_slow_clock_does_not_delete_its_own_archive() -> None:
    """Its ID may be lower than those of an earlier leader whose clock was ahead."""
    assert surplus(map(name_of, [100, 200, 300, 5]), 2, saved=5) == ["consul-100.snap", "consul-200.snap"]
