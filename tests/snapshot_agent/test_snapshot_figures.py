"""What the snapshot agent tells of itself: one problem or none, all its numbers, and the same for Prometheus."""

from __future__ import annotations

from pyconsul_snapshot_agent.stats import Stats, StatsStatus


def told(stats: Stats) -> dict[str, tuple[str, float]]:
    """The metrics without labels: name → kind and value."""
    return {
        one.name.removeprefix("consul_snapshot_agent_"): (one.kind, one.samples[0][1])
        for one in StatsStatus(stats).metrics()
        if "destination" not in one.name
    }


def test_an_agent_that_did_nothing_yet_is_healthy() -> None:
    """All its numbers are there, at zero."""
    assert told(Stats()) == {
        "leader": ("gauge", 0),
        "snapshots_total": ("counter", 0),
        "failures_total": ("counter", 0),
        "healthy": ("gauge", 1),
        "last_success_timestamp_seconds": ("gauge", 0),
        "last_duration_seconds": ("gauge", 0),
        "last_size_bytes": ("gauge", 0),
    }


def test_a_problem_is_told_in_words_and_as_a_number() -> None:
    """It goes with the next success."""
    stats = Stats(problem="disk full", failures=2, is_leader=True)
    assert StatsStatus(stats).problem() == "disk full"
    assert (told(stats)["healthy"], told(stats)["failures_total"]) == (("gauge", 0), ("counter", 2))
    assert told(stats)["leader"] == ("gauge", 1)


def test_times_are_told_to_the_millisecond() -> None:
    """Finer ones are noise."""
    found = told(Stats(last_success=1.23456, last_seconds=0.98765, last_bytes=7))
    assert [found[f"last_{what}"][1] for what in ("success_timestamp_seconds", "duration_seconds")] == [1.235, 0.988]
    assert found["last_size_bytes"] == ("gauge", 7)


def test_destinations_have_numbers_of_their_own() -> None:
    """Told under their names; how many archives are there is unknown until somebody looked."""
    stats = Stats()
    stats.target("local").failed_attempts += 1
    stats.target("local").deleted += 2
    stats.target("s3").stored = 3
    found = {one.name: (one.kind, one.samples) for one in StatsStatus(stats).metrics() if "destination" in one.name}
    begin = "consul_snapshot_agent_destination_"
    assert found == {
        f"{begin}failed_attempts_total": ("counter", [({"destination": "local"}, 1), ({"destination": "s3"}, 0)]),
        f"{begin}deleted_total": ("counter", [({"destination": "local"}, 2), ({"destination": "s3"}, 0)]),
        f"{begin}stored": ("gauge", [({"destination": "local"}, -1), ({"destination": "s3"}, 3)]),
    }


def test_the_state_has_every_number_under_its_own_name() -> None:
    """As plain values, with the destinations below."""
    stats = Stats(snapshots=4, last_id=9)
    stats.target("local")
    state = StatsStatus(stats).state()
    assert (state["snapshots"], state["last_id"]) == (4, 9)
    assert state["targets"] == {"local": {"failed_attempts": 0, "deleted": 0, "stored": -1}}
