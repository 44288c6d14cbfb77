"""The figures as lines on standard error."""

from pyconsul.telemetry.dump import dump_text
from pyconsul.telemetry.metrics import Metrics


def test_finished_intervals_are_shown_line_by_line() -> None:
    """Gauges, counters and samples; labels by their values; the interval that goes on still is left out."""
    now = [1_700_000_000.0]
    metrics = Metrics(lambda: now[0])
    metrics.gauge("members", 2, (("dc", "a b:c"),))
    metrics.incr("asked")
    metrics.sample("took", 1)
    metrics.sample("took", 2)
    now[0] += 10
    metrics.incr("too.new")
    at = "[2023-11-14 22:13:20 +0000 UTC]"
    assert dump_text(metrics).splitlines() == [
        f"{at}[G] 'consul.members.a_b_c': 2.000",
        f"{at}[C] 'consul.asked': Count: 1 Sum: 1.000",
        f"{at}[S] 'consul.took': Count: 2 Min: 1.000 Mean: 1.500 Max: 2.000 Stddev: 0.707 Sum: 3.000",
    ]


def test_nothing_is_shown_before_the_first_interval_ends() -> None:
    """An agent that has just started prints nothing."""
    metrics = Metrics(lambda: 1_700_000_000.0)
    metrics.incr("asked")
    assert dump_text(metrics) == ""
