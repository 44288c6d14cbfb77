"""Metrics are gathered in intervals, and for Prometheus from the start on."""

import pytest

from pyconsul.telemetry.metrics import INTERVAL, Metrics


class Clock:
    """A wall clock that moves when told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """The time now."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of ``sink``."""
    return Clock()


@pytest.fixture
def sink(clock: Clock) -> Metrics:
    """A fresh sink with Prometheus on."""
    made = Metrics(clock)
    made.configure(host="h", prometheus_retention=60.0)
    return made


def test_the_shown_interval_is_the_last_whole_one(sink: Metrics, clock: Clock) -> None:
    """While the first interval lasts it is shown, from then on the finished one."""
    sink.incr("a")
    assert sink.displayed().summary().Counters[0].Count == 1
    clock.now += INTERVAL
    sink.incr("a", 5)
    found = sink.displayed().summary()
    assert (found.Counters[0].Sum, found.Timestamp) == (1.0, "1970-01-12 13:46:40 +0000 UTC")


def test_only_a_minute_is_kept(sink: Metrics, clock: Clock) -> None:
    """Old intervals make room, whatever happens."""
    for _ in range(100):
        clock.now += INTERVAL
        sink.gauge("g", 1)
    assert len(sink._intervals) == 6  # pyright: ignore[reportPrivateUsage]


def test_samples_have_mean_and_deviation(sink: Metrics) -> None:
    """What a sample tells is that of its values in the interval."""
    for value in (1.0, 2.0, 3.0):
        sink.sample("s", value, (("method", "GET"),))
    found = sink.displayed().summary().Samples[0]
    assert (found.Name, found.Labels, found.Min, found.Max) == ("consul.s", {"method": "GET"}, 1.0, 3.0)
    assert (found.Mean, found.Stddev, found.Rate) == (2.0, 1.0, 0.6)


def test_gauges_carry_the_host_name(sink: Metrics) -> None:
    """Only gauges have the host in their names, and none when it is switched off."""
    sink.gauge("g", 2)
    sink.configure(host="")
    sink.gauge("g", 3)
    assert [(g.Name, g.Value) for g in sink.displayed().summary().Gauges] == [("consul.g", 3), ("consul.h.g", 2)]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("a.b", True), ("a.b.c", False), ("a.b.c.d", True), ("other", False)],
)
def test_the_longest_listed_prefix_decides(sink: Metrics, name: str, kept: bool) -> None:
    """Filters name prefixes to keep and to drop; without one the default holds."""
    sink.set_filter(["consul.a.b", "consul.a.b.c.d"], ["consul.a.b.c"], filter_default=False)
    sink.incr(name)
    assert bool(sink.displayed().counters) is kept


def test_prometheus_text_has_one_family_a_name(sink: Metrics) -> None:
    """Counters, gauges and summaries appear with types, labels quoted."""
    sink.incr("kv.apply", labels=(("op", 'a"b'),))
    sink.incr("kv.apply", labels=(("op", "set"),))
    sink.gauge("members", 3)
    sink.sample("rpc-time", 1.5)
    text = sink.prometheus_text()
    assert text.count("# TYPE consul_kv_apply counter") == 1
    assert 'consul_kv_apply{op="a\\"b"} 1\nconsul_kv_apply{op="set"} 1\n' in text
    assert 'consul_rpc_time{quantile="0.5"} 1.5\n' in text and "consul_rpc_time_count 1\n" in text


def test_a_scrape_has_each_label_once(sink: Metrics) -> None:
    """Prometheus refuses a text with two labels of one name. What then falls together is added up."""
    sink.incr("q", labels=(("service", "web"), ("tag", "v1"), ("tag", "v2")))
    sink.incr("q", labels=(("service", "web"), ("tag", "v2")))
    assert [line for line in sink.prometheus_text().splitlines() if line.startswith("consul_q")] == [
        'consul_q{service="web",tag="v2"} 2'
    ]
    assert [row.Labels for row in sink.displayed().summary().Counters] == [{"service": "web", "tag": "v2"}] * 2


def test_prometheus_forgets_series_that_nobody_touches(sink: Metrics, clock: Clock) -> None:
    """After the retention time a series is gone, its totals stay for when it comes back."""
    sink.incr("a")
    clock.now += 61
    assert "consul_a " not in sink.prometheus_text()
    sink.incr("a")
    assert "consul_a 2\n" in sink.prometheus_text()


def test_quantiles_are_of_the_last_seconds(sink: Metrics, clock: Clock) -> None:
    """Old values count for sum and count, not for quantiles."""
    sink.sample("s", 9)
    clock.now += 11
    assert 'consul_s{quantile="0.99"} NaN' in sink.prometheus_text()


def test_prometheus_shows_declared_series_from_the_start(sink: Metrics) -> None:
    """Dashboards find what has not happened yet; figures of the process are there too."""
    sink.timing("raft.leader.lastContact")
    sink.declare("counter", "catalog.service.query")
    text = sink.prometheus_text()
    assert "# TYPE consul_raft_leader_lastContact summary\n" in text
    assert "\nconsul_catalog_service_query 0\n" in text and "# TYPE go_goroutines gauge\n" in text
    sink.incr("catalog.service.query", labels=(("service", "web"),))
    text = sink.prometheus_text()
    assert 'consul_catalog_service_query{service="web"} 1\nconsul_catalog_service_query 0\n' in text


def test_without_prometheus_there_is_no_text() -> None:
    """Nothing is gathered that nobody asks for."""
    assert Metrics().prometheus_text() == ""


def test_series_are_emptied_into_the_interval_that_is_shown(sink: Metrics) -> None:
    """What hot paths gathered is there as if it had come value by value."""
    counter, timing, level = sink.counter("c"), sink.timing("t"), sink.level("l")
    counter.pending += 3
    timing.add(1.0)
    timing.add(4.0)
    level.value = 7
    shown = sink.displayed().summary()
    assert [(c.Count, c.Sum, c.Min, c.Max, c.Stddev) for c in shown.Counters] == [(3, 3.0, 1.0, 1.0, 0.0)]
    assert [(s.Count, s.Sum, s.Min, s.Max) for s in shown.Samples] == [(2, 5.0, 1.0, 4.0)]
    assert [g.Value for g in shown.Gauges] == [7.0]
    assert "consul_c 3\n" in sink.prometheus_text()


def test_series_count_for_the_interval_they_were_gathered_in(sink: Metrics, clock: Clock) -> None:
    """Not for the next one, which is the present when they are emptied; and they count once."""
    counter = sink.counter("c")
    sink.interval()
    counter.pending += 2
    clock.now += INTERVAL
    assert not sink.interval().counters
    assert [(c.Name, c.Count) for c in sink.displayed().summary().Counters] == [("consul.c", 2)]


def test_all_who_name_a_series_share_it(sink: Metrics) -> None:
    """By name and labels."""
    assert sink.counter("c") is sink.counter("c")
    assert sink.timing("t", (("a", "b"),)) is not sink.timing("t")
